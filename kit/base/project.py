"""Where kit's own files lie (experiments, patches, the guest's programs), and how a user calls it from here.

In a clone they are folders of it; pip puts them into the package (kit/_data, which in a clone links to them).
"""

from __future__ import annotations

import shlex
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
IS_CLONE = (_PACKAGE.parent / "requirements.lock").exists()
"""Whether this kit stands in a clone, with its tests and an environment of its own; else pip installed it."""
PROJECT = _PACKAGE.parent if IS_CLONE else _PACKAGE / "_data"
"""The folder that `configs/`, `guest/` and `patches/` lie in."""


def command(*arguments: str) -> str:
    """What a user types here to call kit with these arguments: a clone is not on the path of commands."""
    start = ["python3", "kit" if Path.cwd() == PROJECT else str(PROJECT / "kit")] if IS_CLONE else ["kit"]
    return shlex.join([*start, *arguments])
