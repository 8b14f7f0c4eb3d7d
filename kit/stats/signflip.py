"""The sign-flip test of paired differences, with several looks: crossing, boundary, interval.

If an arm is the baseline under another name, a random order within each block makes every difference as likely as its
negative, given its size, whatever the noise looks like and however much one boot depends on the last. So the observed
signs are one draw from all patterns of signs. A boundary that at most a share alpha of the patterns ever crosses has a
level of at most alpha, exactly. Beyond `rank_for(alpha)` blocks a subgroup of the patterns stands for all of them: a
group keeps the test exact (Hartigan, JASA 64, 1969); random patterns would not.

The test statistic is the sum of signed ranks (Wilcoxon): each difference counts by the rank of its size, so one slow
boot in ten hides nothing. A difference may be infinite: it is unknown, and taken at its worst.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RANK, FINEST = 12, 18  # 2**11 patterns up to sign at least, 2**17 at most
BEYOND = 8  # patterns beyond the boundary at the requested level, at least
DIGITS = 12  # of a difference: closer ones are ties, so that rounding decides nothing


@dataclass(frozen=True)
class Look:
    """One look at the data: after how many blocks, and how much of alpha may be spent by then."""

    blocks: int
    spent: float


@dataclass(frozen=True)
class Walk:
    """The result of the looks so far.

    `crossed`: the number of blocks of the look at which the boundary was first crossed, `sign`: the direction there.
    `p`: the share of the patterns that cross before the look at which these data did (or the last look), or that are as
    extreme there; it is at most what that look may spend exactly if the boundary is crossed. `edge`: the last look's
    boundary, which the sum of signed ranks must exceed; infinite if no sum can.
    """

    crossed: int | None = None
    sign: int = 0
    p: float = 1.0
    edge: float = math.inf


@dataclass(frozen=True)
class _State:
    """The state after some looks: the patterns that never crossed, how many did, and the same for the data."""

    alive: NDArray[np.bool_]
    used: int
    said: Walk


def signed_ranks(differences: Sequence[float] | Floats) -> Floats:
    """The rank of each difference's size (ties share their mean rank), with its sign; 0 for no difference."""
    values = np.asarray(differences, dtype=float)
    sizes = np.abs(values).round(DIGITS)
    order = sizes.argsort()
    ordered = sizes[order]
    ranks = np.empty(len(values))
    ranks[order] = np.arange(1.0, len(values) + 1)
    if len(values) < 2 or ((ordered[1:] > ordered[:-1]).all() and ordered[0] > 0):
        return np.copysign(ranks, values) if len(values) and sizes[0] > 0 else np.zeros(len(values))
    _, place, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    out: Floats = np.where(sizes > 0, np.sign(values), 0.0) * (ends - (counts - 1) / 2)[place]
    return out


def patterns(blocks: int, rank: int = RANK) -> NDArray[np.int8]:
    """Patterns of signs up to a common sign, shape (blocks, 2**(min(rank, blocks) - 1)); column 0, which stands for the
    observed signs, is all +1.

    The first `rank` blocks take every pattern; the signs of each later block are the product of some of these, drawn
    once and for all.
    """
    longest = max(64, 1 << (blocks - 1).bit_length())
    return _patterns(longest, rank)[:blocks, : 2 ** (min(rank, blocks) - 1)]


@lru_cache(maxsize=4)
def _patterns(blocks: int, rank: int) -> NDArray[np.int8]:
    columns = np.arange(2 ** (rank - 1), dtype=np.int64)
    draw = random.Random(rank)
    masks = [0, *(1 << i for i in range(rank - 1))]
    masks += [draw.getrandbits(rank - 1) for _ in range(blocks - len(masks))]
    out = np.empty((blocks, len(columns)), dtype=np.int8)
    for row, mask in zip(out, masks, strict=True):
        row[:] = 1 - 2 * _parity(columns & mask)
    return out


