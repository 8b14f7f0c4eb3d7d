"""Exact numbers under several layouts of memory: a value a layout in, comparisons and the verdict out.

Inside one layout the number has no error; what another layout would have given is the only thing unknown. Few layouts
are affordable, and the signs of five differences have only 32 patterns: so t on their logarithms, at alpha divided by
the number of comparisons (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

from kit.records import Comparison, Verdict
from kit.stats.noisy import comparison_of, overall
from kit.stats.paired import Measured, Pairs, classify, detection_limit


def conclude(pairs: Sequence[Pairs], alpha: float, limit: float) -> tuple[Verdict, tuple[Comparison, ...]]:
    """The kind's verdict, and the comparisons ready for KindVerdict. `limit` is a fraction."""
    found = [measure(p, alpha / len(pairs), limit) for p in pairs]
    return overall(found), tuple(comparison_of(m) for m in found)


def measure(pairs: Pairs, level: float, limit: float) -> Measured:
    """One comparison, its interval at two-sided `level`. A single layout has no interval: nothing is decided by it."""
    d = pairs.differences
    n, mean = len(d), float(np.mean(d))
    error = float(np.std(d, ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    reach = -float(stdtrit(n - 1, level / 2)) * error if n > 1 else math.inf
    low, high = mean - reach, mean + reach
    sign = 1 if low > 0 else -1 if high < 0 else 0
    p = _p(mean, error, n) if n > 1 else 1.0
    return Measured(
        pairs,
        classify(mean, low, high, sign, limit, pairs.direction),
        math.exp(mean),
        math.exp(low),
        math.exp(high) if high < math.inf else math.inf,
        min(1.0, p),
        level,
        detection_limit(d, level),
        sign != 0,
    )


def _p(mean: float, error: float, n: int) -> float:
    if error == 0:  # all layouts agree to the digit
        return float(mean == 0)
    return float(2 * stdtr(n - 1, -abs(mean) / error))
