"""Simulated histories: the culprit's place, the result of a test, untestable commits; and a job that searches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from kit.search.protocol import Done, Measure, Seen

AT_MOST = 5000  # steps of a search that does not end


class Search(Protocol):
    """The common interface of kit.search.exact and kit.search.noisy."""

    def next(self, seen: list[Seen]) -> Measure | Done: ...


@dataclass
class History:
    """`levels`: the true mean (or rate of bad outcomes) of each commit; `draw`: (level, rng) → value of one test."""

    levels: np.ndarray
    draw: Callable[[float, np.random.Generator], float]
    skipped: frozenset[int] = frozenset()
    flaky: float = 0.0  # share of tests that are no evidence
    rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def test(self, commit: int) -> Seen:
        if commit in self.skipped:
            return Seen(commit, skip=True, why="does not compile")
        if self.flaky and self.rng.random() < self.flaky:
            return Seen(commit, why="another splat")
        return Seen(commit, float(self.draw(float(self.levels[commit]), self.rng)))


def run(search: Search, history: History) -> tuple[Done, list[Seen]]:
    """Searches until the end. Raises AssertionError if there is none."""
    seen: list[Seen] = []
    for _ in range(AT_MOST):
        step = search.next(seen)
        if isinstance(step, Done):
            return step, seen
        seen.append(history.test(step.commit))
    raise AssertionError(f"no end after {AT_MOST} steps")


def step_levels(count: int, culprit: int, before: float, after: float) -> np.ndarray:
    """`before` up to the culprit, `after` from it on."""
    return np.where(np.arange(count) < culprit, before, after)


def normal(level: float, rng: np.random.Generator) -> float:
    """A measured value with a standard deviation of 1."""
    return float(rng.normal(level, 1.0))


def outcome(level: float, rng: np.random.Generator) -> float:
    """1 (bad) with the probability `level`."""
    return float(rng.random() < level)
