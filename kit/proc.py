"""Running commands: always with a limit, shown with -v, their output in a log; they end with us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import MachineError
from kit.progress import Progress


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

    Raises MachineError when the command cannot be started or the limit runs out. A status other than 0 is returned.
    """
    progress.command(argv, str(cwd or ""))
    start = time.monotonic()
    process = _start(argv, cwd, env)
    lines: list[str] = []
    sink = log.open("a", encoding="utf-8") if log else None
    try:
        for line in _Lines(process, start + limit):
            lines.append(line)
            if sink:
                sink.write(line)
            if on_line:
                on_line(line.rstrip("\n"))
        process.wait(max(start + limit - time.monotonic(), 1))  # it closes its output before it ends
    except (_TooLong, subprocess.TimeoutExpired):
        raise MachineError(
            f"still running after {limit:.0f} s, stopped: {' '.join(argv[:4])} …",
            hint="the machine may be overloaded" + (f"; log: {log}" if log else ""),
        ) from None
    finally:
        if sink:
            sink.close()
        end(process)
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


class _TooLong(Exception):
    pass


def _start(argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *argv],
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own: Ctrl-C reaches kit first, which ends the group
        )
    except OSError as error:
        raise MachineError(f"cannot start `{argv[0]}`: {error.strerror}", hint="see `kit doctor`") from error


class _Lines:
    """Iterates over the lines of a process's output until it closes it; _TooLong at the deadline."""

    def __init__(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        self.process = process
        self.deadline = deadline
        self.rest = b""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while b"\n" not in self.rest:
            chunk = self._chunk()
            if not chunk:
                if not self.rest:
                    raise StopIteration
                line, self.rest = self.rest, b""
                return line.decode("utf-8", "replace")
            self.rest += chunk
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode("utf-8", "replace") + "\n"

    def _chunk(self) -> bytes:
        assert self.process.stdout is not None
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise _TooLong
        return os.read(self.process.stdout.fileno(), 65536)


def end(process: subprocess.Popen[bytes], grace: float = 5) -> None:
    """Makes sure that a process and its group are gone: SIGTERM, and SIGKILL after `grace` seconds."""
    for sig, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            break
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            continue
    process.wait(10)
    if process.stdout:
        process.stdout.close()
