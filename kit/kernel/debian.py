"""Debian's source package of a kernel: a version in, the unpacked tree in the cache out. Needs no root and no apt.

The package is had from Debian's archive (kit.kernel.archive) the same way on every distribution, and unpacked, never
installed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from kit.base import commands
from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.kernel.archive import Archive, Entry
from kit.kernel.deb import extract
from kit.setup import packages
from kit.store.cache import Cache
from kit.store.files import read_json, write_json

UNPACKED_BYTES = 1_700_000_000  # linux-source-6.1 in October 2026: 1.5 GB, and the archive while it is unpacked
OBJECTS_BYTES = 600_000_000  # object folders and kernels of the default experiment, with room
SUITES = {
    "5.10": ("bullseye-security", "bullseye"),
    "6.1": ("bookworm-security", "bookworm"),
    "6.12": ("trixie-security", "trixie", "bookworm-backports"),
}
"""Version → suites of Debian that have its package; the newest is taken. Seen in November 2026."""
NEWEST = ("trixie-backports", "sid", "experimental")  # for any other version
VERSION = r"\d+\.\d+"


def fetch_debian(version: str, cache: Cache, progress: Progress) -> tuple[str, Path]:
    """The content key and folder of `linux-source-VERSION`; downloads it if the cache has none.

    Raises UserError for what is no version or is in no suite, MachineError when it cannot be had, or not checked.
    """
    package = f"linux-source-{version}"
    if not re.fullmatch(VERSION, version):
        raise UserError(f"not a version: debian:{version}", hint="as in debian:6.1")
    with cache.lock(package):
        if known := cached_debian(version, cache):
            return known
        packages.provide(packages.ARCHIVE, packages.this_system(), install=not os.environ.get("KIT_NO_INSTALL"))
        cache.sweep("trees")
        cache.use(".", "apt")
        archive = Archive(cache.folder("apt"), progress)
        found = _candidate(package, version, archive, progress)
        _announce(found, cache, progress)
        key = f"debian-{found.version}-{found.sha256[:12]}"
        _download_and_unpack(version, key, found, archive, cache, progress)
        write_json(_pointer(version, cache), {"key": key, "package": found.version, "sha256": found.sha256})
    known = cached_debian(version, cache)
    assert known is not None
    return known


def cached_debian(version: str, cache: Cache) -> tuple[str, Path] | None:
    """What the cache holds of that version, None if nothing, or another: kit before December 2026 could be given
    6.12 for 6.1."""
    pointer = read_json(_pointer(version, cache))
    if not isinstance(pointer, dict):
        return None
    root = cache.root / "trees" / str(pointer.get("key", "-"))
    return (root.name, root) if _series(root) == version else None


def _pointer(version: str, cache: Cache) -> Path:
    return cache.folder("trees") / f"debian-{version}.json"


def _candidate(package: str, version: str, archive: Archive, progress: Progress) -> Entry:
    """The package in the suites that may have it. Raises UserError where none has."""
    suites = SUITES.get(version, NEWEST)
    with progress.task("asking Debian's archive for " + package):
        found = archive.find(package, suites)
    if found is None:
        raise UserError(
            f"Debian has no package {package}",
            where=", ".join(suites),
            hint=f"it has {', '.join(SUITES)} and the newest; or name a tree: --set tree=dir:/path/to/linux",
        )
    return found


def _announce(found: Entry, cache: Cache, progress: Progress) -> None:
    need = found.size + UNPACKED_BYTES + OBJECTS_BYTES
    free = cache.free_bytes()
    progress.note(
        f"kernel source {found.version} of {found.suite}: download {found.size / 1e6:.0f} MB, disk {need / 1e9:.1f} GB"
        f" in {cache.root} ({free / 1e9:.0f} GB free), then about 1 min to unpack and 2 to 5 min for the first build"
    )
    if free < need:
        raise MachineError(
            f"{need / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free",
            where=str(cache.root),
            hint="free some space, or set KIT_CACHE to a larger disk",
        )


def _download_and_unpack(
    version: str, key: str, found: Entry, archive: Archive, cache: Cache, progress: Progress
) -> None:
    with cache.new_folder("trees", key) as draft:
        with progress.task(f"downloading {found.package}", found.size) as task:
            package = archive.save(found, task)
        with progress.task(f"unpacking {os.path.basename(found.url)}"):
            source = archive.folder / f"{found.package}.tar.xz"
            extract(package, f"usr/src/{source.name}", source, found.size)
            _unpack(source, found.package, draft, progress)
            source.unlink()
        if (there := _series(draft)) != version:
            raise MachineError(f"holds Linux {there or 'of no version'}, not {version}", where=found.url)
        package.unlink()


def _unpack(source: Path, folder: str, draft: Path, progress: Progress) -> None:
    """What a tar file's one folder holds into `draft`. Not by --strip-components: what tar takes away from a name's
    beginning it takes away before that, and `folder//name` would be written to /name."""
    options = ["--no-same-owner", "--use-compress-program=xz -T0"]
    commands.check(["tar", "-x", *options, "-f", str(source), "-C", str(draft), folder], progress=progress, limit=1800)
    for path in list((draft / folder).iterdir()):
        path.rename(draft / path.name)
    (draft / folder).rmdir()


def _series(root: Path) -> str:
    """The first two numbers of a tree's version, from its Makefile; empty where it has none."""
    try:
        text = (root / "Makefile").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    numbers = [re.search(rf"^{name} = (\d+)$", text, re.MULTILINE) for name in ("VERSION", "PATCHLEVEL")]
    return ".".join(n[1] for n in numbers if n)
