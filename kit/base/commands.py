"""Running commands: each has a time limit, is shown with -v, can be logged, and is killed if kit ends."""

from __future__ import annotations

import math
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
    """A command that ended: its exit status, its output (both streams) and its wall time in seconds."""

    status: int
    output: str
    seconds: float


@dataclass(frozen=True)
class Within:
    """What a command is held in: what stands before it (a sandbox; not shown), how much it may print, in bytes with
    LINE_COST for each line, and what is called every second while it runs, with its process number. `too_much` and
    `watch` end it by raising."""

    prefix: Sequence[str] = ()
    output: float = math.inf
    too_much: Callable[[], None] | None = None
    watch: Callable[[int], None] | None = None


LINE_COST = 64  # bytes that a line takes in memory beside its own
WATCH_SECONDS = 1.0


def run(
    argv: Sequence[str],
    *,
    progress: Progress,
    limit: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    within: Within | None = None,
) -> Done:
    """Runs a command to its end; `on_line` and the log get each line of its output. `limit` in seconds.

    Raises MachineError if the command cannot be started or the limit runs out, KeyboardInterrupt if another thread has
    stopped this one (`Stopper`), and what `within` raises. A status other than 0 raises nothing.
    """
    progress.command(argv, str(cwd or ""))
    start = time.monotonic()
    lines: list[str] = []
    within = within or Within()
    with closing(_Log(log)) as kept, progress.busy.work():
        process = _start([*within.prefix, *argv], cwd, env)
        stopper: Stopper = getattr(_HERE, "stopper", _NOBODY)
        try:
            stopper.watch(process)
            for line in _lines(process, start + limit, within):
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
    """Runs a command that must succeed; its output. Raises MachineError with its last lines if it fails."""
    done = run(argv, progress=progress, limit=limit, cwd=cwd)
    if done.status:
        tail = "\n".join("    " + line for line in done.output.strip().splitlines()[-8:])
        raise MachineError(f"`{' '.join(argv)}` ended with status {done.status}:\n{tail}")
    return done.output


class Stopper:
    """Lets one thread end the commands of another, as Ctrl-C does for the main thread (Python interrupts no other).
    A stopped thread runs no further command."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.stopped = False

    def take_this_thread(self) -> None:
        """From now on `stop` ends the commands of the calling thread."""
        _HERE.stopper = self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> bool:
        """Sends the signal to the running command, if any; the thread gets KeyboardInterrupt. Whether one was running.
        """
        with self._lock:
            self.stopped = True
            if self._process is not None:
                _signal_group(self._process, number)
            return self._process is not None

    def watch(self, process: subprocess.Popen[bytes] | None) -> None:
        """Sets the running command, None once it has ended. Raises KeyboardInterrupt if the thread was stopped."""
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
    for tool in (argv[0], "setpriv"):  # setpriv itself would start, and only its status would tell of a missing command
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
            start_new_session=True,  # a process group of its own: Ctrl-C reaches only kit, which then ends the group
        )
    except OSError as error:
        raise MachineError(f"cannot start `{argv[0]}`: {error.strerror}", where=str(error.filename or "")) from error


def _lines(process: subprocess.Popen[bytes], deadline: float, within: Within) -> Iterator[str]:
    """The lines of a process's output until it ends. Raises _TooLong at the deadline."""
    begun: list[bytes] = []
    printed = 0
    for chunk in _chunks(process, deadline, within.watch):
        printed += len(chunk) + LINE_COST * chunk.count(b"\n")
        if printed > within.output and within.too_much:
            within.too_much()
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*begun, line, b"\n"]).decode("utf-8", "replace")
            begun.clear()
        begun.append(rest)
    if last := b"".join(begun):
        yield last.decode("utf-8", "replace")
    try:
        process.wait(max(deadline - time.monotonic(), 1))  # it may close its output before it ends
    except subprocess.TimeoutExpired:
        raise _TooLong from None


def _chunks(
    process: subprocess.Popen[bytes], deadline: float, watch: Callable[[int], None] | None
) -> Iterator[bytes]:
    assert process.stdout is not None
    due = time.monotonic() + WATCH_SECONDS if watch else math.inf
    while (now := time.monotonic()) < deadline:
        if watch and now >= due:
            watch(process.pid)
            due = now + WATCH_SECONDS
        if select.select([process.stdout], [], [], max(0.0, min(deadline, due) - now))[0]:
            if not (chunk := os.read(process.stdout.fileno(), 65536)):
                return
            yield chunk
    raise _TooLong


def end(process: subprocess.Popen[bytes], grace: float = 5) -> None:
    """Ends a process and its group: SIGTERM, then after `grace` seconds SIGKILL for all that is left, children too."""
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
