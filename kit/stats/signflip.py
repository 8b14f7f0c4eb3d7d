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
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RANK = 12  # 2**11 patterns up to sign: 1/2048 is the finest level beyond 12 blocks
FINE_RANK = 14  # where the level asked for is below FINE
FINE = 0.01
TIE = 1e-9  # sums closer than this share of the largest are ties: rounding decides nothing


@dataclass(frozen=True)
class Look:
    """One look at the data: after how many blocks, and how much of alpha may be spent by then."""

    blocks: int
    spent: float


@dataclass(frozen=True)
class Walk:
    """What the looks so far said.

    `crossed`: the look's number of blocks at which the boundary was first crossed, and `sign` the direction there.
    `p`: the share of the patterns that cross before the look at which this one did (or the last), or that are as far
    out there: at most what that look may spend just where the boundary is crossed. `level`: two-sided level of a single
    test that the last look's boundary is.
    """

    crossed: int | None = None
    sign: int = 0
    p: float = 1.0
    level: float = 0.0


@dataclass(frozen=True)
class _State:
    """After some looks: each pattern's sum, those that never crossed, how many did, and the same for the data."""

    sums: Floats
    alive: NDArray[np.bool_]
    used: int
    said: Walk


def patterns(blocks: int, rank: int = RANK) -> Floats:
    """Patterns of signs up to a common sign, shape (blocks, 2**(min(rank, blocks) - 1)), the first column all +1.

    The first `rank` blocks take every pattern; each later one the product of some of these, drawn once and for all.
    """
    longest = max(64, 1 << (blocks - 1).bit_length())
    return _patterns(longest, rank)[:blocks, : 2 ** (min(rank, blocks) - 1)]


@lru_cache(maxsize=4)
def _patterns(blocks: int, rank: int) -> Floats:
    columns = np.arange(2 ** (rank - 1), dtype=np.int64)
    draw = random.Random(rank)
    masks = [0, *(1 << i for i in range(rank - 1))]
    masks += [draw.getrandbits(rank - 1) for _ in range(blocks - len(masks))]
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
    """Applies the looks that the data reach, in order. `differences`: one a block, of any unit, in order of blocks;
    `alpha`: what all looks may spend together."""
    values = np.ascontiguousarray(differences, dtype=float)
    reached = tuple(look for look in looks if look.blocks <= len(values))
    return _after(values[: reached[-1].blocks].tobytes(), reached, rank_for(alpha)).said if reached else Walk()


@lru_cache(maxsize=256)  # a run asks again after every block, with one look more
def _after(data: bytes, looks: tuple[Look, ...], rank: int) -> _State:
    values = np.frombuffer(data)
    look, begin = looks[-1], looks[-2].blocks if len(looks) > 1 else 0
    before = _start() if not begin else _after(values[:begin].tobytes(), looks[:-1], rank)
    flips = patterns(look.blocks, rank)[begin:]
    times = flips.shape[1] // len(before.sums)  # each pattern of the blocks before goes on in so many ways
    sums = np.tile(before.sums, times) + values[begin:] @ flips
    alive, used = np.tile(before.alive, times), before.used * times
    sizes = np.abs(sums)
    room = max(0, int(look.spent * len(sums) + TIE) - used)
    over = sizes > _edge(sizes[alive], room)
    beyond = max(room, int(np.count_nonzero(over)))  # with ties, fewer lie beyond the boundary than might
    over &= alive
    said = replace(before.said, level=beyond / len(sums))
    if said.crossed is None:
        as_far = int(np.count_nonzero(sizes[alive] >= sizes[0] * (1 - TIE)))
        said = replace(said, p=min(1.0, (used + as_far) / len(sums)))
        if over[0]:
            said = replace(said, crossed=look.blocks, sign=1 if sums[0] > 0 else -1)
    return _State(sums, alive & ~over, used + int(np.count_nonzero(over)), said)


def _start() -> _State:
    return _State(np.zeros(1), np.ones(1, dtype=bool), 0, Walk())


def _edge(sizes: Floats, room: int) -> float:
    """A size that no more than `room` of these exceed, and none of its ties."""
    if not room or not len(sizes):
        return np.inf
    if room >= len(sizes):
        return -1.0
    place = len(sizes) - room - 1
    return float(np.partition(sizes, place)[place]) * (1 + TIE)


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
