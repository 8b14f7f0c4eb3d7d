"""Rules that no wrong sequence of steps breaks by itself: each, in a state that is spoilt by hand, and only there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kit.model.explore.engine import Engine
from kit.model.explore.invariants import RULES, Violation, at_rest
from kit.model.explore.starts import read_op, started
from kit.model.explore.world import Area, Av, Call, Task, World
from kit.model.profiles import PROFILES


class Family:
    """P with a page, and its child, with task 0 inside a function that works on the child's VMA."""

    def __init__(self) -> None:
        self.w: World = started(Engine(PROFILES["6.1"]), (read_op("write P"), read_op("fork P")))
        self.parent, self.child = (area for area in self.w.areas.values())
        self.call = Call("unlink", vma=self.child.id)
        self.w.tasks = [Task(0, [self.call])]
        self.root.holder = 0
        self.mm.holder = 0

    @property
    def root(self) -> Av:
        return self.w.avs[self.parent.own]

    @property
    def mm(self):  # type: ignore[no-untyped-def]
        return self.w.spaces[self.child.mm]

    def spare(self, area: Area) -> int:
        """A chain entry of a VMA that is in no list of an anon_vma."""
        entry = area.chain[-1]
        self.w.avs[self.w.entries[entry].av].tree -= {entry}
        return entry

    def shown(self, what: str, subject: int) -> str:
        """The rule that an event breaks, or ""."""
        try:
            self.w.emit(0, what, self.call, subject, "it")
        except Violation as violation:
            return violation.rule
        return ""

    def rest(self) -> str:
        """The rule that is broken at rest, or ""."""
        try:
            at_rest(self.w)
        except Violation as violation:
            return violation.rule
        return ""


def two_roots(f: Family) -> str:
    f.w.avs[f.child.own].root = f.child.own
    return f.shown("link", f.spare(f.child))


def second_lock(f: Family) -> str:
    return f.shown("lock", f.child.own)


def mm_inside(f: Family) -> str:
    return f.shown("mmlock", f.child.mm)


def same_vma(f: Family) -> str:
    f.mm.holder = 1
    return f.shown("assign", f.child.chain[-1])


def two_lists(f: Family) -> str:
    return f.shown("link", f.child.chain[-1])


def freed_walk(f: Family) -> str:
    f.w.avs[f.child.own].freed = True
    return f.shown("visit", f.child.own)


def missed(f: Family) -> str:
    f.root.tree = frozenset(n for n in f.root.tree if f.w.entries[n].vma != f.child.id)
    return f.shown("visit", f.root.id)


def lost_page(f: Family) -> str:
    f.parent.pages |= {f.child.own}
    return f.rest()


def owned_alike(f: Family) -> str:
    f.child.own = f.parent.own
    return f.rest()


def attached_freed(f: Family) -> str:
    f.root.freed = True
    return f.rest()


SPOILT: dict[str, Callable[[Family], str]] = {
    "one root per walk of same_vma": two_roots,
    "no two roots are locked at once": second_lock,
    "the mmap lock comes before a root's": mm_inside,
    "same_vma changes only under the mm's own lock": same_vma,
    "no entry is in two lists": two_lists,
    "no anon_vma is walked after it is freed": freed_walk,
    "a walk meets every VMA that maps the page": missed,
    "pages point to what their VMA is attached to": lost_page,
    "VMAs that own one anon_vma are attached alike": owned_alike,
    "nothing is attached to what was freed": attached_freed,
}


@pytest.mark.parametrize("rule", SPOILT)
def test_a_spoilt_state_breaks_the_rule(rule: str) -> None:
    assert SPOILT[rule](Family()) == rule


def test_a_sound_state_breaks_none() -> None:
    f = Family()
    assert f.rest() == ""
    assert [f.shown("visit", av) for av in (f.root.id, f.child.own)] == ["", ""]
    assert f.shown("link", f.spare(f.child)) == ""
    assert {kind for kinds, _ in RULES.values() for kind in kinds} >= {"visit", "link", "assign", "mmlock", "lock"}
    f.root.holder = -1
    assert [f.shown("lock", f.root.id), f.shown("mmlock", f.child.mm)] == ["", ""]


def test_what_is_freed_is_copied_too() -> None:
    """Or a wrong kernel that locks it in one order of events would hold that lock in all others."""
    f = Family()
    f.root.freed = f.w.entries[f.child.chain[0]].freed = True
    other = f.w.copy()
    other.avs[f.root.id].holder = 1
    other.entries[f.child.chain[0]].freed = False
    assert f.root.holder == 0
    assert f.w.entries[f.child.chain[0]].freed
