"""Debian's source package of a kernel: a version in, the unpacked tree in the cache out. Needs no root.

apt is used with lists and archives of its own below the cache, so that it works without root and verifies what it
fetches by the distribution's keys; the package is unpacked, never installed. What the machine's own sources do not
have is looked for in other suites on the same mirror.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit import proc
from kit.errors import MachineError, UserError
from kit.progress import Progress, Task
from kit.store import Cache, read_json, write_atomic, write_json

UNPACKED_BYTES = 1_700_000_000  # linux-source-6.1 in October 2026: 1.5 GB, and the archive while it is unpacked
OBJECTS_BYTES = 600_000_000  # object folders and kernels of the default experiment, with room
SUITES = {"5.10": ("bullseye",), "6.1": ("bookworm",), "6.12": ("trixie", "bookworm-backports")}
"""Version → suites of Debian that have its package, where the machine's own sources have not. Seen in November 2026."""
NEWEST = ("trixie-backports", "sid", "experimental")  # for any other version
VERSION = r"\d+\.\d+"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Candidate:
    """What apt would download: the package's version, bytes, SHA-256; `options` with which apt knows of it."""

    version: str
    size: int
    sha256: str
    options: tuple[str, ...] = ()


def fetch_debian(version: str, cache: Cache, progress: Progress) -> tuple[str, Path]:
    """The content key and folder of `linux-source-VERSION`; downloads it if the cache has none.

    Raises UserError where this distribution has no such package, MachineError when the download fails.
    """
    package = f"linux-source-{version}"
    if not re.fullmatch(VERSION, version):
        raise UserError(f"not a version: debian:{version}", hint="as in debian:6.1")
    with cache.lock(package):
        if known := cached_debian(version, cache):
            return known
        _refuse_elsewhere(version)
        cache.sweep("trees")
        found = _candidate(package, cache, progress)
        _announce(found.version, found.size, cache, progress)
        key = f"debian-{found.version}-{found.sha256[:12]}"
        _download_and_unpack(package, key, found, cache, progress)
        write_json(_pointer(version, cache), {"key": key, "package": found.version, "sha256": found.sha256})
    known = cached_debian(version, cache)
    assert known is not None
    return known


def cached_debian(version: str, cache: Cache) -> tuple[str, Path] | None:
    """What the cache holds of that version, None if nothing."""
    pointer = read_json(_pointer(version, cache))
    if not isinstance(pointer, dict):
        return None
    root = cache.root / "trees" / str(pointer.get("key", "-"))
    return (root.name, root) if (root / "Makefile").exists() else None


def _pointer(version: str, cache: Cache) -> Path:
    return cache.folder("trees") / f"debian-{version}.json"


def _refuse_elsewhere(version: str) -> None:
    release = os_release()
    if release.get("ID") == "debian":
        return
    here = release.get("PRETTY_NAME", "this system")
    raise UserError(
        f"debian:{version} is a package of Debian, and this is {here}",
        hint="name a kernel tree of your own: --set tree=dir:/path/to/linux",
    )


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    """The fields of os-release; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {k: v.strip().strip('"') for k, _, v in (line.partition("=") for line in lines) if k}


def _apt_options(cache: Cache) -> list[str]:
    state = cache.folder("apt")
    cache.use(".", "apt")
    for sub in ("lists/partial", "archives/partial"):
        cache.folder("apt", *sub.split("/"))
    return [
        f"-oDir::State::Lists={state}/lists",
        f"-oDir::Cache={state}",
        f"-oDir::Cache::archives={state}/archives",
        "-oDir::State::status=/var/lib/dpkg/status",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=",
        "-oAcquire::Retries=3",
        "-oAcquire::http::Timeout=60",
        "-oAcquire::https::Timeout=60",
    ]


def _candidate(package: str, cache: Cache, progress: Progress) -> Candidate:
    """The package in the machine's own sources, else in the suites that may have it. Raises MachineError."""
    own = tuple(_apt_options(cache))
    with progress.task("asking Debian's archive for " + package):
        proc.check(["apt-get", *own, "-q", "update"], progress=progress, limit=300)
        if found := _shown(package, own, progress):
            return found
        mirror = _mirror(own, progress)
        suites = SUITES.get(package.removeprefix("linux-source-"), NEWEST) if mirror else ()
        for suite in suites:
            options = _suite_options(suite, mirror, cache)
            proc.run(["apt-get", *options, "-q", "update"], progress=progress, limit=300)  # a suite may have gone
            if found := _shown(package, options, progress):
                progress.note(f"{package} comes from {suite}, which apt on this machine is not set up for")
                return found
    raise MachineError(
        f"apt knows no package {package}",
        where=f"this machine's sources, and {', '.join(suites)}" if suites else "this machine's sources",
        hint="does the machine's apt configuration name Debian's main archive? Or name a tree: --set tree=dir:PATH",
    )


