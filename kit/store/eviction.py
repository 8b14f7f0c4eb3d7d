"""The cache's limits: what it holds, how large each entry is and when it was last used; which entries are removed.

Removing an entry costs time, never a result: it is made again when it is needed. An entry in use stays
(kit.store.cache.Cache.use), and so does anything that KINDS does not list.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import MachineError, UserError
from kit.base.words import several
from kit.store.cache import DRAFT, Cache, held_folder, remove_unowned
from kit.store.files import read_json, write_json

KINDS: Mapping[str, str] = {
    "trees": "kernel source",
    "objects": "object folders, for quick builds",
    "kernels": "built kernels",
    "boots": "boots of exact evidence",
    "guest": "the guest's programs",
    "plugin": "QEMU's plugin",
    "ccache": "compiled files",
    "apt": "package lists",
    "steps": "tests of kit step",
    "kvm": "whether KVM works here",
}
SINGLE = ("ccache", "apt", "kvm")  # one entry each: the whole folder
EVICTED = {"kernels": "kernel", "boots": "boot", "objects": "object folder"}  # by a size limit; source stays
LIMIT = "KIT_CACHE_LIMIT"
DEFAULT_LIMIT = "20G"
BOOT_LIFE = 3600.0  # seconds; a boot ends long before
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_AGES = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


@dataclass(frozen=True)
class Entry:
    """One entry of the cache. `size` in bytes on disk, without files shared with a tree; `used` in seconds since 1970.
    """

    kind: str
    name: str
    size: int
    used: float


@dataclass(frozen=True)
class Removed:
    """Entries that were removed, and those that stayed because a process uses them."""

    gone: tuple[Entry, ...]
    in_use: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """The total size of what was removed, in bytes."""
        return sum(e.size for e in self.gone)


def entries(cache: Cache) -> list[Entry]:
    """All entries of the known kinds, least recently used first."""
    memo_path = cache.root / "sizes.json"
    memo = read_json(memo_path)
    known: dict[str, list[float]] = memo if isinstance(memo, dict) else {}
    seen: dict[str, list[float]] = {}
    found = []
    for kind in KINDS:
        for path in _paths(cache.root, kind):
            with suppress(FileNotFoundError):  # another kit removes it
                label = f"{kind}/{path.name}"
                stamp = _stamp(path, kind)
                old = known.get(label)
                same = stamp and isinstance(old, list) and len(old) == 2 and old[0] == stamp
                size = int(old[1]) if same and old else size_of(path)
                if stamp:
                    seen[label] = [stamp, size]
                found.append(Entry(kind, path.name, size, _used(path, kind)))
    if seen != known and cache.root.is_dir() and os.access(cache.root, os.W_OK):
        write_json(memo_path, seen)
    return sorted(found, key=lambda e: e.used)


def _paths(root: Path, kind: str) -> list[Path]:
    folder = root / kind
    if not folder.is_dir():
        return []
    return [folder] if kind in SINGLE else [p for p in folder.iterdir() if not p.name.startswith(DRAFT)]


def _stamp(path: Path, kind: str) -> float:
    """A value that changes if the size may have changed; 0: measure each time. (A tree has 85,000 files.)"""
    if kind == "trees":
        return path.stat().st_ino
    if kind != "objects":
        return 0
    watched = [path / name for name in ("build.log", "state.json", "building")]
    return max((p.stat().st_mtime_ns for p in watched if p.exists()), default=0)


def _used(path: Path, kind: str) -> float:
    """The last use: the mtime of the entry's folder; of a kind in SINGLE, the newest inside."""
    inside = list(path.iterdir()) if kind in SINGLE else []
    return max(p.stat().st_mtime for p in (path, *inside))


def size_of(path: Path) -> int:
    """Bytes on disk of a file or a folder; files that an object folder shares with its tree are not counted."""
    if not path.is_dir():
        return path.stat().st_blocks * 512
    shared = path.parent.name == "objects"
    total = 0
    for stat in _stats(path):
        if not (shared and stat.st_nlink > 1):
            total += stat.st_blocks * 512
    return total


def _stats(folder: Path) -> Iterator[os.stat_result]:
    todo = [str(folder)]
    while todo:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(todo.pop()) as inside:
            for entry in inside:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                else:
                    yield entry.stat(follow_symlinks=False)


def parse_size(text: str, where: str) -> int:
    """`10G`, `500M`, `1000`: bytes, by powers of ten. Raises UserError."""
    match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]+)?) ?([KMGT]?)B?", text.strip().upper())
    if match is None:
        raise UserError(f"not a size: {text!r}", where=where, hint="for example 10G or 500M")
    return int(float(match[1]) * _UNITS[match[2]])


