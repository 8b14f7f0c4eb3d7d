"""The memory layout of a static program at its start, computed from its ELF file instead of measured in a guest.

As binfmt_elf.c maps it: for each segment the pages of its file part, then those that exist only in memory (.bss).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kit.model.errors import ModelError
from kit.model.smaps import SmapsVma
from kit.model.state import PAGE, LayoutVma

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_LOAD, _INTERPRETER = 1, 3
_STATIC = 2  # ET_EXEC


def static_layout(image: bytes, name: str, stack: LayoutVma) -> tuple[SmapsVma, ...]:
    """The VMAs after the program's start, assuming that padzero or libc writes to each writable one.

    `stack` is that of any other program of this boot, with one page of arguments and without growth. Raises ModelError
    if `image` is not a static x86-64 ELF file with fixed addresses, or is damaged.
    """
    try:
        segments = tuple(_segments(image))
    except (struct.error, OverflowError):  # the latter for an offset beyond what a machine can address
        raise ModelError(f"{name} is cut off: its ELF headers are not whole") from None
    vmas = [vma for segment in segments for vma in _mapped(segment, name)]
    return (*vmas, SmapsVma(stack.start, stack.end, stack.perms, PAGE // 1024, stack.name))


def _segments(image: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(flags, address, size in the file, size in memory) of each loaded segment."""
    ident, kind, machine, *_ = header = _HEADER.unpack_from(image)
    if ident[:6] != b"\x7fELF\x02\x01" or (kind, machine) != (_STATIC, 62):
        raise ModelError("not a static x86-64 ELF file of fixed addresses")
    offset, size, count = header[5], header[9], header[10]
    for at in (offset + number * size for number in range(count)):
        what, flags, _, address, _, in_file, in_memory, _ = _SEGMENT.unpack_from(image, at)
        if what == _INTERPRETER:
            raise ModelError("a dynamic program: its interpreter maps what it needs")
        if what == _LOAD:
            yield flags, address, in_file, in_memory


def _mapped(segment: tuple[int, int, int, int], name: str) -> Iterator[SmapsVma]:
    flags, address, in_file, in_memory = segment
    perms = "".join(letter if flags & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1))) + "p"
    anonymous = PAGE // 1024 if flags & 2 else 0
    start, middle, end = address // PAGE * PAGE, _up(address + in_file), _up(address + in_memory)
    if middle > start:
        yield SmapsVma(start, middle, perms, anonymous, name)
    if end > middle:
        yield SmapsVma(middle, end, perms, anonymous, "")


def _up(address: int) -> int:
    return -(-address // PAGE) * PAGE
