"""Debian's kernel source packages: downloads one by version and unpacks it into the cache. Needs no root and no apt.

The package comes from Debian's archive (kit.kernel.archive) on every distribution. It is unpacked, never installed.
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

UNPACKED_BYTES = 1_700_000_000  # linux-source-6.1 in October 2026: 1.5 GB, and its tar file during unpacking
OBJECTS_BYTES = 600_000_000  # object folders and kernels of the default experiment, with a margin
SUITES = {
    "5.10": ("bullseye-security", "bullseye"),
    "6.1": ("bookworm-security", "bookworm"),
    "6.12": ("trixie-security", "trixie", "bookworm-backports"),
}
"""Version → Debian suites that have its package (as of November 2026); the newest package wins."""
NEWEST = ("trixie-backports", "sid", "experimental")  # for any other version
VERSION = r"\d+\.\d+"


def fetch_debian(version: str, cache: Cache, progress: Progress) -> tuple[str, Path]:
    """The content key and folder of `linux-source-VERSION`; downloads it if the cache lacks it.

    Raises UserError if the version is malformed or in no suite, MachineError if the download or its check fails.
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
    """(key, folder) of that version in the cache; None if it is not there, or the folder holds another version (kit
    before December 2026 could store 6.12 as 6.1)."""
    pointer = read_json(_pointer(version, cache))
    if not isinstance(pointer, dict):
        return None
    key = pointer.get("key")
    if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9._+~:-]{1,200}", key):  # damaged
        return None
    root = cache.root / "trees" / key
    return (root.name, root) if makefile_series(root) == version else None


def _pointer(version: str, cache: Cache) -> Path:
    return cache.folder("trees") / f"debian-{version}.json"


def _candidate(package: str, version: str, archive: Archive, progress: Progress) -> Entry:
    """The newest package in the suites that may have it. Raises UserError if none has it."""
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
        if (there := makefile_series(draft)) != version:
            raise MachineError(f"holds Linux {there or 'of unknown version'}, not {version}", where=found.url)
        package.unlink()


def _unpack(source: Path, folder: str, draft: Path, progress: Progress) -> None:
    """Unpacks the content of the tar file's only folder into `draft`. Without --strip-components: that leaves `/name`
    of `folder//name`, which tar would write outside of `draft`."""
    options = ["--no-same-owner", "--use-compress-program=xz -T0"]
    commands.check(["tar", "-x", *options, "-f", str(source), "-C", str(draft), folder], progress=progress, limit=1800)
    for path in list((draft / folder).iterdir()):
        path.rename(draft / path.name)
    (draft / folder).rmdir()


def makefile_series(root: Path) -> str:
    """VERSION.PATCHLEVEL from a tree's Makefile; empty if there is no Makefile."""
    try:
        text = (root / "Makefile").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    numbers = [re.search(rf"^{name} = (\d+)$", text, re.MULTILINE) for name in ("VERSION", "PATCHLEVEL")]
    return ".".join(n[1] for n in numbers if n)
