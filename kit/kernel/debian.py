"""Debian's source package of a kernel: a version in, the unpacked tree in the cache out. Needs no root.

apt is used with lists and archives of its own below the cache, so that it works without root and verifies what it
fetches by the distribution's keys; the package is unpacked, never installed.
"""

from __future__ import annotations

import re
import threading
from pathlib import Path

from kit import proc
from kit.errors import MachineError, UserError
from kit.progress import Progress, Task
from kit.store import Cache, read_json, write_json

UNPACKED_BYTES = 1_700_000_000  # linux-source-6.1 in October 2026: 1.5 GB, and the archive while it is unpacked
OBJECTS_BYTES = 600_000_000  # object folders and kernels of the default experiment, with room
RELEASES = {"6.1": "12"}  # which Debian has the package in its main archive


def fetch_debian(version: str, cache: Cache, progress: Progress) -> tuple[str, Path]:
    """The content key and folder of `linux-source-VERSION`; downloads it if the cache has none.

    Raises UserError where this distribution has no such package, MachineError when the download fails.
    """
    package = f"linux-source-{version}"
    if not re.fullmatch(r"\d+\.\d+", version):
        raise UserError(f"not a version: debian:{version}", hint="as in debian:6.1")
    with cache.lock(package):
        if known := cached_debian(version, cache):
            return known
        _refuse_elsewhere(version)
        cache.sweep("trees")
        name, size, sha256 = _candidate(package, cache, progress)
        _announce(name, size, cache, progress)
        key = f"debian-{name}-{sha256[:12]}"
        _download_and_unpack(package, key, size, cache, progress)
        write_json(_pointer(version, cache), {"key": key, "package": name, "sha256": sha256})
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
    if release.get("ID") == "debian" and release.get("VERSION_ID", "") == RELEASES.get(version, "12"):
        return
    here = release.get("PRETTY_NAME", "this system")
    raise UserError(
        f"debian:{version} is a package of Debian {RELEASES.get(version, '12')}, and this is {here}",
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


def _candidate(package: str, cache: Cache, progress: Progress) -> tuple[str, int, str]:
    """(package_version, bytes, SHA-256) of what apt would download."""
    options = _apt_options(cache)
    with progress.task("asking Debian's archive for " + package):
        proc.check(["apt-get", *options, "-q", "update"], progress=progress, limit=300)
        shown = proc.run(
            ["apt-cache", *options, "show", "--no-all-versions", package], progress=progress, limit=60
        ).output
    fields = dict(re.findall(r"^(Version|Size|SHA256): (.*)$", shown, re.MULTILINE))
    if not {"Version", "Size", "SHA256"} <= fields.keys():
        raise MachineError(
            f"apt knows no package {package}",
            hint="does the machine's apt configuration name Debian's main archive? Or name a tree: --set tree=dir:PATH",
        )
    return fields["Version"], int(fields["Size"]), fields["SHA256"]


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


def _download_and_unpack(package: str, key: str, size: int, cache: Cache, progress: Progress) -> None:
    with cache.new_folder("trees", key) as draft:
        with progress.task(f"downloading {package}", size) as task:
            stop = _Watch(draft, task)
            try:
                proc.check(
                    ["apt-get", *_apt_options(cache), "-q", "download", package],
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
