"""The drawings of a bisection's report."""

from __future__ import annotations

import pytest

from kit.report.bisect import WIDEST, bars, measured, number
from kit.report.narrowing import draw


@pytest.mark.parametrize(
    ("chances", "skipped", "row"),
    [
        ([0.25] * 4, [], "████"),
        ([0.0, 0.5, 0.5, 0.0], [], "·██·"),
        ([0.0, 0.1, 0.8, 0.1], [4], "·▂█▂"),
        ([0.0, 1.0, 0.0], [3], "·█x"),
        ([], [], ""),
    ],
)
def test_a_bar_for_each_commit(chances: list[float], skipped: list[int], row: str) -> None:
    assert bars(chances, skipped) == row


def test_a_long_line_fits_and_loses_no_peak() -> None:
    chances = [0.0] * 1000
    chances[777] = 1.0
    row = bars(chances)
    assert len(row) <= WIDEST
    assert row.count("█") == 1


def test_the_last_test_is_told_with_what_is_left() -> None:
    seen = [{"index": 0, "value": 45.0, "why": ""}, {"index": 2, "value": None, "why": "panic"}]
    text = draw(["a", "b", "c"], [1 / 3] * 3, seen, "v1", "v2")
    assert text == "b: not tested: panic; 3 left\n  good v1 ███ v2 bad"
    seen.append({"index": 1, "value": 75.0, "why": ""})
    assert draw(["a", "b", "c"], [1.0, 0, 0], seen, "v1", "v2") == "a: 75; it is a\n  good v1 █x· v2 bad"


def test_numbers_are_short() -> None:
    assert [number(v, "ms") for v in (45.0, 1.23456, None)] == ["45 ms", "1.235 ms", "–"]
    assert number(123456789.4) == "123456789"


@pytest.mark.parametrize(("accel", "words"), [("tcg", "emulated time in d*"), ("kvm", "time in d*")])
def test_emulated_time_is_never_said_to_be_the_hardware_s(accel: str, words: str) -> None:
    found = {"metric": {"evidence": "time", "what": "", "window": "d*"}, "provenance": {"guest": {"accel": accel}}}
    assert measured(found) == words
