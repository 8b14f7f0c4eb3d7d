"""The cache: trees, object folders, kernels, boots. It uses file locks and atomic renames.

A process holds a shared lock on an entry while it uses it, and an exclusive one while it makes or removes it. The
kernel releases the lock when the process ends, so nothing stays locked.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from kit.store.files import locked, machine_errors

DRAFT = ".new-"


def cache_root() -> Path:
    """`$KIT_CACHE`, or `kit` below `$XDG_CACHE_HOME` (`~/.cache`)."""
    if named := os.environ.get("KIT_CACHE"):
        return Path(named).absolute()  # make is run elsewhere
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "kit"


class Cache:
    """Entries in folders by kind below one root. An entry is there whole or not at all."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_root()
        self._used: dict[tuple[str, str], int] = {}

    def folder(self, *parts: str) -> Path:
        """A folder below the cache, made if need be. Raises MachineError if it cannot be made."""
        path = self.root.joinpath(*parts)
        with machine_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def lock(self, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Holds an exclusive lock between processes. `on_wait` is called once if another process holds it."""
        path = self.folder("locks") / f"{name}.lock"
        with machine_errors(path), ExitStack() as stack:
            try:
                held = locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait:
                    on_wait()
                held = locked(path, fcntl.LOCK_EX)
            stack.callback(os.close, held)
            yield

    def use(self, kind: str, name: str) -> None:
        """Keeps other processes from removing an entry until `release`, and records its use. It need not exist yet."""
        if (kind, name) not in self._used:
            path = self.folder("locks") / f"{kind}-{name}.lock"
            with machine_errors(path):
                self._used[kind, name] = locked(path, fcntl.LOCK_SH)
        self.touch(kind, name)

    def release(self) -> None:
        """Ends every `use`."""
        while self._used:
            os.close(self._used.popitem()[1])

    def touch(self, kind: str, name: str) -> None:
        """Records that an entry is used now, as the mtime of its folder."""
        with suppress(OSError):  # it does not exist yet, or the cache is read-only
            os.utime(self.root / kind / name)

    def remove(self, kind: str, name: str) -> bool:
        """Removes an entry; False if a process uses it. It is renamed first, so nobody sees it half removed."""
        lock, entry = self.folder("locks") / f"{kind}-{name}.lock", self.root / kind / name
        with machine_errors(entry), ExitStack() as stack:
            try:
                stack.callback(os.close, locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                return False
            with self._draft(kind) as draft:
                with suppress(FileNotFoundError):
                    entry.rename(draft / name)
                lock.unlink()
        return True

    @contextmanager
    def new_folder(self, kind: str, name: str) -> Iterator[Path]:
        """A folder to fill; it becomes `kind/name` when the block ends without an exception."""
        final = self.folder(kind) / name
        with machine_errors(final), self._draft(kind) as place:
            draft = place / "new"
            draft.mkdir()
            yield draft
            with self.lock(f"drafts-{kind}"):  # another kit may have made the same
                if final.exists():
                    final.rename(place / "old")
                draft.rename(final)

    @contextmanager
    def _draft(self, kind: str) -> Iterator[Path]:
        """A temporary folder that `sweep` leaves alone while this process lives; removed at the end of the block."""
        with ExitStack() as stack:
            with self.lock(f"drafts-{kind}"):
                draft = stack.enter_context(held_folder(self.folder(kind), DRAFT))
            yield draft

    def sweep(self, kind: str) -> None:
        """Removes the unfinished folders that killed processes left."""
        left = list((self.root / kind).glob(f"{DRAFT}*"))
        if left:
            with self.lock(f"drafts-{kind}"):
                remove_unowned(left)

    def free_bytes(self) -> int:
        """Free space on the cache's disk, in bytes."""
        return shutil.disk_usage(self.folder()).free


@contextmanager
def held_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder, locked while its owner lives (see `remove_unowned`), and removed at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_unowned(folders: Iterable[Path]) -> int:
    """Removes the folders that no process holds locked; returns how many."""
    removed = 0
    for folder in folders:
        with suppress(OSError), ExitStack() as stack:
            held = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            stack.callback(os.close, held)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed
