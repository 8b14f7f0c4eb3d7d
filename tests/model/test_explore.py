"""Interleavings checked against the rules: faults of real kernels are found, and nothing in correct kernels."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache

import pytest

from kit.model.errors import ModelError
from kit.model.explore.ahead import CALLS, JUMPS
from kit.model.explore.engine import Engine
from kit.model.explore.findings import Finding, Scene, found, replay, shrunk
from kit.model.explore.hunt import QUICK, STARTS, Hunt, findings, hunt, scenes
from kit.model.explore.invariants import DEADLOCK, WARNINGS, Violation
from kit.model.explore.schedule import random_run
from kit.model.explore.search import explore
from kit.model.explore.starts import meant, perform, read_op, started
from kit.model.explore.told import data, lines
from kit.model.profiles import PROFILES
from kit.model.rmapcells import forward, once
from kit.model.steps import Pass, Profile, Step
from kit.model.variants import VARIANTS, known

from .scenes import started as one_process

AGAIN = "no lock is taken twice by its holder"
RECLAIM = "no allocation that may reclaim under a root's lock"
FREED = "no anon_vma is freed before one that reads it"
REUSE = "only what is no VMA's own is reused"

# What was wrong in kernels that people ran, and what is wrong in those that were not: the rules that find it.
WRONG = {
    "3.0-rc1": (FREED,),
    "3.0-637fbbf": (RECLAIM, FREED),
    "3.0-eee2acba": (RECLAIM, FREED),
    "3.0-dd34739c": (FREED,),
    "3.8": (FREED,),
    "3.19": (REUSE,),
    "naive-unlink": (AGAIN,),
    "naive-unlink-spinlock": (FREED,),
    "naive-unlink-6.1": (AGAIN,),
    "root-first-6.1": (FREED,),
    "clone-keeps-lock": (RECLAIM, AGAIN),
    "degree-underflow": ("counters say what is so",),
    "active-underflow": ("a VMA is attached to what it owns",),
    "put-in-rcu": ("nobody sleeps in an RCU read-side section",),
    "fork-leaves-attached": ("no VMA goes while it is attached",),
}
GOOD = [name for name in PROFILES if name not in WRONG]
SAME = {"6.0": "6.1", "6.12": "6.1"}  # the same steps, read in another kernel


@cache
def finder(name: str) -> tuple[Iterator[Finding], list[Finding]]:
    """The findings in a kernel, searched as far as QUICK goes, and those already found."""
    return findings(known(name), QUICK, Hunt()), []


def sought(name: str, rule: str) -> Finding:
    """The first finding for a rule."""
    coming, made = finder(name)
    while rule not in (found := {finding.rule: finding for finding in made}):
        made.append(next(coming))
    return found[rule]


@pytest.mark.parametrize("name", [name for name in GOOD if name not in SAME])
def test_nothing_is_found_in_a_good_kernel(name: str) -> None:
    seen = hunt(PROFILES[name], QUICK)
    assert {rule: "\n".join(lines(finding)) for rule, finding in seen.findings.items()} == {}
    assert seen.scenes > 7
    assert seen.states > 500


@pytest.mark.parametrize(("name", "other"), SAME.items())
def test_kernels_with_the_same_steps_need_no_look_of_their_own(name: str, other: str) -> None:
    assert steps_of(PROFILES[name]) == steps_of(PROFILES[other])


def steps_of(row: Profile) -> object:
    return [(cell.passes, cell.failure) for cell in row.cells.values()], row.merging.rule, row.lock_class


@pytest.mark.parametrize(("name", "rule"), [(name, rule) for name, rules in WRONG.items() for rule in rules])
def test_what_was_wrong_is_found_and_replays(name: str, rule: str) -> None:
    finding = sought(name, rule)
    assert finding.counted <= 15
    engine = Engine(known(name))
    engine.mute(*finding.muted)
    again = replay(engine, finding.scene, finding.moves)
    assert again is not None
    assert (again.rule, again.said) == (rule, finding.said)


def test_variants_differ_from_their_base_in_steps_only() -> None:
    for variant in VARIANTS.values():
        base = PROFILES[variant.base]
        changed = [name for name, cell in variant.profile.cells.items() if cell != base.cells[name]]
        assert len(changed) == 1
        restored = dataclasses.replace(
            variant.profile, name=base.name, about=base.about, **{changed[0]: base.cells[changed[0]]}
        )
        assert restored == base


def test_rules_do_not_know_the_profile() -> None:
    """A finding is the same under another name, lock class and set of flags."""
    row = known("naive-unlink-6.1")
    other = dataclasses.replace(row, name="x", about="y", wipeonfork=False, guard_inside=True)
    scene = Scene((read_op("write P"),), ((read_op("exit P"),),))
    broken = [explore(Engine(one), scene.world(Engine(one))).broken for one in (row, other)]
    assert broken[0] is not None
    assert broken[1] is not None
    assert broken[0].said == broken[1].said


def test_the_allocation_under_the_lock_came_with_637fbbf_and_went_with_dd34739c() -> None:
    has = [name for name in PROFILES if name.startswith("3.0") and RECLAIM in WRONG[name]]
    assert has == ["3.0-637fbbf", "3.0-eee2acba"]
    finding = sought("3.0-637fbbf", RECLAIM)
    assert [str(op) for op in finding.scene.history] == ["write P", "fork P"]  # a chain of two
    assert finding.events[-1].what == "alloc"


def test_the_cure_of_the_freed_root() -> None:
    """With the order swapped as 624483f3ea82 has it, 3.8 has no finding."""
    cured = dataclasses.replace(PROFILES["3.8"], put=PROFILES["3.19"].put)
    assert hunt(cured, QUICK).findings == {}


# CVE-2022-42703, step by step: two VMAs that grow together own one anon_vma by double reuse, but one is attached to an
# anon_vma that the other is not. Pages of it are left pointing to what is freed when its own family ends.
DANGLING = (
    *("write P", "fork P", "exit P", "fork P.1", "exit P.1", "fork P.1.1", "split P.1.1", "split P.1.1.1"),
    *("fork P.1.1.1", "write P.1.1.1.1 1", "exit P.1.1", "fork P.1.1.1.1", "merge P.1.1.1.1.1"),
    *("exit P.1.1.1", "exit P.1.1.1.1"),
)
LEADS = (
    (REUSE, "fork P.1.1.1.1"),
    ("VMAs that own one anon_vma are attached alike", "fork P.1.1.1.1"),
    ("pages point to what their VMA is attached to", "merge P.1.1.1.1.1"),
    ("no anon_vma is freed while it can be reached", "exit P.1.1.1.1"),
)


def first_broken(engine: Engine, history: Iterable[str]) -> tuple[str, str] | None:
    """The first rule that a history breaks, and in which operation."""
    w = engine.fresh()
    for op in history:
        try:
            perform(engine, w, read_op(op))
        except Violation as violation:
            return violation.rule, op
    return None


def test_double_reuse_leads_to_the_use_after_free_of_its_cve() -> None:
    engine = Engine(PROFILES["3.19"])
    for rule, op in LEADS:
        assert first_broken(engine, DANGLING) == (rule, op)
        engine.mute(rule)
    assert [first_broken(Engine(PROFILES[name]), DANGLING) for name in ("3.0-dd34739c", "6.1", "7.0")] == [None] * 3


# The search


SCENES = (
    ("write P, fork P, write P.1", "exit P", "exit P.1"),
    ("write P, fork P, write P.1", "exit P.1", "fork P"),
    ("write P, fork P, write P.1, exit P", "migrate P.1", "exit P.1"),
    ("write P, fork P, write P.1", "referenced P.1", "unmap P.1"),
)


def scene(start: str, *tasks: str, fails: int = 0) -> Scene:
    history = tuple(read_op(op.strip()) for op in start.split(","))
    return Scene(history, tuple((read_op(task),) for task in tasks), fails)


@pytest.mark.parametrize("name", ["6.1", "3.8", "naive-unlink"])
def test_the_reduction_loses_no_finding(name: str) -> None:
    engine = Engine(known(name))
    for words in SCENES:
        reduced = explore(engine, scene(*words).world(engine))
        whole = explore(engine, scene(*words).world(engine), reduced=False)
        assert reduced.states < whole.states
        assert (reduced.broken is None) == (whole.broken is None)


def test_what_may_jump_is_known() -> None:
    """An action that may continue elsewhere must be in JUMPS; else what a task may still do is misjudged."""
    seen: set[str] = set()
    for name in ("2.6.38-ksm", "3.19", "7.0"):
        lines = [line for cell in Engine(PROFILES[name]).lines.values() for line in cell]
        seen |= {action for action, act, _, _ in lines if "f.at = int(" in source(act)}
    assert seen | {"jump"} <= JUMPS
    assert JUMPS - seen == {"unless_unmapped"}  # put-in-rcu has it


@cache
def source(act: object) -> str:
    return inspect.getsource(act)  # type: ignore[arg-type]


def test_what_calls_is_known() -> None:
    engine = Engine(PROFILES["2.6.38-ksm"])
    for action in {action for cell in engine.lines.values() for action, _, _, _ in cell}:
        text = source(getattr(engine.actions, action))
        called = re.findall(r'self\.call\(w, t, "(\w+)"', text) or ["put"] * ("self._put(" in text)
        assert called == ([CALLS[action]] if action in CALLS else []), action


def test_a_limit_ends_a_search_that_is_not_whole() -> None:
    engine = Engine(PROFILES["6.1"])
    explored = explore(engine, scene(*SCENES[0]).world(engine), reduced=False, limit=100)
    assert not explored.whole
    assert explored.states == 101


def test_three_tasks_in_all_their_interleavings() -> None:
    engine = Engine(PROFILES["6.1"])
    start = STARTS[5]
    assert [len(area.chain) for area in started(engine, start).attached()] == [1, 2, 3]
    three = Scene(start, tuple((read_op(op),) for op in ("exit P", "fork P.1", "exit P.1.1")))
    explored = explore(engine, three.world(engine))
    assert explored.broken is None
    assert explored.states > 20


def test_tasks_that_wait_for_each_other_are_found() -> None:
    """Two roots in opposite order. No real walk takes the child's mmap lock inside, so one is made here."""
    row = PROFILES["6.1"]
    twice = dataclasses.replace(row.unmap, passes=(once(Step.LOCK, Step.VISIT),))
    engine = Engine(dataclasses.replace(row, unmap=twice))
    engine.mute("every lock is released on every path")
    explored = explore(engine, scene("write P", "unmap-walk P", "exit P").world(engine))
    assert explored.broken is not None
    assert explored.broken.rule == DEADLOCK
    assert "task 1 waits in unlink (lock_once)" in explored.broken.said


