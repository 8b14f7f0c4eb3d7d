"""Run an installer with a time limit: argv in, its exit status and last lines out, chosen lines shown on stderr."""

from __future__ import annotations

import collections
import os
import subprocess
import sys
from collections.abc import Sequence

LAST_LINES = 15
TIMED_OUT = (124, 137)  # how timeout(1) ends when the limit has run out


def say(text: str) -> None:
    """One line to the user on stderr."""
    print(f"kit: {text}", file=sys.stderr, flush=True)


def run(
    argv: Sequence[str],
    show: tuple[str, ...] = (),
    *,
    env: dict[str, str] | None = None,
    held: Sequence[int] = (),
) -> tuple[int, list[str]]:
    """Run to the end without standard input; (exit status, last lines). Lines that begin with one of `show` are shown.

    `held` are open files (locks) that stay open as long as the command lives, even if this process is killed.
    A command that cannot be started ends with 127.
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
    """Show a running command's chosen lines and keep its last ones until it ends."""
    last: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
    try:
        for line in process.stdout or ():
            last.append(line.rstrip())
            if line.startswith(show):
                shown = last[-1].partition(" (from ")[0]  # pip names the lock file's line with every package
                print(f"  {shown}", file=sys.stderr, flush=True)
        return process.wait(), list(last)
    except BaseException:
        process.terminate()
        process.wait()
        raise


def limited(seconds: int, argv: Sequence[str], *, foreground: bool = False) -> list[str]:
    """argv under timeout(1). In the foreground Ctrl-C reaches the command; else its whole process group is ended."""
    options = ["--foreground"] if foreground else []
    return ["timeout", *options, "-k", "10", str(seconds), *argv]


def reason(status: int, seconds: int) -> str:
    """How a command ended, in words."""
    return f"did not end within {seconds} s" if status in TIMED_OUT else f"failed with exit status {status}"


def quoted(lines: Sequence[str]) -> str:
    """A command's last lines, indented, for the hint of an error."""
    return (os.linesep + "    ").join(["its last lines:", *lines]) if lines else "it printed nothing"
