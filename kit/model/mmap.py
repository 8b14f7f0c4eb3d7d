"""The parts of mm/mmap.c (mm/vma.c since 6.11), mprotect.c and madvise.c that make, split, merge and remove VMAs.

Methods change the VMAs of an Mm in a range of addresses; the recorder counts the locks. Every VMA here is private.
Kind, access, flags and offset decide which VMAs may merge.
"""

from __future__ import annotations

from kit.model.errors import ProgramError
from kit.model.rmap import Rmap
from kit.model.state import TABLE, AnonVma, Mm, Vma
from kit.model.steps import MergeRule, Removal


class Mmap:
    """One kernel's mm/mmap.c, on top of its mm/rmap.c."""

    def __init__(self, rmap: Rmap) -> None:
        self.rmap = rmap
        self.merging = rmap.profile.merging

    def munmap(self, mm: Mm, start: int, end: int) -> None:
        """do_munmap: splits the VMA that extends below the range, then the one above, then detaches all VMAs in the
        range."""
        first = mm.find(start)
        if first is None or first.start >= end:
            raise ProgramError(f"munmap: {mm.name} has nothing mapped there")
        if first.start < start:
            self.split(first, start, new_below=False)
        last = mm.find(end - 1)
        if last is not None and last.start < end < last.end:
            self.split(last, end, new_below=True)
        for vma in [vma for vma in mm.vmas if start <= vma.start and vma.end <= end]:
            self.remove(vma)
        self._free_tables(mm, start, end)

    @staticmethod
    def _free_tables(mm: Mm, start: int, end: int) -> None:
        """free_pgd_range: frees the page tables that no other VMA may need."""
        for table in range(start // TABLE, (end - 1) // TABLE + 1):
            near = mm.find(table * TABLE)
            if near is None or near.start >= (table + 1) * TABLE:
                mm.tables.discard(table)

    def place(self, new: Vma, source: Vma | None = None) -> Vma:
        """vma_merge for a new range, else vma_link. Returns the VMA that holds the range: `new` itself if no other
        could grow.

        `source` is the VMA whose pages the range takes over or continues.
        """
        mm = new.mm
        mm.insert(new)
        before, after = mm.around(new)
        left = before if self._takes(before, new, source) else None
        right = after if self._takes(after, new, source) else None
        if left is None and right is None:
            return new
        mm.vmas.remove(new)
        target = left or right
        assert target is not None
        if self.merging.copy_imports and source is not None:
            self._import(target, source)
        if left is not None and right is not None and shared(left.anon_vma, right.anon_vma):
            return self._replace(left, right)
        self.rmap.adjust(target, moving=target is right)
        target.resize(min(target.start, new.start), max(target.end, new.end))
        return target

    def _takes(self, target: Vma | None, new: Vma, source: Vma | None) -> bool:
        """Whether `target` may grow over a new range."""
        if target is None or not (target.goes_on_in(new) or new.goes_on_in(target)):
            return False
        alike = (target.kind, target.perms, target.flags) == (new.kind, new.perms, new.flags)
        return alike and mergeable(self.merging.rule, source or new, target)

    def change(self, mm: Mm, start: int, end: int, perms: str | None, flag: str | None) -> None:
        """mprotect_fixup and madvise_update_vma for every VMA of the range: merges it if possible, else splits and
        changes it.

        `perms` replaces the VMA's access if given, `flag` is added to its flags if given. Holes are skipped.
        """
        at = start
        while (vma := mm.find(at)) is not None and vma.start < end:
            at, upto = max(at, vma.start), min(vma.end, end)
            access = perms or vma.perms
            flags = self._flags(vma, perms, flag)
            if (access, flags) != (vma.perms, vma.flags):
                vma = self.merge(vma, at, upto, access, flags) or self.cut_out(vma, at, upto)
                vma.perms, vma.flags = access, flags
            at = max(upto, vma.end)

    def _flags(self, vma: Vma, perms: str | None, flag: str | None) -> frozenset[str]:
        """The flags that mprotect or madvise wants. A VMA that is not writable and never was is not accounted for."""
        flags = vma.flags | ({flag} if flag else set())
        if perms is None or not self.merging.unaccounts or vma.kind != "anonymous":
            return flags
        if "w" in perms:
            return flags - {"unaccounted"}
        return flags if vma.anon_vma else flags | {"unaccounted"}

    def cut_out(self, vma: Vma, start: int, end: int) -> Vma:
        """Splits off the part below `start`, then the part above `end`."""
        if start != vma.start:
            self.split(vma, start, new_below=True)
        if end != vma.end:
            self.split(vma, end, new_below=False)
        return vma

    def split(self, vma: Vma, address: int, *, new_below: bool) -> None:
        """__split_vma: copies one side, attached to everything that `vma` is attached to; then shrinks `vma`."""
        new = vma.copy()
        self.rmap.clone(new, vma)
        self.rmap.adjust(vma, inserting=True, moving=new_below)
        lower, upper = (new, vma) if new_below else (vma, new)
        lower.resize(lower.start, address)
        upper.resize(address, upper.end)
        vma.mm.insert(new)

    def remove(self, vma: Vma) -> None:
        """free_pgtables for one VMA, or anon_vma_merge."""
        if vma.anon_vma is not None:
            self.rmap.unlink(vma)
        vma.mm.vmas.remove(vma)

    def merge(self, vma: Vma, start: int, end: int, perms: str, flags: frozenset[str]) -> Vma | None:
        """vma_merge for a part of `vma` that is to have `perms` and `flags`: the VMA that now holds it, or None."""
        before, after = vma.mm.around(vma)
        left = before if start == vma.start and self._fits(before, vma, start, perms, flags) else None
        right = after if end == vma.end and self._fits(after, vma, end, perms, flags) else None
        if left is not None and right is not None and shared(left.anon_vma, right.anon_vma):
            return self._swallow(left, vma, right)
        if left is not None:
            return self._extend(left, vma, end) if end < vma.end else self._replace(left, vma)
        if right is not None:
            return self._extend(right, vma, start) if start > vma.start else self._replace(right, vma)
        return None

    def _fits(self, target: Vma | None, vma: Vma, edge: int, perms: str, flags: frozenset[str]) -> bool:
        """can_vma_merge_before and can_vma_merge_after."""
        if target is None or edge not in (target.start, target.end):
            return False
        if not (target.goes_on_in(vma) or vma.goes_on_in(target)):
            return False
        same = (target.kind, target.perms, target.flags) == (vma.kind, perms, flags)
        return same and mergeable(self.merging.rule, vma, target)

    def _swallow(self, left: Vma, vma: Vma, right: Vma) -> Vma:
        """Cases 1 and 6: the left one grows over the two others."""
        if self.merging.removal is Removal.EACH_IMPORTS:
            self._replace(left, vma)
            return self._replace(left, right)
        self._import(left, vma if vma.anon_vma else right)
        for _ in range(1 if self.merging.removal is Removal.TOGETHER else 2):
            self.rmap.adjust(left, importing=True)
        left.resize(left.start, right.end)
        self.remove(vma)
        self.remove(right)
        return left

    def _replace(self, target: Vma, vma: Vma) -> Vma:
        """Cases 7 and 8: all of `vma` goes to its neighbour, or before 4.9 (e86f15ee64d8) `vma` takes the right one."""
        if self.merging.middle_stays and target.start == vma.end:
            target, vma = vma, target
        self._import(target, vma)
        self.rmap.adjust(target, importing=True, moving=vma.start < target.start)
        target.resize(min(target.start, vma.start), max(target.end, vma.end))
        self.remove(vma)
        return target

    def _extend(self, target: Vma, vma: Vma, edge: int) -> Vma:
        """Cases 4 and 5: the boundary between `vma` and its neighbour moves to `edge`."""
        self._import(target, vma)
        lower, upper = (target, vma) if target.end == vma.start else (vma, target)
        self.rmap.adjust(lower, upper, importing=True)
        lower.resize(lower.start, edge)
        upper.resize(edge, upper.end)
        return target

    def _import(self, importer: Vma, exporter: Vma) -> None:
        """The VMA that grows must be attached to all that the shrinking one is attached to."""
        if exporter.anon_vma is None or importer.anon_vma is not None:
            return
        if self.rmap.profile.counters:  # owned before it is cloned (b800c91a0517); a clone that fails forgets it
            importer.anon_vma = exporter.anon_vma
        self.rmap.clone(importer, exporter)
        importer.anon_vma = exporter.anon_vma


def shared(one: AnonVma | None, other: AnonVma | None) -> bool:
    """is_mergeable_anon_vma without a VMA."""
    return one is None or other is None or one is other


def mergeable(rule: MergeRule, vma: Vma, target: Vma) -> bool:
    """is_mergeable_anon_vma: may `target` take over a part of `vma`?"""
    if vma.anon_vma is not None and target.anon_vma is not None:
        return vma.anon_vma is target.anon_vma
    if vma.anon_vma is target.anon_vma or rule is MergeRule.ANY:
        return True
    if rule is MergeRule.TARGET_SINGULAR:
        return len(target.chain) == 1
    return len(target.chain if target.anon_vma else vma.chain) == 1
