"""Change points: levels that come, or come and go, are found at their place; a constant series has none."""

from __future__ import annotations

import numpy as np
import pytest

from kit.stats.changes import best_cuts, change_points


def series(*parts: tuple[int, float], seed: int = 1, noise: float = 1.0) -> list[float]:
    rng = np.random.default_rng(seed)
    levels = np.concatenate([np.full(n, level) for n, level in parts])
    return (levels + noise * rng.normal(size=len(levels))).tolist()


def test_a_step_is_found_where_it_is() -> None:
    (change,) = change_points(series((18, 0.0), (12, 3.0)), 0.05)
    assert abs(change.at - 18) <= 1
    assert change.low < 3 < change.high
    assert (change.before + change.after, change.p < 0.001) == (30, True)


def test_a_level_that_came_and_went_is_two_changes() -> None:
    found = change_points(series((20, 0.0), (10, 4.0), (20, 0.0)), 0.05)
    assert [round(c.at / 10) for c in found] == [2, 3]
    assert [np.sign(c.shift) for c in found] == [1, -1]


def test_eight_values_at_their_clearest_are_enough_and_seven_are_not() -> None:
    assert [c.at for c in change_points([1, 1.1, 1, 1.05, 2, 2.1, 2, 2.05], 0.05)] == [4]
    assert change_points([1, 1.1, 1, 2, 2.1, 2, 2.05], 0.05) == []


def test_series_without_a_change_have_none_as_often_as_asked() -> None:
    rng = np.random.default_rng(2)
    alarms = sum(best_cuts(rng.normal(size=16)).p <= 0.05 for _ in range(100))
    assert alarms <= 14  # a binomial of 100 and 5% exceeds it once in 1000 times
    assert best_cuts([3.0] * 20).p == 1


def test_changes_lie_only_where_they_may() -> None:
    values = series((9, 0.0), (9, 5.0))
    assert [c.at for c in change_points(values, 0.05, [6, 12])] in ([6], [12])
    with_places = change_points(values, 0.05, [3, 6, 9, 12, 15])
    assert [c.at for c in with_places] == [9]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_series_is_judged_the_same_again(seed: int) -> None:
    values = series((10, 0.0), (10, 1.0), seed=seed)
    assert change_points(values, 0.05) == change_points(values, 0.05)
