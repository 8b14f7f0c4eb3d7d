"""Looks for broken rules in one profile: histories of one task, then every interleaving of two and three.

In: a profile; out: for each rule that can be broken the first, smallest counterexample, and how many states it took.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kit.model.explore.engine import WALK_OPERATIONS, Engine
from kit.model.explore.findings import Finding, Scene, found, shrunk
from kit.model.explore.invariants import WARNINGS, Violation
from kit.model.explore.search import explore
from kit.model.explore.starts import History, Op, applicable, meant, outline, perform, read_op, started
from kit.model.explore.world import NOBODY, World
from kit.model.steps import Profile


def _history(*ops: str) -> History:
    return tuple(read_op(op) for op in ops)


STARTS = (
    _history(),
    _history("write P"),
    _history("write P", "fork P", "write P.1"),
    _history("write P", "fork P", "write P.1", "exit P"),
    _history("write P", "fork P", "write P.1", "fork P.1", "write P.1.1", "exit P", "exit P.1"),
    _history("write P", "fork P", "write P.1", "fork P.1", "write P.1.1"),
)
"""Chains of 0 to 3, with the ancestors alive and gone."""

CHANGES = ("exit", "fork", "split", "unmap", "write", "move")
TASK_OPERATIONS = (*CHANGES, *WALK_OPERATIONS)


@dataclass(frozen=True)
class Bounds:
    """How far to look: length of histories of forks and exits, and of all operations; processes; tasks; and how many
    allocations may fail, of two tasks and of three."""

    family: int = 6
    layout: int = 3
    processes: int = 4
    tasks: int = 3
    starts: Sequence[History] = STARTS
    operations: Sequence[str] = TASK_OPERATIONS
    fails: int = 2
    fails_of_three: int = 1


QUICK = Bounds(family=5, layout=2, tasks=2, starts=STARTS[3:5], operations=("exit", "fork", "migrate"))
"""What takes less than a second: it finds every kind of bug that is known, but looks at less."""


@dataclass
class Hunt:
    """What was looked at, and what was found: the first finding for each rule."""

    findings: dict[str, Finding] = field(default_factory=dict)
    histories: int = 0
    scenes: int = 0
    states: int = 0


def hunt(profile: Profile, bounds: Bounds = Bounds()) -> Hunt:
    """Look for broken rules as far as the bounds go: what was looked at, and the first finding for each rule."""
    seen = Hunt()
    for _ in findings(profile, bounds, seen):
        pass
    return seen


def findings(profile: Profile, bounds: Bounds, seen: Hunt) -> Iterator[Finding]:
    """Each finding as soon as it is made, the first for its rule; `seen` grows meanwhile."""
    engine = Engine(profile)
    yield from _histories(engine, seen, _history("write P"), ("fork", "exit"), bounds.family, bounds)
    yield from _histories(engine, seen, (), (*CHANGES, "merge"), bounds.layout, replace(bounds, processes=2))
    for count in range(2, bounds.tasks + 1):
        for start in bounds.starts:
            fails = bounds.fails if count == 2 else bounds.fails_of_three
            for scene in scenes(engine, start, bounds.operations, count, fails):
                yield from look(engine, scene, seen)


def look(engine: Engine, scene: Scene, seen: Hunt) -> Iterator[Finding]:
    """Explore one scene; what breaks a rule that was not known to be broken is shrunk."""
    explored = explore(engine, scene.world(engine))
    seen.scenes += 1
    seen.states += explored.states
    if explored.broken is not None and explored.broken.rule not in seen.findings:
        finding = shrunk(engine, found(engine, scene, explored.broken))
        seen.findings[finding.rule] = finding
        if finding.rule in WARNINGS:
            engine.mute(finding.rule)
        yield finding


def scenes(engine: Engine, start: History, operations: Sequence[str], count: int, fails: int) -> Iterator[Scene]:
    """Every choice of one operation each for `count` tasks, without those that differ in the tasks' order only."""
    try:
        w = started(engine, start)
    except Violation:  # the histories have found it
        return
    processes = len([s for s in w.spaces.values() if not s.gone])
    ops = [op for op in applicable(w, operations, processes + 1) if _of_its_own(engine, w, op)]
    for chosen in itertools.combinations_with_replacement(ops, count):
        if possible(chosen):
            yield Scene(start, tuple((op,) for op in chosen), fails)


def _of_its_own(engine: Engine, w: World, op: Op) -> bool:
    """Whether no other operation does the same there: who unmaps its only VMA does what exit does, a write to what is
    written to already nothing at all, and reclaim may walk in the same way for both of its reasons."""
    space = next(s for s in w.spaces.values() if s.name == op.process and not s.gone)
    area = w.areas[space.areas[op.at]]
    same = {
        "unmap": len(space.areas) == 1,
        "write": area.own != NOBODY and area.own in area.pages,
        "referenced": engine.profile.referenced.passes == engine.profile.unmap.passes,
    }
    return not same.get(op.do, False)


def possible(ops: Sequence[Op]) -> bool:
    """A process that ends does nothing else at that time; what was unmapped cannot be so twice."""
    for number, op in enumerate(ops):
        others = [other for n, other in enumerate(ops) if n != number and other.process == op.process]
        if op.do in ("exit", "unmap") and any(other.do not in WALK_OPERATIONS for other in others):
            return False
    return True


def _histories(
    engine: Engine, seen: Hunt, first: History, dos: Sequence[str], length: int, bounds: Bounds
) -> Iterator[Finding]:
    """Every history up to a length, breadth first, each state once; the last operation may meet failed allocations."""
    try:
        w = started(engine, first)
    except Violation:
        yield from look(engine, Scene((), (first,)), seen)
        return
    queue: list[tuple[History, World]] = [(first, w)]
    known = {outline(w)}
    while queue:
        history, w = queue.pop(0)
        for op in applicable(w, dos, bounds.processes):
            seen.histories += 1
            after = w.copy()
            after.trace = None
            try:
                perform(engine, after, op)
            except Violation:
                seen.scenes -= 1
                yield from look(engine, Scene(history, ((op,),)), seen)
                continue
            if bounds.fails and len(history) <= FAILS_AFTER:
                yield from _failing(engine, seen, history, w, op, bounds.fails)
            if len(history) < length and (key := outline(after)) not in known:
                known.add(key)
                queue.append(((*history, op), after))


FAILS_AFTER = 3  # the longest history whose next operation is also tried with each of its allocations failing


def _failing(engine: Engine, seen: Hunt, history: History, w: World, op: Op, fails: int) -> Iterator[Finding]:
    trial = w.copy()
    trial.trace = None
    engine.begin(trial, (meant(trial, op),))
    trial.fails = fails
    explored = explore(engine, trial)
    seen.states += explored.states
    if explored.broken is not None:
        seen.scenes -= 1
        yield from look(engine, Scene(history, ((op,),), fails), seen)
