"""Whether measurements that scatter prove a change once more: what was measured in, go on or the answer out. Pure.

Wald's sequential test of two hypotheses (Ann. Math. Stat. 16, 1945). Of values: the differences between the bad end and
what was tested lie about the change that was found, or about nothing. A pair is two tests done one after the other, so
that what drifts between rounds is in both. Of outcomes: they come at the rate of the good side, or of the bad one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

LEAST, MOST = 2, 20  # pairs
MOST_OUTCOMES = 100  # which tell little one by one
NARROW = 0.1  # the noise is taken to be at least this share of the change
WILD = 1.0  # a difference counts no further off than this share of the change beyond either hypothesis


@dataclass(frozen=True)
class Pairs:
    """`differences`: of each pair, in the metric's unit; `change`: what they are when the change is there, not 0;
    `spread`: standard deviation of one test; `sure`: the probability asked for."""

    differences: Sequence[float]
    change: float
    spread: float
    sure: float

    @property
    def odds(self) -> float:
        """Logarithm of how much likelier the change is than none."""
        noise = max(self.spread / abs(self.change), NARROW) * math.sqrt(2)
        shares = (min(max(d / self.change, -WILD), 1 + WILD) for d in self.differences)
        return sum(share - 0.5 for share in shares) / noise**2

    @property
    def enough(self) -> bool:
        """Whether no more pairs are wanted."""
        pairs = len(self.differences)
        return pairs >= MOST or (pairs >= LEAST and self.holds is not None)

    @property
    def holds(self) -> bool | None:
        """Whether the change is there; None: it cannot be told."""
        if abs(self.odds) < math.log(self.sure / (1 - self.sure)):
            return None
        return self.odds > 0


@dataclass(frozen=True)
class Outcomes:
    """`seen`: 1 for bad, 0 for good; `good`, `bad`: (number, how many of them bad) of all tests of each side."""

    seen: Sequence[float]
    good: tuple[int, int]
    bad: tuple[int, int]
    sure: float

    @property
    def odds(self) -> float:
        """Logarithm of how much likelier it is like the good side than like the bad one."""
        p, q = (_rate(*side) for side in (self.good, self.bad))
        shown = sum(self.seen)
        return shown * math.log(p / q) + (len(self.seen) - shown) * math.log((1 - p) / (1 - q))

    @property
    def enough(self) -> bool:
        """Whether no further outcome is wanted: the answer is clear, or the most were seen."""
        return len(self.seen) >= MOST_OUTCOMES or self.holds is not None

    @property
    def holds(self) -> bool | None:
        """Whether it is like the good side; None: it cannot be told."""
        if abs(self.odds) < math.log(self.sure / (1 - self.sure)):
            return None
        return self.odds > 0


def kinship(
    values: Sequence[float], good: Sequence[float], bad: Sequence[float], sure: float, *, yes_no: bool
) -> Pairs | Outcomes:
    """Whether a commit belongs to the good side: its own values, and those of both sides, in. `holds` is the answer;
    `yes_no`: the values are outcomes, 1 for bad. Raises ValueError where a side has no value."""
    if not good or not bad:
        raise ValueError("a side without a value")
    if yes_no:
        return Outcomes(values, (len(good), round(sum(good))), (len(bad), round(sum(bad))), sure)
    level = fmean(bad)
    return Pairs([level - v for v in values], level - fmean(good), spread_about((good, bad)), sure)


def _rate(number: int, shown: int) -> float:
    """The mean under Jeffreys' prior."""
    return (shown + 0.5) / (number + 1)


def spread_about(groups: Sequence[Sequence[float]]) -> float:
    """Standard deviation of values about the means of their groups; 0 where no group has two."""
    squares = sum((v - sum(g) / len(g)) ** 2 for g in groups for v in g)
    freedom = sum(len(g) - 1 for g in groups if g)
    return math.sqrt(squares / freedom) if freedom > 0 else 0.0
