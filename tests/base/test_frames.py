"""Frames that several programs write: what is whole, and each way of being damaged."""

from __future__ import annotations

import zlib

import pytest

from kit.base.frames import FrameError, frames


def framed(*payloads: str, nonce: str = "n0") -> bytes:
    """These payloads as frames."""
    out = b""
    for number, text in enumerate(payloads):
        data = text.encode()
        out += b"K %s %d %d %08x %s\n" % (nonce.encode(), number, len(data), zlib.crc32(data), data)
    return out


def test_whole_frames_come_out_field_by_field() -> None:
    assert list(frames(framed("hello\ta%09b\t", "end\t1"), "n0")) == [["hello", "a\tb", ""], ["end", "1"]]


@pytest.mark.parametrize(
    ("data", "what", "cut"),
    [
        (framed("hello"), "no end marker after 1 frames", True),
        (framed("hello", "end")[:-3], "no end marker after 1 frames, and the last of them is cut", True),
        (b"", "no end marker after 0 frames", True),
        (framed("hello").replace(b"hello", b"hallo"), "frame 0: wrong checksum", False),
        (framed("hello").replace(b" 5 ", b" 6 "), "frame 0: 5 bytes instead of 6", False),
        (framed("hello", nonce="n1"), "frame 0: the nonce n1 of another boot", False),
        (framed("a", "b").split(b"\n")[1] + b"\n", "frame 0: it has number 1: frames are missing", False),
        (framed("end", "more"), "data after the end marker", False),
        (framed("end") + b"x", "data after the end marker", False),
        (framed("a%41"), "frame 0: unknown escape '%41'", False),
        (b"\xff\x00\n", "frame 0: not a frame", False),
    ],
)
def test_what_is_wrong_is_said_in_one_line(data: bytes, what: str, cut: bool) -> None:
    with pytest.raises(FrameError, match=what) as error:
        list(frames(data, "n0"))
    assert error.value.cut is cut
