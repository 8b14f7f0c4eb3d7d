"""`kit shell`'s session with a made-up guest: `terminal` or `streams`, and a limit in seconds."""

from __future__ import annotations

import sys
from pathlib import Path

from kit.base.errors import KitError
from kit.cli import ending
from kit.records import Machine
from kit.run.shell import _exit_code
from kit.vm.session import run_session


def main(argv: list[str]) -> int:
    """The exit code that kit would have."""
    limit = float(argv[1]) if len(argv) > 1 else None
    machine = Machine("x86_64", 1, 64, "tcg")
    by: list[int] = []
    on_terminal = argv[0] == "terminal"
    try:
        with ending(by):
            found = run_session(Path("/kernel"), b"nonce=abc\n", machine, interactive=on_terminal, limit=limit)
        return _exit_code(found, "abc")
    except KitError as error:
        print(f"kit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + by[-1]
