"""The tests of two groups without blocks: p, sign, shift, its interval and detection limit.

The numbers of values alone decide which test is used, before any value is looked at:

| first that holds | the test that decides |
| --- | --- |
| all values of both groups are equal | none is needed |
| the values are pairs | Wilcoxon's signed ranks |
| ranks of so many values can reach the level | Mann and Whitney's ranks |
| otherwise | Welch's t on logarithms; a test of Poisson counts if some values are 0 |

Ranks are exact whatever the noise looks like. Welch's t assumes that logs are nearly normal, so it has safeguards:
rounding is added to its variance, the pooled variance is used if a group has fewer than five values, and its p is never
below the chance that noise with two modes puts all values of one group into one mode and all of the other into the
other. All tests assume that runs are independent, and that the machine was the same for both groups.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import bdtr, bdtrc, chdtrc, stdtr, stdtrit

from kit.stats import ranks
from kit.stats.groups import Couple
from kit.stats.paired import POWER
from kit.stats.signflip import Floats

FEW = 5  # values of a group: with fewer, Welch's own degrees of freedom give more false alarms
SCATTERED = 0.05
RANKS, PAIRS, WELCH, POISSON, SAME = "Mann-Whitney", "Wilcoxon", "Welch", "Poisson", "equal"


class Ranked:
    """The test by ranks, of pairs or of two groups."""

    def __init__(self, couple: Couple) -> None:
        self.couple = couple
        arm, base = couple.scaled
        self.name = PAIRS if couple.paired else RANKS
        if couple.paired:
            self.p, self.sign = ranks.signed_rank_test(arm - base)
            self.ordered = ranks.walsh(arm - base)
        else:
            self.p, self.sign = ranks.rank_test(arm, base)
            self.ordered = ranks.shifts(arm, base)
        means = float(arm.mean() - base.mean())
        self.estimate = means if couple.rounded else ranks.middle(self.ordered)

    def interval(self, level: float) -> tuple[float, float]:
        """The interval of the shift; a step wider if values are rounded to steps."""
        n, m = self.couple.arm.n, self.couple.baseline.n
        if self.couple.paired:
            low, high = ranks.walsh_interval(self.ordered, n, level)
        else:
            low, high = ranks.shift_interval(self.ordered, n, m, level)
        return low - self.couple.rounded, high + self.couple.rounded

    def seen(self, level: float) -> float:
        """The difference that nine of ten such comparisons would detect, from the interval's width."""
        low, high = self.interval(level)
        if not math.isfinite(high - low):
            return math.inf
        freedom = max(1, self.couple.arm.n + (0 if self.couple.paired else self.couple.baseline.n) - 2)
        edge = -float(stdtrit(freedom, level / 2))
        return (high - low) / 2 * (1 - float(stdtrit(freedom, 1 - POWER)) / edge)


class Welch:
    """The t test on means and variances of logs."""

    name = WELCH

    def __init__(self, couple: Couple) -> None:
        (mine, spread), (base, base_spread) = couple.arm.logs, couple.baseline.logs
        n, m = couple.arm.n, couple.baseline.n
        self.least = least_p(n + m)
        self.estimate = mine - base
        self.sign = (self.estimate > 0) - (self.estimate < 0)
        if math.isnan(spread + base_spread):  # a single value has no spread: nothing can be said
            self.error, self.freedom, self.p = math.inf, 1.0, 1.0
            return
        extra = couple.step**2 / 12
        self.error, self.freedom = _welch((spread**2 + extra, n), (base_spread**2 + extra, m))
        if couple.has_values and min(n, m) < FEW:
            pooled = _pooled((spread**2 + extra, n), (base_spread**2 + extra, m))
            if _t_p(self.estimate, *pooled) > _t_p(self.estimate, self.error, self.freedom):
                self.error, self.freedom = pooled
        self.p = max(self.least, _t_p(self.estimate, self.error, self.freedom))

    def interval(self, level: float) -> tuple[float, float]:
        """The confidence interval of the logarithm of the ratio, at a level such as 0.05."""
        if level < self.least or math.isinf(self.error):
            return -math.inf, math.inf
        half = -float(stdtrit(self.freedom, level / 2)) * self.error
        return self.estimate - half, self.estimate + half

    def seen(self, level: float) -> float:
        """The difference, as a logarithm, that would be detected in nine cases of ten."""
        if level < self.least or math.isinf(self.error):
            return math.inf
        return -(float(stdtrit(self.freedom, level / 2)) + float(stdtrit(self.freedom, 1 - POWER))) * self.error


