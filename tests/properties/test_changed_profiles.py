"""Every change of a profile by one step is noticed by the checks of tests/model, and no profile passes for another."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from kit.model.errors import ModelError, OutOfMemoryError
from kit.model.profiles import PROFILES
from kit.model.steps import CELLS, Cell, MergeRule, Over, Pass, Profile, Removal, Step
from tests.model.expectations import Check
from tests.model.test_profiles import all_checks

SIBLINGS = {
    Step.LOCK: Step.LOCK_ONCE,
    Step.LOCK_ONCE: Step.LOCK,
    Step.UNLOCK: Step.UNLOCK_HELD,
    Step.UNLOCK_HELD: Step.UNLOCK,
    Step.ALLOC_KERNEL: Step.ALLOC_NOWAIT,
    Step.ALLOC_NOWAIT: Step.ALLOC_KERNEL,
    Step.PUT_EMPTY: Step.PUT_ENTRY,
    Step.LOCK_SHARED: Step.TRY_LOCK_SHARED,
    Step.TRY_LOCK_SHARED: Step.LOCK_SHARED,
    Step.UNPIN_LOCKING: Step.UNPIN,
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


def failure_mutants(cell: Cell) -> Iterator[tuple[str, Cell]]:
    steps = cell.failure
    for i, step in enumerate(steps):
        yield f"without failing {step.name}", dataclasses.replace(cell, failure=steps[:i] + steps[i + 1 :])
    if steps[:1] in {(Step.FORGET,), (Step.FORGET_UNCOUNTED,), (Step.UNLOCK_HELD,)}:
        yield "failing: other order", dataclasses.replace(cell, failure=steps[::-1])
    if Step.FORGET_UNCOUNTED in steps:
        yield "failing: FORGET for FORGET_UNCOUNTED", dataclasses.replace(cell, failure=(Step.FORGET, *steps[1:]))


def flag_mutants(row: Profile) -> Iterator[tuple[str, Profile]]:
    """Everything that is not a sequence of steps, changed to each other value."""
    merging, tables = row.merging, row.tables
    for rule in set(MergeRule) - {merging.rule}:
        yield f"merging {rule}", dataclasses.replace(row, merging=dataclasses.replace(merging, rule=rule))
    for removal in set(Removal) - {merging.removal}:
        yield f"merging {removal}", dataclasses.replace(row, merging=dataclasses.replace(merging, removal=removal))
    for flag in ("middle_stays", "copy_imports", "unaccounts", "grow_merges"):
        other: dict[str, Any] = {flag: not getattr(merging, flag)}
        if flag == "copy_imports" and merging.rule is MergeRule.TARGET_SINGULAR:
            continue  # what has no anon_vma takes nothing that has one
        yield f"merging: {flag}", dataclasses.replace(row, merging=dataclasses.replace(merging, **other))
    fields = ({"chunk": 576 - tables.chunk}, {"whole": not tables.whole}) if row.move.passes else ()  # nothing locks
    for field in fields:
        changes: dict[str, Any] = field
        yield f"tables: {next(iter(field))}", dataclasses.replace(row, tables=dataclasses.replace(tables, **changes))
    freeing = dataclasses.replace(tables, discard_frees=not tables.discard_frees)
    yield "tables: discard_frees", dataclasses.replace(row, tables=freeing)
    yield "guard page", dataclasses.replace(row, guard_inside=not row.guard_inside)
    yield "wipeonfork", dataclasses.replace(row, wipeonfork=not row.wipeonfork)


def mutants(name: str) -> Iterator[tuple[str, Profile]]:
    row = PROFILES[name]
    yield "another lock class", dataclasses.replace(row, lock_class=row.lock_class + "x")
    yield from flag_mutants(row)
    for cell_name in CELLS:
        for what, cell in (*cell_mutants(row.cells[cell_name]), *failure_mutants(row.cells[cell_name])):
            yield f"{cell_name}: {what}", changed(row, cell_name, cell)


# Steps that change nothing when done again at once, and a pair that says the same in anon_vma_prepare: after OWN the
# anon_vma is the VMA's own.
IDEMPOTENT = {
    *(Step.FIND_MERGEABLE, Step.LOCK_ONCE, Step.UNLOCK_HELD, Step.KEEP_EMPTY, Step.SKIP_UNUSED, Step.FORGET),
    *(Step.DONE_IF_REUSED, Step.REUSE_CHILDLESS, Step.DROP_OWN_ACTIVE, Step.DROP_ACTIVE_IF_OWN),
    *(Step.REUSE_BY_DEGREE, Step.REUSE_CHILDLESS_COUNT, Step.SKIP_OWNLESS, Step.DONE_IF_REUSED_PUT),
    *(Step.ADOPT_ROOT, Step.PUT_EMPTY_UNPINNED, Step.PREPARE_OWN),
}
EQUIVALENT = {f"{step.name} twice" for step in IDEMPOTENT} | {"COUNT_OWN_ACTIVE for COUNT_ACTIVE"}


# Its unlink_anon_vmas uncounts a VMA at the entry of its own anon_vma only: if that was never linked, then nothing.
UNLINKED_ONLY = {"6.1-unbatched": ["clone: failing: other order"]}


@pytest.mark.parametrize("name", PROFILES)
def test_every_changed_cell_is_noticed(name: str) -> None:
    different = [(what, mutant) for what, mutant in mutants(name) if what.split(": ")[-1] not in EQUIVALENT]
    assert list(unnoticed(different, all_checks(name))) == UNLINKED_ONLY.get(name, [])


NOTICED: dict[str, int] = {}
"""A change, or the cell that it is of → the number of the check that noticed it last, perhaps in another profile."""


def unnoticed(changes: Iterable[tuple[str, Profile]], every: Sequence[Check]) -> Iterator[str]:
    """The changes that no check notices. Those that are likely to come first; this only saves time."""
    for what, row in changes:
        cell = what.split(": ")[0]
        likely = [NOTICED[key] for key in (what, cell) if key in NOTICED]
        found = next((n for n in (*likely, *range(len(every))) if notices(every[n], row)), None)
        if found is None:
            yield what
        else:
            NOTICED[what] = NOTICED[cell] = found


def notices(check: Check, row: Profile) -> bool:
    try:
        check(row)
    except (AssertionError, ModelError, OutOfMemoryError, pytest.fail.Exception):
        return True
    return False


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_passes_for_another(name: str) -> None:
    others = [(other, row) for other, row in PROFILES.items() if passes(row) != passes(PROFILES[name])]
    assert list(unnoticed(others, all_checks(name))) == []


def passes(row: Profile) -> object:
    merging = dataclasses.replace(row.merging, source=row.lock_source)
    return row.lock_class, merging, [cell.passes for cell in row.cells.values()]
