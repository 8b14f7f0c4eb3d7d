"""Confirms a change by repeated measurements that scatter: go on, or the answer. Pure.

Wald's sequential test of two hypotheses (Ann. Math. Stat. 16, 1945). For values: the differences between the bad end
and the tested kernel are centred on the change that was found, or on 0. A pair is two tests in a row, so that drift
between rounds is in both. For outcomes: they come at the rate of the good side, or of the bad side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

LEAST, MOST = 2, 20  # pairs
MOST_OUTCOMES = 100  # a single outcome tells little
NARROW = 0.1  # the noise is assumed to be at least this share of the change
WILD = 1.0  # a difference is limited to this share of the change beyond either hypothesis


@dataclass(frozen=True)
class Pairs:
    """`differences`: of each pair, in the metric's unit; `change`: their mean if the change is there, not 0; `spread`:
    standard deviation of one test; `sure`: the requested probability."""

    differences: Sequence[float]
    change: float
    spread: float
    sure: float

    @property
    def odds(self) -> float:
        """The log likelihood ratio of the change against none."""
        noise = max(self.spread / abs(self.change), NARROW) * math.sqrt(2)
        shares = (min(max(d / self.change, -WILD), 1 + WILD) for d in self.differences)
        return sum(share - 0.5 for share in shares) / noise**2

    @property
    def enough(self) -> bool:
        """Whether no more pairs are needed."""
        pairs = len(self.differences)
        return pairs >= MOST or (pairs >= LEAST and self.holds is not None)

    @property
    def holds(self) -> bool | None:
        """Whether the change is there; None if that is not decided."""
        if abs(self.odds) < math.log(self.sure / (1 - self.sure)):
            return None
        return self.odds > 0


@dataclass(frozen=True)
class Outcomes:
    """`seen`: 1 for bad, 0 for good; `good`, `bad`: (number of tests, how many of them bad) of each side."""

    seen: Sequence[float]
    good: tuple[int, int]
    bad: tuple[int, int]
    sure: float

    @property
    def odds(self) -> float:
        """The log likelihood ratio of the good side against the bad one."""
        p, q = (_rate(*side) for side in (self.good, self.bad))
        shown = sum(self.seen)
        return shown * math.log(p / q) + (len(self.seen) - shown) * math.log((1 - p) / (1 - q))

    @property
    def enough(self) -> bool:
        """Whether no more outcomes are needed: the answer is clear, or there are MOST_OUTCOMES."""
        return len(self.seen) >= MOST_OUTCOMES or self.holds is not None

    @property
    def holds(self) -> bool | None:
        """Whether it behaves like the good side; None if that is not decided."""
        if abs(self.odds) < math.log(self.sure / (1 - self.sure)):
            return None
        return self.odds > 0


def kinship(
    values: Sequence[float], good: Sequence[float], bad: Sequence[float], sure: float, *, yes_no: bool
) -> Pairs | Outcomes:
    """Whether a commit belongs to the good side, from its own values and those of both sides. `holds` is the answer;
    `yes_no`: the values are outcomes, 1 for bad. Raises ValueError if a side has no value."""
    if not good or not bad:
        raise ValueError("a side without a value")
    if yes_no:
        return Outcomes(values, (len(good), round(sum(good))), (len(bad), round(sum(bad))), sure)
    level = fmean(bad)
    return Pairs([level - v for v in values], level - fmean(good), spread_about((good, bad)), sure)


def _rate(number: int, shown: int) -> float:
    """The posterior mean of a rate under Jeffreys' prior."""
    return (shown + 0.5) / (number + 1)


def spread_about(groups: Sequence[Sequence[float]]) -> float:
    """The standard deviation of values about the means of their groups; 0 if no group has two."""
    squares = sum((v - sum(g) / len(g)) ** 2 for g in groups for v in g)
    freedom = sum(len(g) - 1 for g in groups if g)
    return math.sqrt(squares / freedom) if freedom > 0 else 0.0
