"""Blocks, looks and what they may spend."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from kit.stats.blocks import block_order, run_length
from kit.stats.design import Design


@pytest.mark.parametrize("blocks", [3, 6, 9, 20, 40, 200])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_looks_spend_more_and_more_and_alpha_at_the_end(blocks: int, alpha: float) -> None:
    looks = Design(blocks, alpha).looks()
    assert [x.blocks for x in looks] == sorted({x.blocks for x in looks})
    assert all(a.spent < b.spent for a, b in itertools.pairwise(looks))
    assert (looks[-1].blocks, looks[-1].spent) == (blocks, alpha)
    assert len(looks) <= 12


def test_fewest_blocks_that_can_decide() -> None:
    assert Design(20, 0.05).least == 6
    assert Design(20, 0.001).least == 11


def test_a_fixed_design_looks_once() -> None:
    assert Design(20, sequential=False).look_at == (20,)


def test_the_first_look_can_show_something() -> None:
    design = Design(40)
    first = design.looks()[0]
    assert first.spent >= 2.0 ** (1 - first.blocks)
    assert design.spent(first.blocks - 1) < 2.0 ** (2 - first.blocks)


def test_a_run_that_ends_early_spends_all_there() -> None:
    looks = Design(40).looks(last=17)
    assert (looks[-1].blocks, looks[-1].spent) == (17, 0.05)
    assert all(x.blocks < 17 for x in looks[:-1])


def test_the_order_of_a_block_depends_on_seed_block_and_place_alone() -> None:
    assert block_order(["a", "b", "c"], 1, 2, "4 cpus") == block_order(["c", "b", "a"], 1, 2, "4 cpus")
    orders = Counter(block_order(["a", "b", "c"], 1, n, place) for n in range(300) for place in ("1", "2"))
    assert len(orders) == 6
    assert set(orders.values()) == {100}


@pytest.mark.parametrize("arms", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(4))
def test_orders_are_balanced_in_each_run_of_blocks(arms: int, seed: int) -> None:
    names, length = [f"a{n}" for n in range(arms)], run_length(arms)
    for run in range(3):
        orders = [block_order(names, seed, run * length + n, "4 cpus") for n in range(length)]
        places = Counter((arm, place) for order in orders for place, arm in enumerate(order))
        follows = Counter(pair for order in orders for pair in itertools.pairwise(order))
        before = Counter(pair for order in orders for pair in itertools.combinations(order, 2))
        for counts, kinds in ((places, arms**2), (follows, arms * (arms - 1)), (before, arms * (arms - 1))):
            assert len(counts) == kinds
            assert len(set(counts.values())) == 1


def test_who_is_first_in_a_block_is_a_fair_draw_over_seeds() -> None:
    first = Counter(block_order(["with", "with-again", "without"], seed, 0) for seed in range(3000))
    assert len(first) == 6
    assert min(first.values()) > 400
