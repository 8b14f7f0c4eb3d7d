"""Frames: checked lines `K <nonce> <number> <length> <crc32> <payload>`, as the guest and QEMU's plugin write them
(guest/channel.h, kit/vm/plugin/frames.h). A payload is fields separated by tabs; the last frame's first is `end`."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

FRAME = re.compile(rb"K ([0-9a-zA-Z]+) (0|[1-9][0-9]{0,17}) (0|[1-9][0-9]{0,17}) ([0-9a-f]{8}) (.*)", re.DOTALL)
ESCAPES = {"%09": "\t", "%0a": "\n", "%25": "%"}


class FrameError(ValueError):
    """Why frames cannot be used. `cut`: what there is of them is right, and the end is missing."""

    def __init__(self, message: str, *, cut: bool = False) -> None:
        super().__init__(message)
        self.cut = cut


def damaged(number: int, what: str) -> FrameError:
    """The error for a frame that is wrong."""
    return FrameError(f"frame {number}: {what}")


def frames(data: bytes, nonce: str) -> Iterator[list[str]]:
    """The fields of each frame, the end marker's last. Raises FrameError for a wrong checksum, length, number or nonce,
    for data behind the end marker, and where there is none."""
    *lines, tail = data.split(b"\n")
    ended = False
    for number, line in enumerate(lines):
        if ended:
            raise FrameError(f"data after the end marker: {line[:80]!r}")
        fields = _frame(line, nonce, number)
        yield fields
        ended = fields[0] == "end"
    if tail and ended:
        raise FrameError(f"data after the end marker: {tail[:80]!r}")
    if not ended:
        cut = ", and the last of them is cut" if tail else ""
        raise FrameError(f"no end marker after {len(lines)} frames{cut}", cut=True)


def _frame(line: bytes, nonce: str, number: int) -> list[str]:
    """The fields of one frame, which must have this number."""
    match = FRAME.fullmatch(line)
    if match is None:
        raise damaged(number, f"not a frame: {line[:80]!r}")
    got_nonce, said, length, crc, payload = match.groups()
    if len(payload) != int(length):
        raise damaged(number, f"{len(payload)} bytes instead of {int(length)}")
    if zlib.crc32(payload) != int(crc, 16):
        raise damaged(number, "wrong checksum")
    if got_nonce != nonce.encode():
        raise damaged(number, f"the nonce {got_nonce.decode()} of another boot")
    if int(said) != number:
        raise damaged(number, f"it has number {int(said)}: {'doubled' if int(said) < number else 'frames are missing'}")
    try:
        fields = payload.decode().split("\t")
        return [_unescape(text, number) for text in fields] if b"%" in payload else fields
    except UnicodeDecodeError as error:
        raise damaged(number, "not UTF-8") from error


def _unescape(text: str, number: int) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[0] not in ESCAPES:
            raise damaged(number, f"unknown escape {match[0]!r}")
        return ESCAPES[match[0]]

    return re.sub("%.{0,2}", plain, text)
