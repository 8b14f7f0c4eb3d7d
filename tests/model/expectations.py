"""What each kernel does, worked out by hand from its source; `checks` compare a profile with it.

Read for it: mm/rmap.c of 2.6.38 (blob 941bf82e8961), 3.0.1 (23295f65ae43), 3.8 (2c78f8cadc95), 3.19.8 (ecb444a2ad50),
6.0.1 (93d5a6f793d2), Debian's 6.1.192, 6.12 (73d5998677d4) and 7.0 (022798c9f4a7), and the mail's patch (0eb463ea88dd
to f286697c61dc). A trace has a function's events in order, and a bar where another function begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from kit.model.errors import ModelError
from kit.model.state import Mm, Vma
from kit.model.steps import Profile

from .scenes import grown, seen, spent, started, subjects

Check = Callable[[Profile], None]


@dataclass(frozen=True)
class Expected:
    """One kernel. Its traces are of a VMA whose parent's chain has two entries; the VMA's own entry is the third."""

    lock_class: str
    traces: dict[str, str]
    clone: str  # anon_vma_clone, in `traces`
    unlink: str  # unlink_anon_vmas, in `traces`
    reuses: bool  # a grandchild reuses the anon_vma of a parent that is gone
    hazard: bool  # GFP_KERNEL under the lock once a chain has two entries
    root_first: bool | None  # __put_anon_vma frees the root before the child; None where a put is another thing
    drops_under_lock: bool = False  # the last external reference to a root goes under its lock
    asks: bool = True  # anon_vma_free asks whether the root is locked
    newest_first: bool = True  # a chain is in the order of its making

    def cloning(self, entries: int) -> int:
        """Acquisitions by anon_vma_clone for a chain of that length."""
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
# 3.19: `degree` is both: VMAs that own it, and children. A new one starts with 1, and a new root gets 2.
DEGREE = LADDER | {
    "prepare": "prepare alloc alloc degree+ lock own link degree+ unlock",
    "link": "fork-link alloc degree+ alloc own lock link degree+ unlock",
    "unlinking at once": "unlink lock remove degree- remove remove degree- unlock | free free",
    "last": "unlink lock remove degree- degree- unlock | free free",
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

# 7.0: all that anon_vma_fork may need is allocated first.
BEFORE = COUNTED | {
    "fork": "fork-link alloc alloc | clone alloc assign alloc assign lock link link unlock"
    " | fork-link active+ own assign lock link child+ unlock",
    "cloning after allocating": "",
}

SPINLOCK, MUTEX, RWSEM = "&(&anon_vma->lock)->rlock", "&anon_vma->mutex", "&anon_vma->rwsem"

C1, CN, CW = "cloning one by one", "cloning at once", "cloning at once, nowait"
U1, UN = "unlinking one by one", "unlinking at once"

CA = "cloning after allocating"

EXPECTED = {
    "2.6.38": Expected(SPINLOCK, LADDER, C1, U1, reuses=False, hazard=False, root_first=None, asks=False),
    "2.6.38-ksm": Expected(
        *(SPINLOCK, LADDER, C1, U1), reuses=False, hazard=False, root_first=None, asks=False, drops_under_lock=True
    ),
    "3.0-rc1": Expected(MUTEX, LADDER, C1, U1, reuses=False, hazard=False, root_first=True),
    "3.0-637fbbf": Expected(MUTEX, LADDER, CN, U1, reuses=False, hazard=True, root_first=True),
    "3.0-eee2acba": Expected(MUTEX, LADDER, CN, UN, reuses=False, hazard=True, root_first=True),
    "3.0-dd34739c": Expected(MUTEX, LADDER, CW, UN, reuses=False, hazard=False, root_first=True),
    "3.8": Expected(RWSEM, LADDER, CW, UN, reuses=False, hazard=False, root_first=True),
    "3.19": Expected(RWSEM, DEGREE, CW, UN, reuses=True, hazard=False, root_first=False),
    "6.0": Expected(RWSEM, COUNTED, CW, UN, reuses=True, hazard=False, root_first=False),
    "6.1": Expected(RWSEM, COUNTED, CW, UN, reuses=True, hazard=False, root_first=False),
    "6.1-unbatched-clone": Expected(RWSEM, COUNTED, C1, UN, reuses=True, hazard=False, root_first=False),
    "6.1-unbatched": Expected(RWSEM, COUNTED, C1, U1, reuses=True, hazard=False, root_first=False),
    "6.12": Expected(RWSEM, COUNTED, CW, UN, reuses=True, hazard=False, root_first=False),
    "7.0": Expected(RWSEM, BEFORE, CA, UN, reuses=True, hazard=False, root_first=False, newest_first=False),
}


def checks(expected: Expected) -> Iterator[Check]:
    """Each compares a profile with what was worked out; it raises AssertionError or ModelError if that differs."""
    for check in CHECKS:
        yield lambda row, check=check: check(row, expected)


def lock_class(profile: Profile, expected: Expected) -> None:
    """What lock_stat calls it."""
    assert profile.lock_class == expected.lock_class


def first_write(profile: Profile, expected: Expected) -> None:
    """anon_vma_prepare: 1 for the first write, 0 for the next; the root has one reference."""
    machine, mm = started(profile)
    assert seen(machine, lambda: machine.write(mm, 0, 0)) == expected.traces["prepare"]
    assert seen(machine, lambda: machine.write(mm, 0, 1)) == ""
    own = mm.vmas[0].anon_vma
    assert own is not None
    assert (own.root, own.refcount, len(own.chain)) == (own, 1, 1)
    machine.check()


def neighbour(profile: Profile, expected: Expected) -> None:
    """find_mergeable_anon_vma: an adjacent VMA of the same kind lends its anon_vma; the new VMA takes its lock once."""
    machine, mm = started(profile)
    first = mm.vmas[0]
    mm.insert(Vma(mm, first.end, first.end + 4096, "r--p", "beside"))
    machine.write(mm, 0, 0)
    lent = expected.traces["prepare"]
    for new in ("alloc child+ ", "alloc degree+ ", "alloc "):  # the root that need not be made
        if f"alloc {new}" in lent:
            lent = lent.replace(new, "", 1) if new == "alloc " else lent.replace(f"alloc {new}", "alloc ")
            break
    assert seen(machine, lambda: machine.rmap.prepare(mm.vmas[1])) == lent
    assert mm.vmas[1].anon_vma is first.anon_vma
    assert machine.rmap.alive == 1
    machine.check()


def fork_and_exit(profile: Profile, expected: Expected) -> None:
    """A fork at depth 1 and its child's exit, event by event, with all counters recounted in between."""
    machine, line = grown(profile, 1)
    children: list[Mm] = []
    fork = expected.traces.get("fork") or f"{expected.traces[expected.clone]} | {expected.traces['link']}"
    assert seen(machine, lambda: children.append(machine.fork(line[1]))) == fork
    machine.check()
    vma = children[0].vmas[0]
    own, above, root = vma.anon_vma, line[1].vmas[0].anon_vma, line[0].vmas[0].anon_vma
    assert own is not None
    assert root is not None
    assert [avc.anon_vma for avc in vma.chain] == ([root, above, own] if expected.newest_first else [above, root, own])
    assert (own.parent, own.root, root.refcount) == (above, root, 3 if profile.pins_root else 1)
    assert seen(machine, lambda: machine.exit(children[0])) == expected.traces[expected.unlink]
    order = (".1.1", ".1", "") if expected.newest_first else (".1.1", "", ".1")
    assert subjects(machine, "remove")[-3:] == [f"anon_vma of region 0 of worker{who}" for who in order]
    machine.check()


