"""The interval of one arm's values by themselves: values in; mean and bounds out.

Student's t. It describes an arm; arms are compared by kit.stats.paired, block by block, or by kit.stats.unpaired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtrit


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
