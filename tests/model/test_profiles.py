"""Each profile is compared with what was worked out by hand (tests/properties: every change of one is noticed)."""

from __future__ import annotations

import dataclasses
import re

import pytest

from kit.model.errors import ModelError
from kit.model.profiles import PROFILES, profile
from kit.model.rmap import Rmap
from kit.model.steps import Cell, Over, Pass, Step

from .expectations import EXPECTED, Check, checks
from .layouts import layout_checks
from .memory import memory_checks
from .scenes import grown

NEVER_UNVERIFIED = ("6.1", "3.0-rc1", "3.0-637fbbf", "3.0-eee2acba")


@pytest.mark.parametrize("name", PROFILES)
def test_profile_does_what_its_source_does(name: str) -> None:
    for check in all_checks(name):
        check(PROFILES[name])


def all_checks(name: str) -> list[Check]:
    return [*checks(EXPECTED[name]), *layout_checks(name), *memory_checks(name, EXPECTED[name])]


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


# The naive second step

NAIVE = Cell(
    (
        Pass(Over.FORWARD, (Step.LOCK_ONCE, Step.REMOVE, Step.PUT_EMPTY, Step.FREE_ENTRY)),
        Pass(Over.ONCE, (Step.UNLOCK_HELD,)),
    ),
    PROFILES["3.0-637fbbf"].unlink.source,
)


def test_one_pass_unlink_deadlocks_on_itself() -> None:
    """What made the second step "much more complicated": freeing inside the lock needs the lock."""
    machine, line = grown(dataclasses.replace(PROFILES["3.0-637fbbf"], unlink=NAIVE), 1)
    with pytest.raises(ModelError, match=r"deadlock: free of region 0 of worker.1 wants .* which unlink .* holds"):
        machine.exit(line[1])


def test_two_passes_do_not() -> None:
    machine, line = grown(PROFILES["3.0-eee2acba"], 1)
    machine.exit(line[1])
    assert machine.rmap.alive == 1
