"""Debian packages without dpkg: extracts a file from a .deb, and compares two versions.

Formats: deb(5), deb-version(7).
"""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from functools import cmp_to_key
from pathlib import Path
from typing import IO

from kit.base.errors import MachineError

MAGIC = b"!<arch>\n"
PACKED = {".xz": "r|xz", ".gz": "r|gz", "": "r|"}
HEADER = 60


def extract(package: Path, name: str, target: Path, most: int) -> None:
    """Writes the file `./NAME` of a package to `target`. Raises MachineError if the package is damaged or lacks the
    file, or the file is larger than `most` bytes."""
    try:
        with package.open("rb") as file:
            data, packing = _data(file, package)
            with tarfile.open(fileobj=data, mode=PACKED[packing]) as tar:  # type: ignore[call-overload]
                _copy(tar, name, target, most, package)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise MachineError(f"not a complete package: {error}", where=package.name) from error


def _copy(tar: tarfile.TarFile, name: str, target: Path, most: int, package: Path) -> None:
    for member in tar:
        if member.name.removeprefix("./") == name and member.isfile():
            source = tar.extractfile(member)
            if source is None or member.size > most:
                raise MachineError(f"{name} has {member.size} bytes", where=package.name)
            with target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            return
    raise MachineError(f"holds no {name}", where=package.name)


def _data(file: IO[bytes], package: Path) -> tuple[IO[bytes], str]:
    """The member data.tar.* as a stream, and its compression (a key of PACKED)."""
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError("no ar file")
    while len(header := file.read(HEADER)) == HEADER:
        name, size = header[:16].decode("ascii", "replace").rstrip(" /"), int(header[48:58])
        if name.startswith("data.tar"):
            packing = name.removeprefix("data.tar")
            if packing not in PACKED:
                raise MachineError(f"is compressed as {packing}, which kit cannot read", where=package.name)
            return io.BufferedReader(_Part(file, size)), packing
        file.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("no data.tar in it")


class _Part(io.RawIOBase):
    """The next `left` bytes of a file."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        super().__init__()
        self.file, self.left = file, left

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As RawIOBase.readinto."""
        chunk = self.file.read(min(len(buffer), self.left))
        buffer[: len(chunk)] = chunk
        self.left -= len(chunk)
        return len(chunk)


def compare(one: str, other: str) -> int:
    """Negative if version `one` is older than `other`, 0 if they are equal, positive if newer (deb-version(7))."""
    for a, b in zip(_parts(one), _parts(other), strict=True):
        if order := _order(a, b):
            return order
    return 0


newest = cmp_to_key(compare)
"""The key for max() and sorted() over versions."""


def _parts(version: str) -> tuple[str, str, str]:
    """Epoch, upstream version, Debian's revision."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return epoch, upstream, revision


def _order(one: str, other: str) -> int:
    """Compares parts of text and numbers in turn. In text, ~ sorts before the end, letters before other characters."""
    a, b = re.findall(r"(\D*)(\d*)", one), re.findall(r"(\D*)(\d*)", other)
    length = max(len(a), len(b))
    for (text, number), (text2, number2) in zip(_padded(a, length), _padded(b, length), strict=True):
        a_key, b_key = (_letters(text), int(number or 0)), (_letters(text2), int(number2 or 0))
        if a_key != b_key:
            return 1 if a_key > b_key else -1
    return 0


def _padded(found: list[tuple[str, str]], length: int) -> list[tuple[str, str]]:
    return found + [("", "")] * (length - len(found))


def _letters(text: str) -> list[int]:
    """The sort weight of each character, and 0 for the end: ~ is before it, letters after it, all others last."""
    return [-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text] + [0]
