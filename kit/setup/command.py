"""Runs an installer with a time limit and shows chosen lines of its output on stderr."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
from collections.abc import Sequence

LAST_LINES = 15
TIMED_OUT = (124, 137)  # exit statuses of timeout(1) after the limit


def say(text: str) -> None:
    """Prints one line to the user, on stderr."""
    print(f"kit: {text}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str],
    show: tuple[str, ...] = (),
    *,
    env: dict[str, str] | None = None,
    held: Sequence[int] = (),
) -> tuple[int, list[str]]:
    """Runs a command to its end, without standard input; returns (exit status, last lines). Shows the lines that begin
    with one of `show`.

    `held`: open files (locks) that stay open as long as the command lives, even if this process is killed. The status
    of a command that cannot be started is 127.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=env,
            pass_fds=held,
        )
    except OSError as error:
        return 127, [f"{argv[0]}: {error.strerror}"]
    return follow(process, show)


def follow(process: subprocess.Popen[str], show: tuple[str, ...]) -> tuple[int, list[str]]:
    """Shows the chosen lines of a running command until it ends, and returns its exit status and last lines."""
    last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
    try:
        for line in process.stdout or ():
            last.append(line.rstrip())
            if line.startswith(show):
                shown = last[-1].partition(" (from ")[0]  # pip repeats the lock file's name for every package
                print(f"  {shown}", file=sys.stderr, flush=True)
        return process.wait(), list(last)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def limited(seconds: int, argv: Sequence[str], *, foreground: bool = False) -> list[str]:
    """The command under timeout(1). With `foreground`, Ctrl-C reaches the command; else the limit ends its process
    group."""
    options = ["--foreground"] if foreground else []
    return ["timeout", *options, "-k", "10", str(seconds), *argv]


def reason(status: int, seconds: int) -> str:
    """How a command ended, in words."""
    return f"did not end within {seconds} s" if status in TIMED_OUT else f"failed with exit status {status}"


def quoted(lines: Sequence[str]) -> str:
    """A command's last lines, indented, for the hint of an error."""
    return (os.linesep + "    ").join(["its last lines:", *lines]) if lines else "it printed nothing"
