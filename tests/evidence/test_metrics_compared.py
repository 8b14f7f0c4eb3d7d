"""Metrics that payloads print and that decide: verdicts on made-up values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kit.evidence.metrics import MetricRow, compare_metrics
from kit.records import Verdict
from kit.stats.counts import judge_one

LESS, MORE = "less is better", "more is better"
BETTER, SAME, WORSE, INCONCLUSIVE = Verdict.BETTER, Verdict.SAME, Verdict.WORSE, Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("base", "mine", "less", "more"),
    [
        ((10.0, 10.0), (5.0, 5.0), BETTER, WORSE),
        ((0.0, 0.0), (5.0, 5.0), WORSE, BETTER),
        ((0.0, 0.0), (0.0, 0.0), SAME, SAME),
        ((-10.0, -10.0), (-5.0, -5.0), INCONCLUSIVE, INCONCLUSIVE),
        ((0.0, 0.0), (-5.0, -5.0), INCONCLUSIVE, INCONCLUSIVE),
        ((5.0, 5.0), (-5.0, -5.0), INCONCLUSIVE, INCONCLUSIVE),
        ((-5.0, -5.0), (-5.0, -5.0), SAME, SAME),
    ],
)
def test_what_decides_and_what_has_no_ratio(
    base: tuple[float, ...], mine: tuple[float, ...], less: Verdict, more: Verdict
) -> None:
    exp: Any = SimpleNamespace(baseline="without")
    for direction, wanted in ((LESS, less), (MORE, more)):
        row = MetricRow("p", 1, "metric", "", direction, True, {"without": base, "with": mine})
        (found,) = compare_metrics(exp, [row])
        assert judge_one(found, 0.01) is wanted
