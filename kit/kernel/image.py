"""Whether two vmlinux files run the same code.

All loaded sections must be equal byte for byte, except the build id (.notes) and the line numbers in the bug table,
which even a new comment shifts.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from kit.kernel.elf import NOTE, Section, sections
from kit.kernel.shims import parse_version

BUG_TABLE = "__bug_table"
# struct bug_entry of include/asm-generic/bug.h with GENERIC_BUG_RELATIVE_POINTERS (always on x86-64) and
# DEBUG_BUGVERBOSE: displacements of the instruction and of the file's name, then line and flags. Since 6.19 the
# displacement of a format comes second (HAVE_ARCH_BUG_FORMAT; as read in 7.3).
BUG_ENTRY = struct.Struct("<iiHH")
BUG_ENTRY_WITH_FORMAT = struct.Struct("<iiiHH")
FORMAT_SINCE = (6, 19)
VERBOSE = "CONFIG_DEBUG_BUGVERBOSE=y"
_MADE_FOR = re.compile(r"^# Linux/\S+ (\S+) Kernel Configuration$", re.MULTILINE)


def same_code(one: Path, other: Path, config: str) -> bool:
    """Whether two images with one `config` (the text of their .config) run the same code. Files that are not ELF must
    be equal byte for byte."""
    first, second = one.read_bytes(), other.read_bytes()
    if first == second:
        return True
    try:
        pairs = list(zip_longest(_loaded(first), _loaded(second)))
    except (struct.error, ValueError):
        return False
    entry = _bug_entry(config)
    return all(a is not None and b is not None and _same(a, b, entry) for a, b in pairs)


def _bug_entry(config: str) -> struct.Struct | None:
    """The layout of a bug table's entry, by the version in the .config; None if entries have no line numbers."""
    if VERBOSE not in config:
        return None
    made_for = _MADE_FOR.search(config)
    return BUG_ENTRY_WITH_FORMAT if made_for and parse_version(made_for[1]) >= FORMAT_SINCE else BUG_ENTRY


def _same(one: tuple[Section, bytes], other: tuple[Section, bytes], entry: struct.Struct | None) -> bool:
    (a, data), (b, others) = one, other
    if (a.name, a.kind, a.address, a.size) != (b.name, b.kind, b.address, b.size):
        return False
    if a.name == BUG_TABLE and entry and a.size % entry.size == 0:
        return _without_lines(data, entry) == _without_lines(others, entry)
    return data == others


def _without_lines(table: bytes, entry: struct.Struct) -> list[tuple[int, ...]]:
    return [(*before, flags) for *before, _, flags in entry.iter_unpack(table)]


def _loaded(image: bytes) -> Iterator[tuple[Section, bytes]]:
    """The sections that are in memory when the kernel runs, without notes, each with its bytes."""
    return ((s, s.data(image)) for s in sections(image) if s.in_memory and s.kind != NOTE)
