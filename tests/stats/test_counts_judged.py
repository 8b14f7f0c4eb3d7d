"""Counts compared and judged: every kind of comparison, limits and intervals, and the rule over many."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.base.words import join, number, percent, several
from kit.records import At, Comparison, Verdict
from kit.stats.counts import Counted, compare, judge_all, judge_one, ratio_of

AT = At("fork-chain", cpus=1, depth=0, lock="anon_vma")
BETTER, WORSE, SAME, OPEN = Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.INCONCLUSIVE


def compared(arm: tuple[int, ...], base: tuple[int, ...]) -> Comparison:
    return compare(AT, "with", Counted(arm), "without", Counted(base), 10, "fork")


@pytest.mark.parametrize(
    ("arm", "base", "verdict"),
    [
        ((50, 50), (100, 100), BETTER),
        ((100, 100), (50, 50), WORSE),
        ((100, 100), (100, 100), SAME),
        ((101, 101), (100, 100), SAME),  # the limit itself is within it
        ((99, 99), (100, 100), SAME),
        ((102, 102), (100, 100), WORSE),
        ((98, 98), (100, 100), BETTER),
        ((98, 103), (100, 100), OPEN),
        ((101, 103), (100, 100), OPEN),
        ((90, 99), (100, 100), OPEN),
        ((100, 101), (100, 100), SAME),
        ((50,), (100,), BETTER),
        ((0, 0), (0, 0), SAME),
        ((1, 1), (0, 0), WORSE),
        ((0, 3), (0, 0), OPEN),
        ((0, 0), (5, 5), BETTER),
        ((0, 1), (0, 1), OPEN),
        ((5, 5), (0, 1), WORSE),
        ((0, 0), (0, 5), OPEN),
    ],
)
def test_one_comparison(arm: tuple[int, ...], base: tuple[int, ...], verdict: Verdict) -> None:
    assert judge_one(compared(arm, base), 0.01) is verdict


def test_numbers_of_a_comparison() -> None:
    c = compare(AT, "with", Counted((20, 30), (20, 30)), "without", Counted((100, 100, 100), (99, 99)), 10, "fork")
    assert (c.ratio, c.low, c.high, c.n, c.baseline_n) == (0.25, 0.2, 0.3, 2, 3)
    assert (c.arm_value, c.baseline_value, c.unit) == (2.5, 10.0, "per fork")
    assert (c.exact, c.agrees, c.baseline_agrees) == (False, True, False)


@pytest.mark.parametrize(
    ("counted", "exact", "agrees"),
    [
        (Counted((5, 5)), True, None),
        (Counted((5,)), False, None),
        (Counted(()), False, None),
        (Counted((5, 6)), False, None),
        (Counted((5, 5), (5, 5)), True, True),
        (Counted((5, 5), (5, 6)), False, True),
        (Counted((5, 7), (5, 6)), False, False),
        (Counted((), (5, 5)), False, None),
    ],
)
def test_exact_and_agreeing(counted: Counted, exact: bool, agrees: bool | None) -> None:
    assert (counted.exact, counted.agrees) == (exact, agrees)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([SAME, SAME], SAME),
        ([SAME, BETTER], BETTER),
        ([BETTER, WORSE, SAME], WORSE),
        ([SAME, OPEN], OPEN),
        ([BETTER, OPEN], BETTER),
        ([], OPEN),
    ],
)
def test_all_comparisons(found: list[Verdict], verdict: Verdict) -> None:
    examples = {BETTER: ((5, 5), (10, 10)), WORSE: ((9, 9), (5, 5)), SAME: ((5, 5), (5, 5)), OPEN: ((1, 9), (5, 5))}
    for order in itertools.permutations(found):
        assert judge_all([compared(*examples[f]) for f in order], 0.01) is verdict


COUNTS = st.lists(st.integers(0, 50), min_size=1, max_size=4).map(tuple)


@given(COUNTS, COUNTS, st.sampled_from([0.001, 0.01, 0.5]))
def test_swapping_arms_never_turns_better_into_anything_but_worse(
    arm: tuple[int, ...], base: tuple[int, ...], limit: float
) -> None:
    there, back = judge_one(compared(arm, base), limit), judge_one(compared(base, arm), limit)
    assert not (there is WORSE and back is WORSE)
    assert not (there is BETTER and back is BETTER)
    if max(arm) < min(base) * (1 - limit):
        assert there is BETTER
    if min(arm) > max(base) * (1 + limit) + 1e-9:
        assert there is WORSE


def test_ratios() -> None:
    assert (ratio_of(1, 2), ratio_of(0, 0), ratio_of(1, 0), ratio_of(0, 3)) == (0.5, 1.0, None, 0.0)


def test_words() -> None:
    assert [several(n, "boot") for n in (0, 1, 2)] == ["0 boots", "1 boot", "2 boots"]
    assert [join(w) for w in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [percent(x) for x in (0.01, 0.001, 0.125, 0.00001)] == ["1%", "0.1%", "12.5%", "0.001%"]
    assert [number(x) for x in (3.0, 2.5, 1234567.0)] == ["3", "2.50", "1234567"]