def _parity(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    for shift in (16, 8, 4, 2, 1):
        bits = bits ^ (bits >> shift)
    return bits & 1


def rank_for(alpha: float) -> int:
    """How many blocks flip freely: enough for as many patterns as the level needs."""
    return min(FINEST, max(RANK, 1 + math.ceil(math.log2(BEYOND / alpha))))


def walk(differences: Sequence[float] | Floats, looks: Sequence[Look], alpha: float) -> Walk:
    """Applies the looks that the data reach, in order. `differences`: one for each block, in any unit, in order;
    `alpha`: what all looks may spend together."""
    values = np.ascontiguousarray(differences, dtype=float)
    reached = tuple(look for look in looks if look.blocks <= len(values))
    return _after(values[: reached[-1].blocks].tobytes(), reached, rank_for(alpha)).said if reached else Walk()


@lru_cache(maxsize=1024)  # a run asks again after every block, with one look more
def _after(data: bytes, looks: tuple[Look, ...], rank: int) -> _State:
    values = np.frombuffer(data)
    look, begin = looks[-1], looks[-2].blocks if len(looks) > 1 else 0
    before = _after(values[:begin].tobytes(), looks[:-1], rank) if begin else _State(np.ones(1, bool), 0, Walk())
    sizes = np.abs(_sums(signed_ranks(values), look.blocks, rank))
    times = len(sizes) // len(before.alive)  # each pattern of the earlier blocks continues in so many ways
    alive, used = np.tile(before.alive, times), before.used * times
    edge = _edge(sizes[alive], max(0, int(look.spent * len(sizes) + 1e-9) - used))
    over = alive & (sizes > edge)
    said = before.said
    if said.crossed is None:
        p = min(1.0, (used + int(np.count_nonzero(sizes[alive] >= sizes[0]))) / len(sizes))
        sign = int(np.sign(signed_ranks(values).sum()))
        said = Walk(look.blocks, sign, p, edge) if over[0] else Walk(p=p, edge=edge)
    else:
        said = replace(said, edge=edge)
    return _State(alive & ~over, used + int(np.count_nonzero(over)), said)


def _sums(ranks: Floats, blocks: int, rank: int) -> NDArray[np.float32]:
    """The sum of the ranks under each pattern of signs: multiples of 1/2, exact."""
    out: NDArray[np.float32] = ranks.astype(np.float32) @ patterns(blocks, rank).astype(np.float32)
    return out


def _edge(sizes: NDArray[np.float32], room: int) -> float:
    """A size that at most `room` of these exceed, counting ties."""
    if not room or not len(sizes):
        return math.inf
    if room >= len(sizes):
        return -1.0
    place = len(sizes) - room - 1
    return float(np.partition(sizes, place)[place])


def p_value(differences: Sequence[float] | Floats) -> float:
    """The exact two-sided p of one test of all differences, over all patterns of signs; at least 2 / 2**blocks."""
    ranks = signed_ranks(differences)
    steps = np.rint(2 * np.abs(ranks)).astype(int)
    ways = np.zeros(int(steps.sum()) + 1)  # by the sum of the positive ones
    ways[0] = 1.0
    for step in steps[steps > 0]:
        ways[step:] = (ways[step:] + ways[: len(ways) - step]) / 2
        ways[:step] /= 2
    far = abs(round(2 * float(ranks.sum())))
    sums = np.abs(2 * np.arange(len(ways)) - (len(ways) - 1))
    return min(1.0, float(ways[sums >= far].sum()))


@lru_cache(maxsize=256)
def _triangle(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, second = np.triu_indices(count)
    return first, second


def walsh(differences: Sequence[float] | Floats) -> Floats:
    """The means of all pairs of differences, each also with itself, in ascending order. Their median is the
    Hodges-Lehmann estimate, and the ends of its intervals are among them."""
    values = np.asarray(differences, dtype=float)
    first, second = _triangle(len(values))
    out: Floats = np.sort(values[first] / 2 + values[second] / 2)
    return out


def interval(means: Floats, edge: float) -> tuple[float, float]:
    """The range of shifts of the differences (`means`: their walsh()) with which their sum of signed ranks does not
    exceed `edge`; infinite if it never does."""
    count = len(means)
    if not count or edge >= count:
        return -math.inf, math.inf
    inside = int((count + max(edge, 0.0)) // 2)
    low = float(means[count - inside - 1]) if inside < count else -math.inf
    return low, float(means[inside]) if inside < count else math.inf


def edge_of(blocks: int, level: float) -> float:
    """The approximate boundary of one two-sided test at `level`, by the normal distribution."""
    from_middle = math.sqrt(blocks * (blocks + 1) * (2 * blocks + 1) / 6)
    return from_middle * _normal_edge(level)


@lru_cache
def _normal_edge(level: float) -> float:
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(middle / math.sqrt(2)) > level else (low, middle)
    return high
