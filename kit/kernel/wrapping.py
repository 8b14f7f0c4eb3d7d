"""Unwraps a patch file: compression, UTF-16 (PowerShell's `>`), a byte order mark, terminal colours. Pure, no I/O."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import Protocol

from kit.base.errors import UserError

MOST_BYTES = 64 << 20  # of a patch file, before and after decompression
_COLOUR = re.compile(rb"\x1b\[[0-9;]*[mK]")
_COLOURED = re.compile(rb"^\x1b\[[0-9;]*m(?:\x1b\[[0-9;]*m)*(?:diff --|--- |\+\+\+ |@@ )", re.MULTILINE)
_PLAIN = re.compile(rb"^(?:--- |@@ -)", re.MULTILINE)
ARCHIVES = (
    (b"PK\x03\x04", 0, "a zip file"),
    (b"ustar", 257, "a tar file"),
    (b"7z\xbc\xaf\x27\x1c", 0, "a 7z file"),
    (b"\x28\xb5\x2f\xfd", 0, "compressed with zstd"),
    (b"%PDF-", 0, "a PDF file"),
    (b"\x7fELF", 0, "a program"),
)
"""Magic number, its offset, name of the format."""
_HINTS = {"compressed with zstd": "zstdcat FILE | kit … --patch -"}


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


COMPRESSED: tuple[tuple[bytes, str, Callable[[], _Decompressor]], ...] = (
    (b"\x1f\x8b", "gzip", lambda: zlib.decompressobj(31)),
    (b"\xfd7zXZ\0", "xz", lzma.LZMADecompressor),
    (b"BZh", "bzip2", bz2.BZ2Decompressor),
)
"""Magic number, name, decompressor."""


def unwrap(name: str, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The text of a patch file, and a note for each layer that was removed.

    Raises UserError if the file is empty, too large, damaged, or an archive.
    """
    data, notes = _unpacked(name, data)
    if not data.strip():
        raise UserError("is empty", where=name, hint="a patch is what `git format-patch` or `git diff` writes")
    _too_much(name, data)
    for magic, at, what in ARCHIVES:
        if data[at : at + len(magic)] == magic:
            raise UserError(
                f"{what}, not a patch", where=name, hint=_HINTS.get(what, "unpack it, and name its patches")
            )
    data, more = _decoded(name, data)
    if _COLOURED.search(data) and not _PLAIN.search(data):
        data = _COLOUR.sub(b"", data)
        more += ("has a terminal's colours: they were taken off",)
    return data, notes + more


def _too_much(name: str, data: bytes) -> None:
    if len(data) > MOST_BYTES:
        hint = "give one series, not a whole archive"
        raise UserError(f"more than {MOST_BYTES >> 20} MiB, too large for a patch", where=name, hint=hint)


def _unpacked(name: str, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    for magic, how, make in COMPRESSED:
        if data.startswith(magic):
            return _inflate(name, data, how, make), (f"is compressed ({how}): it was unpacked",)
    return data, ()


def _inflate(name: str, data: bytes, how: str, make: Callable[[], _Decompressor]) -> bytes:
    """Decompresses all concatenated members, as zcat, xzcat and bzcat do."""
    out: list[bytes] = []
    size = 0
    try:
        while data:
            one = make()
            part = one.decompress(data, MOST_BYTES + 1 - size)
            out.append(part)
            size += len(part)
            if size > MOST_BYTES:
                break
            if not getattr(one, "eof", True):
                raise UserError(f"its {how} data ends early", where=name, hint="fetch it anew")
            data = getattr(one, "unused_data", b"").lstrip(b"\0")
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise UserError(f"its {how} data is damaged: {error}", where=name, hint="fetch it anew") from error
    whole = b"".join(out)
    _too_much(name, whole)
    return whole


def _decoded(name: str, data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The data as UTF-8 without a byte order mark; UTF-16 is converted, with a note."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:], ()
    order = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else _unmarked(data)
    if not order:
        return data, ()
    try:
        text = data.decode(order).removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        hint = "PowerShell's `>` writes it: `git diff --output=FILE` does not"
        raise UserError("damaged UTF-16", where=name, hint=hint) from error
    return text.encode("utf-8", "surrogatepass"), ("is UTF-16, as PowerShell's > writes: read as such",)


def _unmarked(data: bytes) -> str:
    """The byte order of UTF-16 without a mark, from the zero bytes in its head; empty if it is not UTF-16."""
    head = data[:64]
    if len(head) >= 8 and not any(head[1::2]) and all(head[0::2]):
        return "utf-16-le"
    return "utf-16-be" if len(head) >= 8 and not any(head[0::2]) and all(head[1::2]) else ""
