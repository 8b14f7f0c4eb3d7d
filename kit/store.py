"""The cache (trees, object folders, kernels, boots) and the run folders. File locks, atomic renames.

What kit uses it holds: a shared lock on an entry while a run needs it, an exclusive one while it is made or removed. A
lock ends with its process, however that ends, so nothing is ever left locked.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from kit.errors import MachineError

DRAFT = ".new-"
EXPERIMENT, QUESTION = "experiment.yaml", "bisect.yaml"  # what a run folder is of


def cache_root() -> Path:
    """`$KIT_CACHE`, or `kit` below `$XDG_CACHE_HOME` (`~/.cache`)."""
    if named := os.environ.get("KIT_CACHE"):
        return Path(named).absolute()  # make is run elsewhere
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "kit"


class Cache:
    """Folders by purpose below one root; every entry appears whole or not at all."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or cache_root()
        self._used: dict[tuple[str, str], int] = {}

    def folder(self, *parts: str) -> Path:
        path = self.root.joinpath(*parts)
        with machine_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def lock(self, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Holds an exclusive lock between processes; ends with the process, however that ends. `on_wait` is called
        where another has it."""
        path = self.folder("locks") / f"{name}.lock"
        with machine_errors(path), ExitStack() as stack:
            try:
                held = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait:
                    on_wait()
                held = _locked(path, fcntl.LOCK_EX)
            stack.callback(os.close, held)
            yield

    def use(self, kind: str, name: str) -> None:
        """Keeps other kits from removing an entry, there or about to be made, until `release`; notes its last use."""
        if (kind, name) not in self._used:
            path = self.folder("locks") / f"{kind}-{name}.lock"
            with machine_errors(path):
                self._used[kind, name] = _locked(path, fcntl.LOCK_SH)
        self.touch(kind, name)

    def release(self) -> None:
        """Ends every `use`."""
        while self._used:
            os.close(self._used.popitem()[1])

    def touch(self, kind: str, name: str) -> None:
        """Notes that an entry is used now: its folder's own time says when it was last."""
        with suppress(OSError):  # not there yet, or a cache that may only be read
            os.utime(self.root / kind / name)

    def remove(self, kind: str, name: str) -> bool:
        """Removes an entry unless a kit uses it. It is out of the way at once, so that none is ever seen half gone."""
        lock, entry = self.folder("locks") / f"{kind}-{name}.lock", self.root / kind / name
        with machine_errors(entry), ExitStack() as stack:
            try:
                stack.callback(os.close, _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                return False
            with self._draft(kind) as draft:
                with suppress(FileNotFoundError):
                    entry.rename(draft / name)
                lock.unlink()
        return True

    @contextmanager
    def new_folder(self, kind: str, name: str) -> Iterator[Path]:
        """A folder to fill; it takes its place as `kind/name` only when the block ends well."""
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
        """A folder that `sweep` leaves alone as long as this process lives; gone at the end of the block."""
        with ExitStack() as stack:
            with self.lock(f"drafts-{kind}"):
                draft = stack.enter_context(held_folder(self.folder(kind), DRAFT))
            yield draft

    def sweep(self, kind: str) -> None:
        """Removes the half-made folders that killed processes left."""
        left = list((self.root / kind).glob(f"{DRAFT}*"))
        if left:
            with self.lock(f"drafts-{kind}"):
                remove_unowned(left)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder()).free


def _locked(path: Path, how: int) -> int:
    """The descriptor of a lock file, locked. Raises BlockingIOError where `how` says not to wait.

    The file may have been removed while this waited for it: then the lock is worth nothing, and a new file is taken.
    """
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(held, how)
            if path.stat().st_ino == os.fstat(held).st_ino:
                return held
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(held)
            raise
        os.close(held)


@contextmanager
def held_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder, locked as long as its owner lives (`remove_unowned`), and gone at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_unowned(folders: Iterable[Path]) -> int:
    """Removes those folders that no living process holds locked; how many that were."""
    removed = 0
    for folder in folders:
        with suppress(OSError), ExitStack() as stack:
            held = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            stack.callback(os.close, held)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


@contextmanager
def machine_errors(path: Path, else_: str = "set KIT_CACHE") -> Iterator[None]:
    """A full or read-only disk is the machine's fault, said in one line. Other errors pass: a pipe's, a process's, a
    missing file that does not lie beside or below `path`."""
    try:
        yield
    except (ConnectionError, ChildProcessError, ProcessLookupError, InterruptedError, BlockingIOError):
        raise
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not str(error.filename or "").startswith(str(path.parent)):
            raise
        raise MachineError(
            f"cannot write: {error.strerror}", where=str(error.filename or path), hint=f"free space, or {else_}"
        ) from error


def write_atomic(path: Path, data: str | bytes) -> None:
    """Writes a file whole: a reader sees the old one or the new one."""
    with machine_errors(path):
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    write_atomic(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in a file, or None where there is none or it is damaged: then it is made anew."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


class RunFolder:
    """`runs/<name>-<time>/`: what a run read, did and found (design.md, On disk)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_run(self) -> bool:
        """Whether it is that of a `kit run`."""
        return (self.path / EXPERIMENT).is_file()

    @property
    def is_bisection(self) -> bool:
        """Whether it is that of a `kit bisect`: other folders, as configs/, have a file of that name too."""
        return (self.path / QUESTION).is_file() and (self.path / "console").is_dir()

    @classmethod
    def create(cls, base: Path, name: str, stamp: str) -> RunFolder:
        """A new folder; a number is added when two runs start in one second."""
        for extra in ["", *(f"-{n}" for n in range(2, 100))]:
            path = base / f"{name}-{stamp}{extra}"
            with machine_errors(path, "--runs names another folder"):
                base.mkdir(parents=True, exist_ok=True)
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                (path / "console").mkdir()
                return cls(path)
        raise MachineError("cannot make a run folder", where=str(base))

    @property
    def boots(self) -> Path:
        return self.path / "boots.jsonl"

    def console(self, name: str) -> Path:
        return self.path / "console" / f"{name}.log"

    def raw(self, console: Path) -> Path:
        """Where the results of the boot with that console log are kept as the guest sent them."""
        return console.with_suffix(".results")

    def append_boot(self, record: Any) -> None:
        """One line more in boots.jsonl, on the disk before this returns."""
        line = json.dumps(record, separators=(",", ":")) + "\n"
        with machine_errors(self.boots), self.boots.open("ab") as file:
            if file.tell() and not self._ends_with_newline():
                file.write(b"\n")  # a line that a kill cut off stays by itself and is not read
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _ends_with_newline(self) -> bool:
        with self.boots.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def read_boots(self) -> list[Any]:
        """The recorded boots in order. A line that a kill cut off is not a record."""
        return [record for _, record in self.numbered_boots()]

    def numbered_boots(self) -> list[tuple[int, Any]]:
        """The same with the number of each one's line, from 1."""
        if not self.boots.exists():
            return []
        out = []
        text = self.boots.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), start=1):
            try:
                out.append((number, json.loads(line)))
            except ValueError:
                continue
        return out

    @contextmanager
    def hold(self) -> Iterator[None]:
        """The folder for this process alone. Raises MachineError where another kit works on the same run."""
        try:
            with machine_errors(self.path / "lock"):
                held = _locked(self.path / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "wait for its end"
            raise MachineError("another kit is at work on this run", where=str(self.path), hint=hint) from None
        try:
            yield
        finally:
            os.close(held)

    def is_held(self) -> bool:
        """Whether a kit is at work on this run now."""
        try:
            held = os.open(self.path / "lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(held)
        return False
