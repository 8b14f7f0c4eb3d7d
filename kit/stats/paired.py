"""Compares an arm with the baseline, paired by block: estimate, interval, p, detection limit and verdict.

All work is on log ratios. The estimate is that of Hodges and Lehmann: the median of the means of all pairs of blocks,
which belongs to signed ranks as the mean belongs to t. A block with a failed boot is taken at its worst: the verdict
would hold whatever that boot had measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from kit.records import MORE, At, Comparison, Verdict
from kit.stats import reach, signflip
from kit.stats.covariates import adjusted
from kit.stats.design import Design
from kit.stats.shape import Modes, modes
from kit.stats.signflip import Floats, Walk

POWER = reach.POWER  # the share of such runs that would show a difference as large as the detection limit
LARGEST_LOG = 700.0  # the largest log whose ratio is still a finite number
HOPE = 0.1  # blocks are not worth their time if the chance that they decide anything is lower
HOPE_SHARE = 0.4  # of the planned blocks: earlier, the noise is hardly known


@dataclass(frozen=True)
class Pairs:
    """One metric of an arm and of the baseline at one place: one value for each block, in order, only of blocks with
    both. All values are above 0. `aa`: the arm is the baseline's own image. `lost`: the indices, among all blocks, of
    those in which a boot of either failed. `beside`: by block, the arm's covariates less the baseline's; empty if
    differences are not adjusted."""

    metric: str
    unit: str
    direction: str  # LESS or MORE
    arm: str
    baseline: str
    at: At
    arm_values: tuple[float, ...]
    baseline_values: tuple[float, ...]
    aa: bool = False
    lost: tuple[int, ...] = ()
    beside: tuple[tuple[float, ...], ...] = ()

    @property
    def blocks(self) -> int:
        """The number of blocks with a value of both arms."""
        return min(len(self.arm_values), len(self.baseline_values))

    @property
    def tried(self) -> int:
        """The number of all blocks, including those with a failed boot."""
        return self.blocks + len(self.lost)

    @cached_property
    def differences(self) -> Floats:
        """log(arm / baseline) of each block, adjusted for `beside`."""
        return adjusted(self.raw, self.beside) if self.beside else self.raw

    @property
    def raw(self) -> Floats:
        """log(arm / baseline) of each block."""
        n = self.blocks
        out: Floats = np.log(np.array(self.arm_values[:n])) - np.log(np.array(self.baseline_values[:n]))
        return out

    @property
    def explained(self) -> float:
        """The share of the standard deviation of the differences that the covariates explain; 0 without any."""
        wide = float(self.raw.std()) if self.beside else 0.0
        return 1 - float(self.differences.std()) / wide if wide > 0 else 0.0

    @cached_property
    def mean(self) -> float:
        """The mean of the differences; 0 if there are none."""
        return float(self.differences.sum()) / self.blocks if self.blocks else 0.0

    @cached_property
    def spread(self) -> float:
        """The standard deviation of the differences; infinite for fewer than two."""
        centred = self.differences - self.mean
        return math.sqrt(float(centred @ centred) / (self.blocks - 1)) if self.blocks > 1 else math.inf

    @property
    def error(self) -> float:
        """The standard error of the mean of the differences."""
        return self.spread / math.sqrt(self.blocks) if self.blocks else math.inf

    @cached_property
    def modes(self) -> tuple[Modes | None, Modes | None]:
        """The two modes of the arm's values and of the baseline's; None for values without."""
        return modes(self.arm_values[: self.blocks]), modes(self.baseline_values[: self.blocks])

    def with_lost(self, worst: float) -> Floats:
        """The differences of all blocks in order, with `worst` for the lost ones."""
        if not self.lost:
            return self.differences
        out = np.full(self.tried, worst)
        out[np.setdiff1d(np.arange(self.tried), self.lost)] = self.differences
        return out

    @cached_property
    def walsh(self) -> Floats:
        """signflip.walsh of the blocks with both values."""
        return signflip.walsh(self.differences)

    @cached_property
    def at_worst(self) -> tuple[Floats, Floats]:
        """The same with the lost blocks as low, and as high, as possible."""
        if not self.lost:
            return self.walsh, self.walsh
        return signflip.walsh(self.with_lost(-math.inf)), signflip.walsh(self.with_lost(math.inf))

    @cached_property
    def shift(self) -> float:
        """The Hodges-Lehmann estimate of the log ratio; 0 without values."""
        return float(np.median(self.walsh)) if self.blocks else 0.0

    @cached_property
    def shift_error(self) -> float:
        """The standard error of `shift`."""
        return reach.standard_error(self.walsh, self.blocks)


@dataclass(frozen=True)
class Measured:
    """The result of one comparison after the looks of `walk`, tested at `alpha` (its share of the design's). `ratio`
    and `bounds` are arm over baseline. `hopeless`: the blocks left are unlikely to decide it. `edges`: the boundaries
    from which the lower and the upper end of the interval are found."""

    pairs: Pairs
    walk: Walk
    alpha: float
    verdict: Verdict
    hopeless: bool
    edges: tuple[float, float] = (math.inf, math.inf)
    limit: float = 0.0

    @property
    def different(self) -> bool:
        """Whether the arm differs from the baseline, whatever the limit."""
        return self.walk.crossed is not None

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The interval of the ratio, corrected for earlier looks and other comparisons; 0 or infinite for no bound."""
        low, high = _interval(self.pairs, self.edges)
        return math.exp(low) if low > -math.inf else 0.0, ratio_of_log(high)

    @property
    def detectable(self) -> float:
        """The detection limit, as a fraction of the baseline."""
        p = self.pairs
        up = reach.of_ranks(p.tried, self.walk.edge, p.shift_error, log_limits(self.limit)[1])
        return change_of_log(up)


def measure(
    pairs: Pairs, design: Design, limit: float, share: float = 1.0, last: bool = False, quick: bool = False
) -> Measured:
    """One comparison at the design's level times `share` (Holm's step). `last`: no more blocks will come. `quick`: if
    plainly nothing is shown yet, no boundary is computed.

    That all comparisons are the same needs no correction for their number, since each must be (Berger, Technometrics
    24, 1982). So the interval that is compared with the limit has the design's own level.
    """
    alpha = design.alpha * share
    if quick and _quiet(pairs, design, limit):
        return Measured(pairs, Walk(), alpha, Verdict.INCONCLUSIVE, _hopeless(pairs, design, alpha, limit))
    up, down = _walks(pairs, design, alpha, last)
    walk = up if pairs.shift > 0 else down
    if walk.sign * pairs.shift <= 0:  # no direction, or only the lost blocks give it
        walk = replace(walk, crossed=None, sign=0)
    edges = up.edge, down.edge
    if _may_be_same(pairs, design, limit):
        alone = edges if share == 1 else tuple(w.edge for w in _walks(pairs, design, design.alpha, last))
        if classify(0.0, _interval(pairs, (alone[0], alone[1])), 0, limit, pairs.direction) is Verdict.SAME:
            return Measured(pairs, walk, alpha, Verdict.SAME, False, (alone[0], alone[1]), limit)
    low, high = (float(np.median(means)) if len(means) else 0.0 for means in pairs.at_worst)
    outside = (-math.inf, math.inf)
    verdict = classify(low if walk.sign > 0 else high, outside, walk.sign, limit, pairs.direction)
    hopeless = verdict is Verdict.INCONCLUSIVE and not last and _hopeless(pairs, design, alpha, limit)
    return Measured(pairs, walk, alpha, verdict, hopeless, edges, limit)


def _walks(pairs: Pairs, design: Design, alpha: float, last: bool) -> tuple[Walk, Walk]:
    """The looks with the lost blocks at their lowest, and at their highest."""
    looks = design.looks(alpha, pairs.tried if last else None)
    up = signflip.walk(pairs.with_lost(-math.inf), looks, alpha)
    return up, signflip.walk(pairs.with_lost(math.inf), looks, alpha) if pairs.lost else up


def _interval(pairs: Pairs, edges: tuple[float, float]) -> tuple[float, float]:
    """The interval on the log scale."""
    low, high = pairs.at_worst
    return signflip.interval(low, edges[0])[0], signflip.interval(high, edges[1])[1]


def _quiet(pairs: Pairs, design: Design, limit: float) -> bool:
    """Whether the estimate is within one standard error of no difference, and cannot be `same` yet."""
    small = abs(float(signflip.signed_ranks(pairs.differences).sum())) <= signflip.edge_of(pairs.blocks, 0.3)
    return small and not _may_be_same(pairs, design, limit)


def _may_be_same(pairs: Pairs, design: Design, limit: float) -> bool:
    """Whether the interval of a single look would be within the limit; those of several looks are wider."""
    down, up = log_limits(limit)
    low, high = signflip.interval(pairs.walsh, signflip.edge_of(pairs.blocks, min(1.0, 1.5 * design.alpha)))
    return down <= low and high <= up


def record(
    p: Pairs,
    verdict: Verdict,
    bounds: tuple[float, float],
    p_value: float,
    detectable: float,
    estimate: float | None = None,
) -> Comparison:
    """A comparison of pairs as a record. `bounds`: of the ratio, 0 and infinite for none; `estimate`: of its log,
    default the mean."""
    n, (low, high) = p.blocks, bounds
    return Comparison(
        metric=p.metric,
        unit=p.unit,
        direction=p.direction,
        arm=p.arm,
        baseline=p.baseline,
        at=p.at,
        ratio=math.exp(p.mean if estimate is None else estimate),
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
        arm_values=p.arm_values[:n],
        baseline_values=p.baseline_values[:n],
    )


def ratio_of_log(log: float) -> float:
    """exp(log); infinite beyond LARGEST_LOG, which two values at a strict level can reach."""
    return math.exp(log) if log < LARGEST_LOG else math.inf


def change_of_log(log: float) -> float:
    """exp(log) - 1, exact for small changes."""
    return math.expm1(log) if log < LARGEST_LOG else math.inf


def finite(value: float) -> float | None:
    """The value; None if it is not finite (no bound)."""
    return value if value < math.inf else None


def classify(mean: float, reach: tuple[float, float], sign: int, limit: float, direction: str) -> Verdict:
    """The verdict of one comparison, from estimate and interval on the log scale and the direction in which a boundary
    was crossed (`sign`, 0 for none).

    | first that holds | verdict |
    | --- | --- |
    | the whole interval is within the limit | same |
    | a boundary was crossed, and the estimate is beyond the limit on that side | better or worse, by the direction |
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
    """Whether the blocks left would decide with a chance below HOPE, neither for a difference as large as the design is
    made for, nor for none. Normal approximations: if they err, it costs boots or power, but gives no false alarm."""
    done, planned, spread = pairs.tried, design.blocks, pairs.shift_error * math.sqrt(pairs.blocks)
    if done < max(design.least + 1, HOPE_SHARE * planned) or done >= planned:
        return False
    if not 0 < spread < math.inf:
        return False
    share, edge = done / planned, -float(ndtri(alpha / 2))
    score = abs(pairs.shift * done) / (spread * math.sqrt(planned))
    drift = edge - float(ndtri(1 - POWER))
    shown = float(ndtr((score + drift * (1 - share) - edge) / math.sqrt(1 - share)))
    return shown < HOPE and _chance_of_same(pairs.shift, spread, share, planned, edge, limit) < HOPE


def _chance_of_same(mean: float, spread: float, share: float, planned: int, edge: float, limit: float) -> float:
    """The chance that the last interval is within the limit, if there is no difference."""
    down, up = log_limits(limit)
    half = edge * spread / math.sqrt(planned)
    rest = spread * math.sqrt((1 - share) / planned)
    low, high = (down + half - mean * share) / rest, (up - half - mean * share) / rest
    return max(0.0, float(ndtr(high) - ndtr(low)))


def detection_limit(pairs: Pairs, level: float, power: float = POWER, limit: float = 0.0) -> float:
    """The smallest true difference (a fraction of the baseline) that such data would have shown with this power, by
    Student's t at this two-sided level and with the estimate beyond the limit; infinite if none would."""
    return change_of_log(reach.of_t(pairs.blocks, level, pairs.error, log_limits(limit)[1], power))
