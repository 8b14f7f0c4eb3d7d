"""Where kit's own files lie (experiments, patches, the guest's programs, tests), and how a user calls it from here."""

from __future__ import annotations

import shlex
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def command(*arguments: str) -> str:
    """What a user types here to call kit with these arguments: a clone is not on the path of commands."""
    if not (PROJECT / "requirements.lock").exists():  # installed by pip
        start = ["kit"]
    else:
        start = ["python3", "kit" if Path.cwd() == PROJECT else str(PROJECT / "kit")]
    return shlex.join([*start, *arguments])
