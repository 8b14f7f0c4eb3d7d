"""One case, run within bounds of time and memory: what is raised that may not be is a finding."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

KIT = Path(__file__).resolve().parents[2] / "kit"
SECONDS = 10.0  # of CPU for one case of at most mutate.MOST bytes
MEMORY = 300 << 20  # bytes beyond what the process had


class SlowError(BaseException):
    """A reader took more than SECONDS; no reader can catch it as one of its own errors."""


@dataclass(frozen=True)
class Finding:
    """A case that is neither read nor refused. `key`: alike for findings of one cause."""

    target: str
    case: str
    key: str
    said: str
    data: bytes


def checked(
    target: str, read: Callable[[bytes], object], refusals: tuple[type[Exception], ...], data: bytes, case: str = ""
) -> Finding | None:
    """None if the case is read, or refused with one of `refusals`."""
    try:
        with _alarm():
            read(data)
    except refusals:
        return None
    except SlowError:
        return Finding(target, case, f"slow at {_place()}", f"more than {SECONDS:g} s of CPU", data)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return Finding(target, case, f"{type(error).__name__} at {_place()}", traceback.format_exc(limit=-6), data)
    return None


def _place() -> str:
    """Where in kit the error was raised."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    last = next((frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(KIT)), frames[-1])
    return f"{os.path.relpath(last.filename, KIT)}:{last.lineno}"


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SlowError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def bound_memory() -> None:
    """From now on this process gets MEMORY more at most; a reader that wants more ends in a MemoryError."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.RLIM_INFINITY))
