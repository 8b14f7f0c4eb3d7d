"""A kernel's code by functions, for QEMU's plugin: a vmlinux in; where each function is, which of them enter the
kernel, switch tasks or take locks, and where lockdep keeps its classes, out. Pure.

All symbols of code count, those of assembly too; a function ends where the next begins.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag

from kit.base.errors import MachineError
from kit.kernel import elf
from kit.kernel.functions import plain

FUNCTION = 2  # STT_FUNC
MARKS = re.compile(r"__\w+_text_(start|end)|_[se]?text")
ENTRIES = ("__entry_text_start", "__entry_text_end")  # since 2.6.39 (ea7145477a46)
CLASSES = "lock_classes"
MOST_CLASSES = (1 << 13, (1 << 13) - 1)  # MAX_LOCKDEP_KEYS since 3.14 (eb18e1bd9dcf), and before


class What(IntFlag):
    """What a function is to the plugin: the bits of kit/vm/plugin/code.h."""

    ENTRY = 1
    SWITCHES = 2
    ACQUIRES = 4
    NOTES = 8
    LOOKS_UP = 16
    LEAVES = 32


NAMED = {
    "__switch_to": What.SWITCHES,
    "__switch_to_asm": What.LEAVES,  # since 4.9 (0100301bfdf5)
    "lock_acquire": What.ACQUIRES,
    "__lock_acquire": What.NOTES,
    "register_lock_class": What.LOOKS_UP,
    "look_up_lock_class": What.LOOKS_UP,
}


@dataclass(frozen=True)
class Code:
    """`begins`, `names` and `whats` of the functions in the order of addresses, with the address behind the last;
    `classes`: address, size in bytes and size of one of lockdep's classes, None without lockdep; `data`: the parts of
    memory that the file has, (address, bytes)."""

    begins: Sequence[int]
    names: Sequence[str]
    whats: Sequence[What]
    end: int
    classes: tuple[int, int, int] | None
    data: Sequence[tuple[int, bytes]]

    def name(self, number: int) -> str:
        """The function of a number that the plugin gave it, from 1; `?` for none."""
        return self.names[number - 1] if 0 < number <= len(self.names) else "?"

    def lines(self) -> str:
        """What the plugin reads: a line each."""
        ends = [*self.begins[1:], self.end]
        functions = zip(self.begins, ends, self.whats, strict=True)
        out = [f"f {begin:x} {end:x} {int(what):x}\n" for begin, end, what in functions]
        if self.classes:
            address, size, one = self.classes
            out.append(f"c {address:x} {address + size:x} {one:x}\n")
        return "".join(out)

    def has(self, what: What) -> bool:
        """Whether some function is that."""
        return any(each & what for each in self.whats)

    def text(self, address: int) -> str:
        """The printable C string at an address of the file; empty if there is none."""
        for begin, content in self.data:
            if begin <= address < begin + len(content):
                found = content[address - begin : address - begin + 256].partition(b"\0")[0]
                return found.decode("ascii") if found.isascii() and found.decode("ascii").isprintable() else ""
        return ""


def read_code(data: bytes, where: str = "vmlinux") -> Code:
    """Reads a vmlinux. Raises MachineError if it is not a complete ELF file with symbols."""
    try:
        return _read(data)
    except (struct.error, IndexError, StopIteration, ValueError) as error:
        raise MachineError("not a kernel with symbols that can be read", where=where) from error


def _read(data: bytes) -> Code:
    sections = elf.sections(data)
    executed = [s for s in sections if s.in_memory and s.flags & elf.EXECUTED]
    named: dict[int, tuple[bool, str]] = {}
    places: dict[str, elf.Symbol] = {}
    for symbol in elf.symbols(data, next(s for s in sections if s.kind == elf.SYMBOLS), sections):
        places.setdefault(symbol.name, symbol)
        inside = 0 < symbol.section < len(sections) and sections[symbol.section] in executed
        if inside and not MARKS.fullmatch(symbol.name):
            mine = (symbol.kind != FUNCTION, plain(symbol.name))
            named[symbol.address] = min(mine, named.get(symbol.address, mine))
    begins = sorted(named)
    names = [named[begin][1] for begin in begins]
    entries = _entries(places)
    whats = [_what(name) | (What.ENTRY if at in entries else What(0)) for at, name in zip(begins, names, strict=True)]
    end = max(s.address + s.size for s in executed)
    return Code(begins, names, whats, end, _classes(places), list(_data(data, sections)))


def _entries(places: Mapping[str, elf.Symbol]) -> range:
    begin, end = (places.get(name) for name in ENTRIES)
    return range(begin.address, end.address) if begin and end else range(0)


def _what(name: str) -> What:
    """By the name, or that of which the compiler made a part or a copy (`.constprop.0`)."""
    return NAMED.get(name.partition(".")[0], What(0))


def _classes(places: Mapping[str, elf.Symbol]) -> tuple[int, int, int] | None:
    symbol = places.get(CLASSES)
    if symbol is None or not symbol.size:
        return None
    one = next((symbol.size // n for n in MOST_CLASSES if symbol.size % (8 * n) == 0), 0)
    return (symbol.address, symbol.size, one) if one else None


def _data(file: bytes, sections: Sequence[elf.Section]) -> Iterator[tuple[int, bytes]]:
    for s in sections:
        if s.in_memory and s.kind != elf.NO_BITS and not s.flags & elf.EXECUTED:
            yield s.address, s.data(file)
