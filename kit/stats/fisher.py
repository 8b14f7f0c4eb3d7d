"""Fisher's exact test of two counts of failures: failures and tries of an arm and of the baseline in, p out."""

from __future__ import annotations

from math import comb


def more_often(failed: int, tries: int, base_failed: int, base_tries: int) -> float:
    """One-sided p: how likely an arm would have so many or more of the failures, if each try failed as easily."""
    every, bad = tries + base_tries, failed + base_failed
    ways = sum(comb(bad, k) * comb(every - bad, tries - k) for k in range(failed, min(bad, tries) + 1))
    return ways / comb(every, tries)
