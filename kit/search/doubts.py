"""Checks whether one change and normal noise fit the values: outliers, second changes, drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from kit.search.belief import Weighed
from kit.search.noted import Noted
from kit.search.protocol import Change, Seen
from kit.search.tally import Sides

FENCE = 2.5  # interquartile ranges beyond the quartiles: 4 standard deviations of one level
ENOUGH = 8  # values, before a fence is set or a drift reported
SECOND = 0.05  # prior probability that the values on one side changed too
SURE = 0.8  # probability from which a second change is reported
WORTH = 0.15  # probability from which a second change is worth a few more tests
MORE_TESTS = 6  # of each of the two commits beside it
DRIFT = 4.5  # t of the trend over the order of the tests from which it is reported


class Model(Protocol):
    """`Levels` or `Rates`."""

    def sums(self, count: int, own: Mapping[int, Sequence[float]]) -> Sides:
        """The sums of the values on either side of each of `count` places. `own`: values by place."""

    def weigh(self, sums: Sides, direction: str = "", spare: tuple[float, float] = (0.0, 0.0)) -> Weighed:
        """The evidence of each place, from its sums. `spare`: degrees of freedom and sum of squares of other values
        with the same noise."""


def fenced(own: Mapping[int, Sequence[float]]) -> tuple[Mapping[int, Sequence[float]], int]:
    """(values by commit, with outliers moved to a fence around all values; the number of outliers).

    Otherwise one wild value would pass for a level, or for much noise. If most values are equal there is no fence.
    """
    every = sorted(v for several in own.values() for v in several)
    low, high = every[len(every) // 4], every[-1 - len(every) // 4]
    least, most = low - FENCE * (high - low), high + FENCE * (high - low)
    if len(every) < ENOUGH or low == high or (least <= every[0] and every[-1] <= most):
        return own, 0
    drawn = {c: [min(max(v, least), most) for v in several] for c, several in own.items()}
    return drawn, sum(not least <= v <= most for v in every)


def second_changes(
    model: Model, noted: Noted, own: Mapping[int, Sequence[float]], found: Change
) -> list[tuple[float, Change]]:
    """The likeliest further change before and after the one that was found, each with its probability."""
    first, last = found.candidates[0], found.candidates[-1]
    parts = ({c: v for c, v in own.items() if c < first}, {c: v for c, v in own.items() if c >= last})
    found_in = [_within(model, noted.count, part, _spare(other)) for part, other in (parts, parts[::-1])]
    return [change for change in found_in if change is not None]


def to_clear(suspected: Sequence[tuple[float, Change]], own: Mapping[int, Sequence[float]]) -> int | None:
    """The commit to test again while a second change is neither sure nor unlikely: one of the two beside it. None if
    there is none."""
    for chance, change in suspected:
        beside = (change.candidates[0] - 1, change.candidates[-1])
        fewest = min(beside, key=lambda c: len(own[c]))
        if WORTH <= chance < SURE and len(own[fewest]) < MORE_TESTS:
            return fewest
    return None


def _spare(own: Mapping[int, Sequence[float]]) -> tuple[float, float]:
    """(degrees of freedom, sum of squares) of values about their mean."""
    every = np.array([v for several in own.values() for v in several])
    return (len(every) - 1.0, float(((every - every.mean()) ** 2).sum())) if len(every) else (0.0, 0.0)


def _within(
    model: Model, count: int, own: Mapping[int, Sequence[float]], spare: tuple[float, float]
) -> tuple[float, Change] | None:
    """The likeliest change within these commits, and the probability that there is any; None if it cannot be judged."""
    if len(own) < 2:
        return None
    known = sorted(own)
    sums = model.sums(count, own).only(np.array(known[:-1]))  # split c: between it and the next measured commit
    gaps = np.diff(known)
    weighed = model.weigh(sums, "", spare)
    chances = np.exp(np.minimum(weighed.log - weighed.unchanged, 500)) * gaps
    odds = SECOND / (1 - SECOND) * float(chances.sum() / gaps.sum())
    at = int(np.argmax(weighed.log))
    before, after = (float(v) for v in weighed.levels[:, at])
    return odds / (1 + odds), Change(tuple(range(known[at] + 1, known[at + 1] + 1)), before, after)


def drift(seen: Sequence[Seen], found: Change) -> float | None:
    """How much the values grow from one test to the next, if they surely do (the machine changes while it measures);
    else None."""
    kept = [(i, s.commit >= found.candidates[-1], s.value) for i, s in enumerate(seen) if s.value is not None]
    order, after, value = (np.array(column, dtype=np.float64) for column in zip(*kept, strict=True))
    if len(value) < ENOUGH:
        return None
    design = np.stack([1 - after, after, order - order.mean()], axis=1)
    fit, _, rank, _ = np.linalg.lstsq(design, value, rcond=None)
    left = value - design @ fit
    if rank < 3:
        return None
    variance = float(left @ left) / (len(value) - 3) * float(np.linalg.inv(design.T @ design)[2, 2])
    return float(fit[2]) if fit[2] ** 2 > DRIFT**2 * variance else None
