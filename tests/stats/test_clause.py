"""Clauses about noisy evidence, for made-up comparisons."""

from __future__ import annotations

from dataclasses import replace

from kit.records import At, Comparison, KindVerdict, Verdict
from kit.wording import clause

AT = At("mix", cpus=4, users=8)
WORSE = Comparison(
    metric="jobs", unit="per minute", direction="more is better", arm="new", baseline="base", at=AT, ratio=0.9,
    low=0.88, high=0.92, n=11, arm_value=90, baseline_value=100, exact=False, baseline_n=11, p=0.001, detectable=0.03,
    said=Verdict.WORSE,
)  # fmt: skip
SMALL = replace(WORSE, ratio=0.98, low=0.97, high=0.99, said=Verdict.WORSE)
OPEN = replace(WORSE, ratio=0.99, low=0.95, high=1.03, said=Verdict.INCONCLUSIVE, detectable=0.05)
SAME = replace(WORSE, ratio=1.0, low=0.996, high=1.003, said=Verdict.SAME)
BESIDE = replace(SAME, arm="base-again", ratio=1.004, aa=True)


def kind(verdict: Verdict, *comparisons: Comparison, **rest: bool) -> KindVerdict:
    return KindVerdict("time", verdict, "because", comparisons, **rest)


def test_the_largest_difference_leads_and_the_baseline_beside_itself_is_told() -> None:
    assert clause.changed(kind(Verdict.WORSE, SMALL, WORSE, OPEN, BESIDE), 0.05) == (
        "jobs per minute 10% lower (mix, 8 users, 4 vCPUs; 95% interval -12% to -8%, p = 0.001), worse in 2 of 3"
        " comparisons, on 11 boots of each arm; the baseline beside itself (A/A) differs by up to 0.4%"
    )


def test_same_says_how_far_intervals_reach() -> None:
    assert clause.same(kind(Verdict.SAME, SAME, SAME), 0.01) == (
        "none of 2 comparisons differs by more than 1%, no interval reaches beyond 0.4%, on 11 boots of each arm"
    )


def test_what_is_open_says_what_would_have_been_seen() -> None:
    said = clause.undecided(kind(Verdict.INCONCLUSIVE, OPEN, SAME))
    assert said.startswith("in 1 of 2 comparisons a difference can be neither shown nor excluded; with this noise")
    assert "5%" in said


def test_a_kind_that_may_not_decide_says_why() -> None:
    assert clause.undecided(kind(Verdict.INCONCLUSIVE, OPEN, decides=False)) == "because"


def test_counts_are_not_noisy() -> None:
    assert clause.is_noisy(kind(Verdict.SAME, SAME))
    assert not clause.is_noisy(kind(Verdict.SAME, replace(SAME, said=None)))
