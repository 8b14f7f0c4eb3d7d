"""What a build has made, taken out of its folder after it ended: regular files inside it, of bounded size.

A build may leave a link to a file of the user's, or a pipe, in the place of what kit wants to read.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import BinaryIO

from kit.base.errors import BuildError

CONFIG_MOST = 16 << 20  # bytes of a .config; Debian's has 0.3 MB
IMAGE_MOST = 8 << 30


def opened(folder: Path, name: str, most: int) -> BinaryIO:
    """A file of the folder, for reading. Raises BuildError for what a build would not make: a link, a pipe, a folder,
    more than `most` bytes, or nothing."""
    path = folder / name
    why = "it is not there"
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder), name):
        why = "it is a link, or behind one"
    elif path.exists():
        state = path.lstat()  # nothing of the build runs any more: it stays as it is
        if stat.S_ISREG(state.st_mode) and state.st_size <= most:
            return path.open("rb")
        why = f"it has {state.st_size} bytes" if stat.S_ISREG(state.st_mode) else "it is no regular file"
    raise BuildError(f"make left no {name} that can be used: {why}", where=str(path))


def text_of(folder: Path, name: str) -> str:
    """The text of a .config. Raises BuildError."""
    with opened(folder, name, CONFIG_MOST) as file:
        return file.read().decode("utf-8", "replace")


def copy(folder: Path, name: str, target: Path) -> None:
    """Copies a file of the folder to a new one. Raises BuildError."""
    with opened(folder, name, IMAGE_MOST) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
