"""Where lines of source are in a built kernel: an object file with debug information and the kernel's image in, the
addresses of the code of each line out. Pure.

The object was compiled once more for its line table. It speaks for the kernel only function by function, where its code
is the kernel's byte for byte, apart from the fields that the linker fills in.
"""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from elftools.elf.elffile import ELFFile

from kit.base.errors import MachineError
from kit.kernel import elf
from kit.kernel.functions import Function, Image, plain

APART = 1 << 32  # between the sections of an object, so that an address of its line table names one
FIELD = 4  # bytes that the linker fills in for a relocation
WIDE, WIDE_FIELD = (1, 257), 8  # R_X86_64_64, R_AARCH64_ABS64
FUNCTION = 2  # STT_FUNC
COMPRESSED = 0x800  # SHF_COMPRESSED: what it takes in memory is not known
MOST = 1 << 20  # bytes of a line table; a byte may be a row, and a row takes 500 bytes of memory

Place = tuple[str, int]
"""A path in the source, and a line from 1."""


@dataclass
class LineCode:
    """The code of some lines: `ranges`: line → addresses in the kernel (begin, end excluded); `untold`: lines that have
    code only in functions that are not the kernel's byte for byte, or of which the kernel has several alike."""

    ranges: dict[Place, list[tuple[int, int]]] = field(default_factory=dict)
    untold: set[Place] = field(default_factory=set)

    def add(self, other: LineCode) -> None:
        """Adds what another object says."""
        for place, ranges in other.ranges.items():
            self.ranges.setdefault(place, []).extend(ranges)
        self.untold = {p for p in self.untold | other.untold if p not in self.ranges}


def line_code(
    data: bytes, wanted: Mapping[str, AbstractSet[int]], image: Image, roots: Sequence[str], where: str = ""
) -> LineCode:
    """The code of the wanted lines (path → lines). `roots`: folders that paths of the source are told below. Raises
    MachineError for an object that cannot be read."""
    try:
        known = _functions(data, image)
        out = LineCode()
        for name, line, begin, end in _rows(data, roots):
            if line in wanted.get(name, ()) and end > begin:
                function = known.at(begin)
                if function is None:
                    out.untold.add((name, line))
                else:
                    address = function.kernel.address + begin - function.begin
                    out.ranges.setdefault((name, line), []).append((address, address + end - begin))
    except Exception as error:  # a hostile build's object may trip its reader anywhere
        raise MachineError(f"no line table that can be read ({type(error).__name__})", where=where) from error
    out.untold -= out.ranges.keys()
    return out


@dataclass(frozen=True)
class _Placed:
    """A function of the object at `begin` (its section's index times APART and its offset), and the kernel's own."""

    begin: int
    end: int
    kernel: Function


@dataclass(frozen=True)
class _Known:
    functions: Sequence[_Placed]
    begins: Sequence[int]

    def at(self, address: int) -> _Placed | None:
        """The function around an address of the object; None if it is not the kernel's."""
        at = bisect_right(self.begins, address) - 1
        return self.functions[at] if at >= 0 and address < self.functions[at].end else None


def _functions(data: bytes, image: Image) -> _Known:
    """The object's functions whose code is that of just one function of the kernel."""
    sections = elf.sections(data)
    fields = _fields(data, sections)
    out = []
    for table in (s for s in sections if s.kind == elf.SYMBOLS):
        for symbol in elf.symbols(data, table, sections):
            if symbol.kind != FUNCTION or not symbol.size or not 0 < symbol.section < len(sections):
                continue
            section = sections[symbol.section]
            code = section.data(data)[symbol.address : symbol.address + symbol.size]
            holes = _within(fields.get(symbol.section, ()), symbol.address, symbol.size)
            same = [f for f in image.functions.get(plain(symbol.name), ()) if _same(f.code, code, holes)]
            if len(same) == 1:
                begin = symbol.section * APART + symbol.address
                out.append(_Placed(begin, begin + symbol.size, same[0]))
    out.sort(key=lambda f: f.begin)
    return _Known(out, [f.begin for f in out])


def _fields(data: bytes, sections: Sequence[elf.Section]) -> dict[int, list[tuple[int, int]]]:
    """Index of a section → the fields (offset, size) that its relocations fill, in order."""
    out: dict[int, list[tuple[int, int]]] = {}
    for table in (s for s in sections if s.kind == elf.RELOCATIONS):
        found = [(at, WIDE_FIELD if kind in WIDE else FIELD) for at, kind in elf.relocations(data, table)]
        out.setdefault(table.info, []).extend(found)
    return {section: sorted(found) for section, found in out.items()}


