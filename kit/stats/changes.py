"""Change points of a series in time: where the level changed, by how much, and how sure that is.

Each split of the series is scored by the standardized difference of the mean ranks of both parts (Pettitt, Appl. Stat.
28, 1979), and each stretch inside it against the rest (circular binary segmentation: Olshen et al., Biostatistics 5,
2004), which finds a level that came and went. The largest score is compared with those of the same values in random
orders. So in a series without a change one is found with a chance of at most alpha, whatever the noise looks like, as
long as the values are independent. The series is cut at a change that was found, and both parts are searched again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from kit.stats.ranks import mid_ranks, middle, rank_test, shift_interval, shifts
from kit.stats.signflip import Floats

LEAST = 8  # values: the fewest that can show a change at 5% are four and four, at the best place
SPLIT_DRAWS, STRETCH_DRAWS = 9999, 1999  # most random orders to compare a score with
ENOUGH = 20  # after so many of them with a larger score, no more are drawn
SURE = 0.001  # p of a single split below which stretches are not searched
SPLIT_SHARE, STRETCH_SHARE = 0.8, 0.2  # of alpha
ENDS = 64  # most places where a stretch may end
CHUNK = 256
TIE = 1 - 1e-9  # scores that differ only by rounding are equal


@dataclass(frozen=True)
class Change:
    """The level changed before value `at`. `shift`: the level after it against the level before (up to the next
    changes), with its interval at 1 - alpha; `p`: of the search."""

    at: int
    p: float
    shift: float = 0.0
    low: float = -math.inf
    high: float = math.inf
    before: int = 0
    after: int = 0


@dataclass(frozen=True)
class Found:
    """The best cuts of one part, and their p."""

    cuts: tuple[int, ...]
    p: float


def best_cuts(values: Sequence[float] | Floats, places: Sequence[int] | None = None) -> Found:
    """Searches a whole series once. `places`: before which values a change may lie; default: before any."""
    data = np.asarray(values, dtype=float)
    count = len(data)
    allowed = np.array([k for k in (places or range(1, count)) if 0 < k < count], dtype=np.int64)
    centred = mid_ranks(data) - (count + 1) / 2
    spread = float(centred @ centred) / count
    if count < LEAST or spread == 0 or not len(allowed):
        return Found((), 1.0)
    rng = np.random.default_rng(count)
    split = _split_scores(centred[None, :], allowed, spread)
    p = _chance(centred, lambda d: _split_scores(d, allowed, spread), float(split.max()), rng, SPLIT_DRAWS)
    found = Found((int(allowed[split.argmax()]),), min(1.0, p / SPLIT_SHARE))
    if found.p <= SURE:
        return found
    return min(found, _stretch(centred, allowed, spread, rng), key=lambda f: f.p)


def _chance(
    centred: Floats, scores: Callable[[Floats], Floats], best: float, rng: np.random.Generator, draws: int
) -> float:
    """The share of random orders of the same values whose largest score is as large. It stops after ENOUGH such orders
    (Besag and Clifford, Biometrika 78, 1991): the p stays exact."""
    larger = done = 0
    while done < draws:
        count = min(CHUNK, draws - done)
        orders = rng.random((count, len(centred))).argsort(axis=1)
        over = np.cumsum(scores(centred[orders]).max(axis=1) >= best * TIE)
        if larger + over[-1] >= ENOUGH:
            return float(ENOUGH / (done + 1 + np.searchsorted(over, ENOUGH - larger)))
        larger, done = larger + int(over[-1]), done + count
    return (1 + larger) / (draws + 1)


def _split_scores(rows: Floats, places: NDArray[np.int64], spread: float) -> Floats:
    """The score of each row at each place, in standard deviations."""
    count = rows.shape[1]
    sums = np.abs(np.cumsum(rows, axis=1)[:, places - 1])
    out: Floats = sums / np.sqrt(spread * places * (count - places) / (count - 1))
    return out


def _stretch(centred: Floats, places: NDArray[np.int64], spread: float, rng: np.random.Generator) -> Found:
    """The best stretch that begins and ends inside the series."""
    ends = places[:: math.ceil(len(places) / ENDS)]
    first, last = np.triu_indices(len(ends), 1)
    if not len(first):
        return Found((), 1.0)
    begin, end = ends[first], ends[last]
    long = end - begin
    scale = np.sqrt(spread * long * (len(centred) - long) / (len(centred) - 1))

    def scores(rows: Floats) -> Floats:
        sums = np.cumsum(rows, axis=1)
        out: Floats = np.abs(sums[:, end - 1] - sums[:, begin - 1]) / scale
        return out

    mine = scores(centred[None, :])
    at = int(mine.argmax())
    p = _chance(centred, scores, float(mine.max()), rng, STRETCH_DRAWS)
    return Found((int(begin[at]), int(end[at])), min(1.0, p / STRETCH_SHARE))


def change_points(
    values: Sequence[float] | Floats, alpha: float, places: Sequence[int] | None = None, first: Found | None = None
) -> list[Change]:
    """All changes, in order. `first`: the result of `best_cuts` for the whole series, if it is known."""
    data = np.asarray(values, dtype=float)
    where = list(places or range(1, len(data)))
    cuts = _settled(data, _search(data, 0, alpha, where, first), alpha, where)
    return [_measured(data, edges, p, alpha) for edges, p in _edges(cuts, len(data))]


def _search(data: Floats, offset: int, alpha: float, places: Sequence[int], first: Found | None = None) -> list[Change]:
    found = first or best_cuts(data, [p - offset for p in places if 0 < p - offset < len(data)] or [0])
    if found.p > alpha:
        return []
    borders = [0, *found.cuts, len(data)]
    inner = [
        change for low, high in pairwise(borders) for change in _search(data[low:high], offset + low, alpha, places)
    ]
    return sorted([*(Change(offset + c, found.p) for c in found.cuts), *inner], key=lambda c: c.at)


def _settled(data: Floats, cuts: list[Change], alpha: float, places: Sequence[int]) -> list[Change]:
    """Moves each cut to the best place between its neighbours, and drops cuts that no longer separate two levels."""
    kept = list(cuts)
    i = 0
    while i < len(kept):
        low, high = (kept[i - 1].at if i else 0), (kept[i + 1].at if i + 1 < len(kept) else len(data))
        inside = np.array([p - low for p in places if low < p < high], dtype=np.int64)
        centred = mid_ranks(data[low:high]) - (high - low + 1) / 2
        spread = float(centred @ centred) / len(centred) or 1.0
        at = low + int(inside[_split_scores(centred[None, :], inside, spread).argmax()])
        kept[i] = replace(kept[i], at=at)
        if rank_test(data[at:high], data[low:at])[0] > alpha:
            del kept[i]
            i = max(0, i - 1)
        else:
            i += 1
    return kept


def _edges(cuts: Sequence[Change], count: int) -> Iterator[tuple[tuple[int, int, int], float]]:
    borders = [0, *(c.at for c in cuts), count]
    for i, cut in enumerate(cuts):
        yield (borders[i], cut.at, borders[i + 2]), cut.p


def _measured(data: Floats, edges: tuple[int, int, int], p: float, alpha: float) -> Change:
    before, after = data[edges[0] : edges[1]], data[edges[1] : edges[2]]
    ordered = shifts(after, before)
    low, high = shift_interval(ordered, len(after), len(before), alpha)
    return Change(edges[1], p, middle(ordered), low, high, len(before), len(after))
