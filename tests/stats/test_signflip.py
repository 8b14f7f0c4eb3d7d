"""The sequential sign-flip test: exact by enumeration of every pattern of signs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kit.stats import signflip
from kit.stats.design import Design
from kit.stats.signflip import Look, edge_of, interval, p_value, patterns, signed_ranks, walk, walsh

SIZES = {
    "like": np.ones(10),
    "ties": np.array([1, 1, 2, 2, 3, 3, 4, 4, 5, 5.0]),
    "one outlier": np.array([1, 2, 1.5, 50, 1.1, 0.3, 2.2, 1.7, 0.9, 1.2]),
    "heavy": np.abs(np.random.default_rng(5).standard_t(2, size=10)),
    "growing": np.linspace(0.1, 10, 10),
    "a zero": np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
}


def signs(count: int) -> list[tuple[int, ...]]:
    return list(itertools.product((1, -1), repeat=count))


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_no_more_patterns_cross_than_alpha_allows(sizes: np.ndarray, alpha: float) -> None:
    looks = Design(10, alpha).looks()
    assert len(looks) > 2
    crossed = sum(walk(sizes * np.array(s), looks, alpha).crossed is not None for s in signs(10))
    assert crossed <= alpha * 2**10


def test_all_of_alpha_is_used_where_no_sums_tie() -> None:
    looks = Design(10, 0.05).looks()
    sizes = SIZES["heavy"]
    crossed = sum(walk(sizes * np.array(s), looks, 0.05).crossed is not None for s in signs(10))
    assert 0.7 * 0.05 * 2**10 < crossed <= 0.05 * 2**10  # ranks tie


def test_a_subgroup_of_the_patterns_is_exact_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signflip, "rank_for", lambda alpha: 6)
    sizes = np.abs(np.random.default_rng(1).normal(size=9)) + 0.1
    looks = [Look(7, 0.1), Look(9, 0.2)]
    crossed = sum(walk(sizes * np.array(s), looks, 0.2).crossed is not None for s in signs(9))
    assert 0 < crossed <= 0.2 * 2**9


def test_patterns_are_a_group() -> None:
    for blocks in (5, 9):
        columns = {tuple(c) for c in patterns(blocks, 6).T} | {tuple(-c) for c in patterns(blocks, 6).T}
        assert len(columns) == 2 ** min(blocks, 6)
        assert (1.0,) * blocks in columns
        products = {tuple(np.array(a) * np.array(b)) for a in columns for b in columns}
        assert products == columns


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_p_is_that_of_every_pattern(sizes: np.ndarray) -> None:
    d = sizes * np.where(np.arange(10) % 4, 1, -1)
    ranks = signed_ranks(d)
    every = [abs(float(np.dot(np.abs(ranks), s))) for s in signs(10)]
    assert p_value(d) == pytest.approx(np.mean([x >= abs(ranks.sum()) - 1e-9 for x in every]))


def test_ranks_have_the_signs_of_the_differences_and_share_ties() -> None:
    assert signed_ranks([0.3, -0.1, 0.2]).tolist() == [3, -1, 2]
    assert signed_ranks([0.3, -0.1, 0.1, 0.0]).tolist() == [4, -2.5, 2.5, 0]
    assert signed_ranks([1.0, -np.inf, np.inf, 2.0]).tolist() == [1, -3.5, 3.5, 2]


@pytest.mark.parametrize("alpha", [0.05, 0.001, 0.001 / 9, 0.05 / 410])
def test_there_are_as_many_patterns_as_the_level_needs(alpha: float) -> None:
    """20 blocks of differences of one sign are a difference at any level that remains for one of many comparisons."""
    looks = Design(20, alpha).looks()
    assert walk(1 + np.arange(20) / 100, looks, alpha).crossed is not None


def test_p_has_a_floor() -> None:
    assert p_value(np.arange(1, 11)) == 2 / 2**10 > 0.001
    assert p_value(np.arange(1, 12)) == 2 / 2**11 < 0.001
    assert p_value([]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_holds_what_the_test_does_not_reject(seed: int) -> None:
    d = np.random.default_rng(seed).normal(0.3, 1, 9)
    edge = 33.0
    low, high = interval(walsh(d), edge)
    for shift in np.linspace(-3, 3, 121):
        assert (abs(signed_ranks(d - shift).sum()) <= edge) == (low <= shift <= high)


def test_the_interval_has_no_bounds_where_nothing_can_be_rejected() -> None:
    assert interval(walsh([1.0, 2.0, 3.0]), 6.0) == (-np.inf, np.inf)
    assert interval(walsh([]), 1.0) == (-np.inf, np.inf)


def test_an_edge_by_the_normal_distribution() -> None:
    assert edge_of(20, 0.05) == pytest.approx(1.96 * np.sqrt(20 * 21 * 41 / 6), rel=1e-3)


def test_the_walk_says_where_in_which_direction_and_how_surely() -> None:
    looks = [Look(6, 0.04), Look(8, 0.05)]
    found = walk(-np.ones(8) - np.arange(8) / 10, looks, 0.05)
    assert (found.crossed, found.sign, found.p) == (6, -1, 1 / 32)
    balanced = walk([1, -1.1, 1.2, -0.9, 1, -1.05, 0.8, -1], looks, 0.05)
    assert (balanced.crossed, balanced.sign) == (None, 0)
    assert balanced.p > 0.5
    assert walk([1.0], looks, 0.05).edge == np.inf


def test_p_is_at_most_what_may_be_spent_just_where_the_boundary_is_crossed() -> None:
    looks = Design(12, 0.05).looks()
    for seed in range(60):
        d = np.random.default_rng(seed).normal(0.8, 1, 12)
        found = walk(d, looks, 0.05)
        at = [look for look in looks if look.blocks == (found.crossed or 12)]
        assert (found.p <= at[0].spent) == (found.crossed is not None)


def test_equal_boots_are_equal() -> None:
    found = walk(np.zeros(10), Design(10).looks(), 0.05)
    assert found.crossed is None
    assert interval(walsh(np.zeros(10)), found.edge) == (0, 0)
