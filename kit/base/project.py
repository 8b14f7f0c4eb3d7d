"""Where kit's own files are (experiments, patches, the guest's programs), and how a user calls kit from here.

In a clone they are its folders; pip installs them into the package as kit/_data, which in a clone links to them.
"""

from __future__ import annotations

import shlex
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
IS_CLONE = (_PACKAGE.parent / "requirements.lock").exists()
"""Whether this kit is a clone, with its tests and its own environment; else pip installed it."""
PROJECT = _PACKAGE.parent if IS_CLONE else _PACKAGE / "_data"
"""The folder that has `configs/`, `guest/` and `patches/`."""


def command(*arguments: str) -> str:
    """The command line that calls kit with these arguments from the current folder, quoted for a shell."""
    start = ["python3", "kit" if Path.cwd() == PROJECT else str(PROJECT / "kit")] if IS_CLONE else ["kit"]
    return shlex.join([*start, *arguments])
