"""Groups without blocks: Welch's t on logs against scipy's, Holm by hand, summaries, modes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kit.records import Verdict
from kit.stats.paired import MORE
from kit.stats.unpaired import Couple, Group, compare_all

NAMES = ("new", "old")


def drawn(mean: float, count: int, seed: int, noise: float = 0.05) -> list[float]:
    return (mean * np.exp(noise * np.random.default_rng(seed).normal(size=count))).tolist()


def couple(arm: list[float], base: list[float], metric: str = "rate") -> Couple:
    return Couple(metric, "", MORE, Group.of(arm), Group.of(base))


def test_it_is_welchs_t_on_logs() -> None:
    arm, base = drawn(104, 8, 1), drawn(100, 5, 2, 0.1)
    (c,), _ = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    reference = stats.ttest_ind(np.log(arm), np.log(base), equal_var=False)
    bounds = reference.confidence_interval(0.95)
    assert c.p == pytest.approx(reference.pvalue)
    assert (c.low, c.high) == pytest.approx((np.exp(bounds.low), np.exp(bounds.high)))


def test_holm_by_hand() -> None:
    couples = [
        couple(drawn(m, 10, s), drawn(100, 10, s + 50), f"m{s}") for s, m in enumerate((100, 120, 104, 101, 115))
    ]
    alone = [compare_all([x], NAMES, 0.01, 0.05)[0][0].p or 0 for x in couples]
    together, _ = compare_all(couples, NAMES, 0.01, 0.05)
    order = np.argsort(alone)
    wanted, most = {}, 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, alone[i] * (5 - rank)))
        wanted[i] = most
    assert [c.p for c in together] == pytest.approx([wanted[i] for i in range(5)])
    for c in together:
        assert (c.said is Verdict.BETTER) == ((c.p or 1) <= 0.05)
        assert (c.low is not None and c.low > 1) == ((c.p or 1) <= 0.05)


def test_a_summary_says_what_its_values_say() -> None:
    arm, base = drawn(110, 200, 1), drawn(100, 200, 2)
    (values,), _ = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    groups = [Group(200, float(np.mean(v)), float(np.std(v, ddof=1))) for v in (arm, base)]
    (summary,), _ = compare_all([Couple("rate", "", MORE, *groups)], NAMES, 0.01, 0.05)
    assert summary.ratio == pytest.approx(values.ratio, rel=0.001)
    assert summary.low == pytest.approx(values.low, rel=0.002)


def test_one_value_decides_nothing_and_equal_ones_are_the_same() -> None:
    (one,), _ = compare_all([couple([200.0], [100.0, 101.0])], NAMES, 0.01, 0.05)
    assert (one.said, one.low, one.high, one.detectable) == (Verdict.INCONCLUSIVE, None, None, None)
    (equal,), _ = compare_all([couple([7.0, 7.0], [7.0, 7.0])], NAMES, 0.01, 0.05)
    assert (equal.said, equal.ratio, equal.exact) == (Verdict.SAME, 1, True)
    (exact,), _ = compare_all([couple([8.0, 8.0], [7.0, 7.0])], NAMES, 0.01, 0.05)
    assert (exact.said, exact.p) == (Verdict.BETTER, 0)


def test_two_modes_that_overlap_decide_nothing() -> None:
    base = [100, 101, 99, 100.5, 99.5, 100.2, 99.8, 100.1]
    arm = [120, 121, 119, 120.5, 99.6, 100.4, 119.5, 100]
    (c,), notes = compare_all([couple(arm, base)], NAMES, 0.01, 0.2)
    assert c.said is Verdict.INCONCLUSIVE
    assert "rate: a mean of two modes is not a verdict" in notes


def test_two_runs_and_many_metrics_bound_nothing() -> None:
    """As a job of lkp has them: at a level of 0.05 / 300 and with one degree of freedom no ratio is excluded."""
    couples = [couple(drawn(100, 2, s, 1.0), drawn(100, 2, s + 1000, 1.0), f"m{s}") for s in range(300)]
    found, _ = compare_all(couples, NAMES, 0.01, 0.05)
    assert {c.said for c in found} == {Verdict.INCONCLUSIVE}
    assert any(c.high is None and c.low is None and c.detectable is None for c in found)


@pytest.mark.parametrize(
    ("arm", "base"),
    [
        (Group(5, 1.0, 1e200), Group(5, 1.0, 1.0)),
        (Group(2, 1e-300, 1.0), Group(2, 1e300, 1.0)),
        (Group(2, 1e300, 1.0), Group(2, 1e-300, 1e-310)),
    ],
    ids=["much noise", "huge and tiny", "beyond all ratios"],
)
def test_numbers_at_the_edge_of_what_there_is(arm: Group, base: Group) -> None:
    (c,), _ = compare_all([Couple("value", "", MORE, arm, base)], NAMES, 0.01, 0.05)
    assert c.said is not None
