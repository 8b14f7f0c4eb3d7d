"""Many counts at once, with made-up classes of known scatter: false rows, and the power to detect a change."""

from __future__ import annotations

import numpy as np
import pytest

from kit.stats.classes import Floats, Machine, compare, fit, near, share_of_false

LEVEL = 0.02


def counts(draw: np.random.Generator, mean: Floats, over: float, boots: int) -> Floats:
    """Negative binomial counts whose variance is `over` times their mean; Poisson at 1."""
    each = np.repeat(mean[:, None], boots, axis=1)
    rates = draw.gamma(each / (over - 1), over - 1) if over > 1 else each
    return draw.poisson(rates).astype(float)


def machine(seed: int, over: float, boots: int, classes: int = 100, effect: float = 0.0, still: int = 0) -> Machine:
    """The first class has 1000 acquisitions, and `effect` more in the arm; the last `still` classes never move."""
    draw = np.random.default_rng(seed)
    mean = 10 ** draw.uniform(0.5, 5, classes)
    mean[0] = 1000
    more = mean.copy()
    more[0] *= 1 + effect
    arm, base = counts(draw, more, over, boots), counts(draw, mean, over, boots)
    if still:
        arm[-still:] = base[-still:] = np.round(mean[-still:, None])
    return Machine(arm, base)


@pytest.mark.parametrize(("over", "still"), [(1, 0), (10, 0), (10, 50)])
def test_false_rows_are_rare(over: float, still: int) -> None:
    told = sum(bool((compare([machine(seed, over, 2, still=still)]).q <= LEVEL).any()) for seed in range(100))
    assert told <= 8  # 2% of 100: more than 8 with a chance of 0.02%


def test_a_fifth_more_of_a_thousand_is_seen_where_there_are_boots_enough() -> None:
    def seen(over: float, boots: int) -> int:
        return sum(compare([machine(seed, over, boots, effect=0.2)]).q[0] <= LEVEL for seed in range(30))

    assert seen(1, 2) >= 27
    assert seen(10, 16) >= 24
    assert seen(10, 2) <= 10


def test_the_detection_limit_says_so() -> None:
    limits = [compare([machine(1, 10, boots)]).detectable(1000, LEVEL) for boots in (2, 4, 8, 16)]
    assert limits == sorted(limits, reverse=True)
    assert 0.1 < limits[-1] < 0.25 < limits[0]


def test_the_trend_is_found() -> None:
    trend = fit([machine(2, 10, 6, classes=300)])
    assert 7 < trend.psi * trend.scale < 13
    assert trend.free > 20


def test_what_the_guests_time_explains_is_no_difference() -> None:
    found = machine(3, 1, 4)
    slower = Machine(found.arm * 1.5, found.base, float(np.log(1.5)))
    assert not (compare([slower]).q <= LEVEL).any()
    assert (compare([Machine(found.arm * 1.5, found.base)]).q <= LEVEL).sum() > 50


def test_a_single_boot_tells_nothing() -> None:
    found = machine(4, 1, 1)
    assert (compare([found]).p == 1).all()
    assert compare([found]).detectable(1000, LEVEL) == np.inf


def test_benjamini_and_hochbergs_example() -> None:
    assert np.allclose(share_of_false(np.array([0.01, 0.04, 0.03, 0.5])), [0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])


def test_near_the_line_is_on_either_side_and_not_far_below() -> None:
    q = np.array([1e-6, LEVEL / 500, LEVEL * 0.9, LEVEL * 1.1, LEVEL * 9, LEVEL * 11, 1])
    assert near(q, LEVEL).tolist() == [False, True, True, True, True, False, False]


def test_more_boots_for_classes_near_the_line_see_more_and_tell_less_that_is_false() -> None:
    """Of 40 runs each, with and without an effect in the first class: 2 boots of each arm, and 6 if a class is near the
    line."""

    def run(seed: int, effect: float) -> tuple[Floats, Floats]:
        whole = machine(seed, 10, 6, 60, effect)
        first = compare([Machine(whole.arm[:, :2], whole.base[:, :2])]).q
        return first, compare([whole]).q if near(first, LEVEL).any() else first

    told = [tuple(bool(q[0] <= LEVEL) for q in run(seed, 0.5)) for seed in range(40)]
    once, more = (sum(t[i] for t in told) for i in (0, 1))
    assert once < 32
    assert more > 33
    false = [tuple(bool((q <= LEVEL).any()) for q in run(seed, 0)) for seed in range(40)]
    assert sum(f[1] for f in false) <= sum(f[0] for f in false)
