"""A broken rule as it is told: from which start, who did what, and how few decisions of the scheduler it takes.

In: what an exploration or a random schedule found; out: a Finding that replays, shrunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise

from kit.model.errors import ModelError
from kit.model.explore.engine import ALLOCATES, Engine, Move
from kit.model.explore.invariants import AT_REST, DEADLOCK, WARNINGS, Violation, at_rest
from kit.model.explore.search import Broken, waiting
from kit.model.explore.starts import History, Op, meant, started
from kit.model.explore.world import Event, World

COUNTED = ("lock", "share", "again", "unlock", "alloc", "nowait", "assign", "link", "remove", "detach", "free")
"""Events of locks, allocations, links and frees."""
MOST = 15
"""How many of these a trace may have before its start is moved."""


@dataclass(frozen=True)
class Scene:
    """A start, the operations of each task in turn, and how many allocations may fail."""

    history: History
    tasks: tuple[tuple[Op, ...], ...]
    fails: int = 0

    def world(self, engine: Engine) -> World:
        """The world in which the tasks are about to begin."""
        w = started(engine, self.history)
        engine.begin(w, *(tuple(meant(w, op) for op in ops) for ops in self.tasks))
        w.fails = self.fails
        return w


@dataclass(frozen=True)
class Finding:
    """A broken rule: the scene, the scheduler's decisions, and the events up to it."""

    rule: str
    said: str
    scene: Scene
    moves: tuple[Move, ...]
    events: tuple[Event, ...]
    seed: int | None = None
    muted: frozenset[str] = frozenset()  # rules that were known to be broken

    @property
    def counted(self) -> int:
        """Events of locks, allocations, links and frees."""
        return sum(event.what in COUNTED for event in self.events)


def found(engine: Engine, scene: Scene, broken: Broken, seed: int | None = None) -> Finding:
    """What an exploration of a scene found."""
    events = retraced(engine, scene, broken.moves)
    return Finding(broken.rule, broken.said, scene, broken.moves, events, seed, frozenset(engine.muted))


def retraced(engine: Engine, scene: Scene, moves: Iterable[Move]) -> tuple[Event, ...]:
    """The events of these decisions, up to a broken rule."""
    w = scene.world(engine)
    with suppress(Violation):
        for move in moves:
            engine.step(w, move)
    return tuple(w.events())


def replay(engine: Engine, scene: Scene, moves: Sequence[Move]) -> Broken | None:
    """The rule that these decisions break. A decision for a task that cannot go on is passed over.

    When the decisions are used up, whoever can goes on, the first task first.
    """
    w = scene.world(engine)
    made: list[Move] = []
    try:
        for move in (*moves, None):
            while True:
                now = move or next((Move(t.id) for t in w.tasks if engine.ready(w, t)), None)
                if now is None or not engine.ready(w, w.tasks[now.task]):
                    break
                if now.fails and not engine.may_fail(w, w.tasks[now.task]):
                    now = Move(now.task)
                made.append(now)
                engine.step(w, now)
                if move is not None:
                    break
        if not engine.over(w):
            return Broken(DEADLOCK, waiting(engine, w), tuple(made), w)
        at_rest(w)
    except Violation as violation:
        return Broken(violation.rule, violation.said, tuple(made), w)
    return None


def shrunk(engine: Engine, finding: Finding) -> Finding:
    """The same rule broken by fewer tasks and decisions, as far as leaving out a part at a time goes.

    If more than MOST events are left, what a task can do before all others becomes part of the start.
    """
    finding = _fewer_decisions(engine, _fewer_tasks(engine, finding))
    while finding.counted > MOST and (later := _later(engine, finding)) is not None:
        finding = later
    return finding


def _fewer_decisions(engine: Engine, finding: Finding) -> Finding:
    size = len(finding.moves) // 2
    while size:
        at = 0
        while at < len(finding.moves):
            moves = (*finding.moves[:at], *finding.moves[at + size :])
            better = _better(engine, replace(finding, moves=moves), finding)
            if better is None:
                at += size
            else:
                finding = better
        size //= 2
    return finding


def _fewer_tasks(engine: Engine, finding: Finding) -> Finding:
    for leave in reversed(range(len(finding.scene.tasks))):
        if len(finding.scene.tasks) == 1:
            return finding
        tasks = (*finding.scene.tasks[:leave], *finding.scene.tasks[leave + 1 :])
        moves = tuple(Move(m.task - (m.task > leave), m.fails) for m in finding.moves if m.task != leave)
        other = replace(finding, scene=replace(finding.scene, tasks=tasks), moves=moves)
        finding = _better(engine, other, finding) or finding
    return finding


def _later(engine: Engine, finding: Finding) -> Finding | None:
    """The finding from a start that has one more operation, a task's first, if the rule is broken from there too."""
    scene = finding.scene
    for number, (op, *left) in enumerate(scene.tasks):
        fails, moves = _first(engine, finding, number)
        tasks = (*scene.tasks[:number], *([tuple(left)] if left else []), *scene.tasks[number + 1 :])
        if not tasks:
            continue
        if not left:
            moves = tuple(Move(m.task - (m.task > number), m.fails) for m in moves)
        start = Scene((*scene.history, replace(op, fails=fails)), tasks, sum(move.fails for move in moves))
        with suppress(Violation, ModelError):
            other = tolerant(engine, start)
            broken = replay(other, start, moves)
            if broken is not None and broken.rule == finding.rule:
                return _fewer_decisions(other, found(other, start, broken, finding.seed))
    return None


def _first(engine: Engine, finding: Finding, number: int) -> tuple[tuple[int, ...], tuple[Move, ...]]:
    """Which allocations fail in a task's first operation, and the decisions without that operation's."""
    w = finding.scene.world(engine)
    task, ended = w.tasks[number], False
    decisions: list[bool] = []
    left: list[Move] = []
    with suppress(Violation):
        for move in finding.moves:
            if ended or move.task != number:
                left.append(move)
            elif engine.next_line(w, task) in ALLOCATES:
                decisions.append(move.fails)
            engine.step(w, move)
            ended = ended or (move.task == number and not task.calls)
    return tuple(n for n, fails in enumerate(decisions, start=1) if fails), tuple(left)


def tolerant(engine: Engine, scene: Scene) -> Engine:
    """An engine that passes over what the start of a scene breaks, if that is a warning or shows at rest only.

    Raises Violation if it is more than that, ModelError if there is no such start.
    """
    other = Engine(engine.profile)
    other.mute(*engine.muted)
    while True:
        try:
            scene.world(other)
        except Violation as violation:
            if violation.rule not in (*WARNINGS, *AT_REST):
                raise
            other.mute(violation.rule)
        else:
            return other


def _better(engine: Engine, candidate: Finding, than: Finding) -> Finding | None:
    """The candidate as it replays, if it breaks the same rule in no more events."""
    broken = replay(engine, candidate.scene, candidate.moves)
    if broken is None or broken.rule != than.rule:
        return None
    got = found(engine, candidate.scene, broken, than.seed)
    cost = (len(got.scene.tasks), got.counted, len(got.moves), switches(got.moves))
    return got if cost < (len(than.scene.tasks), than.counted, len(than.moves), switches(than.moves)) else None


def switches(moves: Sequence[Move]) -> int:
    """How often the task changes."""
    return sum(one.task != other.task for one, other in pairwise(moves))
