"""Every interleaving of three tasks with an operation each, in every profile and every wrong kernel.

    .venv/bin/python tests/bench/interleavings.py sweep [PROFILE …]  # a row of the table each
    .venv/bin/python tests/bench/interleavings.py without [PROFILE …]   # a sample, without the reduction
    .venv/bin/python tests/bench/interleavings.py mutants COUNT SEED    # kernels with one step wrong, with and without

Exit code 1 where `without` or `mutants` finds a scene in which the reduction hides that a rule is broken.
"""

from __future__ import annotations

import dataclasses
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from kit.model.explore.engine import Engine
from kit.model.explore.findings import Scene
from kit.model.explore.hunt import STARTS, TASK_OPERATIONS, Bounds, hunt, scenes
from kit.model.explore.invariants import WARNINGS, Violation
from kit.model.explore.search import explore
from kit.model.profiles import PROFILES
from kit.model.steps import Cell, Pass, Profile, Step
from kit.model.variants import VARIANTS, known

EVERY = 100  # one scene in so many is explored without the reduction
LIMIT = 100_000  # states of one scene without it
ALIKE = ("6.0", "6.12")  # the same steps as 6.1


def names(asked: list[str]) -> list[str]:
    return asked or [name for name in (*PROFILES, *VARIANTS) if name not in ALIKE]


def sweep(name: str) -> None:
    begin = time.process_time()
    seen = hunt(known(name), Bounds(tasks=3))
    rules = "; ".join(f"{rule} ({finding.counted} events)" for rule, finding in seen.findings.items())
    seconds = time.process_time() - begin
    print(f"| {name} | {seen.scenes} | {seen.states} | {seconds:.0f} | {rules or 'none'} |", flush=True)


def three(engine: Engine, fails: int) -> Iterator[Scene]:
    for start in STARTS:
        yield from scenes(engine, start, TASK_OPERATIONS, 3, fails)


def without(name: str) -> int:
    """A sample of the three-task scenes, both ways, no allocation failing."""
    engine = Engine(known(name))
    engine.mute(*WARNINGS)
    begin = time.process_time()
    states = every = cut = count = hidden = 0
    for scene in list(three(engine, 0))[::EVERY]:
        reduced = explore(engine, scene.world(engine))
        whole = explore(engine, scene.world(engine), reduced=False, limit=LIMIT)
        count, states, every, cut = count + 1, states + reduced.states, every + whole.states, cut + (not whole.whole)
        hidden += differ(scene, name, reduced.broken is None, whole.broken is None, whole.whole)
    row = (name, count, states, every, round(every / max(states, 1)), cut, round(time.process_time() - begin))
    print(f"| {' | '.join(map(str, row))} |", flush=True)
    return hidden


def differ(scene: Scene, name: str, reduced: bool, whole: bool, finished: bool) -> int:
    if reduced == whole or not finished:
        return 0
    print(f"{name}: {scene}: broken with the reduction: {not reduced}, without: {not whole}", flush=True)
    return 1


# One step left out, doubled, or changed with its neighbour


def mutant(rng: random.Random) -> tuple[str, Profile]:
    base = rng.choice([name for name in PROFILES if name not in ALIKE])
    row = PROFILES[base]
    cell = rng.choice([name for name, one in row.cells.items() if one.passes])
    passes = list(row.cells[cell].passes)
    n = rng.randrange(len(passes))
    steps = list(passes[n].steps)
    at = rng.randrange(len(steps))
    what = rng.choice(("without", "twice", "later", "other"))
    step = steps[at]
    if what == "without":
        del steps[at]
    elif what == "twice":
        steps.insert(at, step)
    elif what == "later" and at + 1 < len(steps):
        steps[at], steps[at + 1] = steps[at + 1], steps[at]
    else:
        steps[at] = rng.choice((Step.LOCK, Step.UNLOCK, Step.PUT_ENTRY, Step.PUT_ROOT, Step.FREE, Step.VISIT))
    passes[n] = Pass(passes[n].over, tuple(steps))
    fields: dict[str, Any] = {cell: Cell(tuple(passes), row.cells[cell].source, row.cells[cell].failure)}
    return f"{base}, {cell}: {what} {step.name}", dataclasses.replace(row, **fields)


def mutants(count: int, seed: int) -> int:
    """Kernels with one step wrong: scenes of two and three tasks, both ways."""
    rng = random.Random(seed)
    looked = broken = hidden = 0
    for _ in range(count):
        name, row = mutant(rng)
        engine = Engine(row)
        engine.mute(*WARNINGS)
        for size in (2, 3):
            for start in rng.sample(STARTS[1:5], 2):
                found = list(scenes(engine, start, TASK_OPERATIONS, size, rng.randrange(2)))
                for scene in rng.sample(found, min(4 if size == 2 else 1, len(found))):
                    reduced = explore(engine, scene.world(engine))
                    whole = explore(engine, scene.world(engine), reduced=False, limit=30_000)
                    looked += whole.whole
                    broken += whole.broken is not None
                    hidden += differ(scene, name, reduced.broken is None, whole.broken is None, whole.whole)
    print(f"{count} wrong kernels, {looked} scenes whole, {broken} of them broken, {hidden} hidden by the reduction")
    return hidden


def main(arguments: list[str]) -> int:
    what, *rest = arguments
    if what == "mutants":
        return int(mutants(int(rest[0]), int(rest[1])) > 0)
    hidden = 0
    for name in names(rest):
        if what == "sweep":
            sweep(name)
        else:
            try:
                hidden += without(name)
            except Violation as violation:
                print(f"{name}: a start breaks {violation}")
    return int(hidden > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
