"""What a mean would hide in an arm's values in order of time: drift, outliers, two modes.

None of these changes a value: outliers stay in, and blocks take care of drift. They are reported, and two modes keep a
mean from becoming a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from kit.stats.signflip import Floats

DRIFT_LEAST, DRIFT_P = 6, 0.01
OUTLIER_LEAST, OUTLIER_SPREADS = 6, 5.0  # values at least; standard deviations (by MAD) from the median
OUTLIER_SHARE = 0.2  # if more values are outliers, they are the shape of the distribution instead
MODES_LEAST, MODE_BOOTS, MODE_SHARE = 8, 3, 0.2  # values in all; values in the smaller mode, and as a share
MAD = 1.4826  # standard deviation over median absolute deviation, for a normal distribution


@dataclass(frozen=True)
class Modes:
    """Two clusters of values: their geometric means, the share of the upper one, and which values belong to it."""

    low: float
    high: float
    share: float
    upper: tuple[bool, ...]


def drift(values: Sequence[float]) -> float | None:
    """The change over the series, as a fraction (Theil and Sen's slope of the logs), if Kendall's rank correlation with
    time is significant (p < 0.01). Else None, also for fewer than six values."""
    if len(values) < DRIFT_LEAST:
        return None
    logs = np.log(np.asarray(values, dtype=float))
    count = len(logs)
    rises = logs[None, :] - logs[:, None]  # from row to column
    score = abs(float(np.triu(np.sign(rises)).sum())) - 1  # less one: continuity
    if 2 * ndtr(-score / math.sqrt(count * (count - 1) * (2 * count + 5) / 18)) >= DRIFT_P:
        return None
    early, late = np.triu_indices(count, 1)
    return math.expm1(_median(rises[early, late] / (late - early)) * (count - 1))


def outliers(values: Sequence[float]) -> tuple[int, ...]:
    """Indices of values far from the others: more than five standard deviations (from the median absolute deviation of
    the logs). Empty if there are so many that they are no outliers, and for fewer than six values."""
    if len(values) < OUTLIER_LEAST:
        return ()
    logs = np.log(np.asarray(values, dtype=float))
    off = np.abs(logs - _median(logs))
    spread = MAD * _median(off)
    found = np.flatnonzero(off > OUTLIER_SPREADS * spread) if spread > 0 else np.flatnonzero(off)
    return tuple(int(i) for i in found) if len(found) <= OUTLIER_SHARE * len(logs) else ()


def modes(values: Sequence[float]) -> Modes | None:
    """Two clusters with a gap between them that so many normal values show less than once in 1000 samples, and
    exponential ones once in 100 (tests/stats). None if there is no such gap, and for fewer than eight values."""
    if len(values) < MODES_LEAST:
        return None
    logs = np.log(np.asarray(values, dtype=float))
    ordered = np.sort(logs)
    least = max(MODE_BOOTS, math.ceil(MODE_SHARE * len(logs)))
    cuts = np.arange(least, len(logs) - least + 1)
    gaps = ordered[cuts] - ordered[cuts - 1]
    spread = _spread_within(ordered, cuts)
    wide = gaps > gap_wanted(len(logs)) * spread
    if not wide.any() or not gaps[wide].max() > 0:
        return None
    cut = cuts[wide][np.argmax(gaps[wide])]
    edge = ordered[cut]
    low, high = float(ordered[:cut].mean()), float(ordered[cut:].mean())
    upper = tuple(bool(v >= edge) for v in logs)
    return Modes(math.exp(low), math.exp(high), sum(upper) / len(upper), upper)


def gap_wanted(count: int) -> float:
    """How many standard deviations (within the clusters) the nearest values of two modes must be apart."""
    return 1.5 + 30 / count


def _median(values: Floats) -> float:
    ordered = np.sort(values)
    return float(ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def _spread_within(ordered: Floats, cuts: NDArray[np.int64]) -> Floats:
    """The pooled standard deviation within the two parts, for each cut."""
    count = len(ordered)
    centred = ordered - ordered.mean()
    sums, squares = np.cumsum(centred), np.cumsum(centred**2)
    lower = sums[cuts - 1]
    within = squares[-1] - lower**2 / cuts - (sums[-1] - lower) ** 2 / (count - cuts)
    out: Floats = np.sqrt(np.maximum(within, 0) / (count - 2))
    return out
