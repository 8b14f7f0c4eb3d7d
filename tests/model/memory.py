"""The cost of growing, moving, walking and failing, worked out by hand from each generation's source.

Read for it, besides the files that layouts.py and expectations.py name: mm/mremap.c (blobs 1de98d492ddc, 506fa44403df,
e1031e1f6a61, 17fa018f5f39, b522cd0259a0, 6.1.192's, dee98ff2bbd6, 2be876a70cc0), and mm/memory.c, mm/migrate.c and
fs/exec.c of the same kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from kit.model.errors import ModelError, OutOfMemoryError
from kit.model.machine import Machine
from kit.model.recorder import Recorder
from kit.model.state import AnonVma, Mm, Vma
from kit.model.steps import Profile

from .expectations import U1, Expected
from .layouts import GENERATION
from .scenes import WORKER, grown, seen, spent, started

OLD = ("2.6.38", "3.0")  # mremap needs no lock of a walk's order; a boundary's end moves without one
GUARDED = ("2.6.38", "3.0", "3.8")  # 3.19 is of generation 3.8 here
NEVER: frozenset[int] = frozenset()
ALWAYS = frozenset(range(1, 1000))


def memory_checks(name: str, expected: Expected) -> Iterator[Callable[[Profile], None]]:
    """Each compares other cells with what was worked out; it raises AssertionError or ModelError if they differ."""
    for check in CHECKS:
        yield lambda row, check=check: check(row, GENERATION[name], expected)
    for scene in (failing_write, failing_fork, failing_reuse, failing_split):
        for nowait in (NEVER, ALWAYS):
            yield partial(failures, scene=scene, nowait=nowait)


def region(profile: Profile, pages: int, *touched: int) -> tuple[Machine, Mm]:
    """A process with region 0 of that length, and these pages written to."""
    machine = Machine(profile, Recorder(trace=[]))
    mm = machine.spawn(())
    machine.map(mm, 0, pages)
    for page in touched:
        machine.write(mm, 0, page)
    return machine, mm


class Stolen(Recorder):
    """If there is a thief, a lock that is released is at once found taken by somebody else."""

    thief = ""

    def unlock(self, operation: str, vma: Vma, anon_vma: AnonVma) -> None:
        super().unlock(operation, vma, anon_vma)
        if self.thief:
            self.held[anon_vma.root] = self.thief


# The stack, execve and the break


def stack_growth(profile: Profile, _generation: str, _expected: Expected) -> None:
    """expand_downwards: one acquisition a page, for a chain of any length; first of all the stack gets an anon_vma."""
    machine = Machine(profile, Recorder(trace=[]))
    child = machine.fork(machine.spawn(WORKER))
    assert spent(machine, partial(machine.stack, child, 3)) == {"expand": 3}
    assert child.vmas[4].end - child.vmas[4].start == (33 + 3) * 4096
    machine.check()
    bare = Machine(profile, Recorder(trace=[]))
    fresh = bare.spawn(())
    fresh.insert(Vma(fresh, 0x7FF000, 0x800000, "rw-p", "[stack]"))
    first, second = seen(bare, partial(bare.stack, fresh, 1)).split(" | ")
    assert first.startswith("prepare alloc")
    assert second == "expand lock unlock"
    bare.check()


def execution(profile: Profile, generation: str, expected: Expected) -> None:
    """First page of arguments 1, and 1 for the guard page that it is, if that belongs to the VMA; shift up and down 2
    (3.0, 2.6.38: the second moves vm_end alone: 1); expansion 1; data and bss 1 each; the old mm's VMAs go."""
    machine = Machine(profile, Recorder(trace=[]))
    child = machine.fork(machine.spawn(WORKER))
    cost = spent(machine, partial(machine.execute, child, WORKER))
    assert cost.pop("free", 0) == 3 * expected.drops_under_lock
    assert cost == {
        "unlink": 3 * (2 if expected.unlink == U1 else 1),
        "prepare": 3,
        "expand": 1 + (generation in GUARDED),
        "adjust": 1 if generation in OLD else 2,
    }
    assert [len(vma.chain) for vma in child.vmas if vma.chain] == [1, 1, 1]
    machine.check()
    assert spent(machine, partial(machine.exit, child)) == {"unlink": 3}
    machine.check()


