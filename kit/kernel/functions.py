"""Which functions differ between two built kernels, from two vmlinux files (64-bit ELF with symbols). Pure.

Linked code is compared. An address or displacement that differs only because its target moved counts as the same. So a
function that grew does not mark its callers and the functions behind it as changed. A change in an inlined function
shows in the functions that inline it. No disassembler is used: a field is an address if, on both sides, it points at
the same symbol and offset.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from kit.base.errors import MachineError
from kit.kernel import elf
from kit.records.arches import ARCHES, DEFAULT, Arch

_FUNC, _FILE, _SECTION_SYMBOL = 2, 4, 3
_NUMBERED = re.compile(r"\.\d+$")
_FIELD = 4
_CHUNK = 64
_BEHIND = (0, 1, 2, 4)  # bytes of an immediate operand between a relative field and the next instruction
_SHOWN = 16  # bytes compared of a constant without a name


@dataclass(frozen=True)
class Function:
    """One function of an image. `init`: it runs only while the kernel boots."""

    name: str
    address: int
    code: bytes
    init: bool

    @property
    def range(self) -> tuple[int, int]:
        """The addresses of its code, the end excluded."""
        return self.address, self.address + len(self.code)


@dataclass(frozen=True)
class _Range:
    start: int
    end: int
    data: bytes


@dataclass(frozen=True)
class Image:
    """A vmlinux: its functions by name (several static functions may share one), and its symbols by address."""

    functions: Mapping[str, Sequence[Function]]
    addresses: Sequence[int]
    labels: Sequence[str]
    sizes: Sequence[int]
    ranges: Sequence[_Range]

    def label(self, address: int) -> tuple[str, int]:
        """The symbol at or before an address (without a `.123` suffix of the compiler), and the distance to it."""
        at = bisect_right(self.addresses, address) - 1
        return (self.labels[at], address - self.addresses[at]) if at >= 0 else ("", address)

    def constant(self, address: int) -> bytes | None:
        """The first bytes of an unnamed constant at an address; None inside a symbol or outside of the data."""
        at = bisect_right(self.addresses, address) - 1
        if at >= 0 and address - self.addresses[at] < self.sizes[at]:
            return None
        for part in self.ranges:
            if part.start <= address < part.end:
                at = address - part.start
                return part.data[at : at + _SHOWN].partition(b"\0")[0] or part.data[at : at + _SHOWN]
        return None


@dataclass(frozen=True)
class Difference:
    """`changed`: functions of the new image that differ in the old one or are missing there; `added`: the names of the
    missing ones; `removed`: names of functions that only the old image has."""

    changed: tuple[Function, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the functions that differ, each once, in order."""
        return tuple(dict.fromkeys(f.name for f in self.changed))


def read_image(data: bytes, where: str = "vmlinux", arch: Arch = ARCHES[DEFAULT]) -> Image:
    """Reads a vmlinux. Raises MachineError if it is not a complete ELF file of `arch` with symbols."""
    try:
        return _read(data, arch)
    except (struct.error, IndexError, StopIteration, ValueError) as error:
        raise MachineError("not a kernel with symbols that can be read", where=where) from error


def _read(data: bytes, arch: Arch) -> Image:
    if elf.machine(data) != arch.elf:
        raise ValueError(f"not {arch.said}")
    sections = elf.sections(data)
    table = next(s for s in sections if s.kind == elf.SYMBOLS)
    functions: dict[str, list[Function]] = {}
    named: dict[int, str] = {}
    sizes: dict[int, int] = {}
    for symbol in elf.symbols(data, table, sections):
        if symbol.kind in (_FILE, _SECTION_SYMBOL) or not 0 < symbol.section < len(sections):
            continue
        name, address = plain(symbol.name), symbol.address
        if address not in named or name < named[address]:
            named[address] = name
        sizes[address] = max(symbol.size, sizes.get(address, 0))
        section = sections[symbol.section]
        if symbol.kind == _FUNC and symbol.size and section.flags & elf.EXECUTED:
            start = section.offset + address - section.address
            found = Function(name, address, data[start : start + symbol.size], section.name.startswith(".init"))
            functions.setdefault(name, []).append(found)
    for same in functions.values():
        same.sort(key=lambda f: f.address)
    addresses = sorted(named)
    labels, lengths = [named[a] for a in addresses], [sizes[a] for a in addresses]
    return Image(functions, addresses, labels, lengths, list(_ranges(data, sections)))


def _ranges(data: bytes, sections: Sequence[elf.Section]) -> Iterator[_Range]:
    for s in sections:
        if s.in_memory and s.kind != elf.NO_BITS and not s.flags & elf.EXECUTED:
            yield _Range(s.address, s.address + s.size, s.data(data))


def plain(name: str) -> str:
    """A symbol's name without a `.123` suffix of the compiler."""
    return _NUMBERED.sub("", name)


def compare(old: Image, new: Image) -> Difference:
    """The functions that differ between two images."""
    changed: list[Function] = []
    for name, functions in new.functions.items():
        for mine, other in zip_longest(functions, old.functions.get(name, ())):
            if mine is not None and (other is None or not _same(old, other, new, mine)):
                changed.append(mine)
    added = tuple(n for n in new.functions if n not in old.functions)
    removed = tuple(n for n in old.functions if n not in new.functions)
    return Difference(tuple(changed), added, removed)


def _same(old: Image, one: Function, new: Image, other: Function) -> bool:
    a, b = one.code, other.code
    if a == b and one.address == other.address:
        return True
    if len(a) != len(b):
        return False
    at = 0
    while (at := _first_difference(a, b, at)) < len(a):
        end = _field(old, one, new, other, at)
        if end is None:
            return False
        at = end
    return True


def _first_difference(a: bytes, b: bytes, start: int) -> int:
    """The index of the first differing byte from `start` on; len(a) if there is none."""
    for chunk in range(start, len(a), _CHUNK):
        if a[chunk : chunk + _CHUNK] != b[chunk : chunk + _CHUNK]:
            return next(i for i in range(chunk, len(a)) if a[i] != b[i])
    return len(a)


def _field(old: Image, one: Function, new: Image, other: Function, at: int) -> int | None:
    """The end of a field around byte `at` that points at the same place on both sides; None if there is none."""
    for start in range(at, max(at - _FIELD, -1), -1):
        end = start + _FIELD
        if end > len(one.code):
            continue
        (a,), (b,) = (struct.unpack_from("<i", f.code, start) for f in (one, other))
        if _one_place(old, a & 0xFFFFFFFFFFFFFFFF, new, b & 0xFFFFFFFFFFFFFFFF):
            return end
        if any(_one_place(old, one.address + end + k + a, new, other.address + end + k + b) for k in _BEHIND):
            return end
    return None


def _one_place(old: Image, a: int, new: Image, b: int) -> bool:
    if (label := old.label(a)) == new.label(b) and label[0]:
        return True
    constant = old.constant(a)
    if constant is None or (there := new.constant(b)) is None:
        return False
    return constant == there or _one_table(old, constant, new, there)


def _one_table(old: Image, a: bytes, new: Image, b: bytes) -> bool:
    """Whether both begin with an address of the same place, as jump tables do."""
    if len(a) < 8 or len(b) < 8:
        return False
    (one,), (other,) = struct.unpack_from("<Q", a), struct.unpack_from("<Q", b)
    return old.label(one) == new.label(other) and old.label(one)[0] != ""
