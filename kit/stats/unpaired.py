"""Two groups of numbers that were not measured in blocks: values or summaries in; Comparison records and remarks out.

Welch's t on logs. It needs what sign flips do not: that boots do not depend on each other, that the machine was the
same for both groups, and that a mean of the logs of so few is nearly normal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from kit.records import At, Comparison, Verdict
from kit.stats.paired import LARGEST_LOG, POWER, change_of_log, classify, finite, ratio_of_log
from kit.stats.remarks import remarks_on
from kit.stats.shape import modes

LARGEST = 1e150  # times its mean that a standard deviation counts as: its square is a number still


@dataclass(frozen=True)
class Group:
    """The values of one metric in one group, or what is left of them: number, mean and standard deviation. All above 0
    (`sd`: 0 or more)."""

    n: int
    mean: float
    sd: float
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: Sequence[float]) -> Group:
        data = np.asarray(values, dtype=float)
        spread = float(data.std(ddof=1)) if len(data) > 1 else math.nan
        return cls(len(data), float(data.mean()), spread, tuple(values))

    @property
    def logs(self) -> tuple[float, float]:
        """Mean and standard deviation of the logs; of a summary those of the lognormal distribution of its moments."""
        if self.values:
            data = np.log(np.array(self.values))
            return float(data.mean()), float(data.std(ddof=1)) if self.n > 1 else math.nan
        variance = math.log1p(min(self.sd / self.mean, LARGEST) ** 2)
        return math.log(self.mean) - variance / 2, math.sqrt(variance)


@dataclass(frozen=True)
class Couple:
    """One metric of both groups. `direction` as in Comparison."""

    metric: str
    unit: str
    direction: str
    arm: Group
    baseline: Group


@dataclass(frozen=True)
class _Test:
    """The difference of the means of the logs, its standard error, Welch's degrees of freedom, two-sided p."""

    mean: float
    error: float
    freedom: float
    p: float


def compare_all(
    couples: Sequence[Couple], names: tuple[str, str], limit: float, alpha: float
) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    """Every metric, corrected for their number by Holm's rule; and what is to be said of their values. `names`: of the
    arm and of the baseline."""
    tests = [_test(c) for c in couples]
    order = sorted(range(len(tests)), key=lambda i: tests[i].p)
    out: dict[int, Comparison] = {}
    notes: list[str] = []
    adjusted, rejecting = 0.0, True
    for rank, i in enumerate(order):
        left = len(order) - rank
        adjusted = max(adjusted, min(1.0, tests[i].p * left))
        if rejecting and tests[i].p > alpha / left:
            rejecting, share = False, left
        level = alpha / (left if rejecting else share)
        mixed = _mixed(couples[i])
        out[i] = _record(couples[i], tests[i], names, limit, level, adjusted, rejecting, mixed)
    for couple in couples:
        notes += _remarks(couple, names)
    return tuple(out[i] for i in range(len(couples))), tuple(notes)


def _test(couple: Couple) -> _Test:
    (mine, spread), (base, base_spread) = couple.arm.logs, couple.baseline.logs
    parts = spread**2 / couple.arm.n, base_spread**2 / couple.baseline.n
    variance = sum(parts)
    if math.isnan(variance):  # one value has no spread: nothing can be said
        return _Test(mine - base, math.inf, 1.0, 1.0)
    if variance == 0:  # each group counts the same every time
        return _Test(mine - base, 0.0, 1.0, 1.0 if mine == base else 0.0)
    freedom = variance**2 / sum(p**2 / (g.n - 1) for p, g in zip(parts, (couple.arm, couple.baseline), strict=True))
    error = math.sqrt(variance)
    return _Test(mine - base, error, freedom, 2 * float(stdtr(freedom, -abs(mine - base) / error)))


def _record(
    couple: Couple,
    test: _Test,
    names: tuple[str, str],
    limit: float,
    level: float,
    p: float,
    different: bool,
    mixed: bool,
) -> Comparison:
    edge = -float(stdtrit(test.freedom, level / 2))
    half = edge * test.error
    low, high = test.mean - half, test.mean + half
    sign = (test.mean > 0) - (test.mean < 0) if different else 0
    verdict = Verdict.INCONCLUSIVE if mixed else classify(test.mean, (low, high), sign, limit, couple.direction)
    seen = (edge - float(stdtrit(test.freedom, 1 - POWER))) * test.error
    return Comparison(
        metric=couple.metric,
        unit=couple.unit,
        direction=couple.direction,
        arm=names[0],
        baseline=names[1],
        at=At(""),
        ratio=math.exp(min(test.mean, LARGEST_LOG)),
        low=finite(ratio_of_log(low)) or None,
        high=finite(ratio_of_log(high)),
        n=couple.arm.n,
        arm_value=couple.arm.mean,
        baseline_value=couple.baseline.mean,
        exact=test.error == 0,
        baseline_n=couple.baseline.n,
        p=p,
        detectable=finite(change_of_log(seen)),
        said=verdict,
    )


def _mixed(couple: Couple) -> bool:
    """Whether a mean of two modes would decide: one group has two, and the groups overlap."""
    mine, base = couple.arm.values, couple.baseline.values
    if not mine or not base or min(mine) > max(base) or max(mine) < min(base):
        return False
    return modes(mine) is not None or modes(base) is not None


def _remarks(couple: Couple, names: tuple[str, str]) -> list[str]:
    groups = zip(reversed(names), (couple.baseline, couple.arm), strict=True)
    said = [
        line
        for name, group in groups
        for line in remarks_on(f"{couple.metric} of {name}", group.values, "value", modes(group.values))
    ]
    return [*said, f"{couple.metric}: a mean of two modes is not a verdict"] if _mixed(couple) else said
