"""Fisher's exact test: whether an arm fails more often than the baseline."""

from __future__ import annotations

from math import comb


def more_often(failed: int, tries: int, base_failed: int, base_tries: int) -> float:
    """One-sided p: the chance that an arm has so many or more of the failures, if both fail equally often."""
    every, bad = tries + base_tries, failed + base_failed
    ways = sum(comb(bad, k) * comb(every - bad, tries - k) for k in range(failed, min(bad, tries) + 1))
    return ways / comb(every, tries)
