"""The interval of one arm's values by themselves: values in; mean and bounds out.

Student's t, on the logarithms where all values are above 0 by nature. It describes an arm; arms are compared by
kit.stats.paired, block by block, or by kit.stats.unpaired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtrit

from kit.stats.paired import finite, ratio_of_log


def interval(values: Sequence[float], alpha: float) -> tuple[float | None, float | None, float | None]:
    """(geometric mean, low, high) at level `alpha`; no bounds for a single value, nothing for none."""
    logs = [math.log(v) for v in values]
    if not logs:
        return None, None, None
    mean = fmean(logs)
    if len(logs) < 2:
        return math.exp(mean), None, None
    reach = _t(len(logs), alpha) * stdev(logs) / math.sqrt(len(logs))
    high = finite(ratio_of_log(mean + reach))
    return math.exp(mean), math.exp(mean - reach) if high is not None else None, high


def plain_interval(
    values: Sequence[float], alpha: float, *, least: float = -math.inf, most: float = math.inf
) -> tuple[float, float | None, float | None]:
    """(mean, low, high) of values that may be 0, as they are; bounds no further than `least` and `most`. No bounds for
    a single value. Raises statistics.StatisticsError for none."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    reach = _t(len(values), alpha) * stdev(values) / math.sqrt(len(values))
    return mean, max(least, mean - reach), min(most, mean + reach)


def _t(values: int, alpha: float) -> float:
    return -float(stdtrit(values - 1, alpha / 2))
