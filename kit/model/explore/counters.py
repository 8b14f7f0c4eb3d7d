"""Actions that decide on reuse and keep its counters: those of kit.model.counting on a world of numbers."""

from __future__ import annotations

from kit.model.explore.base import Arg
from kit.model.explore.chains import Chains
from kit.model.explore.world import NOBODY, Av, Call, Task, World


class Counters(Chains):
    """`degree` (3.19), children and active VMAs (6.0)."""

    def check_counters(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """BUG_ON(anon_vma->degree), since 6.0 VM_WARN_ON of both counters, before the last put of unlink_anon_vmas."""
        self.tell(w, t, f, "unused", self.subject(w, f))

    # Reuse

    def reuse_childless(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Own the anon_vma if none is owned yet, num_children < 2 and num_active_vmas == 0."""
        av, vma = self.subject(w, f), w.areas[f.vma]
        if vma.own == NOBODY and self.source(w, f).own != NOBODY and av.children < 2 and av.active == 0:
            vma.own = av.id
            self.tell(w, t, f, "reuse", av)

    def reuse_childless_count(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """As `reuse_childless`, if this is a fork; then num_active_vmas++ at once."""
        if f.forking and w.areas[f.vma].own == NOBODY:
            self.reuse_childless(w, t, f, arg)
            self.count_own_active(w, t, f, arg)

    def reuse_by_degree(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Own the anon_vma if none is owned yet, it is not the source's own, and degree < 2."""
        av, vma = self.subject(w, f), w.areas[f.vma]
        if vma.own == NOBODY and av.id != self.source(w, f).own and av.degree < 2:
            vma.own = av.id
            self.tell(w, t, f, "reuse", av)

    def forget_uncounted(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Forget the VMA's anon_vma unless num_active_vmas counts it already."""
        vma = w.areas[f.vma]
        if all(w.entries[n].av != vma.own for n in vma.chain):
            vma.own = NOBODY

    # Children and active VMAs

    def _children(self, w: World, t: Task, f: Call, av: Av, by: int) -> None:
        av.children += by
        self.tell(w, t, f, "child+" if by > 0 else "child-", av)

    def _active(self, w: World, t: Task, f: Call, av: Av, by: int) -> None:
        av.active += by
        self.tell(w, t, f, "active+" if by > 0 else "active-", av)

    def count_root_child(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_children++ of a new root: it is its own parent."""
        if not f.found:
            self._children(w, t, f, self.subject(w, f), 1)

    def count_child(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_children++ of the parent."""
        self._children(w, t, f, w.avs[self.subject(w, f).parent], 1)

    def drop_child_empty(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_children-- of the parent if the anon_vma is now empty."""
        if f.empty:
            self._children(w, t, f, w.avs[self.subject(w, f).parent], -1)

    def count_active(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_active_vmas++ of the anon_vma."""
        self._active(w, t, f, self.subject(w, f), 1)

    def count_own_active(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_active_vmas++ of the VMA's own anon_vma, if it has one."""
        if (own := self.its_own(w, f)) is not None:
            self._active(w, t, f, own, 1)

    def count_active_if_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_active_vmas++ of the entry's anon_vma, if it is the VMA's own."""
        if f.av == w.areas[f.vma].own:
            self.count_own_active(w, t, f, arg)

    def drop_own_active(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_active_vmas-- of the VMA's own anon_vma, and forget it."""
        if (own := self.its_own(w, f)) is not None:
            self._active(w, t, f, own, -1)
            w.areas[f.vma].own = NOBODY

    def drop_active_if_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_active_vmas-- of the entry's anon_vma if it is the VMA's own, and forget it."""
        if f.av == w.areas[f.vma].own:
            self.drop_own_active(w, t, f, arg)

    def count_own_active_unless_fork(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """num_active_vmas++ of the VMA's own anon_vma, unless this is a fork."""
        if not f.forking:
            self.count_own_active(w, t, f, arg)

    # Degree

    def _degree(self, w: World, t: Task, f: Call, av: Av | None, by: int) -> None:
        if av is not None:
            av.degree += by
            self.tell(w, t, f, "degree+" if by > 0 else "degree-", av)

    def degree_first_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """degree = 1 of a new anon_vma: its first VMA."""
        if not f.found:
            self._degree(w, t, f, self.subject(w, f), 1)

    def degree_link(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """degree++ of the anon_vma: a VMA, or a new root's link to itself."""
        self._degree(w, t, f, self.subject(w, f), 1)

    def degree_child(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """degree++ of the parent."""
        self._degree(w, t, f, w.avs[self.subject(w, f).parent], 1)

    def degree_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """degree++ of the VMA's own anon_vma, if it has one."""
        self._degree(w, t, f, self.its_own(w, f), 1)

    def degree_drop_child_empty(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """degree-- of the parent if the anon_vma is now empty."""
        if f.empty:
            self._degree(w, t, f, w.avs[self.subject(w, f).parent], -1)

    def degree_drop_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """degree-- of the VMA's own anon_vma."""
        self._degree(w, t, f, self.its_own(w, f), -1)
