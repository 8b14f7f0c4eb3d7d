"""The sequential test of a proof: how often it is wrong, how many pairs it takes, and the effect of wild values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from kit.search.odds import MOST, Outcomes, Pairs, kinship, spread_about

SURE = 0.95


def proved(rng: np.random.Generator, true: float, shift: float, wild: float = 0.0) -> Pairs:
    """Pairs, one after the other, until there are enough; the noise has a standard deviation of one."""
    differences: list[float] = []
    while not (pairs := Pairs(differences, shift, 1.0, SURE)).enough:
        far = 30.0 * (rng.random() < wild) * rng.choice([-1, 1])
        differences.append(float(true + rng.normal() - rng.normal() + far))
    return pairs


@pytest.mark.parametrize("shift", [2.0, -2.0, 3.0])
@pytest.mark.parametrize("there", [True, False])
def test_wrong_answers_are_as_rare_as_asked(shift: float, there: bool) -> None:
    rng = np.random.default_rng([int(shift * 10) + 100, there])
    found = [proved(rng, shift if there else 0.0, shift) for _ in range(400)]
    wrong = sum(p.holds is not None and p.holds is not there for p in found)
    assert wrong <= binom.ppf(0.999, 400, 1 - SURE)
    assert sum(p.holds is there for p in found) >= binom.ppf(0.001, 400, SURE)
    assert np.mean([len(p.differences) for p in found]) < 5


def test_a_change_as_small_as_the_noise_takes_more_pairs() -> None:
    rng = np.random.default_rng(3)
    found = [proved(rng, 1.0, 1.0) for _ in range(400)]
    assert sum(p.holds is False for p in found) <= binom.ppf(0.999, 400, 1 - SURE)
    assert all(len(p.differences) <= MOST for p in found)
    assert 5 < np.mean([len(p.differences) for p in found]) < 15


def test_a_wild_value_decides_nothing_by_itself() -> None:
    assert Pairs([2.0, -1000.0], 2.0, 1.0, SURE).holds is None
    rng = np.random.default_rng(4)
    found = [proved(rng, 2.0, 2.0, wild=0.05) for _ in range(400)]
    assert sum(p.holds is False for p in found) <= binom.ppf(0.999, 400, 0.06)


def test_values_without_noise_need_two_pairs() -> None:
    assert not Pairs([3.0], 3.0, 0.0, SURE).enough
    assert (Pairs([3.0, 3.0], 3.0, 0.0, SURE).holds, Pairs([0.0, 0.0], 3.0, 0.0, SURE).holds) == (True, False)
    assert Pairs([1.5] * MOST, 3.0, 0.1, SURE).enough
    assert Pairs([1.5] * MOST, 3.0, 0.1, SURE).holds is None


def test_the_spread_is_about_each_groups_mean() -> None:
    assert spread_about([[1.0, 3.0], [10.0, 12.0], [5.0], []]) == pytest.approx(np.sqrt(2))
    assert spread_about([[1.0], []]) == 0.0


@pytest.mark.parametrize(("p", "q"), [(0.0, 1.0), (0.2, 0.8), (0.01, 0.3)])
@pytest.mark.parametrize("good", [True, False])
def test_outcomes_are_told_apart_by_their_rates(p: float, q: float, good: bool) -> None:
    """By the outcomes of all tests of each side; a few tests if the outcome never changes."""
    rng = np.random.default_rng([int(q * 10), good])
    wrong, tests = 0, []
    for _ in range(300):
        seen: list[float] = []
        while not (said := Outcomes(seen, (40, round(40 * p)), (40, round(40 * q)), SURE)).enough:
            seen.append(float(rng.random() < (p if good else q)))
        wrong += said.holds is not good
        tests.append(len(seen))
    assert wrong <= binom.ppf(0.999, 300, 1 - SURE)
    assert np.mean(tests) <= (1 if q == 1.0 else 20)


def test_outcomes_of_equal_rates_tell_nothing() -> None:
    assert Outcomes([0.0, 1.0] * 50, (20, 10), (20, 10), SURE).holds is None


def test_a_commit_is_told_from_the_side_that_it_is_not_of() -> None:
    good, bad = [10.0, 10.2, 9.9, 10.1], [12.0, 12.1, 11.9]
    assert kinship([10.1], good, bad, 0.95, yes_no=False).enough is False, "one value is no proof"
    assert kinship([10.1, 9.9], good, bad, 0.95, yes_no=False).holds is True
    assert kinship([12.1, 11.9], good, bad, 0.95, yes_no=False).holds is False
    assert kinship([11.0, 11.0], good, bad, 0.95, yes_no=False).holds is None
    assert kinship([0.0] * 4, [0.0] * 20, [1.0, 1.0, 1.0, 0.0], 0.95, yes_no=True).holds is True
    assert kinship([1.0], [0.0] * 20, [1.0, 1.0, 1.0, 0.0], 0.95, yes_no=True).holds is False
    with pytest.raises(ValueError, match="without a value"):
        kinship([1.0], [], bad, 0.95, yes_no=False)
