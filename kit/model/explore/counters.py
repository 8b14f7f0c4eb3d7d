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
        av, vma = self.subject(w, f), w.areas[f.vma]
        if vma.own == NOBODY and self.source(w, f).own != NOBODY and av.children < 2 and av.active == 0:
            vma.own = av.id
            self.tell(w, t, f, "reuse", av)

    def reuse_childless_count(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if f.forking and w.areas[f.vma].own == NOBODY:
            self.reuse_childless(w, t, f, arg)
            self.count_own_active(w, t, f, arg)

    def reuse_by_degree(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        av, vma = self.subject(w, f), w.areas[f.vma]
        if vma.own == NOBODY and av.id != self.source(w, f).own and av.degree < 2:
            vma.own = av.id
            self.tell(w, t, f, "reuse", av)

    def forget_uncounted(self, w: World, t: Task, f: Call, arg: Arg) -> None:
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
        if not f.found:
            self._children(w, t, f, self.subject(w, f), 1)

    def count_child(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        self._children(w, t, f, w.avs[self.subject(w, f).parent], 1)

    def drop_child_empty(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if f.empty:
            self._children(w, t, f, w.avs[self.subject(w, f).parent], -1)

    def count_active(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        self._active(w, t, f, self.subject(w, f), 1)

    def count_own_active(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if (own := self.its_own(w, f)) is not None:
            self._active(w, t, f, own, 1)

    def count_active_if_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if f.av == w.areas[f.vma].own:
            self.count_own_active(w, t, f, arg)

    def drop_own_active(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if (own := self.its_own(w, f)) is not None:
            self._active(w, t, f, own, -1)
            w.areas[f.vma].own = NOBODY

    def drop_active_if_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if f.av == w.areas[f.vma].own:
            self.drop_own_active(w, t, f, arg)

    def count_own_active_unless_fork(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if not f.forking:
            self.count_own_active(w, t, f, arg)

    # Degree

    def _degree(self, w: World, t: Task, f: Call, av: Av | None, by: int) -> None:
        if av is not None:
            av.degree += by
            self.tell(w, t, f, "degree+" if by > 0 else "degree-", av)

    def degree_first_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if not f.found:
            self._degree(w, t, f, self.subject(w, f), 1)

    def degree_link(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        self._degree(w, t, f, self.subject(w, f), 1)

    def degree_child(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        self._degree(w, t, f, w.avs[self.subject(w, f).parent], 1)

    def degree_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        self._degree(w, t, f, self.its_own(w, f), 1)

    def degree_drop_child_empty(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        if f.empty:
            self._degree(w, t, f, w.avs[self.subject(w, f).parent], -1)

    def degree_drop_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        self._degree(w, t, f, self.its_own(w, f), -1)
