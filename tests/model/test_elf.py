"""The layout of a static program from its ELF file, compared with smaps of such a program; bad files are refused."""

from __future__ import annotations

import struct

import pytest

from kit.model.elf import static_layout
from kit.model.errors import ModelError
from kit.model.smaps import SmapsVma

STACK = SmapsVma(0x7FFFFFFDE000, 0x7FFFFFFFF000, "rw-p", 132, "[stack]")

# flags, address, size in the file, size in memory: the worker's, whose smaps is that of measured-6.1.192-language.json
SEGMENTS = (
    (4, 0x400000, 0x1C8, 0x1C8),
    (5, 0x401000, 0xFCD9, 0xFCD9),
    (4, 0x411000, 0x275C, 0x275C),
    (6, 0x414F50, 0x10F0, 0x19DA60),
    (4, 0x8000000, 1, 1),
)


def elf(kind: int = 2, extra: int = 0x6474E551) -> bytes:
    """A file with only headers, and one segment that is not loaded."""
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", kind, 62, 1, 0x401000, 64, 0, 0, 64, 56, 6, 0, 0, 0
    )
    loads = (struct.pack("<IIQQQQQQ", 1, flags, 0, at, at, size, memory, 4096) for flags, at, size, memory in SEGMENTS)
    return b"".join([header, struct.pack("<IIQQQQQQ", extra, 6, 0, 0, 0, 0, 0, 16), *loads])


def test_vmas_are_those_of_smaps() -> None:
    assert [(vma.start, vma.end, vma.perms, vma.anonymous > 0) for vma in static_layout(elf(), "/worker", STACK)] == [
        (0x400000, 0x401000, "r--p", False),
        (0x401000, 0x411000, "r-xp", False),
        (0x411000, 0x414000, "r--p", False),
        (0x414000, 0x417000, "rw-p", True),
        (0x417000, 0x5B3000, "rw-p", True),
        (0x8000000, 0x8001000, "r--p", False),
        (0x7FFFFFFDE000, 0x7FFFFFFFF000, "rw-p", True),
    ]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"#!/bin/sh\n" * 10, "not a static x86-64 ELF file"),
        (elf(kind=3), "not a static x86-64 ELF file"),
        (elf(extra=3), "a dynamic program"),
        (elf()[:200], "/worker is cut off"),
        (b"", "/worker is cut off"),
    ],
)
def test_anything_else_is_refused(image: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        static_layout(image, "/worker", STACK)
