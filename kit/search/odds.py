"""Whether measurements that scatter prove a change once more: differences of pairs in, go on or the answer out. Pure.

A pair is two tests done one after the other, so that what drifts between rounds is in both. Wald's sequential test of
two hypotheses: the differences lie about the change that was found, or about nothing (Ann. Math. Stat. 16, 1945).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST, MOST = 2, 20  # pairs
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


def spread_about(groups: Sequence[Sequence[float]]) -> float:
    """Standard deviation of values about the means of their groups; 0 where no group has two."""
    squares = sum((v - sum(g) / len(g)) ** 2 for g in groups for v in g)
    freedom = sum(len(g) - 1 for g in groups if g)
    return math.sqrt(squares / freedom) if freedom > 0 else 0.0
