"""Several verdicts as one."""

from __future__ import annotations

import pytest

from kit.records import Verdict
from kit.stats.combine import combined

B, W, S, I, X = Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.INCONCLUSIVE, Verdict.BROKEN  # noqa: E741


@pytest.mark.parametrize(
    ("said", "together"),
    [
        ([], I),
        ([S], S),
        ([S, S], S),
        ([S, I], I),
        ([S, B, I], B),
        ([B, W, S], W),
        ([W, X, B], X),
    ],
)
def test_the_first_that_any_says_holds(said: list[Verdict], together: Verdict) -> None:
    assert combined(said) is together
    assert combined(iter(reversed(said))) is together
