"""The exact search on simulated histories: every place of the culprit, skips, merged images, second changes, hints."""

from __future__ import annotations

from math import ceil, log2

import numpy as np
import pytest
from histories import History, run, step_levels
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.search.exact import ExactSearch
from kit.search.protocol import LESS, MORE, Done, End, Measure, Seen


def exact(level: float, _rng: np.random.Generator) -> float:
    return level


def solve(search: ExactSearch, levels: list[float], skipped: frozenset[int] = frozenset()) -> tuple[Done, list[Seen]]:
    return run(search, History(np.array(levels), exact, skipped))


@pytest.mark.parametrize("candidates", [1, 2, 3, 5, 16, 17, 128])
def test_every_culprit_is_found_in_the_fewest_tests(candidates: int) -> None:
    most = 0
    for culprit in range(1, candidates + 1):
        for hint in (None, 1, candidates, culprit, max(1, culprit - 3)):
            done, seen = run(
                ExactSearch(candidates + 1, LESS, hint=hint), History(step_levels(candidates + 1, culprit, 5, 6), exact)
            )
            assert (done.end, done.culprits, done.confidence) == (End.FOUND, (culprit,), 1.0)
            assert (done.changes[0].before, done.changes[0].after) == (5, 6)
            most = max(most, len(seen))
    assert most == ceil(log2(candidates)) + 2


def test_a_right_hint_is_tried_first_where_the_worst_case_leaves_room() -> None:
    needed = {}
    for hint in (None, 9):
        _, seen = solve(ExactSearch(18, hint=hint), [0.0] * 9 + [1.0] * 9)
        needed[hint] = len(seen)
    assert needed[9] == 4  # both ends, the commit and the one before it
    assert needed[None] > 4


def test_of_equally_good_tests_the_cheaper_is_chosen() -> None:
    search = ExactSearch(12)
    seen = [Seen(0, 0.0), Seen(11, 1.0)]
    step = search.next(seen, cost=lambda commit: 5.0 if commit == 7 else 40.0)
    assert isinstance(step, Measure)
    assert step.commit == 7


@pytest.mark.parametrize(
    ("direction", "good", "bad", "end"),
    [
        ("", 4, 4, End.NO_DIFFERENCE),
        (LESS, 4, 3, End.OTHER_WAY),
        (MORE, 3, 4, End.OTHER_WAY),
        (LESS, 3, 4, End.FOUND),
        (MORE, 4, 3, End.FOUND),
        ("", 4, 3, End.FOUND),
    ],
)
def test_the_ends_are_compared_first(direction: str, good: float, bad: float, end: End) -> None:
    done, seen = solve(ExactSearch(9, direction), [good] * 4 + [bad] * 5)
    assert done.end is end
    assert (len(seen) == 2) is (end is not End.FOUND)
    assert f"{good:g}" in done.why


def test_ends_on_one_side_of_a_threshold_do_not_differ() -> None:
    done, _ = solve(ExactSearch(9, threshold=10.0), [3.0] * 4 + [5.0] * 5)
    assert done.end is End.NO_DIFFERENCE
    assert "threshold 10" in done.why


def test_an_end_that_cannot_be_built_stops_the_search() -> None:
    done, seen = solve(ExactSearch(9), [3.0] * 4 + [5.0] * 5, frozenset({8}))
    assert done.end is End.UNTESTABLE
    assert "does not compile" in done.why
    assert len(seen) == 2


def test_an_end_without_evidence_is_tried_thrice() -> None:
    done, seen = run(ExactSearch(9), History(step_levels(9, 4, 0, 1), exact, flaky=1.0))
    assert done.end is End.UNTESTABLE
    assert [s.commit for s in seen] == [0, 0, 0]


