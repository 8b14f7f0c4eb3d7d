"""The sign-flip test of paired differences, looked at several times: differences in; crossing, level, interval out.

If an arm is the baseline under another name, a random order inside each block makes every difference as likely as its
negative, given its size, whatever the noise looks like and however one boot depends on the last. So the signs that
were seen are one draw from all patterns of signs, and a boundary that at most a share alpha of the patterns ever
crosses has a level of at most alpha, exactly. Beyond `RANK` blocks a subgroup of the patterns stands for all of them:
a group keeps the test exact (Hartigan, JASA 64, 1969), which random draws would not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RANK = 12  # 2**11 patterns up to sign: 1/2048 is the finest level beyond 12 blocks
FINE_RANK = 15  # where the level asked for is below FINE
FINE = 0.01
TIE = 1e-9  # sums closer than this share of the largest are ties: rounding decides nothing


@dataclass(frozen=True)
class Look:
    """One look at the data: after how many blocks, and how much of alpha may be spent by then."""

    blocks: int
    spent: float


@dataclass(frozen=True)
class Walk:
    """What the looks so far said. `crossed`: the look's number of blocks at which the boundary was first crossed,
    and `sign` the direction there; `level`: two-sided level of a single test that the last look's boundary is."""

    crossed: int | None
    sign: int
    level: float


@lru_cache(maxsize=32)
def patterns(blocks: int, rank: int = RANK) -> Floats:
    """Patterns of signs up to a common sign, shape (blocks, 2**(min(rank, blocks) - 1)), the first column all +1.

    The first `rank` blocks take every pattern; each later one the product of some of these, drawn once and for all.
    """
    free = min(rank, blocks) - 1
    columns = np.arange(2**free, dtype=np.int64)
    draw = random.Random(rank)
    masks = [0] + [1 << i for i in range(free)]
    masks += [draw.getrandbits(free) for _ in range(blocks - len(masks))]
    out = np.empty((blocks, len(columns)))
    for row, mask in zip(out, masks, strict=True):
        row[:] = 1 - 2 * _parity(columns & mask)
    return out


def _parity(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    for shift in (16, 8, 4, 2, 1):
        bits = bits ^ (bits >> shift)
    return bits & 1


def rank_for(alpha: float) -> int:
    """How many blocks are free to flip: more where a fine level is asked for."""
    return RANK if alpha >= FINE else FINE_RANK


def walk(differences: Sequence[float] | Floats, looks: Sequence[Look], alpha: float) -> Walk:
    """Applies the looks that the data reach, in order. `differences`: one a block, of any unit, in order of blocks."""
    values = np.asarray(differences, dtype=float)
    reached = [look for look in looks if look.blocks <= len(values)]
    if not reached:
        return Walk(None, 0, 0.0)
    flips = patterns(reached[-1].blocks, rank_for(alpha))
    sums = np.zeros(flips.shape[1])
    alive = np.ones(flips.shape[1], dtype=bool)
    begin, used, crossed, sign, level = 0, 0, None, 0, 0.0
    for look in reached:
        sums = sums + values[begin : look.blocks] @ flips[begin : look.blocks]
        begin = look.blocks
        over = _beyond(np.abs(sums), alive, int(look.spent * len(sums) + TIE) - used)
        level = float(np.count_nonzero(over)) / len(sums)
        over &= alive
        used += int(np.count_nonzero(over))
        if crossed is None and over[0]:
            crossed, sign = look.blocks, 1 if sums[0] > 0 else -1
        alive &= ~over
    return Walk(crossed, sign, level)


def _beyond(sizes: Floats, alive: NDArray[np.bool_], room: int) -> NDArray[np.bool_]:
    """Where a sum is so large that no more than `room` of those alive are as large."""
    left = sizes[alive]
    if room <= 0 or not len(left):
        return np.zeros(len(sizes), dtype=bool)
    if room >= len(left):
        return np.ones(len(sizes), dtype=bool)
    edge = np.partition(left, len(left) - room - 1)[len(left) - room - 1]
    over: NDArray[np.bool_] = sizes > edge * (1 + TIE)
    return over


def p_value(differences: Sequence[float] | Floats, rank: int = RANK) -> float:
    """Two-sided p of one test of all differences; at least 2 / 2**blocks."""
    values = np.asarray(differences, dtype=float)
    if not len(values):
        return 1.0
    sizes = np.abs(values @ patterns(len(values), rank))
    return float(np.mean(sizes >= sizes[0] * (1 - TIE)))


def interval(differences: Sequence[float] | Floats, level: float, rank: int = RANK) -> tuple[float, float]:
    """The shifts of the differences that a two-sided test at `level` does not reject; infinite where it rejects none.

    No search is needed: the ends are order statistics of the means of the subsets that the patterns flip (Hartigan).
    """
    values = np.asarray(differences, dtype=float)
    if not len(values):
        return -np.inf, np.inf
    flips = patterns(len(values), rank)
    sums, counts = values @ flips, flips.sum(axis=0)
    total, blocks = sums[0], len(values)
    flipped = (total - sums[1:]) / (blocks - counts[1:])
    kept = (total + sums) / (blocks + counts)
    means = np.concatenate([flipped, kept])
    rejected = int(level * len(sums) + TIE)
    if rejected < 1:
        return -np.inf, np.inf
    ends = np.partition(means, (rejected - 1, len(means) - rejected))
    return float(ends[rejected - 1]), float(ends[len(means) - rejected])
