"""An arm against the baseline, paired by block: values in; estimate, interval, p and detection limit out.

Everything is done on log ratios: the estimate is the geometric mean of arm over baseline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from kit.records import At, Verdict
from kit.stats import signflip
from kit.stats.design import Design
from kit.stats.signflip import Floats

LESS, MORE = "less is better", "more is better"
POWER = 0.9  # a detection limit is the difference that so many of such runs would have shown


@dataclass(frozen=True)
class Pairs:
    """One metric of an arm and of the baseline at one place: a value a block each, in the order of the blocks, only of
    blocks where both have one. All values above 0. `aa`: the arm is the baseline's own image."""

    metric: str
    unit: str
    direction: str  # LESS or MORE
    arm: str
    baseline: str
    at: At
    arm_values: tuple[float, ...]
    baseline_values: tuple[float, ...]
    aa: bool = False

    @property
    def blocks(self) -> int:
        return min(len(self.arm_values), len(self.baseline_values))

    @cached_property
    def differences(self) -> Floats:
        """log(arm / baseline) of each block."""
        n = self.blocks
        out: Floats = np.log(np.array(self.arm_values[:n])) - np.log(np.array(self.baseline_values[:n]))
        return out


@dataclass(frozen=True)
class Measured:
    """What one comparison shows. `ratio`, `low`, `high`: arm over baseline; `level`: two-sided, of the interval,
    after what earlier looks and other comparisons cost; `p`: adjusted likewise; `detectable`: a fraction of the
    baseline."""

    pairs: Pairs
    verdict: Verdict
    ratio: float
    low: float
    high: float
    p: float
    level: float
    detectable: float
    different: bool  # from the baseline, whatever the limit


def measure(pairs: Pairs, design: Design, limit: float, share: float = 1.0, last: bool = False) -> Measured:
    """One comparison at the design's level times `share` (Holm's step). `last`: no more blocks will come."""
    d, alpha = pairs.differences, design.alpha * share
    walk = signflip.walk(d, design.looks(alpha, len(d) if last else None), alpha)
    low, high = signflip.interval(d, walk.level, signflip.rank_for(alpha))
    mean = float(np.mean(d)) if len(d) else 0.0
    verdict = classify(mean, low, high, walk.sign, limit, pairs.direction)
    return Measured(
        pairs,
        verdict,
        math.exp(mean),
        _exp(low),
        _exp(high),
        signflip.p_value(d, signflip.rank_for(alpha)),
        walk.level,
        detection_limit(d, walk.level),
        walk.crossed is not None,
    )


def classify(mean: float, low: float, high: float, sign: int, limit: float, direction: str) -> Verdict:
    """The verdict of one comparison, from the interval on the log scale and the direction (`sign`, 0 for none) in which
    a boundary was crossed.

    | first that holds | verdict |
    | --- | --- |
    | the whole interval lies within the limit | same |
    | a boundary was crossed, and the estimate lies beyond the limit on that side | better or worse, by the direction |
    | otherwise | inconclusive |
    """
    down, up = math.log1p(-limit) if limit < 1 else -math.inf, math.log1p(limit)
    if down <= low and high <= up:
        return Verdict.SAME
    if (sign > 0 and mean > up) or (sign < 0 and mean < down):
        return Verdict.BETTER if (sign > 0) == (direction == MORE) else Verdict.WORSE
    return Verdict.INCONCLUSIVE


def detection_limit(differences: Sequence[float] | Floats, level: float, power: float = POWER) -> float:
    """The smallest true difference (a fraction of the baseline) that such data would have shown with this power at this
    two-sided level; infinite where none would."""
    n = len(differences)
    if n < 2 or level <= 0:
        return math.inf
    error = float(np.std(differences, ddof=1)) / math.sqrt(n)
    return math.expm1((stats.t.isf(level / 2, n - 1) + stats.t.isf(1 - power, n - 1)) * error)


def _exp(value: float) -> float:
    return 0.0 if value == -math.inf else math.exp(value)
