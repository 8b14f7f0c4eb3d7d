"""Detection limits: the smallest true difference that a comparison would have detected with a power of 90%.

A standard deviation estimated from few values is itself random. So the limit is one for which 90% of *runs* are right,
with noise and estimate drawn together: simulated normal runs are used, each with the noise estimated in another run. A
difference counts as detected if its boundary is crossed and its estimate is beyond the limit that matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtrit

from kit.stats.signflip import Floats, edge_of, interval

POWER = 0.9
RUNS, NUMBERS = 2000, 300_000  # simulated runs, and means of pairs in all of them at most
ONE_SIGMA = 0.3173  # the level of an interval that is one standard error wide on either side


@dataclass(frozen=True)
class _Runs:
    """For many simulated runs with a standard deviation of 1 and no difference: the smallest difference that each would
    detect, its estimate, and the standard error that it gives itself."""

    needed: Floats
    estimate: Floats
    error: Floats


def standard_error(means: Floats, blocks: int) -> float:
    """The standard error of the Hodges-Lehmann estimate, from the spread of the means of pairs; infinite below two
    blocks."""
    if blocks < 2:
        return math.inf
    low, high = interval(means, min(edge_of(blocks, ONE_SIGMA), len(means) - 2))
    return (high - low) / 2


def of_ranks(blocks: int, edge: float, error: float, limit: float, power: float = POWER) -> float:
    """The log difference that so many blocks would have detected, tested by signed ranks against `edge`. `error`: of
    this run (`standard_error`); `limit`: on the log scale. Infinite if no difference would be detected."""
    if blocks < 2 or edge >= blocks * (blocks + 1) / 2 or math.isinf(error):
        return math.inf
    return _seen(_of_ranks(blocks, edge), error, limit, power)


def of_t(values: int, level: float, error: float, limit: float, power: float = POWER) -> float:
    """As `of_ranks`, by Student's t at two-sided `level`; `error`: of the mean."""
    if values < 2 or level <= 0 or math.isinf(error):
        return math.inf
    return _seen(_of_t(values, level), error, limit, power)


def _seen(runs: _Runs, error: float, limit: float, power: float) -> float:
    unit = error / np.roll(runs.error, 1)  # each run's noise, as another run would estimate it
    needed = np.maximum(runs.needed * unit, limit - runs.estimate * unit)
    return max(0.0, float(np.quantile(needed, power)))


def _of_ranks(blocks: int, edge: float) -> _Runs:
    means, estimate, error = _made_up(blocks)
    inside = int((means.shape[1] + max(edge, 0.0)) // 2)
    return _Runs(-means[:, means.shape[1] - inside - 1], estimate, error)


@lru_cache(maxsize=16)
def _made_up(blocks: int) -> tuple[Floats, Floats, Floats]:
    """Simulated runs of normal differences: the ordered means of pairs of each, their median, their standard error."""
    first, second = np.triu_indices(blocks)
    runs = max(200, min(RUNS, NUMBERS // len(first)))
    drawn = np.random.default_rng(blocks).normal(size=(runs, blocks))
    means = np.sort(drawn[:, first] / 2 + drawn[:, second] / 2, axis=1)
    inside = int((len(first) + min(edge_of(blocks, ONE_SIGMA), len(first) - 2)) // 2)
    return means, np.median(means, axis=1), (means[:, inside] - means[:, len(first) - inside - 1]) / 2


@lru_cache(maxsize=64)
def _of_t(values: int, level: float) -> _Runs:
    drawn = np.random.default_rng(values).normal(size=(RUNS, values))
    mean, error = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / math.sqrt(values)
    return _Runs(-float(stdtrit(values - 1, level / 2)) * error - mean, mean, error)
