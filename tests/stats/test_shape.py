"""Drift, outliers, modes, warm-up: found where they are, and rarely where they are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kit.stats.shape import drift, modes, outliers
from kit.stats.warmup import still_warm

Draw = Callable[[np.random.Generator, int], np.ndarray]


def normal(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.normal(size=count)


def exponential(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.exponential(size=count)


def heavy(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.standard_t(3, size=count)


def share(sees: Callable[[list[float]], object], draw: Draw, count: int, times: int) -> float:
    rng = np.random.default_rng(count)
    seen = [sees(np.exp(0.02 * draw(rng, count)).tolist()) for _ in range(times)]
    return sum(bool(x) for x in seen) / times


@pytest.mark.parametrize(("draw", "most"), [(normal, 0.004), (exponential, 0.02), (heavy, 0.006)])
@pytest.mark.parametrize("count", [10, 20, 40])
def test_one_mode_is_rarely_taken_for_two(draw: Draw, most: float, count: int) -> None:
    assert share(modes, draw, count, 1500) <= most


@pytest.mark.parametrize("count", [12, 20, 40])
def test_two_modes_far_apart_are_seen(count: int) -> None:
    def two(rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.normal(size=n) + 10 * (np.arange(n) % 3 == 0)

    assert share(modes, two, count, 300) > 0.9


def test_modes_are_named_by_their_means() -> None:
    found = modes([100, 101, 99, 120, 121, 100, 119, 100.5, 120.5, 99.5])
    assert found is not None
    assert (round(found.low), round(found.high), found.share) == (100, 120, 0.4)
    assert [i for i, u in enumerate(found.upper) if u] == [3, 4, 6, 8]


def test_drift_is_seen_and_measured() -> None:
    assert drift([100.0 + 0.5 * i for i in range(20)]) == pytest.approx(0.095, abs=0.01)
    assert drift([100.0] * 20) is None
    assert drift([1, 2, 3, 4, 5]) is None
    assert share(lambda v: drift(v) is not None, normal, 15, 2000) < 0.02


def test_outliers_are_named_and_few() -> None:
    values = [100, 101, 99, 100.5, 99.5, 100.2, 150, 99.8, 100.1, 99.9]
    assert outliers(values) == (6,)
    assert outliers([1.0] * 9 + [2.0]) == (9,)
    assert outliers([1.0] * 6 + [2.0] * 4) == ()
    assert outliers([1, 9, 1]) == ()


def test_a_first_iteration_that_is_off_is_seen() -> None:
    rng = np.random.default_rng(1)

    def boots(first: float) -> list[list[float]]:
        course = np.array([first, 1.0, 1.0])
        return [(100 * course * np.exp(0.01 * rng.normal(size=3))).tolist() for _ in range(10)]

    assert still_warm(boots(1.1), 0.01) == pytest.approx(0.1, abs=0.02)
    assert still_warm(boots(1.1), 0.2) is None
    assert still_warm(boots(1.0), 0.0001) is None
    assert still_warm(boots(1.1)[:5], 0.01) is None
    assert still_warm([[1.0]] * 20, 0.01) is None