def only_child(profile: Profile, expected: Expected) -> None:
    """Its exit drops the last reference to the root, except the root's own."""
    machine, line = grown(profile, 1)
    exits = seen(machine, lambda: machine.exit(line[1]))
    if expected.drops_under_lock:
        assert exits == "unlink lock remove unlock | free lock unlock free | unlink lock remove unlock"
    else:
        assert exits.count(" lock") == (2 if expected.unlink == U1 else 1)
    machine.check()


def copied(profile: Profile, expected: Expected) -> None:
    """Splitting or copying a VMA also clones its chain and its anon_vma: nothing is reused, even if it could be."""
    machine, (_, middle, last) = grown(profile, 2)
    machine.exit(middle)
    vma = last.vmas[0]
    copy = Vma(last, vma.end, vma.end + 4096, vma.perms, "copy", anon_vma=vma.anon_vma)
    last.insert(copy)
    assert spent(machine, lambda: machine.rmap.clone(copy, vma)) == {"clone": expected.cloning(3)}
    assert copy.anon_vma is vma.anon_vma
    machine.check()
    blank = Vma(last, copy.end, copy.end + 4096, "rw-p", "blank")
    assert spent(machine, lambda: machine.rmap.clone(Vma(last, 0, 4096, "rw-p", "copy"), blank)) == {}
    machine.exit(last)
    machine.check()