def program_break(profile: Profile, generation: str, expected: Expected) -> None:
    """What is added merges with a written break while its chain is singular; in 2.6.38 a child's too. Shrinking is
    munmap: a split that keeps vm_start, and an unlink."""
    machine, mm = region(profile, 1)
    assert spent(machine, partial(machine.brk, mm, 2)) == {}
    assert spent(machine, partial(machine.writebrk, mm, 0)) == {"prepare": 1}
    end_only = {} if generation in OLD else {"adjust": 1}
    assert spent(machine, partial(machine.brk, mm, 3)) == end_only
    child = machine.fork(mm)
    assert spent(machine, partial(machine.brk, child, 4)) == {}
    assert len(child.vmas) == (2 if generation == "2.6.38" else 3)
    assert spent(machine, partial(machine.writebrk, child, 3)) == ({} if generation == "2.6.38" else {"prepare": 1})
    machine.check()
    split = {"clone": 1, "unlink": 1} | ({} if generation == "3.0" else {"adjust": 1})
    assert spent(machine, partial(machine.brk, mm, 1)) == split
    machine.brk(mm, 0)
    machine.check()


def mapping_beside(profile: Profile, _generation: str, _expected: Expected) -> None:
    """mmap_region before what is left of an earlier mapping: vm_start moves; in a child the chain is not singular."""
    machine, mm = region(profile, 4, 2)
    machine.munmap(mm, 0, 0, 2)
    child = machine.fork(mm)
    assert spent(machine, partial(machine.map, mm, 0, 2)) == {"adjust": 1}
    machine.map(child, 0, 2)
    assert (len(mm.vmas), len(child.vmas)) == (1, 1 if profile.merging.rule.name == "ANY" else 2)
    machine.check()


def file_mapping(profile: Profile, _generation: str, _expected: Expected) -> None:
    """The first write to a private file mapping (do_cow_fault) prepares; no file's VMA shares with anonymous memory."""
    machine, mm = region(profile, 1)
    machine.mapfile(mm, 1, 4)
    assert spent(machine, partial(machine.write, mm, 1, 0)) == {"prepare": 1}
    machine.munmap(mm, 1, 0, 2)
    machine.map(mm, 1, 2)
    assert spent(machine, partial(machine.write, mm, 1, 0)) == {"prepare": 1}
    assert len({vma.anon_vma for vma in mm.vmas}) == 3
    machine.check()


# mremap


def moves(profile: Profile, generation: str, _expected: Expected) -> None:
    """copy_vma clones; do_munmap of the source splits and unlinks. Back beside the rest it merges: vm_start moves, and
    since 3.7 the page table goes under the lock; what was never written has no lock."""
    machine, mm = region(profile, 4, 0)
    assert spent(machine, partial(machine.move, mm, 0, 0, 4, 1)) == {"clone": 1, "unlink": 1}
    machine.move(mm, 1, 0, 4, 0)
    adjusted = 1 if generation == "3.0" else 2  # below the part vm_start stays, above it moves
    assert spent(machine, partial(machine.move, mm, 0, 1, 2, 1)) == {"clone": 3, "adjust": adjusted, "unlink": 1}
    machine.check()
    machine, mm = region(profile, 4, 0)
    machine.move(mm, 0, 0, 1, 1)
    back = {"adjust": 1, "unlink": 1} | ({} if generation in OLD else {"move": 1})
    assert spent(machine, partial(machine.move, mm, 1, 0, 1, 0)) == back
    assert len(mm.vmas) == 1
    machine.check()
    machine, mm = region(profile, 4)
    machine.move(mm, 0, 0, 1, 1)
    assert spent(machine, partial(machine.move, mm, 1, 0, 1, 0)) == {}
    assert len(mm.vmas) == 1


def copy_beside_unwritten(profile: Profile, generation: str, _expected: Expected) -> None:
    """A written VMA comes back beside one that was mapped anew. 7.0 merges, and clones the mover's chain for it; 2.6.38
    merges without; 3.0 to 6.12 do not merge."""
    machine, mm = region(profile, 4, 0)
    machine.move(mm, 0, 0, 4, 1)
    machine.map(mm, 0, 8)
    machine.munmap(mm, 0, 0, 4)
    cost = spent(machine, partial(machine.move, mm, 1, 0, 4, 0))
    expected = {"2.6.38": {"unlink": 1}, "7.0": {"clone": 1, "adjust": 1, "move": 1, "unlink": 1}}
    assert cost == expected.get(generation, {"clone": 1, "unlink": 1})
    assert len(mm.vmas) == (1 if generation in expected else 2)
    machine.check()