def test_scenes_leave_out_what_cannot_be() -> None:
    engine = Engine(PROFILES["6.1"])
    pairs = [
        tuple(str(op) for task in one.tasks for op in task) for one in scenes(engine, STARTS[1], ("exit", "fork"), 2, 0)
    ]
    assert pairs == [("fork P", "fork P")]


# One operation after the other is what the counting model does, event by event

TOLD = {"lock", "unlock", "alloc", "nowait", "link", "remove", "free", "reuse", "child+", "child-", "active+"}
TOLD |= {"active-", "degree+", "degree-"}


@pytest.mark.parametrize("name", PROFILES)
def test_it_takes_the_same_steps_as_the_counting_model(name: str) -> None:
    row = PROFILES[name]
    machine, mm = one_process(row)
    machine.write(mm, 0, 0)
    child = machine.fork(mm)
    grandchild = machine.fork(child)
    machine.exit(child)
    last = machine.fork(grandchild)
    machine.exit(grandchild)
    machine.exit(last)
    machine.exit(mm)
    trace = machine.recorder.trace
    assert trace is not None
    engine = Engine(row)
    engine.mute(*WARNINGS)
    w = engine.fresh()
    for op in ("write P", "fork P", "fork P.1", "exit P.1", "fork P.1.1", "exit P.1.1", "exit P.1.1.1", "exit P"):
        perform(engine, w, read_op(op))
    told = [(op_name(e.cell), e.what) for e in w.events() if e.what in TOLD]
    assert told == [(op_name(e.operation), e.what) for e in trace if e.what in TOLD]


