"""Text shown as git shows it: through a pager on a terminal, as it is elsewhere."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

LESS = "FRX"  # git's: end at once where the text fits, show colours, leave the screen as it is


def pager() -> Sequence[str]:
    """The command of KIT_PAGER, else PAGER, else less; empty where there is none, or it is `cat`."""
    asked = os.environ.get("KIT_PAGER", os.environ.get("PAGER", "less"))
    words = shlex.split(asked)
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        return ()
    return words


def show(text: str) -> None:
    """Prints it. A pager that is left early is no error."""
    command = pager() if sys.stdout.isatty() else ()
    if not command:
        print(text, end="")
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
