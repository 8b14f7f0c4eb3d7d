"""Values of one metric in two groups, or summaries of them; and their logs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kit.stats.signflip import Floats

LARGEST = 1e150  # times its mean: a larger standard deviation counts as this, so that its square is finite
TIED = 0.5  # a share of distinct values below which they count as rounded, and an estimate is of means


@dataclass(frozen=True)
class Group:
    """The values of one metric in one group, or only their number, mean and standard deviation (a summary). A summary's
    mean is above 0."""

    n: int
    mean: float
    sd: float
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: Sequence[float]) -> Group:
        """The group of these values; the spread of a single value is NaN."""
        data = np.asarray(values, dtype=float)
        spread = float(data.std(ddof=1)) if len(data) > 1 else math.nan
        return cls(len(data), float(data.mean()), spread, tuple(values))

    @property
    def logs(self) -> tuple[float, float]:
        """Mean and standard deviation of the logs; for a summary those of the lognormal distribution with these
        moments."""
        if self.values:
            data = np.log(np.array(self.values))
            return float(data.mean()), float(data.std(ddof=1)) if self.n > 1 else math.nan
        variance = math.log1p(min(self.sd / self.mean, LARGEST) ** 2)
        return math.log(self.mean) - variance / 2, math.sqrt(variance)


@dataclass(frozen=True)
class Couple:
    """One metric of both groups. `direction`: as in Comparison; if empty, the metric is shown without a verdict.
    `paired`: the values belong together, one by one."""

    metric: str
    unit: str
    direction: str
    arm: Group
    baseline: Group
    paired: bool = False

    @cached_property
    def has_values(self) -> bool:
        """Whether both groups have single values, not only a summary."""
        return bool(self.arm.values and self.baseline.values)

    @cached_property
    def has_ratio(self) -> bool:
        """Whether all values are above 0."""
        return all(v > 0 for g in (self.arm, self.baseline) for v in g.values or (g.mean,))

    @cached_property
    def constant(self) -> bool:
        """Whether every value of both groups is the same."""
        return self.has_values and len({*self.arm.values, *self.baseline.values}) == 1

    @property
    def steady(self) -> bool:
        """Whether each group has only one value, every time: counts, not rounded measurements."""
        return self.arm.sd == 0 and self.baseline.sd == 0

    @cached_property
    def rounded(self) -> float:
        """If most values are tied, the smallest step between two values, in the scale of `scaled`; else 0."""
        every = np.concatenate(self.scaled) if self.has_values else np.zeros(0)
        distinct = np.unique(every)
        if len(distinct) < 2 or len(distinct) >= TIED * len(every) or self.steady:
            return 0.0
        return float(np.diff(distinct).min())

    @cached_property
    def step(self) -> float:
        """The smallest step between values if any two are tied; else 0, since nothing shows that they are rounded."""
        every = np.concatenate(self.scaled) if self.has_values else np.zeros(0)
        distinct = np.unique(every)
        return float(np.diff(distinct).min()) if 1 < len(distinct) < len(every) else 0.0

    @cached_property
    def scaled(self) -> tuple[Floats, Floats]:
        """The values of arm and baseline, as logs if they have ratios."""
        arm, base = np.asarray(self.arm.values, dtype=float), np.asarray(self.baseline.values, dtype=float)
        return (np.log(arm), np.log(base)) if self.has_ratio else (arm, base)
