"""Which actions another task can notice or hinder: only their order among those of others matters.

In: a world, a task and its innermost call, about to act; out: whether somebody else may tell, by what the others may
still do. All other actions touch what is the task's own, or what a lock protects that it holds; the rules that this
rests on are checked themselves. Releasing a lock is noticed only by who stands where it asks for the lock without
waiting: whoever waits for it waits no longer than needed, and whoever comes to ask later could have come before, since
nothing on its way needs that lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kit.model.explore.ahead import ANYTHING, ASK, COUNT, GET, LOCK, LOOK, PAGE, PUT, UNLOCK, Ahead
from kit.model.explore.base import WALKS
from kit.model.explore.code import Code
from kit.model.explore.locks import WANTS, blocked
from kit.model.explore.world import NOBODY, Call, Task, World

Noticed = Callable[[World, Task, Call], bool]

ASKS = frozenset({"ask", "try_lock_shared"})


class Sight:
    """What others may notice in one profile's kernel: for each action that they may, whether they may now."""

    def __init__(self, codes: Mapping[str, Code]) -> None:
        self.codes = codes
        self.ahead = (Ahead(codes, failing=False), Ahead(codes, failing=True))
        self.rows: dict[str, Noticed] = {
            **{action: self._locks(action) for action in WANTS if action != "mm_lock"},
            **dict.fromkeys(("unlock", "unlock_root", "unlock_held"), self.asked),
            **dict.fromkeys(("pick_page", "unless_unmapped"), self.pages_change),
            **dict.fromkeys(("put", "put_found", "unpin_early", "unpin_last"), self.reference),
            **dict.fromkeys(("put_root", "put_its_root", "drop_early", "drop_last"), self.reference_of_root),
            **dict.fromkeys(("adopt_vma", "take_pages", "move_pages", "cut_vma"), self.looked_at),
            **dict.fromkeys(("map_page", "drop_pages"), self.looked_at_or_freed),
            "ask": self.lock_changes,
            "try_lock_shared": self.lock_or_pages_change,
            "pin": self.reference_or_pages_change,
            "check_counters": self.counters,
            "release": self.reached,
            "put_new": self.reference_of_new,
            "pin_root": self.first_of_root,
            "mm_lock": self.shares_mm,
        }

    def others(self, w: World, t: Task) -> int:
        """The kinds of action that other tasks may still do."""
        of = self.ahead[w.fails > 0].of
        found = 0
        for other in w.tasks:
            if other is not t:
                for call in other.calls:
                    found |= of(call.cell, call.at, not call.todo)
                for do in other.todo:
                    found |= of(f"do-{do.do}", 0, True)
        return found

    # Locks

    def _locks(self, action: str) -> Noticed:
        wants = WANTS[action]

        def noticed(w: World, t: Task, f: Call) -> bool:
            others = self.others(w, t)
            if f.cell in WALKS and not f.pinned and others & PAGE:
                return True
            if wants(w, t, f) is None:
                return False
            return bool(others & (LOCK | UNLOCK | ASK)) or blocked(w, t, f, action)

        return noticed

    def lock_changes(self, w: World, t: Task, f: Call) -> bool:
        """Whether the lock is taken: noticed by who takes or releases one."""
        return bool(self.others(w, t) & (LOCK | UNLOCK))

    def lock_or_pages_change(self, w: World, t: Task, f: Call) -> bool:
        """The same, and whether the page is mapped."""
        return bool(self.others(w, t) & (LOCK | UNLOCK | ASK | PAGE))

    def asked(self, w: World, t: Task, f: Call) -> bool:
        """A lock that is released: noticed by who is about to ask for it."""
        for other in w.tasks:
            if other is not t and other.calls:
                call = other.calls[-1]
                if self.codes[call.cell].actions[call.at][0] in ASKS:
                    return True
        return False

    def shares_mm(self, w: World, t: Task, f: Call) -> bool:
        """The mmap lock: noticed by another task of the same address space."""
        if not w.threads:
            return False
        return any(o is not t and (o.todo or (o.calls and o.calls[0].space == f.space)) for o in w.tasks)

    # Pages

    def pages_change(self, w: World, t: Task, f: Call) -> bool:
        """A look at what is mapped: noticed by who maps and unmaps."""
        return bool(self.others(w, t) & PAGE)

    def looked_at(self, w: World, t: Task, f: Call) -> bool:
        """Pages that come or move: noticed by walks."""
        return bool(self.others(w, t) & LOOK)

    def looked_at_or_freed(self, w: World, t: Task, f: Call) -> bool:
        """Pages that go: noticed by walks, and by who frees what they point to. A VMA's entry there forbids it too."""
        others = self.others(w, t)
        return bool(others & LOOK) or (bool(others & PUT) and not _attached(w, f.vma))

    # References, and the end of an anon_vma. Nobody notices what nobody else can come to any more.

    def reference(self, w: World, t: Task, f: Call) -> bool:
        """A reference to the anon_vma at hand is given back."""
        return bool(self.others(w, t) & (PUT | GET)) and not _private(w, t, f, f.av)

    def reference_of_new(self, w: World, t: Task, f: Call) -> bool:
        """The same of the anon_vma that was allocated in this call."""
        return f.new != NOBODY and bool(self.others(w, t) & (PUT | GET)) and not _private(w, t, f, f.new)

    def reference_of_root(self, w: World, t: Task, f: Call) -> bool:
        """The same of its root."""
        return bool(self.others(w, t) & (PUT | GET)) and not _private(w, t, f, w.avs[f.av].root)

    def reference_or_pages_change(self, w: World, t: Task, f: Call) -> bool:
        """A walk gets a reference, if the page is mapped."""
        return bool(self.others(w, t) & (PUT | PAGE))

    def first_of_root(self, w: World, t: Task, f: Call) -> bool:
        """Getting a reference to the root: the source is attached to it, which keeps it alive."""
        held = f.src != NOBODY and not w.root(f.av).tree.isdisjoint(w.areas[f.src].chain)
        return not held and bool(self.others(w, t) & PUT)

    def counters(self, w: World, t: Task, f: Call) -> bool:
        """A look at counters outside the lock: noticed by who changes them."""
        return bool(self.others(w, t) & COUNT) and not _private(w, t, f, f.av)

    def reached(self, w: World, t: Task, f: Call) -> bool:
        """The end of the anon_vma: noticed by whoever can come to it."""
        return bool(self.others(w, t) & ANYTHING) and not _private(w, t, f, f.av)


def _attached(w: World, vma: int) -> bool:
    area = w.areas[vma]
    reached = {w.entries[n].av for n in area.chain if n in w.avs[w.entries[n].av].tree}
    return area.pages <= reached and (area.own == NOBODY or area.own in reached)


def _private(w: World, t: Task, f: Call, number: int) -> bool:
    """Whether nobody but this task can come to an anon_vma: by a list, a page, a child of it, or what it holds."""
    if w.avs[number].tree:
        return False
    for av in w.avs.values():
        if not av.freed and av.id != number and number in (av.root, av.parent):
            return False
    for entry in w.entries.values():
        if entry.av == number and not entry.freed and entry.vma != f.vma:
            return False
    for area in w.areas.values():
        if not area.gone and (number in area.pages or (area.own == number and area.id != f.vma)):
            return False
    for other in w.tasks:
        if other is not t and any(number in (call.av, call.root, call.new) for call in other.calls):
            return False
    return True
