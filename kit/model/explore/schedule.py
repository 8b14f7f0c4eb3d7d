"""Random schedules, for what is too large to be looked at whole: tasks with priorities that change a few times.

In: a profile and a seed; out: what breaks a rule. The same seed is the same scene and the same schedule. That is the
probabilistic concurrency testing of Burckhardt, Kothari, Musuvathi and Nagarakatte (ASPLOS 2010): a bug that needs d
decisions in the right order is met with a probability of at least 1/(n k^(d-1)), for n tasks and k steps.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from kit.model.explore.engine import Engine, Move
from kit.model.explore.findings import Finding, Scene, found, shrunk
from kit.model.explore.hunt import TASK_OPERATIONS
from kit.model.explore.invariants import DEADLOCK, Violation, at_rest
from kit.model.explore.search import Broken, waiting
from kit.model.explore.starts import Op, applicable, perform
from kit.model.explore.world import World

STEPS = 200  # about how long a schedule is: where priorities may change
FAIL_SHARE = 0.02  # how often an allocation fails that may


@dataclass(frozen=True)
class Size:
    """How large a random scene is."""

    history: int = 6
    processes: int = 5
    tasks: int = 5
    operations: int = 2  # of each task
    changes: int = 3  # of priorities
    fails: int = 2


def random_scene(engine: Engine, rng: random.Random, size: Size) -> Scene:
    """A history that breaks no rule, and tasks with operations on what it leaves."""
    history = [Op("write", "P")]
    w = engine.fresh()
    perform(engine, w, history[0])
    for _ in range(rng.randrange(size.history)):
        op = rng.choice(applicable(w, ("fork", "fork", "exit", "write", "split", "merge", "move"), size.processes))
        after = w.copy()
        try:
            perform(engine, after, op)
        except Violation:
            break
        if any(not space.gone for space in after.spaces.values()):
            w, history = after, [*history, op]
    ops = applicable(w, TASK_OPERATIONS, size.processes + size.tasks)
    tasks = [tuple(rng.choice(ops) for _ in range(size.operations)) for _ in range(size.tasks)] if ops else []
    return Scene(tuple(history), tuple(tasks), size.fails)


def scheduled(engine: Engine, scene: Scene, rng: random.Random, changes: int) -> Broken | None:
    """One schedule: the ready task of the highest priority goes on; `changes` times it becomes the lowest then. What it
    breaks, or None."""
    w = scene.world(engine)
    rank = {task.id: rng.random() + 1 for task in w.tasks}
    lowered = sorted((rng.randrange(STEPS) for _ in range(changes)), reverse=True)
    moves: list[Move] = []
    try:
        while True:
            ready = [task for task in w.tasks if engine.ready(w, task)]
            if not ready:
                break
            task = max(ready, key=lambda one: rank[one.id])
            if lowered and len(moves) >= lowered[-1]:
                lowered.pop()
                rank[task.id] = len(lowered) / (changes + 1)
                continue
            move = Move(task.id, engine.may_fail(w, task) and rng.random() < FAIL_SHARE)
            moves.append(move)
            engine.step(w, move)
        return _end(engine, w, moves)
    except Violation as violation:
        return Broken(violation.rule, violation.said, tuple(moves), w)


def _end(engine: Engine, w: World, moves: list[Move]) -> Broken | None:
    if not engine.over(w):
        return Broken(DEADLOCK, waiting(engine, w), tuple(moves), w)
    at_rest(w)
    return None


def random_run(engine: Engine, seed: int, size: Size = Size()) -> Finding | None:
    """The scene and schedule of one seed: what breaks a rule there, shrunk; None if nothing does."""
    rng = random.Random(seed)
    scene = random_scene(engine, rng, size)
    broken = scheduled(engine, scene, rng, size.changes)
    return None if broken is None else shrunk(engine, found(engine, scene, broken, seed))
