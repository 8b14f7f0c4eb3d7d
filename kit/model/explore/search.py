"""Every interleaving of some tasks: depth-first, each state looked at once, reduced where order cannot matter.

In: a world with its tasks; out: how many states there are, and what breaks a rule. The reduction: a task whose next
action nobody else can see or hinder (it touches what is its own, or what the lock that it holds protects) goes first,
alone; the rules that this rests on are checked themselves, at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

from kit.model.explore.engine import ALLOCATES, Engine, Move
from kit.model.explore.invariants import DEADLOCK, Violation, at_rest
from kit.model.explore.world import Task, World

MM_LOCK = "mm_lock"
Moves = tuple["Moves", Move] | None  # the last one first


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
    stack: list[tuple[World, Moves]] = [(start, None)]
    seen: set[tuple[object, ...]] = set()
    while stack:
        w, moves = stack.pop()
        while True:
            choices = _choices(engine, w, reduced, moves[1].task if moves else 0)
            if not reduced or len(choices) != 1:  # on the way from one choice to the next nothing is to be remembered
                key = w.key()
                if key in seen:
                    break
                seen.add(key)
                if limit and len(seen) > limit:
                    return Explored(len(seen), None, whole=False)
            if not choices:
                broken = _ended(engine, w, moves)
                if broken is not None:
                    return Explored(len(seen), broken)
                break
            for move in choices[1:]:
                other = w.copy()
                broken = tried(engine, other, move, moves)
                if broken is not None:
                    return Explored(len(seen), broken)
                stack.append((other, (moves, move)))
            broken = tried(engine, w, choices[0], moves)
            if broken is not None:
                return Explored(len(seen), broken)
            moves = (moves, choices[0])
    return Explored(len(seen), None)


def _choices(engine: Engine, w: World, reduced: bool, last: int) -> list[Move]:
    """What may happen next; reduced, one local action alone, of the task that ran last if it has one."""
    tasks = w.tasks
    if reduced:
        for task in (tasks[last], *tasks):
            action = engine.next_line(w, task)
            if action and engine.local(w, task, action) and (action != MM_LOCK or engine.ready(w, task)):
                return _either(engine, w, task, action)
    found: list[Move] = []
    for task in tasks:
        if engine.ready(w, task):
            found += _either(engine, w, task, engine.next_line(w, task))
    return found


def _either(engine: Engine, w: World, task: Task, action: str) -> list[Move]:
    one = Move(task.id)
    return [one, Move(task.id, fails=True)] if w.fails > 0 and action in ALLOCATES else [one]


def tried(engine: Engine, w: World, move: Move, before: Moves) -> Broken | None:
    """Make a move; the rule that it breaks, if any."""
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
