"""Whether values of one group depend on the values before them in time.

Two tests at 1% each: the lag-one autocorrelation of the ranks, and the number of runs above and below the median (Wald
and Wolfowitz, Ann. Math. Stat. 11, 1940). Tests between groups assume independent values: with dependent values their p
is too small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import comb

from kit.stats.ranks import mid_ranks

LEAST, LEVEL = 8, 0.01
EDGE = 2.33  # of a standard normal, one-sided at LEVEL: only positive dependence (alike neighbours) does harm


def dependence(values: Sequence[float]) -> str | None:
    """A sentence about the dependence; None if neither test finds any, or there are fewer than eight values."""
    if len(values) < LEAST or len(set(values)) < 2:
        return None
    r, p = autocorrelation(values), runs_p(values)
    if r * math.sqrt(len(values)) + 1 / math.sqrt(len(values)) < EDGE and p >= LEVEL:
        return None
    return f"a value depends on the one before (correlation {r:.2f}, runs test p {p:.2g}): p trusts that none does"


def autocorrelation(values: Sequence[float]) -> float:
    """The lag-one autocorrelation of the ranks; about -1/n if the values are independent."""
    centred = mid_ranks(values) - (len(values) + 1) / 2
    return float(centred[1:] @ centred[:-1] / (centred @ centred))


def runs_p(values: Sequence[float]) -> float:
    """The exact chance of so few runs above and below the median; values at the median are left out."""
    data = np.asarray(values, dtype=float)
    above = (data > np.median(data))[data != np.median(data)]
    up, down = int(above.sum()), int((~above).sum())
    if not up or not down:
        return 1.0
    found = 1 + int(np.count_nonzero(above[1:] != above[:-1]))
    ways = sum(_ways(k, up, down) for k in range(2, found + 1))
    return float(ways / comb(up + down, up))


def _ways(runs: int, up: int, down: int) -> float:
    """The number of orders with so many runs."""
    half = runs // 2
    if runs % 2 == 0:
        return float(2 * comb(up - 1, half - 1) * comb(down - 1, half - 1))
    return float(comb(up - 1, half) * comb(down - 1, half - 1) + comb(up - 1, half - 1) * comb(down - 1, half))
