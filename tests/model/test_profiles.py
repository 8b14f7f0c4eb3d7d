"""Each profile against what was worked out by hand, and the proof that changing a profile is noticed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest

from kit.model.errors import ModelError
from kit.model.profiles import PROFILES, profile
from kit.model.rmap import Rmap
from kit.model.steps import CELLS, Cell, MergeRule, Over, Pass, Profile, Removal, Step

from .expectations import EXPECTED, verify
from .layouts import verify_layout
from .scenes import grown

NEVER_UNVERIFIED = ("6.1", "3.0-rc1", "3.0-637fbbf", "3.0-eee2acba")


@pytest.mark.parametrize("name", PROFILES)
def test_profile_does_what_its_source_does(name: str) -> None:
    verify(PROFILES[name], EXPECTED[name])
    verify_layout(PROFILES[name], name)


@pytest.mark.parametrize("name", NEVER_UNVERIFIED)
def test_these_rows_are_read_from_source(name: str) -> None:
    row = PROFILES[name]
    assert row.lock_source.verified
    assert row.merging.source.verified
    assert all(cell.source.verified for cell in row.cells.values())


def test_each_cell_names_kernel_commit_and_function() -> None:
    for row in PROFILES.values():
        for cell in row.cells.values():
            assert cell.source.kernel
            assert re.search(r"\w+", cell.source.function)
            assert re.fullmatch(r"[0-9a-f]{12}( reversed)?|patches/\S+", cell.source.commit)


def test_each_step_has_its_method() -> None:
    assert [step for step in Step if not hasattr(Rmap, step.name.lower())] == []


def test_unknown_profile_lists_the_known() -> None:
    with pytest.raises(ModelError, match=r"no profile '6\.2'; there are .*3\.0-rc1"):
        profile("6.2")


# Mutation: every cell of the four rows, every way in which it could be wrong by one step.

SIBLINGS = {
    Step.LOCK: Step.LOCK_ONCE,
    Step.LOCK_ONCE: Step.LOCK,
    Step.UNLOCK: Step.UNLOCK_HELD,
    Step.UNLOCK_HELD: Step.UNLOCK,
    Step.ALLOC_KERNEL: Step.ALLOC_NOWAIT,
    Step.ALLOC_NOWAIT: Step.ALLOC_KERNEL,
    Step.PUT_EMPTY: Step.PUT_ENTRY,
    Step.LOCK_ADJUSTED: Step.LOCK_UNLESS_END_OR_INSERT,
    Step.LOCK_UNLESS_END_OR_INSERT: Step.LOCK_UNLESS_END_ONLY,
    Step.LOCK_UNLESS_END_ONLY: Step.LOCK_ADJUSTED,
    Step.COUNT_OWN_ACTIVE: Step.COUNT_ACTIVE,
    Step.COUNT_ACTIVE: Step.COUNT_OWN_ACTIVE,
}
LOCKING = {Step.LOCK, Step.LOCK_ONCE, Step.UNLOCK, Step.UNLOCK_HELD, Step.FREE, Step.PUT_ROOT}
OTHER_WAY = {Over.FORWARD: Over.BACKWARD, Over.BACKWARD: Over.FORWARD}


def step_mutants(steps: tuple[Step, ...]) -> Iterator[tuple[str, tuple[Step, ...]]]:
    for i, step in enumerate(steps):
        yield f"without {step.name}", steps[:i] + steps[i + 1 :]
        yield f"{step.name} twice", steps[: i + 1] + steps[i:]
        if step in SIBLINGS:
            yield f"{SIBLINGS[step].name} for {step.name}", (*steps[:i], SIBLINGS[step], *steps[i + 1 :])
        if i and {step, steps[i - 1]} & LOCKING:
            yield f"{step.name} before {steps[i - 1].name}", (*steps[: i - 1], step, steps[i - 1], *steps[i + 1 :])


def cell_mutants(cell: Cell) -> Iterator[tuple[str, Cell]]:
    for n, one in enumerate(cell.passes):
        if len(cell.passes) > 1:
            yield f"without pass {n}", dataclasses.replace(cell, passes=cell.passes[:n] + cell.passes[n + 1 :])
        others = [(what, Pass(one.over, steps)) for what, steps in step_mutants(one.steps)]
        if one.over in OTHER_WAY:
            others.append((f"pass {n} {OTHER_WAY[one.over]}", Pass(OTHER_WAY[one.over], one.steps)))
        for what, other in others:
            yield what, dataclasses.replace(cell, passes=(*cell.passes[:n], other, *cell.passes[n + 1 :]))


def changed(row: Profile, cell_name: str, cell: Cell) -> Profile:
    fields: dict[str, Any] = {cell_name: cell}
    return dataclasses.replace(row, **fields)


def mutants(name: str) -> Iterator[tuple[str, Profile]]:
    row = PROFILES[name]
    yield "another lock class", dataclasses.replace(row, lock_class=row.lock_class + "x")
    for rule in set(MergeRule) - {row.merging.rule}:
        yield f"merging {rule}", dataclasses.replace(row, merging=dataclasses.replace(row.merging, rule=rule))
    for removal in set(Removal) - {row.merging.removal}:
        yield f"merging {removal}", dataclasses.replace(row, merging=dataclasses.replace(row.merging, removal=removal))
    other = dataclasses.replace(row.merging, middle_stays=not row.merging.middle_stays)
    yield "merging: the other one stays", dataclasses.replace(row, merging=other)
    for cell_name in CELLS:
        for what, cell in cell_mutants(row.cells[cell_name]):
            yield f"{cell_name}: {what}", changed(row, cell_name, cell)


# Steps that change nothing when done again at once, and a pair that says the same in anon_vma_prepare: after OWN the
# anon_vma is the VMA's own.
IDEMPOTENT = {
    *(Step.FIND_MERGEABLE, Step.LOCK_ONCE, Step.UNLOCK_HELD, Step.KEEP_EMPTY, Step.SKIP_UNUSED, Step.FORGET),
    *(Step.DONE_IF_REUSED, Step.REUSE_CHILDLESS, Step.DROP_OWN_ACTIVE, Step.DROP_ACTIVE_IF_OWN),
    *(Step.REUSE_BY_DEGREE, Step.REUSE_CHILDLESS_COUNT, Step.SKIP_OWNLESS, Step.DONE_IF_REUSED_PUT),
    *(Step.ADOPT_ROOT, Step.PUT_EMPTY_UNPINNED),
}
EQUIVALENT = {f"{step.name} twice" for step in IDEMPOTENT} | {"COUNT_OWN_ACTIVE for COUNT_ACTIVE"}


@pytest.mark.parametrize("name", PROFILES)
def test_every_changed_cell_is_noticed(name: str) -> None:
    unnoticed = [what for what, mutant in mutants(name) if survives(mutant, name)]
    assert [what for what in unnoticed if what.split(": ")[-1] not in EQUIVALENT] == []


def survives(mutant: Profile, name: str) -> bool:
    try:
        verify(mutant, EXPECTED[name])
        verify_layout(mutant, name)
    except (AssertionError, ModelError, pytest.fail.Exception):
        return False
    return True


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_passes_for_another(name: str) -> None:
    others = [other for other, row in PROFILES.items() if passes(row) != passes(PROFILES[name])]
    assert [other for other in others if survives(PROFILES[other], name)] == []


def passes(row: Profile) -> object:
    merging = dataclasses.replace(row.merging, source=row.lock_source)
    return row.lock_class, merging, [cell.passes for cell in row.cells.values()]


# The naive second step

NAIVE = Cell(
    (
        Pass(Over.FORWARD, (Step.LOCK_ONCE, Step.REMOVE, Step.PUT_EMPTY, Step.FREE_ENTRY)),
        Pass(Over.ONCE, (Step.UNLOCK_HELD,)),
    ),
    PROFILES["3.0-637fbbf"].unlink.source,
)


def test_one_pass_unlink_deadlocks_on_itself() -> None:
    """What made the second step "much more complicated": freeing inside the lock wants the lock."""
    machine, line = grown(dataclasses.replace(PROFILES["3.0-637fbbf"], unlink=NAIVE), 1)
    with pytest.raises(ModelError, match=r"deadlock: free of region 0 of worker.1 wants .* which unlink .* holds"):
        machine.exit(line[1])


def test_two_passes_do_not() -> None:
    machine, line = grown(PROFILES["3.0-eee2acba"], 1)
    machine.exit(line[1])
    assert machine.rmap.alive == 1
