"""Compares the counts of an arm and of the baseline, and judges the kind of evidence.

Counts have no sampling error as long as scheduling cannot change them: then a single differing number is a difference.
If it can, `low` and `high` are the extremes of the counts. Whether these may decide is for kit.evidence.scatter; if
not, a comparison carries a verdict of its own (`said`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from kit.records import LESS, At, Comparison, Verdict
from kit.stats.combine import combined

TURNED = {Verdict.WORSE: Verdict.BETTER, Verdict.BETTER: Verdict.WORSE}  # for metrics of which more is better


@dataclass(frozen=True)
class Counted:
    """One arm at one place: the count of each boot (without unit), and the model's interval if there is one."""

    values: tuple[int, ...]
    predicted: tuple[int, int] | None = None

    @property
    def exact(self) -> bool:
        """Whether two boots or more all count the same, and the prediction (if any) is a single number."""
        alike = len(self.values) > 1 and len(set(self.values)) == 1
        return alike and (self.predicted is None or self.predicted[0] == self.predicted[1])

    @property
    def agrees(self) -> bool | None:
        """Whether every boot is in the model's interval; None without an interval or without boots."""
        if self.predicted is None or not self.values:
            return None
        low, high = self.predicted
        return all(low <= v <= high for v in self.values)


def compare(at: At, arm: str, counted: Counted, baseline: str, base: Counted, jobs: int, unit: str) -> Comparison:
    """Compares an arm with the baseline: acquisitions per job. `jobs`: of the window, at least 1."""
    low, high = _bounds(counted.values, base.values)
    exact = counted.exact and base.exact
    mean_arm, mean_base = fmean(counted.values), fmean(base.values)
    return Comparison(
        metric="acquisitions",
        unit=f"per {unit}",
        direction=LESS,
        arm=arm,
        baseline=baseline,
        at=at,
        ratio=ratio_of(mean_arm, mean_base),
        low=low,
        high=high,
        n=len(counted.values),
        arm_value=mean_arm / jobs,
        baseline_value=mean_base / jobs,
        exact=exact,
        predicted=counted.predicted,
        agrees=counted.agrees,
        baseline_predicted=base.predicted,
        baseline_agrees=base.agrees,
        baseline_n=len(base.values),
        arm_values=tuple(v / jobs for v in counted.values),
        baseline_values=tuple(v / jobs for v in base.values),
    )


def ratio_of(arm: float, base: float) -> float | None:
    """arm / base; 1 if both are 0, None if only the baseline is 0."""
    if base == 0:
        return 1.0 if arm == 0 else None
    return arm / base


def _bounds(arm: Sequence[int], base: Sequence[int]) -> tuple[float | None, float | None]:
    return ratio_of(min(arm), max(base)), ratio_of(max(arm), min(base))


def judge_one(c: Comparison, limit: float) -> Verdict:
    """The verdict of one comparison: its own (`said`) if it has one."""
    return c.said if c.said is not None else judge_by_extremes(c, limit)


def judge_by_extremes(c: Comparison, limit: float) -> Verdict:
    """The verdict from the bounds: worse or better beyond the limit, same within it, else inconclusive."""
    found = _judge_less(c, limit)
    return found if c.direction == LESS else TURNED.get(found, found)


def _judge_less(c: Comparison, limit: float) -> Verdict:
    if c.low is None or c.low > 1 + limit:  # None: no boot of the baseline counted any, every boot of the arm did
        return Verdict.WORSE
    if c.high is None:  # some boots of the baseline counted none: the ratio has no bound
        return Verdict.INCONCLUSIVE
    if c.high < 1 - limit:
        return Verdict.BETTER
    if c.low >= 1 - limit and c.high <= 1 + limit:
        return Verdict.SAME
    return Verdict.INCONCLUSIVE


def judge_all(comparisons: Sequence[Comparison], limit: float) -> Verdict:
    """A kind's verdict: worse if any comparison is worse, else better if any is better, else same if all are same."""
    return combined(judge_one(c, limit) for c in comparisons)