class Counted:
    """The test of few values, some of them 0: as Poisson counts, if they are whole numbers and scatter no more than
    such counts do; else nothing can be said."""

    name = POISSON

    def __init__(self, couple: Couple) -> None:
        arm, base = couple.scaled
        self.estimate = float(arm.mean() - base.mean())
        self.sign = (self.estimate > 0) - (self.estimate < 0)
        self.p = _poisson(arm, base)

    def interval(self, level: float) -> tuple[float, float]:
        """No bounds: a ratio to a count of zero is unknown."""
        return -math.inf, math.inf

    def seen(self, level: float) -> float:
        """Infinite: as far as is known, no difference would be detected."""
        return math.inf


class Equal:
    """No test: every value is the same."""

    name = SAME
    p, sign, estimate = 1.0, 0, 0.0

    def interval(self, level: float) -> tuple[float, float]:
        """No width: all values are the same."""
        return 0.0, 0.0

    def seen(self, level: float) -> float:
        """Any difference would be detected."""
        return 0.0


Test = Ranked | Welch | Counted | Equal


def least_p(values: int) -> float:
    """The chance that noise with two equally frequent modes splits so many values exactly into the two groups: no test
    that assumes normality may give a smaller p."""
    return min(1.0, 2.0 ** (1 - values))


def _welch(arm: tuple[float, int], base: tuple[float, int]) -> tuple[float, float]:
    parts = arm[0] / arm[1], base[0] / base[1]
    variance = sum(parts)
    if variance == 0:
        return 0.0, 1.0
    below = parts[0] ** 2 / (arm[1] - 1) + parts[1] ** 2 / (base[1] - 1)
    return math.sqrt(variance), variance**2 / below if below > 0 else 1.0


def _pooled(arm: tuple[float, int], base: tuple[float, int]) -> tuple[float, float]:
    freedom = arm[1] + base[1] - 2
    variance = (arm[0] * (arm[1] - 1) + base[0] * (base[1] - 1)) / freedom
    return math.sqrt(variance * (1 / arm[1] + 1 / base[1])), float(freedom)


def _t_p(mean: float, error: float, freedom: float) -> float:
    if error == 0:  # each group counts the same every time
        return 1.0 if mean == 0 else 0.0
    return 2 * float(stdtr(freedom, -abs(mean) / error))


def _poisson(arm: Floats, base: Floats) -> float:
    """The conditional test of two Poisson rates. If the counts' variance is larger than their mean by more than chance,
    the counts are first divided by that factor."""
    every = np.concatenate([arm, base])
    if np.any(every < 0) or np.any(every != np.floor(every)) or len(arm) < 2 or len(base) < 2:
        return 1.0
    n, m, freedom = len(arm), len(base), len(every) - 2
    scatter = sum(float(((g - g.mean()) ** 2).sum()) / g.mean() for g in (arm, base) if g.mean() > 0)
    over = scatter / freedom if chdtrc(freedom, scatter) < SCATTERED else 1.0
    total, mine, share = int(every.sum() / over), int(arm.sum() / over), n / (n + m)
    lower = float(bdtr(mine, total, share)) if mine < total else 1.0
    upper = float(bdtrc(mine - 1, total, share)) if mine > 0 else 1.0
    return max(least_p(n + m), min(1.0, 2 * min(lower, upper)))


def test_of(couple: Couple, share: float) -> Test:
    """The deciding test at this level, chosen by the numbers of values alone."""
    n, m = couple.arm.n, couple.baseline.n
    if couple.constant and n > 1 and m > 1:
        return Equal()
    if couple.has_values and (couple.paired or (min(n, m) > 1 and ranks.finest_p(n, m) <= share)):
        return Ranked(couple)
    return Welch(couple) if couple.has_ratio else Counted(couple)
