"""Files that are written whole or not at all, file locks, and disk errors as one message."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.base.errors import MachineError


def locked(path: Path, how: int) -> int:
    """Opens and locks a lock file; its descriptor. Raises BlockingIOError if it is taken and `how` has LOCK_NB.

    The file may be removed while this waits for it. The lock then protects nothing, and a new file is made and locked.
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


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, 64 hex digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def machine_errors(path: Path, else_: str = "set KIT_CACHE") -> Iterator[None]:
    """Turns OSErrors of the disk (full, read-only) into a MachineError. `else_`: the hint besides free space. Other
    errors pass unchanged: of pipes, of processes, and a missing file that is not in the folder of `path` or below."""
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
    """Writes a file atomically: a reader sees the old content or the new. Raises MachineError on a disk error."""
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
    """Writes a value as indented JSON, atomically. Raises MachineError on a disk error."""
    write_atomic(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The JSON in a file; None if the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # the last: nested too deeply for any value that kit writes
        return None