def _shown(package: str, options: Sequence[str], progress: Progress) -> Candidate | None:
    """What apt knows of a package with these options; None if nothing."""
    command = ["apt-cache", *options, "show", "--no-all-versions", package]
    fields = dict(
        re.findall(
            r"^(Version|Size|SHA256): (.*)$", proc.run(command, progress=progress, limit=60).output, re.MULTILINE
        )
    )
    if not {"Version", "Size", "SHA256"} <= fields.keys():
        return None
    return Candidate(fields["Version"], int(fields["Size"]), fields["SHA256"], tuple(options))


def _mirror(options: Sequence[str], progress: Progress) -> str:
    """The address of Debian's main archive as this machine's sources have it; empty where they have none."""
    command = ["apt-get", *options, "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)"]
    found = re.findall(r"^Debian Debian (\S+)$", proc.run(command, progress=progress, limit=60).output, re.MULTILINE)
    return str(found[0]) if found else ""


def _suite_options(suite: str, mirror: str, cache: Cache) -> tuple[str, ...]:
    """apt's options with this suite as its only source."""
    signed = f" [signed-by={KEYRING}]" if KEYRING.exists() else ""
    source = cache.folder("apt") / f"{suite}.list"
    write_atomic(source, f"deb{signed} {mirror} {suite} main\n")
    cache.folder("apt", suite, "partial")
    return (
        *_apt_options(cache),
        f"-oDir::State::Lists={cache.folder('apt', suite)}",
        f"-oDir::Etc::sourcelist={source}",
        "-oDir::Etc::sourceparts=/dev/null",
    )


def _announce(name: str, size: int, cache: Cache, progress: Progress) -> None:
    need = size + UNPACKED_BYTES + OBJECTS_BYTES
    free = cache.free_bytes()
    progress.note(
        f"kernel source {name}: download {size / 1e6:.0f} MB, disk {need / 1e9:.1f} GB in {cache.root}"
        f" ({free / 1e9:.0f} GB free), then about 1 min to unpack and 2 to 5 min for the first build"
    )
    if free < need:
        raise MachineError(
            f"{need / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free",
            where=str(cache.root),
            hint="free some space, or set KIT_CACHE to a larger disk",
        )


def _download_and_unpack(package: str, key: str, found: Candidate, cache: Cache, progress: Progress) -> None:
    with cache.new_folder("trees", key) as draft:
        with progress.task(f"downloading {package}", found.size) as task:
            stop = _Watch(draft, task)
            try:
                proc.check(
                    ["apt-get", *found.options, "-q", "download", f"{package}={found.version}"],
                    progress=progress,
                    limit=3600,
                    cwd=draft,
                )
            finally:
                stop()
        (deb,) = draft.glob("*.deb")
        with progress.task("unpacking " + deb.name):
            script = (
                'set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/$2.tar.xz" | xz -dc -T0'
                " | tar -x --strip-components=1 --no-same-owner"
            )
            proc.check(["bash", "-c", script, "unpack", deb.name, package], progress=progress, limit=1800, cwd=draft)
        deb.unlink()


class _Watch:
    """Tells a task how many bytes of a download have arrived; calling it ends that."""

    def __init__(self, folder: Path, task: Task) -> None:
        self.folder, self.task = folder, task
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def _loop(self) -> None:
        while not self.ended.wait(0.25):
            sizes = [p.stat().st_size for p in self.folder.rglob("*.deb*") if p.exists()]
            self.task.update(sum(sizes))

    def __call__(self) -> None:
        self.ended.set()
        self.thread.join(timeout=2)
