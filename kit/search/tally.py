"""Sums of the values on both sides of every possible split of a line of commits. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from kit.search.noted import Floats

LEAST = 8  # commits in a ramp at least: over fewer, a few steps would pass for a gradual change


@dataclass(frozen=True)
class Sides:
    """Weight, sum and sum of squares of the values before and after each split; each of shape (2, …, spreads, splits).

    Split s (from 0) puts the change into commit s + 1: commits up to s are before it. `origin` is subtracted from each
    value, so that the squares of large values do not drown small differences. `values`: their number. The axes `…`:
    several searches may be summed up at once.

    If commits have offsets of their own, with a standard deviation of `spread` tests, the k tests of one commit have
    the weight k / (1 + k spread²), like their mean. `lost`, by spread, is half the sum of log(k / weight) over the
    commits.

    `creep`: for levels that rise by one along each of `ramps` and are constant elsewhere, the weight of that rise, and
    the rise that fits the values best; (2, …, spreads, ramps).
    """

    number: Floats
    total: Floats
    squares: Floats
    values: Floats
    lost: Floats
    origin: Floats
    creep: Floats

    @property
    def within(self) -> Floats:
        """The sum of squares about both means; (…, spreads, splits)."""
        left = (self.squares - self.total * self.total / np.maximum(self.number, 1e-9)).sum(axis=0)
        return np.asarray(np.maximum(left, self.least), dtype=np.float64)

    @property
    def around(self) -> Floats:
        """The sum of squares about the mean of all values, by spread."""
        number, total, squares = (each[..., 0].sum(axis=0) for each in (self.number, self.total, self.squares))
        return np.asarray(np.maximum(squares - total * total / number, self.least[..., 0]), dtype=np.float64)

    @property
    def least(self) -> Floats:
        """What rounding leaves of a sum of squares that is zero."""
        most = self.squares[..., :1, :1].sum(axis=0)
        return np.asarray(1e-13 * np.maximum(most, 1e-280), dtype=np.float64)

    def only(self, splits: NDArray[np.int64]) -> Sides:
        """The sums of these splits alone."""
        number, total, squares = (each[..., splits] for each in (self.number, self.total, self.squares))
        return Sides(number, total, squares, self.values, self.lost, self.origin, self.creep)


def sides(
    count: int, values: Mapping[int, Sequence[float]], centred: bool = False, spreads: Sequence[float] = (0.0,)
) -> Sides:
    """The sums for every split of a line of `count` commits; `centred`: the mean of all values is subtracted first."""
    at = np.repeat(list(values), [len(v) for v in values.values()])
    seen = np.array([v for several in values.values() for v in several], dtype=np.float64)
    origin = np.asarray(seen.mean() if centred else 0.0)
    seen -= origin
    number, total, squares = (
        np.bincount(at, w, count).astype(np.float64) for w in (np.ones_like(seen), seen, seen * seen)
    )
    return of_sums(number, total, squares, origin, spreads)


def of_sums(number: Floats, total: Floats, squares: Floats, origin: Floats, spreads: Sequence[float]) -> Sides:
    """As `sides`, from each commit's number, sum and sum of squares; (…, commits)."""
    number, total, squares = (each[..., None, :] for each in (number, total, squares))
    share = 1 / (1 + np.square(spreads)[:, None] * number)
    between = total * total / np.maximum(number, 1)
    weights, sums, left = number * share, total * share, squares - between * (1 - share)
    lost = -0.5 * np.log(share).sum(axis=-1)
    values, creep = number[..., 0, :].sum(axis=-1), _creep(weights, sums)
    return Sides(_split(weights), _split(sums), _split(left), values, lost, origin, creep)


def _split(per_commit: Floats) -> Floats:
    running = per_commit.cumsum(axis=-1)
    return np.stack([running[..., :-1], running[..., -1:] - running[..., :-1]])


def _creep(number: Floats, total: Floats) -> Floats:
    _, rise = ramps(number.shape[-1])
    every, first, second = number.sum(axis=-1)[..., None], number @ rise.T, number @ (rise * rise).T
    weight = np.maximum(second - first * first / every, 1e-12)
    return np.stack([weight, (total @ rise.T - total.sum(axis=-1)[..., None] * first / every) / weight])


@cache
def ramps(count: int) -> tuple[tuple[tuple[int, int], ...], Floats]:
    """(first and last commit of each ramp; height at each commit, 0 before and 1 after the ramp: (ramps, commits)). The
    ramps: the whole line, its halves and quarters, each overlapping the next by half."""
    half = {parts: (count - 1) / parts / 2 for parts in (1, 2, 4)}
    ends = {(round(i * h), round((i + 2) * h)) for parts, h in half.items() for i in range(2 * parts - 1)}
    found = tuple(sorted(end for end in ends if end[1] - end[0] >= LEAST))
    rise = [np.clip((np.arange(count) - a) / (b - a), 0.0, 1.0) for a, b in found]
    return found, np.array(rise).reshape(len(found), count)
