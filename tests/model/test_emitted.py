"""Counterexamples as programs for guests: the counting model finds in them what the explorer found."""

from __future__ import annotations

import pytest

from kit.model.errors import ModelError
from kit.model.explore.emitted import emitted
from kit.model.explore.engine import Engine, Move
from kit.model.explore.findings import Finding, Scene
from kit.model.explore.starts import perform, read_op
from kit.model.parse import parse_program
from kit.model.predict import Prediction, run
from kit.model.profiles import PROFILES
from kit.model.variants import known


def finding(history: str, *tasks: str, moves: tuple[Move, ...] = ()) -> Finding:
    """A finding, as far as it is written out: its scene and the decisions."""
    ops = tuple(read_op(op.strip()) for op in history.split(",") if op.strip())
    return Finding("r", "s", Scene(ops, tuple((read_op(task),) for task in tasks)), moves, ())


@pytest.mark.parametrize("name", ["naive-unlink", "naive-unlink-6.1"])
def test_the_naive_unlink_s_program_waits_for_itself(name: str) -> None:
    program = emitted(finding("write P", "exit P"))
    assert program.text() == "map 0 4\nwindow found\nfork\nwrite 0 0\nend\nend\n"
    with pytest.raises(ModelError, match=r"deadlock: free of .* which unlink holds"):
        run(program, (), known(name))
    assert run(program, (), "6.1").windows


def test_637fbbf_s_program_allocates_under_the_lock() -> None:
    program = emitted(finding("write P, fork P", "fork P.1"))
    assert run(program, (), "3.0-637fbbf").hazards
    assert not run(program, (), "3.0-dd34739c").hazards


# Every way in which processes are told: waited for, held, released, orphaned; and VMAs that change.
WHOLE = {
    "write P, exit P": "fork write",
    "write P, fork P, exit P.1, exit P": "fork write fork end",
    "write P, fork P, write P.1, exit P, exit P.1": "fork write orphan end",
    "write P, fork P, fork P.1, exit P.1, exit P.1.1, exit P": "fork write fork orphan end",
    "write P, fork P, fork P, exit P.2, exit P.1, exit P": "fork write hold end fork end release",
    "write P, fork P, split P.1, unmap P.1, split P, exit P.1, exit P": "fork write hold mprotect munmap end mprotect",
    "write P, split P, merge P, fork P, exit P.1, exit P": "fork write mprotect mprotect fork end",
    "write P, split P, write P, unmap P 1, exit P": "fork write mprotect munmap",
}


@pytest.mark.parametrize("history", WHOLE)
@pytest.mark.parametrize("name", ["3.8", "6.1", "7.0"])
def test_a_program_takes_the_locks_that_its_scene_takes(history: str, name: str) -> None:
    program = emitted(finding(history))
    words = [line.split()[0] for line in program.text().splitlines()[2:]]
    assert " ".join(words).startswith(WHOLE[history])
    assert parse_program(program.text()) == program
    engine = Engine(PROFILES[name])
    engine.mute("no anon_vma is freed before one that reads it")
    w = engine.fresh()
    for op in history.split(","):
        perform(engine, w, read_op(op.strip()))
    window = run(program, (), name).windows["found"]
    assert isinstance(window, Prediction)
    assert window.low == sum(event.what == "lock" for event in w.events())


def test_what_moves_goes_to_a_region_of_its_own() -> None:
    program = emitted(finding("write P, split P, move P 1, move P", "exit P"))
    moved = [line for line in program.text().splitlines() if line.startswith("mremap")]
    assert moved == ["mremap 0 2 2 1", "mremap 0 0 2 2"]


@pytest.mark.parametrize(
    ("history", "tasks", "why"),
    [
        ("write P", ("exit P", "migrate P"), "several tasks at once"),
        ("write P", ("migrate P",), "reclaim and migration"),
        ("write P", ("expand P",), "no stack"),
        ("write P, fork P, split P.1, split P, move P.1", ("exit P",), "take turns"),
        ("write P, split P, split P 1", ("exit P",), "cannot be split any further"),
        ("split P, write P 1", ("exit P",), "read-only"),
        ("write P, fork P, fork P, split P", ("exit P.1",), "end together"),
    ],
)
def test_what_no_program_does_is_refused(history: str, tasks: tuple[str, ...], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        emitted(finding(history, *tasks))


def test_a_failing_allocation_is_refused() -> None:
    with pytest.raises(ModelError, match="allocation that fails"):
        emitted(finding("write P", "fork P", moves=(Move(0, fails=True),)))
