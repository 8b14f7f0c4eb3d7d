"""What each kernel does, worked out by hand from its source; `verify` holds a profile against it.

Read for it: mm/rmap.c of 3.0.1 (blob 23295f65ae43) and of Debian's 6.1.192, and the mail's patch (blobs 0eb463ea88dd
and f286697c61dc). A trace is a function's events in order, a bar where another function begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from kit.model.errors import ModelError
from kit.model.state import Mm, Vma
from kit.model.steps import Profile

from .scenes import grown, seen, spent, started, subjects


@dataclass(frozen=True)
class Expected:
    """One kernel. Its traces are of a VMA whose parent's chain has two entries; its own is the third."""

    lock_class: str
    traces: dict[str, str]
    clone: str  # anon_vma_clone, in `traces`
    unlink: str  # unlink_anon_vmas, in `traces`
    reuses: bool  # a grandchild reuses the anon_vma of a parent that is gone
    hazard: bool  # GFP_KERNEL under the lock once a chain has two entries
    root_first: bool  # __put_anon_vma frees the root before the child

    def cloning(self, entries: int) -> int:
        """Acquisitions by anon_vma_clone of a chain of that length."""
        return entries if self.clone == "cloning one by one" else 1


# 3.0: nothing is counted. 3.0-rc1: anon_vma_unlink() unlocks, then puts what is empty: the newest entry's, at once.
# eee2acbae955: all entries under one lock, then, unlocked, the put of those that were left on the list.
LADDER = {
    "prepare": "prepare alloc alloc lock own link unlock",
    "link": "fork-link alloc alloc own lock link unlock",
    "cloning one by one": "clone alloc lock link unlock alloc lock link unlock",
    "cloning at once": "clone alloc lock link alloc link unlock",
    "cloning at once, nowait": "clone nowait lock link nowait link unlock",
    "unlinking one by one": "unlink lock remove unlock | free free | unlink lock remove unlock lock remove unlock",
    "unlinking at once": "unlink lock remove remove remove unlock | free free",
    "last": "unlink lock remove unlock | free free",
}
# 6.0 and later: an anon_vma counts its children (a root is its own) and the VMAs that own it.
COUNTED = LADDER | {
    "prepare": "prepare alloc alloc child+ lock own link active+ unlock",
    "link": "fork-link alloc active+ alloc own lock link child+ unlock",
    "unlinking one by one": "unlink lock remove child- active- unlock | free free"
    " | unlink lock remove unlock lock remove unlock",
    "unlinking at once": "unlink lock remove child- remove remove active- unlock | free free",
    "last": "unlink lock remove child- active- unlock | free free",
}

MUTEX, RWSEM = "&anon_vma->mutex", "&anon_vma->rwsem"

C1, CN, CW = "cloning one by one", "cloning at once", "cloning at once, nowait"
U1, UN = "unlinking one by one", "unlinking at once"

EXPECTED = {
    "3.0-rc1": Expected(MUTEX, LADDER, C1, U1, reuses=False, hazard=False, root_first=True),
    "3.0-637fbbf": Expected(MUTEX, LADDER, CN, U1, reuses=False, hazard=True, root_first=True),
    "3.0-eee2acba": Expected(MUTEX, LADDER, CN, UN, reuses=False, hazard=True, root_first=True),
    "3.0-dd34739c": Expected(MUTEX, LADDER, CW, UN, reuses=False, hazard=False, root_first=True),
    "6.1": Expected(RWSEM, COUNTED, CW, UN, reuses=True, hazard=False, root_first=False),
    "6.1-unbatched-clone": Expected(RWSEM, COUNTED, C1, UN, reuses=True, hazard=False, root_first=False),
    "6.1-unbatched": Expected(RWSEM, COUNTED, C1, U1, reuses=True, hazard=False, root_first=False),
}


def verify(profile: Profile, expected: Expected) -> None:
    """Hold a profile against what was worked out; AssertionError or ModelError where it differs."""
    assert profile.lock_class == expected.lock_class
    for check in CHECKS:
        check(profile, expected)


def first_write(profile: Profile, expected: Expected) -> None:
    """anon_vma_prepare: 1 for the first write, 0 for the next; a root with one reference."""
    machine, mm = started(profile)
    assert seen(machine, lambda: machine.write(mm, 0, 0)) == expected.traces["prepare"]
    assert seen(machine, lambda: machine.write(mm, 0, 1)) == ""
    own = mm.vmas[0].anon_vma
    assert own is not None
    assert (own.root, own.refcount, len(own.chain)) == (own, 1, 1)
    machine.check()


def neighbour(profile: Profile, expected: Expected) -> None:
    """find_mergeable_anon_vma: a touching VMA of the same kind lends its anon_vma; the new one takes its lock, once."""
    machine, mm = started(profile)
    first = mm.vmas[0]
    mm.insert(Vma(mm, first.end, first.end + 4096, "r--p", "beside"))
    machine.write(mm, 0, 0)
    assert seen(machine, lambda: machine.rmap.prepare(mm.vmas[1])) == expected.traces["prepare"].replace(
        "alloc alloc child+", "alloc"
    ).replace("alloc alloc", "alloc")
    assert mm.vmas[1].anon_vma is first.anon_vma
    assert machine.rmap.alive == 1
    machine.check()


