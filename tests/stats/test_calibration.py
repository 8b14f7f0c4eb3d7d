"""The calibration in small, with binomial bounds: false alarms, coverage, power, saved boots. And that it can fail."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import calibration

from kit.records import Verdict
from kit.stats import paired
from kit.stats.design import Design

EXPERIMENTS = 120
DESIGN = Design(20, 0.05)


def require_calibrated(cells: Sequence[calibration.Cell]) -> None:
    """Raises AssertionError if a bound of 99.9% is broken: too many false alarms for alpha, or intervals that do not
    cover."""
    for c in cells:
        wrong = c.alarms if c.effect == 0 else c.worse
        assert wrong / c.experiments <= calibration.at_most(c.alpha, c.experiments), c
        assert c.covered / c.experiments >= calibration.at_least(1 - c.alpha, c.experiments), c


@pytest.mark.parametrize("shape", calibration.SHAPES)
def test_false_alarms_and_coverage(shape: str) -> None:
    require_calibrated([calibration.cell(shape, 0.0, DESIGN, EXPERIMENTS)])


@pytest.mark.parametrize("shape", ["normal", "skewed", "drifting", "autocorrelated", "heavy-tailed"])
def test_a_large_effect_is_seen(shape: str) -> None:
    found = calibration.cell(shape, 0.1, DESIGN, 60)
    require_calibrated([found])
    assert found.better >= 57
    assert found.boots / found.experiments < 30


def test_a_verdict_that_is_always_better_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def always_better(*_: Any) -> Verdict:
        return Verdict.BETTER

    monkeypatch.setattr(paired, "classify", always_better)
    with pytest.raises(AssertionError):
        require_calibrated([calibration.cell("normal", 0.0, DESIGN, EXPERIMENTS)])


def test_looking_early_saves_boots() -> None:
    saved = {s.effect: s for s in calibration.savings(150)}
    assert saved["designed for"].power > 0.75
    assert saved["designed for"].share < 0.85
    assert saved["twice that"].share < 0.5
    assert saved["none"].share < 1.1


def test_the_rules_of_others_are_theirs() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        a, b = rng.normal(1, 1, 10), rng.normal(0, 1, 10)
        assert calibration.mann_whitney(a, b) == (stats.mannwhitneyu(a, b, method="exact").pvalue < 0.05)
        assert calibration.students_t(a, b) == (stats.ttest_ind(a, b).pvalue < 0.05)
    low, high = np.arange(10.0), np.arange(10.0)
    assert calibration.gap_of_medians(high + 6, low)
    assert not calibration.gap_of_medians(high + 4, low)


def test_the_report_has_every_cell() -> None:
    cells = {}
    calibration.simulate(cells, 2, 1, lambda: None)
    assert len(cells) == 36
    assert {c.experiments for c in cells.values()} == {2}
    text = calibration.report(list(cells.values()), [])
    assert text.count("| heavy-tailed |") == 7