def op_name(name: str) -> str:
    """The counting model reports the steps of a put and a free as those of "free"."""
    return {"fork-link": "fork", "put": "free"}.get(name, name)


# Random schedules


def test_a_seed_is_a_schedule() -> None:
    engine = Engine(PROFILES["3.8"])
    seeds = range(12, 40)
    seen = {seed: finding for seed in seeds if (finding := random_run(engine, seed)) is not None}
    assert seen
    seed, finding = next(iter(seen.items()))
    assert finding.rule == FREED
    again = random_run(Engine(PROFILES["3.8"]), seed)
    assert again is not None
    assert data(again) == data(finding)
    assert f"found with seed {seed}" in "\n".join(lines(finding))


def test_random_schedules_find_nothing_in_a_good_kernel() -> None:
    engine = Engine(PROFILES["7.0"])
    assert [seed for seed in range(40) if random_run(engine, seed)] == []


def test_shrinking_leaves_out_whom_it_does_not_take() -> None:
    engine = Engine(known("naive-unlink-6.1"))
    three = scene("write P, fork P", "migrate P", "referenced P.1", "exit P.1")
    broken = explore(engine, three.world(engine)).broken
    assert broken is not None
    small = shrunk(engine, found(engine, three, broken))
    assert [str(op) for task in small.scene.tasks for op in task] == ["exit P.1"]
    assert len({move.task for move in small.moves}) == 1


