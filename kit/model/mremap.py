"""mm/mremap.c: VMAs that grow in place, or move with their page tables."""

from __future__ import annotations

from kit.model.errors import ProgramError
from kit.model.mmap import Mmap
from kit.model.rmap import Rmap
from kit.model.state import PAGE, TABLE, Mm, Vma


class Mremap:
    """One kernel's mm/mremap.c, on top of its mm/mmap.c."""

    def __init__(self, rmap: Rmap, mmap: Mmap) -> None:
        self.rmap = rmap
        self.mmap = mmap
        self.tables = rmap.profile.tables

    def grow(self, mm: Mm, start: int, end: int) -> None:
        """Extends the VMA at `start` up to `end`: vma_merge with the added range, before 6.1 vma_adjust."""
        vma = mm.find(start)
        if vma is None or vma.start != start or vma.end >= end:
            raise ProgramError(f"grow: {mm.name} has no shorter VMA there")
        _, after = mm.around(vma)
        if after is not None and after.start < end:
            raise ProgramError(f"grow: {mm.name} has something behind it")
        if self.mmap.merging.grow_merges:
            added = Vma(mm, vma.end, end, vma.perms, vma.name, vma.kind, vma.flags, pgoff=vma.offset(vma.end))
            self.mmap.place(added, vma)
        else:
            self.rmap.adjust(vma)
            vma.resize(vma.start, end)

    def move(self, mm: Mm, start: int, end: int, to: int, name: str) -> None:
        """move_vma: copy_vma, move_page_tables, do_munmap; within one VMA, to a place where nothing is mapped."""
        vma = mm.find(start)
        if vma is None or vma.start > start or vma.end < end:
            raise ProgramError(f"mremap: {mm.name} has no one VMA there")
        if any(other.start < to + end - start and to < other.end for other in mm.vmas):
            raise ProgramError(f"mremap: {mm.name} has something at the target")
        new, merged = self._copy(vma, start, to, to + end - start, name)
        if merged and new.start <= vma.start < new.end:
            vma = new  # the source itself grew over the new range
        self._move_tables(vma, start, end, to, locked=merged and new.pgoff <= vma.pgoff)
        self.mmap.munmap(mm, start, end)

    def _copy(self, vma: Vma, at: int, start: int, end: int, name: str) -> tuple[Vma, bool]:
        """copy_vma: the VMA that holds the new range, and whether it existed before."""
        unfaulted = vma.kind == "anonymous" and vma.anon_vma is None
        pgoff = start // PAGE if unfaulted else vma.offset(at)
        new = Vma(vma.mm, start, end, vma.perms, name, vma.kind, vma.flags, pgoff=pgoff)
        target = self.mmap.place(new, vma)
        if target is not new:
            return target, True
        new.anon_vma = vma.anon_vma
        self.rmap.clone(new, vma)
        return new, False

    def _move_tables(self, vma: Vma, start: int, end: int, to: int, *, locked: bool) -> None:
        """move_page_tables: a step ends at the next boundary of a page table of the source or of the target."""
        tables = vma.mm.tables
        while start < end:
            step = min(end, (start // TABLE + 1) * TABLE) - start
            if start // TABLE in tables:
                step = min(step, (to // TABLE + 1) * TABLE - to)
                step = self._step(vma, start, to, step, locked=locked)
            start, to = start + step, to + step

    def _step(self, vma: Vma, start: int, to: int, step: int, *, locked: bool) -> int:
        """Moves one table, or a part of it; returns how far that was. A whole table is relinked, if that is allowed."""
        tables = vma.mm.tables
        if self.tables.whole and step == TABLE:
            self.rmap.move(vma)
            if to // TABLE not in tables:
                tables.remove(start // TABLE)
                tables.add(to // TABLE)
                return step
        step = min(step, self.tables.chunk * PAGE)
        tables.add(to // TABLE)
        if locked:
            self.rmap.move(vma)
        return step
