"""Blocks, looks and what they may spend."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from kit.stats.blocks import block_order
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
    assert min(orders.values()) > 60