def fork_and_exit(profile: Profile, expected: Expected) -> None:
    """A fork at depth 1 and its child's exit, event by event, with all counters recounted in between."""
    machine, line = grown(profile, 1)
    children: list[Mm] = []
    assert seen(machine, lambda: children.append(machine.fork(line[1]))) == (
        f"{expected.traces[expected.clone]} | {expected.traces['link']}"
    )
    machine.check()
    vma, parent = children[0].vmas[0], line[1].vmas[0]
    assert vma.anon_vma is not None
    assert [avc.anon_vma for avc in vma.chain] == [*(avc.anon_vma for avc in parent.chain), vma.anon_vma]
    assert vma.anon_vma.parent is parent.anon_vma
    assert vma.anon_vma.root is line[0].vmas[0].anon_vma
    assert vma.anon_vma.root.refcount == 3
    assert seen(machine, lambda: machine.exit(children[0])) == expected.traces[expected.unlink]
    assert subjects(machine, "remove")[-3:] == [f"anon_vma of region 0 of worker{who}" for who in (".1.1", ".1", "")]
    machine.check()


def whole_life(profile: Profile, expected: Expected) -> None:
    """Exits from the youngest on: nothing is left, and the root goes last."""
    machine, line = grown(profile, 3)
    for mm in line[:0:-1]:
        machine.exit(mm)
        machine.check()
    assert seen(machine, lambda: machine.exit(line[0])) == expected.traces["last"]
    assert machine.rmap.alive == 0
    machine.check()


def parents_first(profile: Profile, _expected: Expected) -> None:
    """Exits from the eldest on: ancestors' anon_vmas stay while a descendant is there, then all go, the root last."""
    machine, line = grown(profile, 3)
    for mm in line:
        machine.exit(mm)
        machine.check()
    assert machine.rmap.alive == 0
    freed = [f"anon_vma of region 0 of worker{who}" for who in (".1.1.1", ".1.1", ".1", "")]
    assert subjects(machine, "free") == freed


def unused(profile: Profile, _expected: Expected) -> None:
    """A VMA without an anon_vma costs nothing."""
    machine, mm = started(profile)
    assert spent(machine, lambda: machine.exit(machine.fork(mm))) == {}


def reuse(profile: Profile, expected: Expected) -> None:
    """The middle of three generations exits: its anon_vma has one child, no VMA; the grandchild's fork takes it."""
    machine, (_, middle, last) = grown(profile, 2)
    vacated = middle.vmas[0].anon_vma
    machine.exit(middle)
    children: list[Mm] = []
    cost = {"clone": expected.cloning(3)} | ({} if expected.reuses else {"fork-link": 1})
    assert spent(machine, lambda: children.append(machine.fork(last))) == cost
    machine.check()
    own = children[0].vmas[0].anon_vma
    assert (own is vacated) == expected.reuses
    assert len(children[0].vmas[0].chain) == (3 if expected.reuses else 4)
    second = machine.fork(last)  # taken now: the next one gets its own
    machine.check()
    assert second.vmas[0].anon_vma not in (vacated, own)
    for mm in (children[0], second):
        machine.exit(mm)
        machine.check()


def no_reuse(profile: Profile, _expected: Expected) -> None:
    """Of two children's parent nothing is reused (num_children is 2), nor ever the root."""
    machine, (first, middle, one) = grown(profile, 2)
    machine.fork(middle)
    machine.exit(middle)
    machine.exit(first)
    child = machine.fork(one)
    assert len(child.vmas[0].chain) == len(one.vmas[0].chain) + 1
    machine.check()


def reclaim(profile: Profile, expected: Expected) -> None:
    """dd34739c03f2: an allocation that may reclaim must not run under the lock; it takes a chain of two to do so."""
    machine, line = grown(profile, 1)
    assert not machine.recorder.hazards
    machine.fork(line[1])
    assert bool(machine.recorder.hazards) == expected.hazard


def out_of_atomic_memory(profile: Profile, expected: Expected) -> None:
    """A failed GFP_NOWAIT costs one more acquisition after the first link, and none on the first entry."""
    for failing, more in ((2, 0), (3, 1)):
        machine, mm = started(profile, frozenset({failing}))
        machine.write(mm, 0, 0)
        child = machine.fork(mm)  # the first of the allocations that may fail, if any
        cost = expected.cloning(2) + more * (expected.clone == CW)
        assert spent(machine, partial(machine.fork, child))["clone"] == cost
        assert not machine.recorder.hazards or expected.hazard
        machine.check()


def last_reference(profile: Profile, expected: Expected) -> None:
    """__put_anon_vma after migration: before 7f39dda9d86f it reads the lock of a root that is gone."""
    machine, line = grown(profile, 1)
    pinned = line[1].vmas[0].anon_vma
    assert pinned is not None
    machine.rmap.get(pinned)
    vma = line[1].vmas[0]
    for mm in line[::-1]:
        machine.exit(mm)
    assert machine.rmap.alive == 2
    if expected.root_first:
        with pytest.raises(ModelError, match=r"reads the lock of .* which was freed"):
            machine.rmap.put(pinned, vma)
    else:
        machine.rmap.put(pinned, vma)
        assert machine.rmap.alive == 0


def locked_by_another(profile: Profile, _expected: Expected) -> None:
    """anon_vma_free asks once, for each that it frees, whether the root is locked."""
    machine, line = grown(profile, 1)
    machine.recorder.user = 0
    machine.exit(machine.fork(line[1]))
    machine.recorder.user = 1
    machine.exit(machine.fork(line[1]))
    machine.recorder.user = None
    assert machine.recorder.might_have_been_locked() == 2


CHECKS: tuple[Callable[[Profile, Expected], None], ...] = (
    first_write,
    neighbour,
    fork_and_exit,
    whole_life,
    parents_first,
    unused,
    reuse,
    no_reuse,
    reclaim,
    out_of_atomic_memory,
    last_reference,
    locked_by_another,
)