def test_two_values_of_one_kernel_are_not_exact() -> None:
    done = ExactSearch(9).next([Seen(0, 3.0), Seen(8, 5.0), Seen(4, 3.0), Seen(4, 4.0)])
    assert isinstance(done, Done)
    assert done.end is End.NOT_EXACT
    assert "3 and 4" in done.why


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_skipped_commits_leave_the_smallest_set_that_can_be_told(data: st.DataObject) -> None:
    candidates = data.draw(st.integers(2, 40))
    culprit = data.draw(st.integers(1, candidates))
    skipped = data.draw(st.frozensets(st.integers(1, candidates - 1)))
    done, _ = solve(ExactSearch(candidates + 1), list(step_levels(candidates + 1, culprit, 2, 1)), skipped)
    low = max(c for c in range(culprit) if c not in skipped)
    high = min(c for c in range(culprit, candidates + 1) if c not in skipped)
    assert done.culprits == tuple(range(low + 1, high + 1))
    assert done.end is (End.FOUND if high - low == 1 else End.SET)


def test_a_broken_range_is_left_at_once() -> None:
    levels = list(step_levels(129, 20, 0, 1))
    _, seen = solve(ExactSearch(129), levels, frozenset(range(40, 90)))
    assert sum(s.skip for s in seen) <= 3
    assert len(seen) <= ceil(log2(128)) + 2 + 4


def test_the_same_object_code_is_not_tested_again() -> None:
    images = {c: c // 4 for c in range(33)}
    history = History(np.array([float(c // 4 >= 5) for c in range(33)]), exact)
    search = ExactSearch(33)
    seen: list[Seen] = []
    while isinstance(step := search.next(seen, images=images), Measure):
        assert images[step.commit] not in {images[s.commit] for s in seen}
        seen.append(history.test(step.commit))
    assert step.culprits == (20,)


def test_ends_with_the_same_object_code_need_one_boot() -> None:
    done = ExactSearch(9).next([Seen(0, 3.0)], images={0: "a", 8: "a"})
    assert isinstance(done, Done)
    assert done.end is End.NO_DIFFERENCE


@pytest.mark.parametrize(("middle", "followed"), [(4.0, 20), (6.0, 10)])
def test_of_two_changes_the_larger_is_followed_and_the_other_told(middle: float, followed: int) -> None:
    levels = [3.0] * 10 + [middle] * 10 + [8.0] * 12
    done, seen = solve(ExactSearch(32), levels)
    assert done.culprits == (followed,)
    between = {levels[s.commit] for s in seen} == {3.0, middle, 8.0}
    assert bool(done.notes) is between
    assert all("second change" in n for n in done.notes)


def test_a_threshold_of_the_metric_says_which_change_is_followed() -> None:
    levels = [3.0] * 10 + [4.0] * 10 + [8.0] * 12
    assert solve(ExactSearch(32, threshold=3.5), levels)[0].culprits == (10,)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=40))
@settings(max_examples=200, deadline=None)
def test_what_is_named_is_always_a_change_of_that_commit(values: list[int]) -> None:
    levels = [float(v) for v in values]
    done, _ = solve(ExactSearch(len(levels)), levels)
    if levels[0] == levels[-1]:
        assert done.end is End.NO_DIFFERENCE
        return
    (culprit,) = done.culprits
    assert (done.changes[0].before, done.changes[0].after) == (levels[culprit - 1], levels[culprit])
    assert levels[culprit - 1] != levels[culprit]


def test_a_commit_off_the_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not on a line of 9"):
        ExactSearch(9).next([Seen(9, 1.0)])


def test_values_within_a_share_are_the_same() -> None:
    """Instructions: kernels with the same code may be laid out differently in memory."""
    rng = np.random.default_rng(7)
    noise = rng.uniform(-4e-4, 4e-4, 33)
    levels = list((1000.0 + 5 * (np.arange(33) >= 12)) * (1 + noise))
    done, _ = solve(ExactSearch(33, within=0.001), levels)
    assert (done.end, done.culprits, done.notes) == (End.FOUND, (12,), ())
    done, seen = solve(ExactSearch(33, within=0.001), list(1000.0 * (1 + noise)))
    assert (done.end, len(seen)) == (End.NO_DIFFERENCE, 2)
    again = ExactSearch(9, within=0.001).next([Seen(0, 1000.0), Seen(8, 1010.0), Seen(0, 1000.5)])
    assert isinstance(again, Measure)


def test_a_change_bit_by_bit_is_no_commits() -> None:
    done, _ = solve(ExactSearch(33, within=0.001), [1000.0 + 0.1 * i for i in range(33)])
    assert (done.end, done.culprits) == (End.SET, tuple(range(1, 33)))
    assert "bit by bit" in done.why
