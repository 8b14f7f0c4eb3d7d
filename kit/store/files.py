"""Files written whole or not at all, locked, and read back; the disk's faults said in one line."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.base.errors import MachineError


def locked(path: Path, how: int) -> int:
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
    """Writes a value as indented JSON, whole or not at all. Raises MachineError where the disk does not let it."""
    write_atomic(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in a file, or None where there is none or it is damaged: then it is made anew."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
