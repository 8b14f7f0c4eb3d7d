"""Noisy evidence: when to stop, and the verdict from the values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kit.records import LESS, MORE, At, Verdict
from kit.stats.combine import combined
from kit.stats.design import Design
from kit.stats.noisy import AA_ALPHA, conclude, decide, measure_all, objections
from kit.stats.paired import Pairs
from kit.stats.signflip import p_value

NOISE = 0.01


def pairs(ratio: float, blocks: int = 20, *, seed: int = 1, direction: str = MORE, noise: float = NOISE, **more: object) -> Pairs:  # fmt: skip  # noqa: E501
    rng = np.random.default_rng(seed)
    arm = 100 * ratio * np.exp(noise * rng.normal(size=blocks))
    base = 100 * np.exp(noise * rng.normal(size=blocks))
    at = At("aim7", cpus=4, users=8)
    values = (tuple(arm.tolist()), tuple(base.tolist()))
    return Pairs("jobs", "per minute", direction, "with", "without", at, *values, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ratio", "direction", "verdict"),
    [
        (1.05, MORE, Verdict.BETTER),
        (0.95, MORE, Verdict.WORSE),
        (1.05, LESS, Verdict.WORSE),
        (0.95, LESS, Verdict.BETTER),
        (1.0, MORE, Verdict.SAME),
    ],
)
def test_verdict_by_difference_and_direction(ratio: float, direction: str, verdict: Verdict) -> None:
    found = conclude(Design(20), [pairs(ratio, direction=direction)], 0.02)
    assert found.verdict is verdict
    (c,) = found.comparisons
    assert c.low is not None
    assert c.high is not None
    assert c.low < ratio < c.high
    assert c.low < (c.ratio or 0) < c.high
    assert (c.n, c.baseline_n, c.exact, c.said) == (20, 20, False, verdict)
    assert (c.p is not None and c.p <= 0.05) == (verdict is not Verdict.SAME)


def test_a_difference_within_the_limit_is_none() -> None:
    small = pairs(1.005, noise=0.001)
    assert conclude(Design(20), [small], 0.02).verdict is Verdict.SAME
    assert conclude(Design(20), [small], 0.001).verdict is Verdict.BETTER
    between = conclude(Design(20), [pairs(1.009, noise=0.002, seed=3)], 0.0095)
    assert between.verdict is Verdict.INCONCLUSIVE
    assert (between.comparisons[0].p or 1) < 0.01


def test_a_clear_difference_stops_early() -> None:
    design = Design(40)
    values = pairs(1.05, 40)
    asked = []
    for n in range(1, 41):
        now = Pairs(MORE, "", MORE, "a", "b", values.at, values.arm_values[:n], values.baseline_values[:n])
        asked.append(decide(design, [now], 0.01))
        if asked[-1].stop:
            break
    assert design.look_at[0] <= len(asked) < 20
    assert [d.stop for d in asked] == [False] * (len(asked) - 1) + [True]
    assert asked[-1].why == f"decided after {len(asked)} blocks"
    assert asked[0].why == f"the next look is after block {design.look_at[0]}"


def test_the_last_block_is_the_last() -> None:
    design = Design(20, sequential=False)
    assert not decide(design, [pairs(1.3, 19)], 0.01).stop
    found = decide(design, [pairs(1.0, 20, noise=0.3)], 0.01)
    assert (found.stop, found.why) == (True, "all 20 blocks are done")


def test_blocks_that_would_hardly_decide_are_not_done() -> None:
    design = Design(40)
    at = design.look_at[-5]
    sizes = 0.02 + 0.1 * np.random.default_rng(3).random(at)
    flat = np.exp(np.where(np.arange(at) % 2, sizes, -sizes)).tolist()
    now = Pairs("jobs", "", MORE, "a", "b", At("w"), tuple(flat[:at]), (1.0,) * at)
    found = decide(design, [now], 0.01)
    assert found.stop
    assert "would hardly decide" in found.why
    assert not decide(design, [now], 0.2).stop or conclude(design, [now], 0.2).verdict is Verdict.SAME


def test_one_that_is_worse_stops_the_others() -> None:
    at = Design(40).look_at[3]
    open_ = pairs(1.0, at, noise=0.1, seed=4)
    found = decide(Design(40), [pairs(0.9, at), open_], 0.01)
    assert (found.stop, found.settled, found.of) == (True, 1, 2)
    assert not decide(Design(40), [pairs(1.1, at), open_], 0.01).stop


def test_few_blocks_say_what_would_be_needed() -> None:
    found = conclude(Design(40), [pairs(2.0, 4)], 0.01, last=True)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "6 blocks are the fewest" in found.why
    assert (found.comparisons[0].low, found.comparisons[0].high) == (None, None)
    assert conclude(Design(40), [pairs(2.0, 6)], 0.01, last=True).verdict is Verdict.BETTER


def test_several_comparisons_are_corrected_by_holm() -> None:
    weak = next(p for p in (pairs(1.009, 20, seed=s) for s in range(60)) if 0.02 < _p(p) < 0.04)
    assert conclude(Design(20), [weak], 0.001).verdict is Verdict.BETTER
    beside_nothing = conclude(Design(20), [weak, *(pairs(1.0, seed=s, noise=0.2) for s in (7, 8))], 0.001)
    assert beside_nothing.comparisons[0].said is Verdict.INCONCLUSIVE
    beside_clear = conclude(Design(20), [weak, *(pairs(1.2, seed=s) for s in (7, 8))], 0.001)
    assert [c.said for c in beside_clear.comparisons] == [Verdict.BETTER] * 3
    assert "Holm" in beside_clear.why


def _p(p: Pairs) -> float:
    return conclude(Design(20), [p], 0.001).comparisons[0].p or 1


def test_what_must_not_decide_is_shown_and_marked() -> None:
    found = conclude(Design(20), [pairs(1.2)], 0.01, void="emulated")
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, "emulated")
    assert found.comparisons[0].said is Verdict.BETTER


def test_a_baseline_that_differs_from_itself_voids_all() -> None:
    sick = conclude(Design(20), [pairs(1.2), pairs(1.1, seed=2, aa=True)], 0.01)
    assert sick.verdict is Verdict.INCONCLUSIVE
    assert "the baseline differs from itself" in sick.why
    well = conclude(Design(20), [pairs(1.2), pairs(1.0, seed=2, aa=True)], 0.01)
    assert well.verdict is Verdict.BETTER
    assert [c.aa for c in well.comparisons] == [False, True]


def test_a_baseline_that_differs_from_itself_is_seen_in_few_blocks() -> None:
    sick = conclude(Design(20), [pairs(1.2, 7), pairs(1.1, 7, seed=2, aa=True)], 0.01, last=True)
    assert "the baseline differs from itself" in sick.why


def test_many_aa_comparisons_are_corrected_by_holm() -> None:
    """One of ninety that would object alone: that happens in one good run of twelve."""
    alone = next(p for p in (pairs(1.0, seed=s, aa=True) for s in range(9000)) if p_value(p.differences) <= AA_ALPHA)
    assert objections([alone]) == [alone]
    assert objections([alone, *(pairs(1.0, seed=s, aa=True) for s in range(89))]) == []


def test_lost_blocks_are_taken_at_their_worst() -> None:
    values = pairs(1.05, 16)
    few, many = replace(values, lost=(3,)), replace(values, lost=(3, 5, 7, 9, 11, 13, 15))
    assert conclude(Design(20), [few], 0.01, last=True).verdict is Verdict.BETTER
    found = conclude(Design(20), [many], 0.01, last=True)
    assert (found.verdict, found.blocks) == (Verdict.INCONCLUSIVE, 23)
    assert conclude(Design(20), [replace(pairs(0.95, 16), lost=(3,))], 0.01, last=True).verdict is Verdict.WORSE
    alike = replace(pairs(1.0, 16), lost=(3, 5, 8, 9))
    assert conclude(Design(20), [alike], 0.02, last=True).verdict is not Verdict.SAME


def test_same_needs_no_correction_for_the_number_of_comparisons() -> None:
    narrow = [pairs(1.0, seed=s) for s in range(12)]
    alone = [conclude(Design(20), [p], 0.01).verdict is Verdict.SAME for p in narrow]
    together = [c.said is Verdict.SAME for c in conclude(Design(20), narrow, 0.01).comparisons]
    assert together == alone
    assert any(alone)


def test_two_modes_are_told_and_decide_nothing() -> None:
    rng = np.random.default_rng(1)
    slow = rng.permutation([0.8] * 8 + [1.0] * 12)
    arm = 110 * slow * np.exp(0.005 * rng.normal(size=20))
    base = 95 * np.exp(0.005 * rng.normal(size=20))
    mixed = Pairs("jobs", "per minute", MORE, "with", "without", At("aim7"), tuple(arm), tuple(base))
    found = conclude(Design(20), [mixed], 0.001)
    assert any("two modes" in note for note in found.notes)
    assert found.verdict is Verdict.BETTER
    assert 0.01 < (found.comparisons[0].p or 0) < 0.05


def test_a_machine_that_changes_for_both_arms_is_paired_out() -> None:
    step = np.where(np.arange(20) < 9, 1.0, 0.8)
    rng = np.random.default_rng(1)
    arm = tuple(103 * step * np.exp(0.004 * rng.normal(size=20)))
    base = tuple(100 * step * np.exp(0.004 * rng.normal(size=20)))
    found = conclude(Design(20), [Pairs("jobs", "", MORE, "with", "without", At("w"), arm, base)], 0.01)
    assert found.verdict is Verdict.BETTER
    assert sum("two modes" in note for note in found.notes) == 2


def test_detection_limit_is_where_nine_of_ten_are_seen() -> None:
    (c,) = conclude(Design(20, sequential=False), [pairs(1.0)], 0.001).comparisons
    assert c.detectable is not None
    seen = [
        measure_all(Design(20, sequential=False), [pairs(1 + c.detectable, seed=s)], 0.0001)[0].different
        for s in range(200)
    ]
    assert 0.87 < np.mean(seen) < 0.99


def test_overall_takes_the_worst() -> None:
    worse, better, same, open_ = Verdict.WORSE, Verdict.BETTER, Verdict.SAME, Verdict.INCONCLUSIVE
    assert combined([better, worse, same]) is worse
    assert combined([better, open_]) is better
    assert combined([same, same]) is same
    assert combined([same, open_]) is open_
    assert combined([]) is open_


def test_no_number_is_not_a_number() -> None:
    for blocks in (0, 1, 2):
        found = conclude(Design(20), [pairs(1.0, blocks)], 0.01, last=True)
        assert found.verdict is Verdict.INCONCLUSIVE
        c = found.comparisons[0]
        assert not any(isinstance(v, float) and math.isnan(v) for v in (c.ratio, c.low, c.high, c.p, c.detectable))
