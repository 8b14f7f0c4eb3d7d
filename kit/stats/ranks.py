"""Compares two groups by ranks: exact p of Mann and Whitney, Hodges-Lehmann shift, and its interval.

The test only assumes that, if nothing changed, a value could as well have come from the other group: outliers, two
modes or rounding cause no more false alarms. Ties are counted exactly: the distribution is that of the ranks of these
values. Mann and Whitney, Ann. Math. Stat. 18, 1947; Hodges and Lehmann, ibid. 34, 1963.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb, ndtr, ndtri

from kit.stats.signflip import Floats

EXACT = 2500  # values of the smaller group times all values; beyond, the normal approximation with ties and continuity
EXACT_PAIRS = 100
MOST_PAIRS = 1 << 22  # pairs of values from which a shift is computed; beyond, only every n-th value is used


def finest_p(n: int, m: int) -> float:
    """The smallest two-sided p that groups of n and m values can have."""
    return min(1.0, 2 / float(comb(n + m, n))) if n and m else 1.0


def rank_test(arm: Sequence[float] | Floats, base: Sequence[float] | Floats) -> tuple[float, int]:
    """The two-sided p (twice the smaller tail, as in benchstat), and the sign of the arm's shift, 0 for none."""
    n, m = len(arm), len(base)
    if not n or not m:
        return 1.0, 0
    if n > m:
        p, sign = rank_test(base, arm)
        return p, -sign
    twice, counts = _twice_mid_ranks(np.concatenate([arm, base]))
    total = int(twice[:n].sum())
    sign = int(np.sign(total - n * (n + m + 1)))
    if n * (n + m) > EXACT:
        return _normal_p(total, n, m, counts), sign
    tails = _tails(n, tuple(int(c) for c in counts))
    at = total - tails[0]
    return min(1.0, 2 * min(float(tails[1][at]), float(tails[2][at]))), sign


def mid_ranks(values: Sequence[float] | Floats) -> Floats:
    """The rank of each value, from 1; equal values have the middle of their ranks."""
    return _twice_mid_ranks(values)[0] / 2


def _twice_mid_ranks(values: Sequence[float] | Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Twice the mid-rank of each value; how many there are of each different one, ascending."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (2 * np.cumsum(counts) - counts + 1)[inverse], counts


@lru_cache(maxsize=4096)
def _tails(n: int, counts: tuple[int, ...]) -> tuple[int, Floats, Floats]:
    """For the doubled sum of the ranks of n values drawn from these: the smallest sum, and P(<=), P(>=) from it on."""
    twice, below = [], 0
    for c in counts:
        twice.append(2 * below + c + 1)
        below += c
    most = sum(sorted((t for t, c in zip(twice, counts, strict=True) for _ in range(c)), reverse=True)[:n])
    ways = np.zeros((n + 1, most + 1))
    ways[0, 0] = 1
    for rank, count in zip(twice, counts, strict=True):
        before = ways.copy()
        for taken in range(1, min(count, n) + 1):
            step = taken * rank
            if step > most:
                break
            ways[taken:, step:] += comb(count, taken) * before[: n + 1 - taken, : most + 1 - step]
    row = ways[n] / ways[n].sum()
    least = int(np.flatnonzero(row)[0])
    return least, np.cumsum(row)[least:], np.cumsum(row[::-1])[::-1][least:]


def _normal_p(total: int, n: int, m: int, counts: NDArray[np.int64]) -> float:
    size = n + m
    ties = float((counts.astype(float) ** 3 - counts).sum())
    variance = n * m / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 0:
        return 1.0
    off = max(0.0, abs(total - n * (size + 1)) / 2 - 0.5)
    return min(1.0, 2 * float(ndtr(-off / math.sqrt(variance))))


def shifts(arm: Sequence[float] | Floats, base: Sequence[float] | Floats) -> Floats:
    """All differences between a value of the arm and one of the baseline, in ascending order."""
    a, b = np.sort(np.asarray(arm, dtype=float)), np.sort(np.asarray(base, dtype=float))
    while len(a) * len(b) > MOST_PAIRS:
        a, b = (a[1::2], b) if len(a) > len(b) else (a, b[1::2])
    return np.sort((a[:, None] - b[None, :]).ravel())


def middle(ordered: Floats) -> float:
    """The median of ordered values."""
    return float(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def shift_interval(ordered: Floats, n: int, m: int, level: float) -> tuple[float, float]:
    """The range of shifts that the test at this two-sided level does not reject; infinite if it can reject none."""
    kept = _rejected(n, m, level) * len(ordered) // (n * m)
    if kept < 1:
        return -math.inf, math.inf
    return float(ordered[kept - 1]), float(ordered[len(ordered) - kept])


@lru_cache(maxsize=1024)
def _rejected(n: int, m: int, level: float) -> int:
    """How many of the smallest differences are outside the interval, and how many of the largest, less one."""
    n, m = min(n, m), max(n, m)
    if n * (n + m) > EXACT:
        return max(0, math.floor(n * m / 2 + float(ndtri(level / 2)) * math.sqrt(n * m * (n + m + 1) / 12)))
    _least, below, _ = _tails(n, (1,) * (n + m))
    return int(np.count_nonzero(2 * below[::2] <= level))  # doubled sums without ties are all even steps apart


def signed_rank_test(differences: Sequence[float] | Floats) -> tuple[float, int]:
    """Wilcoxon's test of paired differences, exact with ties and zeros (Pratt): two-sided p, and the sign."""
    d = np.asarray(differences, dtype=float)
    if not np.any(d):
        return 1.0, 0
    twice, _ = _twice_mid_ranks(np.abs(d))
    twice = twice[d != 0]
    up = int(twice[d[d != 0] > 0].sum())
    total = int(twice.sum())
    if len(twice) > EXACT_PAIRS:
        score = max(0.0, abs(2 * up - total) - 2) / math.sqrt(float((twice.astype(float) ** 2).sum()))
        return min(1.0, 2 * float(ndtr(-score))), int(np.sign(2 * up - total))
    below = _flips(tuple(sorted(int(t) for t in twice)))
    return min(1.0, 2 * float(below[min(up, total - up)])), int(np.sign(2 * up - total))


@lru_cache(maxsize=1024)
def _flips(twice: tuple[int, ...]) -> Floats:
    """P(<=) of the sum of these numbers if each is included with probability 1/2."""
    ways = np.zeros(sum(twice) + 1)
    ways[0] = 1
    for rank in twice:
        ways[rank:] += ways[:-rank].copy()
    out: Floats = np.cumsum(ways / ways.sum())
    return out


def walsh(differences: Sequence[float] | Floats) -> Floats:
    """The means of all pairs of differences, each also with itself, in ascending order."""
    d = np.sort(np.asarray(differences, dtype=float))
    while len(d) ** 2 > 2 * MOST_PAIRS:
        d = d[1::2]
    i, j = np.triu_indices(len(d))
    return np.sort((d[i] + d[j]) / 2)


def walsh_interval(ordered: Floats, n: int, level: float) -> tuple[float, float]:
    """The range of shifts that Wilcoxon's test at this level does not reject."""
    if n > EXACT_PAIRS:
        spread = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
        kept = math.floor(n * (n + 1) / 4 + float(ndtri(level / 2)) * spread) * len(ordered) // (n * (n + 1) // 2)
    else:
        kept = int(np.count_nonzero(2 * _flips(tuple(range(1, n + 1))) <= level))
    if kept < 1:
        return -math.inf, math.inf
    return float(ordered[kept - 1]), float(ordered[len(ordered) - kept])
