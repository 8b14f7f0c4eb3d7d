"""Groups without blocks: which test decides, and each against scipy's; Holm by hand; summaries, zeros, few values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from kit.records import LESS, MORE, Verdict
from kit.stats import ranks
from kit.stats.dependence import autocorrelation, dependence, runs_p
from kit.stats.twotests import PAIRS, POISSON, RANKS, SAME, WELCH, least_p, test_of
from kit.stats.unpaired import Couple, Group, compare_all

test_of.__test__ = False  # type: ignore[attr-defined]
NAMES = ("new", "old")


def drawn(mean: float, count: int, seed: int, noise: float = 0.05) -> list[float]:
    return (mean * np.exp(noise * np.random.default_rng(seed).normal(size=count))).tolist()


def couple(arm: list[float], base: list[float], metric: str = "rate", paired: bool = False) -> Couple:
    return Couple(metric, "", MORE, Group.of(arm), Group.of(base), paired)


@pytest.mark.parametrize(("n", "m"), [(8, 5), (10, 10), (3, 30), (30, 4)])
def test_ranks_are_mann_and_whitneys(n: int, m: int) -> None:
    arm, base = drawn(104, n, 1), drawn(100, m, 2, 0.1)
    (c,), _ = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    assert c.p == pytest.approx(stats.mannwhitneyu(arm, base, method="exact").pvalue)
    shifts = np.subtract.outer(np.log(arm), np.log(base)).ravel()
    assert c.ratio == pytest.approx(np.exp(np.median(shifts)))
    assert c.low is not None
    assert c.high is not None
    for bound, inside in ((c.low, 1 + 1e-9), (c.high, 1 - 1e-9)):
        kept, lost = (ranks.rank_test(np.array(arm) / (bound * f), base)[0] for f in (inside, 2 - inside))
        assert lost <= 0.05 < kept


def test_ties_are_counted_exactly() -> None:
    rng = np.random.default_rng(3)
    arm, base = np.round(rng.normal(size=5)), np.round(rng.normal(size=6) + 1)
    every = stats.rankdata(np.concatenate([arm, base]))
    sums = [sum(every[list(c)]) for c in itertools.combinations(range(11), 5)]
    mine = every[:5].sum()
    tails = [np.mean([s <= mine for s in sums]), np.mean([s >= mine for s in sums])]
    assert ranks.rank_test(arm, base)[0] == pytest.approx(min(1, 2 * min(tails)))
    assert ranks.rank_test(base, arm)[1] == -ranks.rank_test(arm, base)[1]


def test_equal_values_share_the_middle_of_their_ranks() -> None:
    values = np.round(np.random.default_rng(3).normal(size=40), 1)
    assert ranks.mid_ranks(values).tolist() == stats.rankdata(values).tolist()
    assert ranks.mid_ranks([3, 1, 3]).tolist() == [2.5, 1, 2.5]


def test_many_values_by_the_normal_approximation() -> None:
    arm, base = drawn(101, 300, 1), drawn(100, 300, 2)
    reference = stats.mannwhitneyu(arm, base, method="asymptotic").pvalue
    assert ranks.rank_test(arm, base)[0] == pytest.approx(reference, rel=1e-6)


def test_pairs_are_wilcoxons() -> None:
    base = drawn(100, 12, 1, 0.3)
    arm = (np.array(base) * np.exp(0.02 + 0.02 * np.random.default_rng(2).normal(size=12))).tolist()
    (c,), _ = compare_all([couple(arm, base, paired=True)], NAMES, 0.01, 0.05)
    assert c.p == pytest.approx(stats.wilcoxon(np.log(arm), np.log(base), method="exact").pvalue)
    assert c.said is Verdict.BETTER
    (apart,), _ = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    assert apart.said is Verdict.INCONCLUSIVE
    assert ranks.signed_rank_test([0.0, 0.0, 1.0, 2.0])[0] == pytest.approx(0.5)


def test_which_test_decides_depends_on_numbers_of_values_alone() -> None:
    def name(n: int, m: int, share: float = 0.05, paired: bool = False) -> str:
        return test_of(couple(drawn(100, n, 1), drawn(100, m, 2), paired=paired), share).name

    assert [name(4, 4), name(3, 3), name(3, 30), name(1, 40), name(4, 4, 0.01)] == [RANKS, WELCH, RANKS, WELCH, WELCH]
    assert name(6, 6, paired=True) == PAIRS
    assert test_of(couple([3.0] * 4, [3.0] * 4), 0.05).name == SAME
    assert test_of(couple([0.0, 1.0], [3.0, 4.0]), 0.05).name == POISSON


def test_where_ranks_cannot_reach_it_is_welchs_t_on_logs() -> None:
    arm, base = drawn(104, 8, 1), drawn(100, 7, 2, 0.1)
    (c,), notes = compare_all([couple(arm, base)], NAMES, 0.01, 1e-4)
    reference = stats.ttest_ind(np.log(arm), np.log(base), equal_var=False)
    bounds = reference.confidence_interval(1 - 1e-4)
    assert c.p == pytest.approx(reference.pvalue)
    assert (c.low, c.high) == pytest.approx((np.exp(bounds.low), np.exp(bounds.high)))
    assert "Welch's t trusts that their noise is normal" in notes[0]
    arm, base = drawn(104, 2, 1), drawn(100, 7, 2)
    pooled = stats.ttest_ind(np.log(arm), np.log(base)).pvalue
    welch = stats.ttest_ind(np.log(arm), np.log(base), equal_var=False).pvalue
    (c,), _ = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    assert c.p == pytest.approx(max(pooled, welch, least_p(9)))


@pytest.mark.parametrize("n", [2, 3])
def test_few_rounded_values_are_never_proof(n: int) -> None:
    (c,), _ = compare_all([couple([105.0] * n, [100.0] * n)], NAMES, 0.01, 0.05)
    assert c.p is not None
    assert c.p >= least_p(2 * n)
    assert c.said is (Verdict.INCONCLUSIVE if n == 2 else c.said)


def test_holm_by_hand() -> None:
    couples = [
        couple(drawn(m, 10, s), drawn(100, 10, s + 50), f"m{s}") for s, m in enumerate((100, 120, 104, 101, 115))
    ]
    alone = [compare_all([x], NAMES, 0.01, 0.05)[0][0].p or 0 for x in couples]
    together, _ = compare_all([*couples, couple([7.0] * 4, [7.0] * 4, "equal")], NAMES, 0.01, 0.05)
    order = np.argsort(alone)
    wanted, most = {}, 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, alone[i] * (5 - rank)))
        wanted[i] = most
    assert [c.p for c in together[:5]] == pytest.approx([wanted[i] for i in range(5)])
    for c in together[:5]:
        assert (c.said is Verdict.BETTER) == ((c.p or 1) <= 0.05)
        assert (c.low is not None and c.low > 1) == ((c.p or 1) <= 0.05)
    assert (together[5].said, together[5].ratio) == (Verdict.SAME, 1)


def test_a_summary_says_what_its_values_say_to_welch() -> None:
    arm, base = drawn(110, 200, 1), drawn(100, 200, 2)
    reference = stats.ttest_ind(np.log(arm), np.log(base), equal_var=False).confidence_interval(0.95)
    groups = [Group(200, float(np.mean(v)), float(np.std(v, ddof=1))) for v in (arm, base)]
    (summary,), _ = compare_all([Couple("rate", "", MORE, *groups)], NAMES, 0.01, 0.05)
    assert summary.ratio == pytest.approx(np.exp(np.mean(np.log(arm)) - np.mean(np.log(base))), rel=0.001)
    assert summary.low == pytest.approx(np.exp(reference.low), rel=0.002)


def test_one_value_decides_nothing_and_equal_ones_are_the_same() -> None:
    (one,), _ = compare_all([couple([200.0], [100.0, 101.0])], NAMES, 0.01, 0.05)
    assert (one.said, one.low, one.high, one.detectable) == (Verdict.INCONCLUSIVE, None, None, None)
    (equal,), _ = compare_all([couple([7.0, 7.0], [7.0, 7.0])], NAMES, 0.01, 0.05)
    assert (equal.said, equal.ratio, equal.exact) == (Verdict.SAME, 1, True)
    (exact,), _ = compare_all([couple([8.0] * 4, [7.0] * 4)], NAMES, 0.01, 0.05)
    assert (exact.said, exact.exact) == (Verdict.BETTER, True)


def test_two_modes_are_a_remark_and_no_gate() -> None:
    base = [100, 101, 99, 100.5, 99.5, 100.2, 99.8, 100.1]
    arm = [120, 121, 119, 120.5, 99.6, 110.4, 119.5, 112]
    (c,), notes = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    assert c.said is Verdict.BETTER
    assert not any("not a verdict" in n for n in notes)


def test_rounded_values_are_not_the_same_within_less_than_a_step() -> None:
    arm, base = [100.0] * 9 + [105.0], [100.0] * 8 + [105.0] * 2
    (c,), _ = compare_all([couple(arm, base)], NAMES, 0.01, 0.05)
    assert c.said is Verdict.INCONCLUSIVE
    (c,), _ = compare_all([couple(arm, base)], NAMES, 0.1, 0.05)
    assert c.said is Verdict.SAME


@pytest.mark.parametrize(
    ("arm", "base", "said"),
    [
        ([1.0] * 6, [0.0] * 6, Verdict.WORSE),
        ([0.0] * 6, [3.0] * 6, Verdict.BETTER),
        ([0.0] * 6, [0.0] * 6, Verdict.SAME),
        ([40.0, 38, 45], [0.0, 0, 1], Verdict.WORSE),
        ([1.0, 0, 1], [0.0, 0, 1], Verdict.INCONCLUSIVE),
        ([1000.0, 1000], [0.0, 0], Verdict.INCONCLUSIVE),  # two modes would do that in one of eight
        ([0.0, 90, 400], [0.0, 0, 30], Verdict.INCONCLUSIVE),  # scatters far more than chance does
        ([-1.0] * 5, [-3.0] * 5, Verdict.WORSE),
    ],
)
def test_zero_against_some_has_a_verdict(arm: list[float], base: list[float], said: Verdict) -> None:
    (c,), _ = compare_all([Couple("faults", "", LESS, Group.of(arm), Group.of(base))], NAMES, 0.01, 0.05)
    assert c.said is said
    assert (c.ratio is None) == (sum(base) <= 0 and arm != base)


def test_poisson_is_the_binomial_test() -> None:
    arm, base = [12.0, 15, 9], [0.0, 3, 4]
    found = test_of(Couple("faults", "", LESS, Group.of(arm), Group.of(base)), 0.05)
    share = stats.binom(43, 0.5)
    assert found.p == pytest.approx(max(least_p(6), 2 * share.cdf(7)))


def test_dependence_is_seen() -> None:
    rng = np.random.default_rng(1)
    steps = rng.normal(size=20)
    walk = 100 + np.cumsum(steps)
    assert "depends on the one before" in (dependence(walk.tolist()) or "")
    assert dependence([1.0] * 20) is None
    alarms = sum(dependence(rng.normal(size=12).tolist()) is not None for _ in range(500))
    assert alarms <= 20
    assert autocorrelation([1, 2, 3, 4, 5, 6, 7, 8]) > 0.6
    every = [o for o in itertools.product((0.0, 1.0), repeat=8) if sum(o) == 4]
    few = [o for o in every if 1 + sum(a != b for a, b in itertools.pairwise(o)) <= 3]
    assert runs_p([1, 1, 0, 0, 0, 0, 1, 1]) == pytest.approx(len(few) / len(every))


def test_two_runs_and_many_metrics_bound_nothing() -> None:
    """As a job of lkp has them: at a level of 0.05 / 300 no ratio is excluded."""
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