# Starts


@pytest.mark.parametrize("text", ["fork", "forks P", "fork P x", "fork P 1 2", ""])
def test_what_is_no_operation_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is no operation"):
        read_op(text)


@pytest.mark.parametrize(
    ("text", "said"), [("exit Q", "no process Q"), ("split P 1", "P has 1 VMAs"), ("merge P", "1 VMAs")]
)
def test_operations_on_what_is_not_there_are_refused(text: str, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        meant(Engine(PROFILES["6.1"]).fresh(), read_op(text))


# Each rule, by the smallest thing that breaks it


def broken_by(cell: str, *passes: Pass, start: str = "write P", do: str = "exit P") -> str:
    """The rule that 6.1 breaks with one cell replaced."""
    fields = {cell: dataclasses.replace(PROFILES["6.1"].cells[cell], passes=passes)}
    engine = Engine(dataclasses.replace(PROFILES["6.1"], **fields))
    w = engine.fresh()
    try:
        for op in start.split(", "):
            perform(engine, w, read_op(op))
        perform(engine, w, read_op(do))
    except Violation as violation:
        return violation.rule
    return ""


S = Step
PREPARE = (S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.COUNT_ROOT_CHILD)
UNLINK = (S.LOCK_ONCE, S.REMOVE, S.DROP_CHILD_EMPTY, S.KEEP_EMPTY, S.FREE_ENTRY)
ENDING = (once(S.DROP_OWN_ACTIVE, S.UNLOCK_HELD), forward(S.PUT_ENTRY, S.FREE_ENTRY))

SMALLEST = {
    "every lock is released on every path": ("prepare", once(*PREPARE, S.LOCK, S.OWN, S.LINK, S.COUNT_ACTIVE)),
    "an anon_vma's list changes only under its root's lock": ("unlink", forward(S.REMOVE, S.FREE_ENTRY)),
    "an anon_vma's counters change only under its root's lock": (
        *("unlink", forward(*UNLINK), once(S.UNLOCK_HELD, S.DROP_OWN_ACTIVE)),
        forward(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    "only the holder releases a lock": ("prepare", once(*PREPARE, S.UNLOCK)),
    "no entry is freed while it is linked": ("unlink", forward(S.LOCK_ONCE, S.FREE_ENTRY), *ENDING),
    "only what is linked is taken out": ("unlink", forward(S.LOCK_ONCE, S.REMOVE, S.REMOVE), *ENDING),
    "no VMA goes while it is attached": ("unlink", once(S.LOCK_OWN, S.DROP_OWN_ACTIVE, S.UNLOCK_HELD)),
    "no anon_vma is freed while it can be reached": ("migrate", once(S.UNPIN)),
    "what nobody uses has no children or VMAs": ("unlink", forward(*UNLINK), once(S.UNLOCK_HELD), ENDING[1]),
    "nothing is leaked": ("unlink", forward(*UNLINK), ENDING[0], forward(S.FREE_ENTRY)),
    "counters say what is so": (
        "fork",
        *(Pass(one.over, tuple(s for s in one.steps if s is not S.COUNT_CHILD)) for one in PROFILES["6.1"].fork.passes),
    ),
    "a VMA is attached to what it owns": ("prepare", once(*PREPARE, S.LOCK, S.OWN, S.COUNT_ACTIVE, S.UNLOCK)),
    "an anon_vma is walked under its root's lock": ("unmap", once(S.VISIT)),
    "no reference is put twice": ("put", once(S.UNPIN)),
}
DOES = {
    "prepare": ("split P", "write P"),
    "fork": ("write P", "fork P"),
    "expand": ("write P", "expand P"),
    "unmap": ("write P", "unmap-walk P"),
    "migrate": ("write P", "migrate P"),
}


@pytest.mark.parametrize("rule", SMALLEST)
def test_each_rule_is_broken_by(rule: str) -> None:
    cell, *passes = SMALLEST[rule]
    start, do = DOES.get(str(cell), ("write P", "exit P"))
    assert broken_by(str(cell), *passes, start=start, do=do) == rule  # type: ignore[arg-type]
