"""The model compared with its twin on random programs, and properties of every program."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kit.model.errors import ProgramError
from kit.model.parse import parse_program
from kit.model.predict import Prediction, Run, Unmodelled, predict, run
from kit.model.profiles import PROFILES
from kit.model.program import Program
from tests.model.scenes import WORKER, Line
from tests.properties.strategies import layouts, programs, rough_programs
from tests.properties.twin import FORMULAS, recount
from tests.properties.whole import whole_programs


def simple(window: Prediction | Unmodelled) -> object:
    """In the form of the twin's results."""
    if isinstance(window, Unmodelled):
        return None
    return window.low, window.high, {what: n for what, n in window.by_operation.items() if n}


def test_the_twin_knows_every_profile() -> None:
    assert set(FORMULAS) == set(PROFILES)


@settings(max_examples=40, deadline=None)
@given(programs(), layouts(), st.sampled_from(sorted(PROFILES)))
def test_every_program(program: Program, layout: tuple[Line, ...], name: str) -> None:
    """What holds for each program. A program is made once for all of it: to make one takes as long as to run it."""
    short = run(program, layout, name)
    counts_as_the_twin(short, program, layout, name)
    costs_the_same_when_executed_in_full(short, program, layout, name)
    batching_never_costs_more(program, layout)
    assert parse_program(program.text()) == program


def counts_as_the_twin(short: Run, program: Program, layout: tuple[Line, ...], name: str) -> None:
    expected = recount(program, layout, name)
    assert {what: simple(window) for what, window in short.windows.items()} == expected


def costs_the_same_when_executed_in_full(short: Run, program: Program, layout: tuple[Line, ...], name: str) -> None:
    """The counters are right after every operation, and a run ends with a check that nothing is left."""
    full = run(program, layout, name, shortcut=False, checked=True)
    assert full.windows == short.windows
    assert sum(full.hazards.values()) == sum(short.hazards.values())


def batching_never_costs_more(program: Program, layout: tuple[Line, ...]) -> None:
    unbatched, batched = (predict(program, layout, name) for name in ("6.1-unbatched-clone", "6.1"))
    for before, after in zip(unbatched.values(), batched.values(), strict=True):
        assert isinstance(before, Unmodelled) == isinstance(after, Unmodelled)
        if isinstance(before, Prediction) and isinstance(after, Prediction):
            assert after.low <= before.low
            assert before.high - before.low == after.high - after.low


@pytest.mark.parametrize("name", PROFILES)
def test_a_prediction_explains_itself(name: str) -> None:
    program = parse_program("window w\nmap 0 1\nwrite 0 0\nfork\nwrite 0 0\nend\nend")
    found = predict(program, (), name)["w"]
    assert isinstance(found, Prediction)
    assert found.low == found.high == sum(found.by_operation.values()) == sum(found.by_mode.values())


@settings(max_examples=30, deadline=None)
@given(rough_programs(), st.sampled_from(sorted(PROFILES)))
def test_splits_merges_and_orphans_keep_the_counters_right(program: Program, name: str) -> None:
    """Whatever is done to the VMAs, a recount after each operation agrees, and at the end nothing is left."""
    short = run_if_sensible(program, name)
    assume(short is not None)
    assert short is not None
    assert run(program, (), name, shortcut=False, checked=True).windows == short.windows
    assert parse_program(program.text()) == program


@settings(max_examples=20, deadline=None)
@given(whole_programs(), st.sampled_from(sorted(PROFILES)))
def test_the_whole_language_keeps_the_counters_right(program: Program, name: str) -> None:
    """In every generation, a run with recounts after each operation gives the same as one without the shortcut; all is
    given back at the end."""
    assert parse_program(program.text()) == program
    try:
        short = run(program, WORKER, name, shell=WORKER, tool=WORKER)
    except ProgramError:  # made for 6.1: this one merges otherwise, or knows no MADV_WIPEONFORK
        assume(False)
    checked = run(program, WORKER, name, shell=WORKER, tool=WORKER, shortcut=False, checked=True)
    assert checked.windows == short.windows


def run_if_sensible(program: Program, name: str) -> Run | None:
    """None if the program does something senseless, like writing to nothing; a broken rule still raises."""
    try:
        return run(program, (), name)
    except ProgramError:
        return None
