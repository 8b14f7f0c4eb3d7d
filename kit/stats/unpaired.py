"""Compares two groups of numbers that were not measured in blocks (values or summaries): Comparison records and
remarks.

kit.stats.twotests has the tests, and the rule which of them decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kit.records import MORE, At, Comparison, Verdict
from kit.stats.dependence import dependence
from kit.stats.groups import Couple, Group
from kit.stats.paired import LARGEST_LOG, change_of_log, classify, finite, ratio_of_log
from kit.stats.remarks import remarks_on
from kit.stats.shape import drift, modes
from kit.stats.twotests import SAME, WELCH, Test, test_of

__all__ = ["Couple", "Group", "compare_all", "judge_all", "remarks_of", "tests_of"]


def compare_all(
    couples: Sequence[Couple], names: tuple[str, str], limit: float, alpha: float
) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    """Compares every metric; returns the comparisons and remarks on the values. `names`: of the arm and of the
    baseline."""
    tests = tests_of(couples, alpha)
    notes = [line for couple in couples for line in remarks_of(couple, names)]
    return judge_all(couples, tests, names, limit, alpha), (*_method_notes(couples, tests), *notes)


def judge_all(
    couples: Sequence[Couple], tests: Sequence[Test], names: tuple[str, str], limit: float, alpha: float
) -> tuple[Comparison, ...]:
    """The comparisons, corrected for their number by Holm's rule. Metrics whose values are all equal cannot give a
    false alarm, and are not counted."""
    order = sorted((i for i in range(len(tests)) if tests[i].name != SAME), key=lambda i: tests[i].p)
    out = {i: _record(couples[i], t, names, limit, alpha, 1.0, False) for i, t in enumerate(tests) if t.name == SAME}
    adjusted, rejecting, share = 0.0, True, 1
    for rank, i in enumerate(order):
        left = len(order) - rank
        adjusted = max(adjusted, min(1.0, tests[i].p * left))
        if rejecting and tests[i].p > alpha / left:
            rejecting, share = False, left
        level = alpha / (left if rejecting else share)
        out[i] = _record(couples[i], tests[i], names, limit, level, adjusted, rejecting)
    return tuple(out[i] for i in range(len(couples)))


def tests_of(couples: Sequence[Couple], alpha: float) -> list[Test]:
    """The deciding test of each metric; `alpha` is for all together."""
    share = alpha / max(1, sum(not c.constant for c in couples))
    return [test_of(c, share) for c in couples]


def _method_notes(couples: Sequence[Couple], tests: Sequence[Test]) -> list[str]:
    """Remarks about tests that assume more than ranks do."""
    few = [c.metric for c, t in zip(couples, tests, strict=True) if t.name == WELCH and c.has_values]
    if not few:
        return []
    named = ", ".join(few[:3]) + (f" and {len(few) - 3} more" if len(few) > 3 else "")
    return [f"{named}: so few values that ranks cannot reach the level; Welch's t trusts that their noise is normal"]


def _record(
    couple: Couple, test: Test, names: tuple[str, str], limit: float, level: float, p: float, different: bool
) -> Comparison:
    low, high = test.interval(level)
    sign = test.sign if different else 0
    ratio, bounds, seen = (
        _logged(test, low, high, level) if couple.has_ratio else _linear(couple, test, low, high, level)
    )
    return Comparison(
        metric=couple.metric,
        unit=couple.unit,
        direction=couple.direction,
        arm=names[0],
        baseline=names[1],
        at=At(""),
        ratio=ratio,
        low=bounds[0],
        high=finite(bounds[1]),
        n=couple.arm.n,
        arm_value=couple.arm.mean,
        baseline_value=couple.baseline.mean,
        exact=couple.steady,
        baseline_n=couple.baseline.n,
        p=p,
        detectable=finite(seen),
        said=_said(couple, test, (low, high), sign, limit) if couple.direction else None,
    )


Scaled = tuple[float | None, tuple[float | None, float], float]  # ratio, its bounds, detection limit


def _logged(test: Test, low: float, high: float, level: float) -> Scaled:
    """Ratio, bounds and detection limit from a shift of logs."""
    ratio = math.exp(min(test.estimate, LARGEST_LOG))
    return ratio, (finite(ratio_of_log(low)) or None, ratio_of_log(high)), change_of_log(test.seen(level))


def _linear(couple: Couple, test: Test, low: float, high: float, level: float) -> Scaled:
    """Ratio, bounds and detection limit if values of 0 or less have no logs: differences relative to the baseline's
    mean; None and infinite if that is not above 0."""
    base = couple.baseline.mean
    if test.name == SAME:
        return 1.0, (1.0, 1.0), 0.0
    if base <= 0:
        return None, (None, math.inf), math.inf
    bounds = 1 + low / base if math.isfinite(low) else None, 1 + high / base
    return couple.arm.mean / base, bounds, test.seen(level) / base


def _said(couple: Couple, test: Test, reach: tuple[float, float], sign: int, limit: float) -> Verdict:
    if couple.has_ratio:
        return classify(test.estimate, reach, sign, limit, couple.direction)
    far, most = couple.arm.mean - couple.baseline.mean, limit * abs(couple.baseline.mean)
    if -most <= reach[0] and reach[1] <= most:
        return Verdict.SAME
    if not sign or sign * far <= most:
        return Verdict.INCONCLUSIVE
    return Verdict.BETTER if (sign > 0) == (couple.direction == MORE) else Verdict.WORSE


def remarks_of(couple: Couple, names: tuple[str, str]) -> list[str]:
    """What a mean would hide in either group: drift, dependence, outliers, modes."""
    out: list[str] = []
    for name, group in zip(reversed(names), (couple.baseline, couple.arm), strict=True):
        where = f"{couple.metric} of {name}"
        if group.values and min(group.values) > 0:
            out += remarks_on(where, group.values, "value", modes(group.values))
        drifts = group.values and min(group.values) > 0 and drift(group.values) is not None
        if not couple.paired and not drifts and (said := dependence(group.values)):
            out.append(f"{where}: {said}")
    return out
