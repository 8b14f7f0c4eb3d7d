"""What the proofs of a bisection conclude from values of the ends, of the culprit and of its revert."""

from __future__ import annotations

import pytest

from kit.bisection.findings import Proof

# Instructions, as measured on the embedded series: two changes, of 2.06 and 1.28 million.
GOOD, BEFORE, AFTER, BAD = 401_907_271.0, 401_914_979.0, 403_979_108.0, 405_257_274.0


@pytest.mark.parametrize(
    ("reverted", "bad", "threshold", "holds"),
    [
        (403_304_968.0, BAD, None, True),  # the second change stays on the bad end
        (405_200_000.0, BAD, None, False),  # nothing is gone
        (403_304_968.0, BAD, 403e6, False),  # the user's own threshold is absolute
        (401_950_000.0, AFTER, None, True),
        (403_970_000.0, AFTER, None, False),
    ],
)
def test_a_revert_takes_away_what_its_commit_added(
    reverted: float, bad: float, threshold: float | None, holds: bool
) -> None:
    assert Proof((GOOD,), (reverted,), GOOD, bad, BEFORE, AFTER, threshold).revert_holds is holds


@pytest.mark.parametrize(("within", "scatters"), [(0.0, True), (0.001, False)])
def test_the_good_end_scatters_beyond_what_counts_as_the_same(within: float, scatters: bool) -> None:
    proof = Proof((BEFORE,), (), GOOD, BAD, BEFORE, AFTER, None, within)
    assert (proof.scatters, proof.again_holds) == (scatters, True)


def test_nothing_measured_proves_nothing() -> None:
    proof = Proof(good=GOOD, bad=BAD, before=BEFORE, after=AFTER)
    assert (proof.again_holds, proof.revert_holds, proof.holds) == (None, None, None)


@pytest.mark.parametrize(
    ("decided", "holds"),
    [((True, True), True), ((True, None), None), ((None, True), None), ((None, None), None), ((True, False), False)],
)
def test_an_undecided_answer_is_no_proof(decided: tuple[bool | None, bool | None], holds: bool | None) -> None:
    assert Proof((GOOD,), (BEFORE,), GOOD, BAD, BEFORE, AFTER, beside=(BAD,), decided=decided).holds is holds


def test_without_a_revert_the_good_end_alone_proves() -> None:
    assert Proof((GOOD,), (), GOOD, BAD, BEFORE, AFTER, beside=(BAD,), decided=(True, None)).holds is True
