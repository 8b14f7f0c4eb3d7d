"""What `kit model explore` asks: a kernel and how far to look in, a row of plain data and findings out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kit.model.errors import ModelError
from kit.model.explore.engine import Engine
from kit.model.explore.findings import Finding, Scene, found, shrunk, tolerant
from kit.model.explore.hunt import Bounds, hunt
from kit.model.explore.invariants import WARNINGS, Violation
from kit.model.explore.schedule import random_run
from kit.model.explore.search import explore
from kit.model.explore.starts import Op, read_op
from kit.model.steps import Profile

UNREDUCED = 50_000  # states at most without the reduction: it is only to be seen what the reduction saves


def whole(kernel: Profile, tasks: int) -> dict[str, Any]:
    """One kernel with up to `tasks` tasks at once: what was looked at, and a finding for each broken rule."""
    seen = hunt(kernel, Bounds(tasks=tasks))
    return {
        "profile": kernel.name,
        "histories": seen.histories,
        "scenes": seen.scenes,
        "states": seen.states,
        "findings": list(seen.findings.values()),
    }


def scene(kernel: Profile, start: str, tasks: Sequence[str]) -> dict[str, Any]:
    """One scene in all its interleavings, with and without the reduction: states, and what is found first. What only
    warns is passed over then, and the search goes on behind it, as it does behind what the start itself breaks.

    `start` and each of `tasks` are operations with commas between them. ModelError for what is none.
    """
    asked = read_scene(start, tasks)
    try:
        engine = tolerant(Engine(kernel), asked)
    except Violation as broken:
        raise ModelError(f"the start itself breaks a rule: {broken}") from broken
    known = sorted(engine.muted)
    every = explore(engine, asked.world(engine), reduced=False, limit=UNREDUCED)
    states = 0
    findings: list[Finding] = []
    while True:
        reduced = explore(engine, asked.world(engine))
        states = states or reduced.states
        if reduced.broken is None:
            break
        findings.append(shrunk(engine, found(engine, asked, reduced.broken)))
        if reduced.broken.rule not in WARNINGS:
            break
        engine.mute(reduced.broken.rule)
    return {
        "profile": kernel.name,
        "known": known,
        "states": states,
        "unreduced": every.states,
        "unreduced_whole": every.whole,
        "findings": findings,
    }


def read_scene(start: str, tasks: Sequence[str]) -> Scene:
    """A scene in words. ModelError for what is no operation, and for a task that says which allocations fail."""
    asked = Scene(_ops(start), tuple(_ops(one) for one in tasks), fails=Bounds.fails)
    for op in (op for ops in asked.tasks for op in ops if op.fails):
        raise ModelError(f"{op}: which allocations of a task fail is tried out; only a start can say it")
    return asked


def _ops(text: str) -> tuple[Op, ...]:
    return tuple(read_op(part.strip()) for part in text.split(",") if part.strip())


def schedules(kernel: Profile, seeds: Sequence[int]) -> dict[str, Any]:
    """The first finding of each rule in the random schedules of these seeds."""
    engine = Engine(kernel)
    findings: dict[str, Finding] = {}
    for seed in seeds:
        finding = random_run(engine, seed)
        if finding is not None:
            findings.setdefault(finding.rule, finding)
    return {"profile": kernel.name, "schedules": len(seeds), "findings": list(findings.values())}
