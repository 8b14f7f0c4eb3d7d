"""Reads machine, sections and symbols of a 64-bit little-endian ELF file, such as a vmlinux. Pure.

It reads only what is needed to compare kernels, with struct alone to be fast. Layouts: elf(5).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_IDENT = b"\x7fELF\x02\x01"
SYMBOLS, NOTE, NO_BITS = 2, 7, 8  # kinds of sections: SHT_SYMTAB, SHT_NOTE, SHT_NOBITS
ALLOCATED, EXECUTED = 2, 4  # flags: SHF_ALLOC, SHF_EXECINSTR


@dataclass(frozen=True)
class Section:
    """One section: `offset` and `size` are in bytes of the file, `kind` is sh_type, `link` is sh_link."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int

    @property
    def in_memory(self) -> bool:
        """Whether it is loaded when the kernel runs (SHF_ALLOC)."""
        return bool(self.flags & ALLOCATED)

    def data(self, file: bytes) -> bytes:
        """Its bytes in the file; none for SHT_NOBITS."""
        return b"" if self.kind == NO_BITS else file[self.offset : self.offset + self.size]


class Symbol(NamedTuple):
    """One symbol; `kind` is STT_…, `section` is the index of its section, `size` is in bytes."""

    name: str
    kind: int
    section: int
    address: int
    size: int


def machine(file: bytes) -> int:
    """The file's e_machine. Raises ValueError for any other kind of file, struct.error for one that is cut off."""
    ident, _, number, *_ = _HEADER.unpack_from(file)
    if ident[: len(_IDENT)] != _IDENT:
        raise ValueError("not a little-endian 64-bit ELF file")
    return int(number)


def sections(file: bytes) -> list[Section]:
    """All sections in file order. Raises as `machine` does."""
    machine(file)
    *_, offset, _, _, _, _, size, count, names = _HEADER.unpack_from(file)
    rows = [_SECTION.unpack_from(file, offset + n * size) for n in range(count)]
    text = rows[names][4] if rows else 0
    return [
        Section(text_at(file, text + name), kind, flags, address, at, length, link)
        for name, kind, flags, address, at, length, link, *_ in rows
    ]


def symbols(file: bytes, table: Section, all_sections: Sequence[Section]) -> Iterator[Symbol]:
    """The named symbols of a symbol table, in file order."""
    strings = all_sections[table.link].offset
    for name, info, _, section, address, size in _SYMBOL.iter_unpack(table.data(file)):
        if name:
            yield Symbol(text_at(file, strings + name), info & 15, section, address, size)


def text_at(file: bytes, at: int) -> str:
    """The NUL-terminated string at offset `at`. Raises ValueError if no NUL ends it."""
    return file[at : file.index(b"\0", at)].decode("ascii", "replace")
