"""The command line: parses argv, runs the verb, returns the exit code. Each error or signal becomes one message."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, KitError, step_code
from kit.verbs.table import doing, parser

INTERRUPTED = 130
DEADLY = (signal.SIGTERM, signal.SIGHUP)
DISKS_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EACCES, errno.EPERM)


def main(argv: list[str] | None = None) -> int:
    """Runs one verb and returns its exit code. A user's or machine's error is printed as one message on stderr."""
    given = sys.argv[1:] if argv is None else argv
    if next((a for a in given if not a.startswith("-")), "") == "step":
        return _as_step(given)
    return _guarded(_parse(given))


def _as_step(given: list[str]) -> int:
    """`kit step`, with the exit codes that `git bisect run` expects."""
    try:
        options = parser("step").parse_args(given)
    except SystemExit as end:  # argparse exits with 2, which git would take for a bad commit
        return step_code(int(end.code or 0))
    return step_code(_guarded(options))


def _guarded(options: argparse.Namespace) -> int:
    """Runs the verb; its exit code, or that of its error."""
    ended_by: list[int] = []
    if getattr(options, "no_sandbox", False):
        from kit.setup.packages import NO_SANDBOX

        os.environ[NO_SANDBOX] = "1"
    try:
        with ending(ended_by):
            return doing(options.verb)(options)
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        by = f" by {signal.Signals(ended_by[-1]).name}" if ended_by else ""
        with suppress(OSError):  # the terminal may be the one that went away
            print("\n  ".join([f"kit: interrupted{by}", *map(str, interrupt.args)]), file=sys.stderr)
        return 128 + ended_by[-1] if ended_by else INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_RUN
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            name = str(error.filename)
            print(f"kit: {name[:60]}…: a name of {len(name):,} characters, which no file can have", file=sys.stderr)
            return BAD_INPUT
        if error.errno not in DISKS_FAULTS:
            return _own_mistake(options)
        where = error.filename or "standard output, or a file"
        print(f"kit: {where}: {error.strerror}: check its free space and permissions", file=sys.stderr)
        return COULD_NOT_RUN
    except Exception:
        return _own_mistake(options)


@contextmanager
def ending(ended_by: list[int]) -> Iterator[None]:
    """SIGTERM (a cancelled job, systemd) and SIGHUP (a closed terminal) end a verb as Ctrl-C does, with a message that
    says how to resume. The signal's number is added to `ended_by`. A signal that was ignored (nohup) stays ignored."""

    def end(number: int, frame: object) -> None:
        ended_by.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [n for n in DEADLY if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Parses the arguments. argparse cannot take the command of `kit shell` after `--`, so it is cut off before."""
    verb = next((a for a in arguments if not a.startswith("-")), "")
    cut = arguments.index("--") if verb == "shell" and "--" in arguments else len(arguments)
    options = parser(verb).parse_args(arguments[:cut])
    options.command = arguments[cut + 1 :]
    return options


def _own_mistake(options: argparse.Namespace) -> int:
    """Reports an internal error. Python's own exit code for it, 1, would mean that a patch is worse."""
    import traceback  # it takes 30 ms with Python 3.14

    traceback.print_exc()
    print("kit: internal error in kit, not a verdict", file=sys.stderr)
    return BAD_INPUT if options.verb == "step" else COULD_NOT_RUN  # `git bisect run` stops on it
