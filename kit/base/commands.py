"""Running commands: always with a limit, shown with -v, their output in a log; they end with us."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import MachineError
from kit.base.progress import Progress


@dataclass(frozen=True)
class Done:
    """A command that ended: exit status, all that it printed (both streams), wall seconds."""

    status: int
    output: str
    seconds: float


def run(
    argv: Sequence[str],
    *,
    progress: Progress,
    limit: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Done:
    """Runs a command to its end, each line of output to `on_line` and the log. `limit` in seconds.

    Raises MachineError when the command cannot be started or the limit runs out, KeyboardInterrupt where another thread
    has stopped this one (`Stopper`). A status other than 0 is returned.
    """
    progress.command(argv, str(cwd or ""))
    start = time.monotonic()
    lines: list[str] = []
    with closing(_Log(log)) as kept, progress.busy.work():
        process = _start(argv, cwd, env)
        stopper: Stopper = getattr(_HERE, "stopper", _NOBODY)
        try:
            stopper.watch(process)
            for line in _lines(process, start + limit):
                lines.append(line)
                kept.add(line)
                if on_line:
                    on_line(line.rstrip("\n"))
        except _TooLong:
            raise MachineError(
                f"still running after {limit:.0f} s, stopped: {' '.join(argv[:4])} …",
                hint="the machine may be overloaded" + (f"; log: {log}" if log else ""),
            ) from None
        finally:
            end(process)
            stopper.watch(None)
            seconds = time.monotonic() - start
            progress.command_seconds += seconds
    return Done(process.returncode, "".join(lines), seconds)


def check(argv: Sequence[str], *, progress: Progress, limit: float, cwd: Path | None = None) -> str:
    """Runs a command that must succeed and gives its output. Raises MachineError with its last lines if it fails."""
    done = run(argv, progress=progress, limit=limit, cwd=cwd)
    if done.status:
        tail = "\n".join("    " + line for line in done.output.strip().splitlines()[-8:])
        raise MachineError(f"`{' '.join(argv)}` ended with status {done.status}:\n{tail}")
    return done.output


class Stopper:
    """Ends the commands of one thread from another, as Ctrl-C ends those of the main thread: what Python does for that
    thread alone. A stopped thread runs no further command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def take_this_thread(self) -> None:
        """From now on this thread's commands are those that `stop` ends."""
        _HERE.stopper = self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> bool:
        """Sends the signal to the command that runs, if any: the thread gets KeyboardInterrupt. Whether one ran."""
        with self._lock:
            self.stopped = True
            if self._process is not None:
                _signal_group(self._process, number)
            return self._process is not None

    def watch(self, process: subprocess.Popen[bytes] | None) -> None:
        """The command that runs now, None once it has ended. Raises KeyboardInterrupt where the thread was stopped."""
        with self._lock:
            self._process = process
        if self.stopped:
            raise KeyboardInterrupt


_HERE = threading.local()
_NOBODY = Stopper()


class _TooLong(Exception):
    pass


class _Log:
    """A file that text is added to, or none. Raises MachineError where it cannot be written."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        with self._errors():
            self.file = path.open("ab", buffering=0) if path else None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MachineError(f"cannot write: {error.strerror}", where=str(self.path), hint="free space?") from error

    def add(self, text: str) -> None:
        if self.file:
            with self._errors():
                self.file.write(text.encode())

    def close(self) -> None:
        if self.file:
            self.file.close()


def _start(argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    whole = {**os.environ, "LC_ALL": "C", **(env or {})}
    for tool in (argv[0], "setpriv"):  # setpriv would start, and say only with its status that there is no such command
        there = (cwd or Path()) / tool if "/" in tool else tool
        if shutil.which(there, path=whole.get("PATH")) is None:
            raise MachineError(f"cannot start `{tool}`: there is no such command here")
    try:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *argv],
            cwd=cwd,
            env=whole,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own: Ctrl-C reaches kit first, which ends the group
        )
    except OSError as error:
        raise MachineError(f"cannot start `{argv[0]}`: {error.strerror}", where=str(error.filename or "")) from error


def _lines(process: subprocess.Popen[bytes], deadline: float) -> Iterator[str]:
    """The lines of a process's output until it ends, each whole; _TooLong at the deadline."""
    begun: list[bytes] = []
    while chunk := _chunk(process, deadline):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*begun, line, b"\n"]).decode("utf-8", "replace")
            begun.clear()
        begun.append(rest)
    if last := b"".join(begun):
        yield last.decode("utf-8", "replace")
    try:
        process.wait(max(deadline - time.monotonic(), 1))  # it closes its output before it ends
    except subprocess.TimeoutExpired:
        raise _TooLong from None


def _chunk(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    assert process.stdout is not None
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
        raise _TooLong
    return os.read(process.stdout.fileno(), 65536)


def end(process: subprocess.Popen[bytes], grace: float = 5) -> None:
    """Makes sure that a process and its group are gone: SIGTERM, and SIGKILL for what is left after `grace` seconds,
    children that it left behind too."""
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    _signal_group(process, signal.SIGKILL)
    process.wait(10)
    if process.stdout:
        process.stdout.close()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