def page_tables(profile: Profile, generation: str, _expected: Expected) -> None:
    """A table of 512 pages that moves whole: under the lock since 5.0. Parts: 3.8 and 3.19 lock for each 64 pages."""
    chunks = generation == "3.8"
    machine, mm = region(profile, 1024, 0)
    whole = {} if generation in (*OLD, "3.8") else {"move": 1}
    assert spent(machine, partial(machine.move, mm, 0, 0, 1024, 1)) == {"clone": 1, "unlink": 1} | whole
    machine.write(mm, 1, 1023)
    twice = {} if generation in (*OLD, "3.8") else {"move": 2}
    assert spent(machine, partial(machine.move, mm, 1, 0, 1024, 2)) == {"clone": 1, "unlink": 1} | twice
    machine, mm = region(profile, 200, 0)
    machine.move(mm, 0, 0, 130, 1)
    back = spent(machine, partial(machine.move, mm, 1, 0, 130, 0))
    assert back.get("move", 0) == (0 if generation in OLD else 3 if chunks else 1)
    machine, mm = region(profile, 1024, 0)
    machine.munmap(mm, 0, 1, 511)  # the table stays
    machine.move(mm, 0, 512, 512, 1)  # no table there
    assert mm.tables == {(1 << 40) // (2 << 20)}
    machine.munmap(mm, 0, 0, 1)
    assert not mm.tables


def discarded(profile: Profile, generation: str, _expected: Expected) -> None:
    """MADV_DONTNEED locks nothing, and keeps VMA, anon_vma and tables; 7.0 frees the tables that it empties whole."""
    machine, mm = region(profile, 1024, 0, 600)
    assert spent(machine, partial(machine.discard, mm, 0, 0, 600)) == {}
    machine.write(mm, 0, 1)
    machine.discard(mm, 0, 0, 1024)
    machine.write(mm, 0, 600)
    assert machine.rmap.alive == 1
    assert len(mm.tables) == (1 if generation == "7.0" else 2)
    cost = spent(machine, partial(machine.move, mm, 0, 0, 512, 1))
    assert cost.get("move", 0) == (generation in ("6.0", "6.1", "6.12"))
    back = spent(machine, partial(machine.move, mm, 1, 0, 512, 0))
    assert back.get("move", 0) == {"3.8": 8, "6.0": 1, "6.1": 1, "6.12": 1}.get(generation, 0)


def grows(profile: Profile, generation: str, _expected: Expected) -> None:
    """mremap in place moves vm_end; since 6.1 it merges with what it then touches."""
    machine, mm = region(profile, 8, 0)
    machine.munmap(mm, 0, 2, 2)
    end_only = {} if generation in OLD else {"adjust": 1}
    assert spent(machine, partial(machine.grow, mm, 0, 3)) == end_only
    child = machine.fork(mm)
    merges = generation not in (*OLD, "3.8", "6.0")
    assert spent(machine, partial(machine.grow, mm, 0, 4)) == end_only | ({"unlink": 1} if merges else {})
    assert len(mm.vmas) == (1 if merges else 2)
    assert spent(machine, partial(machine.grow, child, 0, 4)).get("adjust", 0) == len(end_only)
    machine.check()


def wiping(profile: Profile, generation: str, _expected: Expected) -> None:
    """MADV_WIPEONFORK came with 4.14."""
    machine, mm = region(profile, 1, 0)
    if generation in GUARDED:
        with pytest.raises(ModelError, match="does not know it"):
            machine.madvise(mm, 0, "wipeonfork")
    else:
        machine.madvise(mm, 0, "wipeonfork")
        assert spent(machine, partial(machine.fork, mm)) == {}


# Walks


def walks(profile: Profile, generation: str, _expected: Expected) -> None:
    """A walk meets the VMAs attached to the page's anon_vma: of the eldest's page all, of the youngest's one. Its lock
    is exclusive before 3.8; migration walks twice, and 2.6.38 locks twice more to get and drop its reference."""
    machine, line = grown(profile, 2)
    vmas = [mm.vmas[0] for mm in line]
    mode = "write" if generation in OLD else "read"
    for how in ("referenced", "unmap", "migrate"):
        turns = 2 if how == "migrate" else 1
        if how == "migrate" and not profile.migrate.passes:
            assert not profile.pins_root
            continue
        machine.recorder.counts.clear()
        assert machine.walk(vmas[0], how) == vmas * turns
        root_locks = turns + (1 if how == "migrate" and generation == "2.6.38" else 0)
        assert machine.recorder.counts == {(how, mode): root_locks}
        assert machine.walk(vmas[2], how) == vmas[2:] * turns
        leaf_locks = root_locks + (1 if how == "migrate" and generation == "2.6.38" else 0)
        assert machine.recorder.counts == {(how, mode): root_locks + leaf_locks}
        machine.check()


def contended(profile: Profile, generation: str, _expected: Expected) -> None:
    """Since 5.19 reclaim only tries the lock when it asks whether a page was used; unmapping waits for it."""
    machine, line = grown(profile, 1)
    vma = line[1].vmas[0]
    assert vma.anon_vma is not None
    machine.recorder.held[vma.anon_vma.root] = "somebody else"
    machine.recorder.counts.clear()
    if generation in (*OLD, "3.8"):
        with pytest.raises(ModelError, match="deadlock: referenced"):
            machine.walk(vma, "referenced")
    else:
        assert machine.walk(vma, "referenced") == []
        assert not machine.recorder.counts
    for how in ("unmap", "migrate") if profile.migrate.passes else ("unmap",):
        with pytest.raises(ModelError, match=f"deadlock: {how}"):
            machine.walk(vma, how)


def migration(profile: Profile, generation: str, _expected: Expected) -> None:
    """The reference is got before the first walk, dropped after the second; 2.6.38 gets it under the lock."""
    if not profile.migrate.passes:
        return
    machine, line = grown(profile, 0)
    walk = "lock walk unlock lock walk unlock"
    whole = f"lock pin unlock {walk} unpin lock unlock" if generation == "2.6.38" else f"pin {walk} unpin"
    assert seen(machine, partial(machine.walk, line[0].vmas[0], "migrate")) == f"migrate {whole}"
    stolen = Stolen(trace=[])
    other = Machine(profile, stolen)
    mm = other.spawn(())
    other.map(mm, 0, 1)
    other.write(mm, 0, 0)
    stolen.thief = "somebody else"
    with pytest.raises(ModelError, match="deadlock: migrate"):
        other.walk(mm.vmas[0], "migrate")


# Allocations that fail


def failures(profile: Profile, scene: Scene, nowait: frozenset[int]) -> None:
    """Each GFP_KERNEL allocation of a call fails once: all is undone, no lock is held, and the next call works."""
    attempt = 1
    while fails(profile, scene, attempt, nowait):
        attempt += 1
    assert attempt > 1 or not nowait  # GFP_NOWAIT comes first in some


Scene = Callable[[Profile], tuple[Machine, Callable[[], object]]]


def fails(profile: Profile, scene: Scene, attempt: int, nowait: frozenset[int]) -> bool:
    """Whether the scene has that many allocations; if so, that one fails, and nothing may be different afterwards."""
    machine, act = scene(profile)
    before, alive = machine.fingerprint(), machine.rmap.alive
    recorder = machine.recorder
    recorder.fail_nowait = nowait
    recorder.fail_kernel = frozenset({recorder.kernel + attempt})
    try:
        act()
    except OutOfMemoryError:
        machine.check()
        assert (machine.fingerprint(), machine.rmap.alive) == (before, alive)
        act()
        machine.check()
        return True
    machine.check()
    return False


def failing_write(profile: Profile) -> tuple[Machine, Callable[[], object]]:
    machine, mm = started(profile)
    return machine, partial(machine.write, mm, 0, 0)


def failing_fork(profile: Profile) -> tuple[Machine, Callable[[], object]]:
    machine, line = grown(profile, 1)
    machine.map(line[1], 1, 1)
    machine.write(line[1], 1, 0)
    return machine, partial(machine.fork, line[1])


def failing_reuse(profile: Profile) -> tuple[Machine, Callable[[], object]]:
    """An ancestor's anon_vma is free for reuse, and entries come after it."""
    machine, line = grown(profile, 3)
    machine.exit(line[1])
    return machine, partial(machine.fork, line[3])


def failing_split(profile: Profile) -> tuple[Machine, Callable[[], object]]:
    machine, line = grown(profile, 1)
    return machine, partial(machine.mprotect, line[1], 0, 3, 1, "ro")


def forgotten(profile: Profile, _generation: str, _expected: Expected) -> None:
    """A clone that fails leaves no anon_vma with the copy that is not counted there (3fe89b3e2a7b, 3a206a8649f8)."""
    machine, line = grown(profile, 1)
    copy = line[1].vmas[0].copy()
    recorder = machine.recorder
    recorder.fail_nowait = ALWAYS
    recorder.fail_kernel = frozenset({recorder.kernel + 1})
    with pytest.raises(OutOfMemoryError):
        machine.rmap.clone(copy, line[1].vmas[0])
    assert copy.anon_vma is None or not profile.counters
    machine.check()


CHECKS: tuple[Callable[[Profile, str, Expected], None], ...] = (
    *(walks, contended, migration, wiping),  # the quick ones first: most mutants end there
    *(stack_growth, execution, program_break, mapping_beside, file_mapping),
    *(moves, copy_beside_unwritten, page_tables, discarded, grows, forgotten),
)