def whole_life(profile: Profile, expected: Expected) -> None:
    """Exits in order from the youngest: nothing is left, and the root goes last."""
    machine, line = grown(profile, 3)
    for mm in line[:0:-1]:
        machine.exit(mm)
        machine.check()
    assert seen(machine, lambda: machine.exit(line[0])) == expected.traces["last"]
    assert machine.rmap.alive == 0
    machine.check()


def parents_first(profile: Profile, expected: Expected) -> None:
    """Exits in order from the eldest: ancestors' anon_vmas stay while a descendant exists; then all go, root last."""
    machine, line = grown(profile, 3)
    for mm in line:
        machine.exit(mm)
        machine.check()
    assert machine.rmap.alive == 0
    order = (".1.1.1", ".1.1", ".1", "") if expected.newest_first else (".1.1.1", ".1", ".1.1", "")
    assert subjects(machine, "free") == [f"anon_vma of region 0 of worker{who}" for who in order]


def unused(profile: Profile, _expected: Expected) -> None:
    """A VMA without an anon_vma costs nothing."""
    machine, mm = started(profile)
    assert spent(machine, lambda: machine.exit(machine.fork(mm))) == {}


def reuse(profile: Profile, expected: Expected) -> None:
    """The middle of three generations exits: its anon_vma has one child and no VMA; the grandchild's fork reuses it."""
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
    """The anon_vma of two children's parent is not reused (num_children is 2), and a root never is."""
    machine, (first, middle, one) = grown(profile, 2)
    machine.fork(middle)
    machine.exit(middle)
    machine.exit(first)
    child = machine.fork(one)
    assert len(child.vmas[0].chain) == len(one.vmas[0].chain) + 1
    machine.check()


def reclaim(profile: Profile, expected: Expected) -> None:
    """dd34739c03f2: an allocation that may reclaim must not run under the lock; this needs a chain of two."""
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
    """__put_anon_vma after migration: up to 3.8 it reads the lock of a root that is gone."""
    if expected.root_first is None:
        return
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


def locked_by_another(profile: Profile, expected: Expected) -> None:
    """anon_vma_free asks, once for each anon_vma that it frees, whether the root is locked."""
    machine, line = grown(profile, 1)
    machine.recorder.user = 0
    machine.exit(machine.fork(line[1]))
    machine.recorder.user = 1
    machine.exit(machine.fork(line[1]))
    machine.recorder.user = None
    assert machine.recorder.might_have_been_locked() == 2 * expected.asks


CHECKS: tuple[Callable[[Profile, Expected], None], ...] = (
    lock_class,
    first_write,
    neighbour,
    fork_and_exit,
    only_child,
    copied,
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
