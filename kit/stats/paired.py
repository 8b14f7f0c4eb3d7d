"""An arm against the baseline, paired by block: values in; estimate, interval, p, detection limit and verdict out.

Everything is done on log ratios: the estimate is the geometric mean of arm over baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from kit.records import At, Comparison, Verdict
from kit.stats import signflip
from kit.stats.design import Design
from kit.stats.shape import Modes, modes
from kit.stats.signflip import Floats, Walk

LESS, MORE = "less is better", "more is better"
POWER = 0.9  # a detection limit is the difference that so many of such runs would have shown
LARGEST_LOG = 700.0  # of a ratio that is a number still
IN_STEP = 0.9  # arms that change mode in so many of the same blocks: the machine changed, and pairing takes it out
HOPE = 0.1  # blocks are not worth their time if the chance that they decide anything is below this
HOPE_SHARE = 0.4  # of the planned blocks: before, the noise is hardly known


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

    @cached_property
    def mean(self) -> float:
        """The mean of the differences; 0 where there are none."""
        return float(self.differences.sum()) / self.blocks if self.blocks else 0.0

    @cached_property
    def spread(self) -> float:
        """The standard deviation of the differences; infinite below two."""
        centred = self.differences - self.mean
        return math.sqrt(float(centred @ centred) / (self.blocks - 1)) if self.blocks > 1 else math.inf

    @property
    def error(self) -> float:
        """The standard error of the mean of the differences."""
        return self.spread / math.sqrt(self.blocks) if self.blocks else math.inf

    @cached_property
    def modes(self) -> tuple[Modes | None, Modes | None]:
        """The two modes of the arm, and those of the baseline."""
        return modes(self.arm_values[: self.blocks]), modes(self.baseline_values[: self.blocks])

    @cached_property
    def mixed(self) -> bool:
        """Whether a mean of two modes would decide: an arm has two, the arms' boots overlap, and it is not that the
        machine changed for both at once."""
        arm, base = self.arm_values[: self.blocks], self.baseline_values[: self.blocks]
        if not arm or min(arm) > max(base) or max(arm) < min(base):
            return False
        found = self.modes
        if found == (None, None):
            return False
        if found[0] is None or found[1] is None:
            return True
        together = [a == b for a, b in zip(found[0].upper, found[1].upper, strict=True)]
        return sum(together) < IN_STEP * len(together)


@dataclass(frozen=True)
class Measured:
    """What one comparison shows after the looks of `walk`, tested at `alpha` (its share of the design's). `ratio` and
    `bounds` are arm over baseline. `hopeless`: the blocks left would hardly decide it."""

    pairs: Pairs
    walk: Walk
    alpha: float
    verdict: Verdict
    hopeless: bool

    @property
    def different(self) -> bool:
        """From the baseline, whatever the limit."""
        return self.walk.crossed is not None

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The ratio's interval, after what earlier looks and other comparisons cost; 0 or infinite for no bound."""
        low, high = signflip.interval(self.pairs.differences, self.walk.level, signflip.rank_for(self.alpha))
        return math.exp(low) if low > -math.inf else 0.0, math.exp(high)

    @property
    def detectable(self) -> float:
        """The detection limit, as a fraction of the baseline."""
        return detection_limit(self.pairs, self.walk.level)


def measure(
    pairs: Pairs, design: Design, limit: float, share: float = 1.0, last: bool = False, quick: bool = False
) -> Measured:
    """One comparison at the design's level times `share` (Holm's step). `last`: no more blocks will come. `quick`:
    where anybody can see that nothing is shown yet, no boundary is worked out."""
    d, alpha = pairs.differences, design.alpha * share
    if quick and _quiet(pairs, limit):
        return Measured(pairs, Walk(), alpha, Verdict.INCONCLUSIVE, _hopeless(pairs, design, alpha, limit))
    walk = signflip.walk(d, design.looks(alpha, len(d) if last else None), alpha)
    verdict = classify(pairs.mean, _reach(pairs, walk, alpha, limit), walk.sign, limit, pairs.direction)
    if verdict is not Verdict.INCONCLUSIVE and pairs.mixed:
        verdict = Verdict.INCONCLUSIVE
    hopeless = verdict is Verdict.INCONCLUSIVE and not last and _hopeless(pairs, design, alpha, limit)
    return Measured(pairs, walk, alpha, verdict, hopeless)


def _quiet(pairs: Pairs, limit: float) -> bool:
    """Whether the estimate lies within one standard error of no difference, and could not be within the limit."""
    return abs(pairs.mean) <= pairs.error and not _within(pairs, limit)


def _within(pairs: Pairs, limit: float) -> bool:
    """Whether the estimate lies within the limit by a standard error: no interval that is narrower can be."""
    down, up = log_limits(limit)
    return down < pairs.mean - pairs.error and pairs.mean + pairs.error < up


def _reach(pairs: Pairs, walk: Walk, alpha: float, limit: float) -> tuple[float, float]:
    """The interval on the log scale; infinite, to save time, where it could not lie within the limit."""
    if not _within(pairs, limit):
        return -math.inf, math.inf
    return signflip.interval(pairs.differences, walk.level, signflip.rank_for(alpha))


def record(p: Pairs, verdict: Verdict, bounds: tuple[float, float], p_value: float, detectable: float) -> Comparison:
    """A comparison of pairs as it crosses layers. `bounds` of the ratio, 0 and infinite for none."""
    n, (low, high) = p.blocks, bounds
    return Comparison(
        metric=p.metric,
        unit=p.unit,
        direction=p.direction,
        arm=p.arm,
        baseline=p.baseline,
        at=p.at,
        ratio=math.exp(p.mean),
        low=low or None,
        high=finite(high),
        n=n,
        arm_value=sum(p.arm_values[:n]) / n if n else 0.0,
        baseline_value=sum(p.baseline_values[:n]) / n if n else 0.0,
        exact=False,
        baseline_n=n,
        p=p_value,
        detectable=finite(detectable),
        said=verdict,
        aa=p.aa,
    )


def ratio_of_log(log: float) -> float:
    """The exponential; infinite beyond LARGEST_LOG, which two values at a strict level do reach."""
    return math.exp(log) if log < LARGEST_LOG else math.inf


def change_of_log(log: float) -> float:
    """The same less one, exact for small changes."""
    return math.expm1(log) if log < LARGEST_LOG else math.inf


def finite(value: float) -> float | None:
    """None for what is no bound."""
    return value if value < math.inf else None


def classify(mean: float, reach: tuple[float, float], sign: int, limit: float, direction: str) -> Verdict:
    """The verdict of one comparison, from estimate and interval on the log scale and the direction (`sign`, 0 for none)
    in which a boundary was crossed.

    | first that holds | verdict |
    | --- | --- |
    | the whole interval lies within the limit | same |
    | a boundary was crossed, and the estimate lies beyond the limit on that side | better or worse, by the direction |
    | otherwise | inconclusive |
    """
    down, up = log_limits(limit)
    if down <= reach[0] and reach[1] <= up:
        return Verdict.SAME
    if (sign > 0 and mean > up) or (sign < 0 and mean < down):
        return Verdict.BETTER if (sign > 0) == (direction == MORE) else Verdict.WORSE
    return Verdict.INCONCLUSIVE


def log_limits(limit: float) -> tuple[float, float]:
    """The logs of 1 - limit and 1 + limit."""
    return math.log1p(-limit) if limit < 1 else -math.inf, math.log1p(limit)


def _hopeless(pairs: Pairs, design: Design, alpha: float, limit: float) -> bool:
    """Whether the blocks left would decide with a chance below HOPE: neither a difference as large as the design is
    made for, nor that there is none. Normal approximations: where they err, it costs boots or power, no false alarm."""
    done, planned, spread = pairs.blocks, design.blocks, pairs.spread
    if done < max(design.least + 1, HOPE_SHARE * planned) or done >= planned:
        return False
    if spread == 0:
        return False
    share, edge = done / planned, -float(ndtri(alpha / 2))
    score = abs(pairs.mean * done) / (spread * math.sqrt(planned))
    drift = edge - float(ndtri(1 - POWER))
    shown = float(ndtr((score + drift * (1 - share) - edge) / math.sqrt(1 - share)))
    return shown < HOPE and _chance_of_same(pairs.mean, spread, share, planned, edge, limit) < HOPE


def _chance_of_same(mean: float, spread: float, share: float, planned: int, edge: float, limit: float) -> float:
    """The chance that the last interval lies within the limit, if there is no difference."""
    down, up = log_limits(limit)
    half = edge * spread / math.sqrt(planned)
    rest = spread * math.sqrt((1 - share) / planned)
    low, high = (down + half - mean * share) / rest, (up - half - mean * share) / rest
    return max(0.0, float(ndtr(high) - ndtr(low)))


def detection_limit(pairs: Pairs, level: float, power: float = POWER) -> float:
    """The smallest true difference (a fraction of the baseline) that such data would have shown with this power at this
    two-sided level; infinite where none would."""
    n = pairs.blocks
    if n < 2 or level <= 0:
        return math.inf
    return change_of_log(-float(stdtrit(n - 1, level / 2) + stdtrit(n - 1, 1 - power)) * pairs.error)