def _within(fields: Sequence[tuple[int, int]], begin: int, size: int) -> list[tuple[int, int]]:
    """The fields of a function, by their offset in it."""
    first = bisect_right(fields, (begin - WIDE_FIELD, 0))
    last = bisect_right(fields, (begin + size, 0))
    return [(at - begin, width) for at, width in fields[first:last] if 0 <= at - begin < size]


def _same(one: bytes, other: bytes, holes: Sequence[tuple[int, int]]) -> bool:
    a, b = bytearray(one), bytearray(other)
    for at, width in holes:
        for code in (a, b):
            code[at : at + width] = bytes(len(code[at : at + width]))
    return a == b


def _rows(data: bytes, roots: Sequence[str]) -> Iterator[tuple[str, int, int, int]]:
    """Each row of the object's line tables: path, line, begin and end of its code."""
    sections = elf.sections(data)
    tables = [s for s in sections if s.name == ".debug_line"]
    if not tables or any(s.size > MOST for s in tables) or any(s.flags & COMPRESSED for s in sections):
        raise ValueError("no line table, or one that is compressed or too large")
    executed = [n for n, s in enumerate(sections) if s.flags & elf.EXECUTED]
    file = ELFFile(io.BytesIO(elf.moved(data, {n: n * APART for n in executed})))
    info = file.get_dwarf_info()
    for unit in info.iter_CUs():
        program = info.line_program_for_CU(unit)
        if program is None:
            continue
        folder = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
        names = _names(program.header, os.fsdecode(folder.value) if folder else "", roots)
        yield from _inlined(unit, info.range_lists(), names)
        before = None
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if before is not None and 0 <= before.file < len(names):
                yield names[before.file], before.line, before.address, state.address
            before = None if state.end_sequence else state


def _inlined(unit: Any, lists: Any, names: Sequence[str]) -> Iterator[tuple[str, int, int, int]]:
    """Each call whose function was compiled into its caller: the path and line of the call, and code of the function,
    which the line table gives to the function's own lines."""
    low = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
    base = low.value if low else 0
    for entry in unit.iter_DIEs():
        said = entry.attributes
        if entry.tag != "DW_TAG_inlined_subroutine" or not {"DW_AT_call_file", "DW_AT_call_line"} <= said.keys():
            continue
        file = said["DW_AT_call_file"].value
        if not 0 <= file < len(names):
            continue
        for begin, end in _code_of(entry, unit, lists, base):
            yield names[file], said["DW_AT_call_line"].value, begin, end


def _code_of(entry: Any, unit: Any, lists: Any, base: int) -> Iterator[tuple[int, int]]:
    """The addresses of an entry's code. Forms: DWARF 4, 2.17."""
    said = entry.attributes
    if "DW_AT_ranges" in said and lists is not None:
        for part in lists.get_range_list_at_offset(said["DW_AT_ranges"].value, unit):
            if hasattr(part, "base_address"):
                base = part.base_address
            else:
                start = 0 if getattr(part, "is_absolute", False) else base
                yield start + part.begin_offset, start + part.end_offset
    elif "DW_AT_low_pc" in said and "DW_AT_high_pc" in said:
        low, high = said["DW_AT_low_pc"].value, said["DW_AT_high_pc"]
        yield low, high.value if high.form == "DW_FORM_addr" else low + high.value


def _names(header: Any, folder: str, roots: Sequence[str]) -> list[str]:
    """The paths of a line program's files, by their number in it."""
    new = header.version >= 5  # since DWARF 5 files and folders are numbered from 0
    folders = [os.path.join(folder, os.fsdecode(f)) for f in header.include_directory]
    folders = folders if new else [folder, *folders]
    names = [] if new else [""]
    for file in header.file_entry:
        place = folders[file.dir_index] if file.dir_index < len(folders) else folder
        names.append(_below(os.path.normpath(os.path.join(place, os.fsdecode(file.name))), roots))
    return names


def _below(path: str, roots: Sequence[str]) -> str:
    return next((path[len(root) + 1 :] for root in roots if path.startswith(f"{root}/")), path)