def parse_age(text: str, where: str) -> float:
    """`30d`, `12h`, `2w`, `90m`: seconds. Raises UserError."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]+)?)([mhdw])", text.strip())
    if match is None:
        raise UserError(f"not an age: {text!r}", where=where, hint="for example 30d, 12h or 2w")
    return float(match[1]) * _AGES[match[2]]


def size_limit() -> int:
    """The size limit of the cache in bytes, from KIT_CACHE_LIMIT. Raises UserError."""
    return parse_size(os.environ.get(LIMIT) or DEFAULT_LIMIT, LIMIT)


def older_than(found: Sequence[Entry], seconds: float) -> list[Entry]:
    """The entries that were not used for this many seconds."""
    before = time.time() - seconds
    return [e for e in found if e.used < before]


def beyond(found: Sequence[Entry], limit: int, spared: Iterable[tuple[str, str]] = ()) -> list[Entry]:
    """The least recently used kernels, boots and object folders that must go for the rest to fit in `limit` bytes.
    `spared`: (kind, name) of entries that stay."""
    kept = set(spared)
    over = sum(e.size for e in found) - limit
    out = []
    for entry in sorted(found, key=lambda e: e.used):
        if over <= 0:
            break
        if entry.kind in EVICTED and (entry.kind, entry.name) not in kept:
            out.append(entry)
            over -= entry.size
    return out


def remove(cache: Cache, chosen: Sequence[Entry]) -> Removed:
    """Removes entries, except those in use. Raises MachineError if the disk is full or read-only."""
    gone: list[Entry] = []
    in_use: list[Entry] = []
    for entry in chosen:
        (gone if cache.remove(*_place(entry)) else in_use).append(entry)
    return Removed(tuple(gone), tuple(in_use))


def _place(entry: Entry) -> tuple[str, str]:
    return (".", entry.name) if entry.kind in SINGLE else (entry.kind, entry.name)


def keep_within(cache: Cache, limit: int, spared: Iterable[tuple[str, str]]) -> str:
    """Brings the cache within its limit after a run. Returns a line for the user, empty if nothing was removed. A disk
    error is reported in that line, not raised: the run has its verdict."""
    try:
        done = remove(cache, beyond(entries(cache), limit, spared))
    except MachineError as error:
        return f"the cache could not be brought within its limit: {error}"
    if not done.gone:
        return ""
    kinds = [several(n, word) for k, word in EVICTED.items() if (n := sum(e.kind == k for e in done.gone))]
    of = f"more than {LIMIT}={os.environ.get(LIMIT) or DEFAULT_LIMIT}"
    return f"the cache held {of}; removed the least recently used: {', '.join(kinds)} ({done.size / 1e9:.2f} GB)"


def sweep(cache: Cache) -> None:
    """Removes what killed processes left: unfinished entries of the cache, temporary folders without an owner."""
    for kind in (*KINDS, "."):
        cache.sweep(kind)
    temporary = _temporary()
    remove_unowned(p for p in temporary.glob(f"{TEMPORARY}*") if _is_left(p, 2))
    named = _command_lines()
    loose = [p for p in temporary.glob("kit-boot-*") if _is_left(p, BOOT_LIFE)]
    remove_unowned(p for p in loose if os.fsencode(p) not in named)


TEMPORARY = "kit-run-"


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Puts this process's temporary files into a locked folder of its own, so that `sweep` sees that it has an owner.
    """
    before = tempfile.tempdir
    with held_folder(_temporary(), TEMPORARY) as folder:
        tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before


def scratch() -> AbstractContextManager[Path]:
    """A temporary folder, removed when its context ends or, after a kill, when the next run starts. Raises MachineError
    if none can be made."""
    return held_folder(_temporary(), TEMPORARY)


def _temporary() -> Path:
    """The folder for temporary files. Raises MachineError if none is writable."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        hint = "free space, or set TMPDIR"
        raise MachineError("no temporary file can be written in any of the usual places", hint=hint) from error


def _is_left(folder: Path, seconds: float) -> bool:
    """Whether a folder is this user's, and too old to be just being made."""
    try:
        stat = folder.lstat()
    except OSError:
        return False
    return stat.st_uid == os.geteuid() and time.time() - stat.st_ctime > seconds


def _command_lines() -> bytes:
    """The command lines of all processes, and what a QEMU has open: one of both names a guest's temporary files."""
    out = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            out.append(path.read_bytes())
            if b"qemu-system" in out[-1]:
                out += [os.fsencode(link.readlink()) for link in (path.parent / "fd").iterdir()]
    return b"\n".join(out)
