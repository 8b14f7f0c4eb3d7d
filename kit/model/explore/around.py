"""Actions of the operations around mm/rmap.c: mms, VMAs that come and go, pages."""

from __future__ import annotations

from kit.model.explore.base import Arg
from kit.model.explore.chains import twin
from kit.model.explore.counters import Counters
from kit.model.explore.world import NOBODY, Area, Call, Space, Task, World
from kit.model.steps import MergeRule

ELSEWHERE = 1000  # how far mremap moves a VMA


class Actions(Counters):
    """All actions."""

    # mm

    def new_mm(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Make the child's mm, f.new: its maker holds its lock, and nobody else knows it yet."""
        parent = w.spaces[f.space]
        parent.forks += 1
        number = w.number(t)
        w.spaces[number] = Space(number, f"{parent.name}.{parent.forks}", holder=t.id)
        f.new = number

    def each_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Begin a walk over the VMAs of the address space."""
        f.todo = w.spaces[f.space].areas

    def each_child_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Begin a walk over the VMAs of the child's address space."""
        f.todo = w.spaces[f.new].areas

    def next_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The next VMA of the walk; behind the last, go on at `arg`."""
        if not f.todo:
            f.at = int(arg)
            return
        f.vma, f.todo = f.todo[0], f.todo[1:]
        f.src = NOBODY

    def dup_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """A copy of f.vma becomes f.vma, which becomes f.src."""
        number = w.number(t)
        old = w.areas[f.vma]
        mm = f.space if f.new == NOBODY else f.new
        name = f"{old.name}'" if mm == old.mm else f"vma {old.low} of {w.spaces[mm].name}"
        w.areas[number] = twin(number, old, mm, name)
        f.src, f.vma = f.vma, number

    def adopt_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The copy takes its place; a child's maps the parent's pages (copy_page_range)."""
        vma = w.areas[f.vma]
        if f.new != NOBODY and vma.own != NOBODY:
            vma.pages = w.areas[f.src].pages
        self._insert(w, vma)

    @staticmethod
    def _insert(w: World, vma: Area) -> None:
        space = w.spaces[vma.mm]
        space.areas = tuple(sorted((*space.areas, vma.id), key=lambda n: w.areas[n].low))

    def drop_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The copy that could not be attached is freed."""
        self._gone(w, t, f, f.vma)

    def vma_gone(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The VMA is taken out of its address space."""
        self._gone(w, t, f, f.vma)

    def src_gone(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The source VMA is taken out of its address space."""
        self._gone(w, t, f, f.src)

    @staticmethod
    def _gone(w: World, t: Task, f: Call, number: int) -> None:
        vma = w.areas[number]
        vma.gone, vma.own, vma.pages = True, NOBODY, frozenset()
        space = w.spaces[vma.mm]
        space.areas = tuple(n for n in space.areas if n != number)
        w.emit(t.id, "vma-gone", f, number, vma.name)

    def mm_gone(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The address space ends: the child's where one is being made, else the task's."""
        space = w.spaces[f.space if f.new == NOBODY else f.new]
        space.gone, space.holder = True, NOBODY

    def mm_publish(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The child's address space is complete, and its lock free."""
        w.spaces[f.new].holder = NOBODY

    # Which VMA, which page

    def pick_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if the VMA is gone."""
        if f.vma not in w.spaces[f.space].areas:
            f.at = int(arg)

    def pick_pair(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """vma_merge: f.vma grows over f.src, which follows it, if their anon_vmas allow it."""
        areas = w.spaces[f.space].areas
        if f.vma not in areas or f.src not in areas or not self.mergeable(w.areas[f.src], w.areas[f.vma]):
            f.at = int(arg)

    def mergeable(self, vma: Area, target: Area) -> bool:
        """is_mergeable_anon_vma of VMAs that touch."""
        if target.high != vma.low:
            return False
        if vma.own != NOBODY and target.own != NOBODY:
            return vma.own == target.own
        if vma.own == target.own or self.rule is MergeRule.ANY:
            return True
        if self.rule is MergeRule.TARGET_SINGULAR:
            return len(target.chain) == 1
        return len(target.chain if target.own != NOBODY else vma.chain) == 1

    def pick_page(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """f.av: the anon_vma of one of the VMA's pages, its own if there is such a page. Go on at `arg` if none is
        mapped."""
        pages = sorted(w.areas[f.vma].pages)
        if not pages:
            f.at = int(arg)
            return
        own = w.areas[f.vma].own
        f.av = own if own in pages else pages[0]

    def if_attached(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if the VMA has no anon_vma."""
        if w.areas[f.vma].own == NOBODY:
            f.at = int(arg)

    def if_attached_src(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if the source VMA has no anon_vma."""
        if w.areas[f.src].own == NOBODY:
            f.at = int(arg)

    def unless_importing(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` unless only the source VMA has an anon_vma."""
        if w.areas[f.vma].own != NOBODY or w.areas[f.src].own == NOBODY:
            f.at = int(arg)

    def own_of_src(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The VMA owns the source's anon_vma."""
        w.areas[f.vma].own = w.areas[f.src].own

    # Pages

    def map_page(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """A page of the VMA's own anon_vma is mapped, if it has one."""
        vma = w.areas[f.vma]
        if vma.own != NOBODY:
            vma.pages |= {vma.own}

    def drop_pages(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """No page of the VMA is mapped any more."""
        w.areas[f.vma].pages = frozenset()

    def take_pages(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The VMA grows over the source, and takes its pages."""
        vma, other = w.areas[f.vma], w.areas[f.src]
        vma.pages |= other.pages
        vma.low, vma.high = min(vma.low, other.low), max(vma.high, other.high)
        other.pages = frozenset()

    def move_pages(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The whole VMA moves to where nothing else is."""
        vma, old = w.areas[f.vma], w.areas[f.src]
        vma.pages, old.pages = old.pages, frozenset()
        vma.low, vma.high = vma.low + ELSEWHERE, vma.high + ELSEWHERE

    def cut_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The copy is the upper half; a page may lie in either."""
        new, old = w.areas[f.vma], w.areas[f.src]
        middle = (old.low + old.high) // 2
        old.high = new.low = middle
        new.pages = old.pages
        self._insert(w, new)
