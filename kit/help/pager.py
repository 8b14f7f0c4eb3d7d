"""Shows text as git does: through a pager on a terminal, unchanged elsewhere."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from kit.base.streams import styled

LESS = "FRX"  # as git sets it: exit at once if the text fits, show colours, do not clear the screen


def pager() -> Sequence[str]:
    """The command of KIT_PAGER, else PAGER, else less; empty if it does not exist or is `cat`."""
    asked = os.environ.get("KIT_PAGER", os.environ.get("PAGER", "less"))
    words = shlex.split(asked)
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        return ()
    return words


def show(text: str) -> None:
    """Prints a text, through the pager on a terminal. Leaving the pager early is no error."""
    command = pager() if sys.stdout.isatty() else ()
    if not command:
        print(text, end="", file=styled(sys.stdout))
        return
    environment = {"LESS": LESS, **os.environ}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, env=environment, encoding=sys.stdout.encoding, errors=sys.stdout.errors
    ) as shown:
        assert shown.stdin is not None
        with suppress(BrokenPipeError):
            shown.stdin.write(text)
            shown.stdin.close()
        while True:
            with suppress(KeyboardInterrupt):  # Ctrl-C is the pager's
                shown.wait()
                return
