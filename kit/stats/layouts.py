"""Exact numbers under several layouts of memory: from one value for each layout to comparisons and a verdict.

Within one layout the number has no error; only what other layouts would give is unknown. Few layouts are affordable,
and the signs of five differences have only 32 patterns. So a t test on the logarithms is used, at alpha divided by the
number of comparisons (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import stdtr, stdtrit

from kit.records import Comparison, Verdict
from kit.stats.combine import combined
from kit.stats.paired import Pairs, classify, detection_limit, ratio_of_log, record


def conclude(pairs: Sequence[Pairs], alpha: float, limit: float) -> tuple[Verdict, tuple[Comparison, ...]]:
    """The kind's verdict, and its comparisons. `limit` is a fraction."""
    found = tuple(measure(p, alpha / len(pairs), limit) for p in pairs)
    return combined(c.said or Verdict.INCONCLUSIVE for c in found), found


def measure(pairs: Pairs, level: float, limit: float) -> Comparison:
    """One comparison, with its interval at two-sided `level`. A single layout has no interval and decides nothing."""
    n, mean = pairs.blocks, pairs.mean
    error = pairs.error
    reach = -float(stdtrit(n - 1, level / 2)) * error if n > 1 else math.inf
    low, high = mean - reach, mean + reach
    sign = 1 if low > 0 else -1 if high < 0 else 0
    verdict = classify(mean, (low, high), sign, limit, pairs.direction)
    bounds = ratio_of_log(low), ratio_of_log(high)
    seen = detection_limit(pairs, level, limit=limit)
    return record(pairs, verdict, bounds, _p(mean, error, n) if n > 1 else 1.0, seen)


def _p(mean: float, error: float, n: int) -> float:
    if error == 0:  # all layouts agree to the digit
        return float(mean == 0)
    return float(2 * stdtr(n - 1, -abs(mean) / error))
