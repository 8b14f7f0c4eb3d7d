"""Reads machine, sections and symbols of a 64-bit little-endian ELF file, such as a vmlinux. Pure.

It reads only what is needed to compare kernels, with struct alone to be fast. Layouts: elf(5).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_IDENT = b"\x7fELF\x02\x01"
SYMBOLS, RELOCATIONS, NOTE, NO_BITS = 2, 4, 7, 8  # kinds of sections: SHT_SYMTAB, SHT_RELA, SHT_NOTE, SHT_NOBITS
ALLOCATED, EXECUTED = 2, 4  # flags: SHF_ALLOC, SHF_EXECINSTR


@dataclass(frozen=True)
class Section:
    """One section: `offset` and `size` are in bytes of the file, `kind` is sh_type, `link` is sh_link, `info` sh_info.
    """

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int = 0

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
        Section(text_at(file, text + name), kind, flags, address, at, length, link, info)
        for name, kind, flags, address, at, length, link, info, *_ in rows
    ]


def symbols(file: bytes, table: Section, all_sections: Sequence[Section]) -> Iterator[Symbol]:
    """The named symbols of a symbol table, in file order."""
    strings = all_sections[table.link].offset
    for name, info, _, section, address, size in _SYMBOL.iter_unpack(table.data(file)):
        if name:
            yield Symbol(text_at(file, strings + name), info & 15, section, address, size)


def relocations(file: bytes, table: Section) -> Iterator[tuple[int, int]]:
    """(offset in the section that they are for, type) of each relocation of a SHT_RELA section."""
    for offset, info, _ in _RELOCATION.iter_unpack(table.data(file)):
        yield offset, info & 0xFFFFFFFF


def moved(file: bytes, places: Mapping[int, int]) -> bytes:
    """The file of an object with its symbols moved as a linker would that put sections elsewhere: index of a section →
    its new address, where there is one."""
    out = bytearray(file)
    for table in (s for s in sections(file) if s.kind == SYMBOLS):
        for at in range(table.offset, table.offset + table.size - _SYMBOL.size + 1, _SYMBOL.size):
            name, info, other, section, value, size = _SYMBOL.unpack_from(file, at)
            _SYMBOL.pack_into(out, at, name, info, other, section, value + places.get(section, 0), size)
    return bytes(out)


def text_at(file: bytes, at: int) -> str:
    """The NUL-terminated string at offset `at`. Raises ValueError if no NUL ends it."""
    return file[at : file.index(b"\0", at)].decode("ascii", "replace")
