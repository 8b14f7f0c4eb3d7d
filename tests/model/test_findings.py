"""Counterexamples that stay short: a start may hold what an operation left behind that failed."""

from __future__ import annotations

import pytest

from kit.model.errors import ModelError
from kit.model.explore import asked
from kit.model.explore.emitted import emitted
from kit.model.explore.engine import Engine, Move
from kit.model.explore.findings import MOST, Finding, Scene, replay, retraced
from kit.model.explore.hunt import Hunt, look
from kit.model.explore.invariants import Violation
from kit.model.explore.schedule import random_run
from kit.model.explore.starts import read_op, started
from kit.model.explore.told import lines
from kit.model.explore.world import World
from kit.model.profiles import PROFILES
from kit.model.promela.text import promela
from kit.model.variants import known

ALIKE = "VMAs that own one anon_vma are attached alike"
COUNTERS = "counters say what is so"
RCU = "nobody sleeps in an RCU read-side section"
FREED = "no anon_vma is freed before one that reads it"
GRANDCHILD = "write P, fork P, write P.1, fork P.1, write P.1.1"


def scene(start: str, *tasks: str, fails: int = 0) -> Scene:
    history = tuple(read_op(op) for op in start.split(","))
    return Scene(history, tuple((read_op(task),) for task in tasks), fails)


@pytest.fixture(scope="module")
def late() -> Finding:
    """A split that fails leaves a counter too small; a fork then reuses what is in use. 22 events for both."""
    engine = Engine(known("degree-underflow"))
    engine.mute("only what is no VMA's own is reused")
    return next(look(engine, scene(GRANDCHILD, "split P.1", "fork P.1.1", fails=2), Hunt()))


def test_what_is_done_before_all_else_becomes_part_of_a_long_trace_s_start(late: Finding) -> None:
    assert (late.rule, late.counted) == (ALIKE, 11)
    assert [str(op) for op in late.scene.history] == [*GRANDCHILD.split(", "), "split P.1 failing 2+3"]
    assert [[str(op) for op in ops] for ops in late.scene.tasks] == [["fork P.1.1"]]
    assert late.scene.fails == 0
    assert late.counted <= MOST


def test_its_start_says_what_it_breaks_and_it_replays_from_there(late: Finding) -> None:
    assert COUNTERS in late.muted
    assert f"  the start breaks: {COUNTERS}" in list(lines(late))
    engine = Engine(known("degree-underflow"))
    with pytest.raises(Violation, match=COUNTERS):
        started(engine, late.scene.history)
    engine.mute(*late.muted)
    again = replay(engine, late.scene, late.moves)
    assert again is not None
    assert (again.rule, again.said) == (late.rule, late.said)
    assert retraced(engine, late.scene, late.moves) == late.events


def test_a_failed_operation_of_a_start_does_what_a_task_does_whose_allocations_fail() -> None:
    def left(w: World) -> object:
        return [(av.degree, av.ref, len(av.tree)) for av in w.avs.values()], len(w.entries)

    engine = Engine(PROFILES["3.19"])
    w = scene("write P, fork P", "split P.1", fails=2).world(engine)
    allocations = 0
    while w.tasks[0].calls or w.tasks[0].todo:
        may = engine.may_fail(w, w.tasks[0])
        allocations += may
        w.tasks[0].failed = False
        engine.step(w, Move(0, may and allocations > 1))
    assert left(started(engine, [read_op(op) for op in ("write P", "fork P", "split P.1 failing 2+3")])) == left(w)
    whole = started(engine, [read_op(op) for op in ("write P", "fork P", "split P.1")])
    assert left(whole) != left(w)


@pytest.mark.parametrize(("name", "seed"), [("fork-leaves-attached", 0), ("naive-unlink-spinlock", 44)])
def test_a_task_of_several_operations_is_cut_too(name: str, seed: int) -> None:
    finding = random_run(Engine(known(name)), seed)
    assert finding is not None
    assert finding.counted <= MOST
    engine = Engine(known(name))
    engine.mute(*finding.muted)
    again = replay(engine, finding.scene, finding.moves)
    assert again is not None
    assert (again.rule, again.said) == (finding.rule, finding.said)
    assert "do-" not in "".join(lines(finding))


@pytest.mark.parametrize("text", ["split P.1 failing 2+3", "unmap P 1 failing 1", "fork P"])
def test_an_operation_is_read_as_it_is_told(text: str) -> None:
    assert str(read_op(text)) == text


@pytest.mark.parametrize("text", ["fork P failing", "fork P failing x", "fork P 1+2", "fork P failing 1 2"])
def test_what_says_no_failing_allocation_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is no operation"):
        read_op(text)


def test_only_a_start_says_which_allocations_fail() -> None:
    with pytest.raises(ModelError, match="only a start can say it"):
        asked.read_scene("write P", ["fork P failing 1"])


def test_a_failing_start_is_no_program_and_no_model_of_spin(late: Finding) -> None:
    with pytest.raises(ModelError, match="an allocation that fails"):
        emitted(late)
    with pytest.raises(ModelError, match="no allocation fails"):
        promela(known("degree-underflow"), [late.scene])


# A scene that a user asks for


def test_a_scene_is_searched_on_behind_what_only_warns() -> None:
    ends = f"{GRANDCHILD}, exit P, exit P.1"
    row = asked.scene(known("put-in-rcu"), ends, ["exit P.1.1", "migrate P.1.1"])
    assert [finding.rule for finding in row["findings"]] == [RCU, FREED]
    assert row["known"] == []


def test_a_scene_may_begin_where_a_rule_is_broken_already() -> None:
    row = asked.scene(known("degree-underflow"), f"{GRANDCHILD}, split P.1 failing 2+3", ["fork P.1.1"])
    assert row["known"] == [COUNTERS]
    assert [finding.rule for finding in row["findings"]] == ["only what is no VMA's own is reused", ALIKE]


def test_a_start_that_ends_in_a_deadlock_is_no_start() -> None:
    with pytest.raises(ModelError, match="the start itself breaks a rule: no lock is taken twice by its holder"):
        asked.scene(known("naive-unlink"), "write P, fork P, exit P, exit P.1", ["write P"])
