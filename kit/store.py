"""The cache (trees, object folders, kernels, boots) and the run folders. File locks, atomic renames."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.errors import MachineError


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

    def folder(self, *parts: str) -> Path:
        path = self.root.joinpath(*parts)
        with machine_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Holds an exclusive lock between processes; ends with the process, however that ends."""
        path = self.folder("locks") / f"{name}.lock"
        with machine_errors(path), path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def new_folder(self, kind: str, name: str) -> Iterator[Path]:
        """A folder to fill; it takes its place as `kind/name` only when the block ends well."""
        final = self.folder(kind) / name
        with machine_errors(final):
            draft = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
            old = draft.with_name(f"{draft.name}-old")
            try:
                yield draft
                draft.chmod(0o755)
                if final.exists():
                    final.rename(old)
                draft.rename(final)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                shutil.rmtree(old, ignore_errors=True)

    def sweep(self, kind: str) -> None:
        """Removes the half-made folders that a killed process left. Call it with the kind's lock held."""
        for left in self.folder(kind).glob(".new-*"):
            shutil.rmtree(left, ignore_errors=True)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder()).free


@contextmanager
def machine_errors(path: Path) -> Iterator[None]:
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
            f"cannot write: {error.strerror}", where=str(error.filename or path), hint="free space, or set KIT_CACHE"
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

    @classmethod
    def create(cls, base: Path, name: str, stamp: str) -> RunFolder:
        """A new folder; a number is added when two runs start in one second."""
        for extra in ["", *(f"-{n}" for n in range(2, 100))]:
            path = base / f"{name}-{stamp}{extra}"
            with machine_errors(path):
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
        if not self.boots.exists():
            return []
        out = []
        for line in self.boots.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                continue
        return out
