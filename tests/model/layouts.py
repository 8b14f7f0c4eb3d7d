"""The cost of splitting and merging VMAs, worked out by hand from vma_adjust and vma_merge of each generation.

Read for it: mm/mmap.c of 2.6.38 (blob 2ec8eb5a9cdd), 3.0.1 (d49736ff8a8d), 3.8 (d1e4124f3d0e), 3.19.8 (0bc66f1e9637),
6.0.1 (9d780f415be3) and Debian's 6.1.192, mm/vma.c of 6.12 (7621384d64cf) and 7.0 (c8df5f561ad7). The case numbers are
those of the comment above vma_merge. Everything is about one region of four pages, and chains of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from kit.model.machine import Machine, addresses
from kit.model.recorder import Recorder
from kit.model.state import Mm
from kit.model.steps import Profile

from .scenes import spent

GENERATION = {
    **dict.fromkeys(("2.6.38", "2.6.38-ksm"), "2.6.38"),
    **dict.fromkeys(("3.0-rc1", "3.0-637fbbf", "3.0-eee2acba", "3.0-dd34739c"), "3.0"),
    **dict.fromkeys(("3.8", "3.19"), "3.8"),
    "6.0": "6.0",
    **dict.fromkeys(("6.1", "6.1-unbatched-clone", "6.1-unbatched"), "6.1"),
    "6.12": "6.12",
    "7.0": "7.0",
}

Cost = dict[str, int]
ALL = ("2.6.38", "3.0", "3.8", "6.0", "6.1", "6.12", "7.0")


def every(**cost: int) -> dict[str, Cost]:
    return dict.fromkeys(ALL, cost)


NOTHING: Cost = {}
MERGED: Cost = {"clone": 1, "adjust": 1, "unlink": 1}

# What was done before, what is measured, and its cost. A word is `write PAGE`, `ro FIRST COUNT`, `rw …`,
# `keep …` (MADV_DONTFORK for a part) or `munmap …`.
SCENES: dict[str, tuple[str, str, dict[str, Cost]]] = {
    # __split_vma: the upper part is new (new_below 0), vm_start stays: 3.0 takes no lock to adjust, 2.6.38 does.
    "split low": ("write 0", "ro 0 1", every(clone=1, adjust=1) | {"3.0": {"clone": 1}}),
    # The lower part is new: vm_start moves.
    "split high": ("write 0", "ro 3 1", every(clone=1, adjust=1)),
    # mprotect_fixup splits below, then above.
    "split both": ("write 0", "ro 1 1", every(clone=2, adjust=2) | {"3.0": {"clone": 2, "adjust": 1}}),
    "split nothing written": ("", "ro 1 1", every()),
    # do_munmap splits below (vm_start stays), then above (it moves), and detaches the middle.
    "munmap middle": (
        *("write 0", "munmap 1 2"),
        every(clone=2, adjust=2, unlink=1) | {"3.0": {"clone": 2, "adjust": 1, "unlink": 1}},
    ),
    "munmap all": ("write 0", "munmap 0 4", every(unlink=1)),
    "munmap two VMAs": ("write 0; ro 0 1", "munmap 0 4", every(unlink=2)),
    # Case 8: both have the same anon_vma; one goes.
    "merge with next": ("write 0; ro 0 1", "rw 0 1", every(adjust=1, unlink=1)),
    # Case 7.
    "merge with previous": ("write 0; ro 3 1", "rw 3 1", every(adjust=1, unlink=1)),
    # Case 6: the lock is taken for each VMA that goes ("goto again") until the maple tree came (6.1).
    "merge with both": (
        *("write 0; ro 1 1", "rw 1 1"),
        every(adjust=2, unlink=2) | {new: {"adjust": 1, "unlink": 2} for new in ("6.1", "6.12", "7.0")},
    ),
    # Cases 5 and 4: only the boundary moves.
    "boundary up": ("write 0; ro 0 1", "ro 1 1", every(adjust=1)),
    "boundary down": ("write 0; ro 3 1", "ro 2 1", every(adjust=1)),
    # Case 4 where only the next VMA has an anon_vma: since 3.7 (bf181b9f9d8d) its lock is taken instead.
    "boundary down, next written": (
        *("ro 0 2; write 3", "rw 1 1"),
        every(adjust=1) | dict.fromkeys(("2.6.38", "3.0"), NOTHING),
    ),
    # Case 8 where only the next VMA has an anon_vma: before 4.9 the VMA that had none stays, and imports it.
    "unwritten merges with next": (
        *("ro 0 1; write 2", "rw 0 1"),
        every(adjust=1) | dict.fromkeys(("2.6.38", "3.0", "3.8"), MERGED),
    ),
    # Case 7 where only the VMA that goes has one: 3.0 to 6.12 want a chain of one on the VMA that stays.
    "written merges with unwritten": (
        *("keep 0 1; write 2", "keep 1 3"),
        dict.fromkeys(ALL, NOTHING) | dict.fromkeys(("2.6.38", "7.0"), MERGED),
    ),
    # Likewise, but 6.12 and 7.0 do not account for what was made read-only before it was written to: flags differ.
    "written merges with unwritten, read-only": (
        *("ro 0 1; write 2", "ro 1 3"),
        dict.fromkeys(ALL, NOTHING) | {"2.6.38": MERGED},
    ),
    # Case 8 with the next one written, read-only; before 4.9 the VMA that had no anon_vma takes its place (and in
    # 2.6.38 had merged with it before: one goes, none is cloned).
    "read-only again merges with written": (
        *("ro 0 2; write 2; ro 2 2; rw 0 2", "ro 0 2"),
        {
            **{"2.6.38": {"adjust": 1, "unlink": 1}, "3.0": MERGED, "3.8": MERGED},
            **{"6.0": {"adjust": 1}, "6.1": {"adjust": 1}, "6.12": NOTHING, "7.0": NOTHING},
        },
    ),
    # Case 6 where only the last has one: 6.0 imports once, but locks twice; before it the first turn has no lock.
    "two unwritten merge with next": (
        *("ro 1 1; write 3", "rw 1 1"),
        dict.fromkeys(ALL, MERGED) | {"6.0": {"clone": 1, "adjust": 2, "unlink": 1}},
    ),
}


def do(machine: Machine, mm: Mm, words: str) -> None:
    for line in filter(None, words.split("; ")):
        what, *numbers = line.split()
        first, count = int(numbers[0]), int(numbers[-1])
        if what == "write":
            machine.write(mm, 0, first)
        elif what == "munmap":
            machine.munmap(mm, 0, first, count)
        elif what == "keep":
            machine.mmap.change(mm, *addresses(0, first, count), None, "dontfork")
        else:
            machine.mprotect(mm, 0, first, count, what)


def layout_checks(name: str) -> Iterator[Callable[[Profile], None]]:
    """Each compares splits and merges with the table; it raises AssertionError or ModelError if they differ."""
    for scene in SCENES:
        yield partial(costs_as_told, name=name, scene=scene)
    yield partial(cloned_from_parent, name=name)


def costs_as_told(profile: Profile, name: str, scene: str) -> None:
    """A row of the table."""
    before, act, costs = SCENES[scene]
    machine = Machine(profile, Recorder(trace=[]))
    mm = machine.spawn(())
    machine.map(mm, 0, 4)
    do(machine, mm, before)
    machine.check()
    assert spent(machine, partial(do, machine, mm, act)) == costs[GENERATION[name]]
    machine.check()
    machine.exit(machine.fork(mm))
    machine.exit(mm)
    machine.check()


def cloned_from_parent(profile: Profile, name: str) -> None:
    """After a fork, chains have two entries: only 2.6.38 still merges a written VMA with an unwritten one."""
    machine = Machine(profile, Recorder(trace=[]))
    mm = machine.spawn(())
    machine.map(mm, 0, 4)
    do(machine, mm, "ro 0 1; write 2")
    child = machine.fork(mm)
    do(machine, child, "ro 1 3")
    assert len(child.vmas) == (1 if GENERATION[name] == "2.6.38" else 2)
    machine.check()
