"""Every interleaving of some tasks: depth-first, each state looked at once, reduced where order cannot matter.

In: a world with its tasks; out: how many states there are, and what breaks a rule. The reduction: a task whose next
action nobody else can see or hinder (kit.model.explore.sight) goes first, alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from kit.model.explore.engine import Engine, Move, Moves, Stopped
from kit.model.explore.invariants import DEADLOCK, Violation, at_rest
from kit.model.explore.world import Task, World


@dataclass(frozen=True)
class Broken:
    """A rule that is broken: which, how, the moves that lead there, and the world in which it shows."""

    rule: str
    said: str
    moves: tuple[Move, ...]
    world: World


@dataclass(frozen=True)
class Explored:
    """`states` different ones were looked at; `broken` the first violation, if any; `whole` unless a limit ended it."""

    states: int
    broken: Broken | None
    whole: bool = True


def explore(engine: Engine, start: World, *, reduced: bool = True, limit: int = 0) -> Explored:
    """All interleavings from `start`, up to the first broken rule, or up to `limit` states (0: all)."""
    start.traced = False
    stack: list[tuple[World, Moves]] = [(start, None)]
    seen: set[tuple[object, ...]] = set()
    while stack:
        w, moves = stack.pop()
        while True:
            if reduced:
                try:
                    moves = _alone(engine, w, moves)
                except Stopped as stop:
                    return Explored(len(seen), _broken(stop.violation, w, stop.moves))
            ready = choices(engine, w, reduced=reduced)
            if not reduced or len(ready) != 1:  # else it is on the way to the next choice
                key = w.key()
                if key in seen:
                    break
                seen.add(key)
                if limit and len(seen) > limit:
                    return Explored(len(seen), None, whole=False)
            if not ready:
                broken = _ended(engine, w, moves)
                if broken is not None:
                    return Explored(len(seen), broken)
                break
            for move in ready[1:]:
                other = w.copy()
                broken = tried(engine, other, move, moves)
                if broken is not None:
                    return Explored(len(seen), broken)
                stack.append((other, (moves, move)))
            broken = tried(engine, w, ready[0], moves)
            if broken is not None:
                return Explored(len(seen), broken)
            moves = (moves, ready[0])
    return Explored(len(seen), None)


def _alone(engine: Engine, w: World, moves: Moves) -> Moves:
    """Every task goes on as far as nobody else can tell. What one does may hide from view what another does next."""
    last: Task | None = None  # who went on last: until somebody else does, it cannot again
    while True:
        for task in w.tasks:
            if task is last:
                return moves
            after = engine.run(w, task, moves)
            if after is not moves:
                moves, last = after, task
        if last is None:
            return moves


def choices(engine: Engine, w: World, *, reduced: bool) -> list[Move]:
    """The moves that are possible now; reduced, an allocation that may fail is the only one: nobody else can tell."""
    if reduced and w.fails > 0:
        for task in w.tasks:
            if engine.may_fail(w, task):
                return [Move(task.id), Move(task.id, fails=True)]
    found: list[Move] = []
    for task in w.tasks:
        if engine.ready(w, task):
            found += _either(engine, w, task)
    return found


def _either(engine: Engine, w: World, task: Task) -> list[Move]:
    one = Move(task.id)
    return [one, Move(task.id, fails=True)] if engine.may_fail(w, task) else [one]


def _broken(violation: Violation, w: World, moves: Moves) -> Broken:
    return Broken(violation.rule, violation.said, listed(moves), w)


def tried(engine: Engine, w: World, move: Move, before: Moves) -> Broken | None:
    """Make a move that comes after `before`; the rule that it breaks, or None."""
    try:
        engine.step(w, move)
    except Violation as violation:
        return Broken(violation.rule, violation.said, listed((before, move)), w)
    return None


def _ended(engine: Engine, w: World, moves: Moves) -> Broken | None:
    """Nobody can go on: either all is done, and must be in order, or they wait for each other."""
    if not engine.over(w):
        return Broken(DEADLOCK, waiting(engine, w), listed(moves), w)
    try:
        at_rest(w)
    except Violation as violation:
        return Broken(violation.rule, violation.said, listed(moves), w)
    return None


def waiting(engine: Engine, w: World) -> str:
    """Who waits where, when nobody can go on."""
    stuck = [task for task in w.tasks if task.calls]
    return "; ".join(f"task {t.id} waits in {t.calls[-1].cell} ({engine.next_line(w, t)})" for t in stuck)


def listed(moves: Moves) -> tuple[Move, ...]:
    """Moves in order."""
    found: list[Move] = []
    while moves is not None:
        moves, move = moves
        found.append(move)
    return tuple(found[::-1])
