"""Values seen at the commits of a line summed up: per commit in, both sides of every possible split out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.search.noted import Floats


@dataclass(frozen=True)
class Sides:
    """Number, sum and sum of squares of the values before and after each split; each of shape (2, splits).

    Split s (from 0) puts the change into commit s + 1: commits up to s are before it. `origin` was taken off each
    value, so that squares of large values do not drown small differences.
    """

    number: Floats
    total: Floats
    squares: Floats
    origin: float = 0.0

    @property
    def means(self) -> Floats:
        """Mean value before and after; the origin where there is none."""
        return np.asarray(self.total / np.maximum(self.number, 1) + self.origin, dtype=np.float64)

    @property
    def within(self) -> Floats:
        """Sum of squares about both means, by split."""
        left = (self.squares - self.total * self.total / np.maximum(self.number, 1)).sum(axis=0)
        return np.asarray(np.maximum(left, self.least), dtype=np.float64)

    @property
    def least(self) -> float:
        """What rounding leaves of a sum of squares that is zero."""
        return 1e-13 * max(float(self.squares[:, 0].sum()), 1e-280)

    def only(self, splits: NDArray[np.int64]) -> Sides:
        """The sums of these splits alone."""
        return Sides(self.number[:, splits], self.total[:, splits], self.squares[:, splits], self.origin)


def sides(count: int, values: Mapping[int, Sequence[float]], centred: bool = False) -> Sides:
    """The sums for every split of a line of `count` commits; `centred`: the mean of all values is taken off first."""
    at = np.repeat(list(values), [len(v) for v in values.values()])
    seen = np.array([v for several in values.values() for v in several], dtype=np.float64)
    origin = float(seen.mean()) if centred else 0.0
    seen -= origin
    columns = (np.bincount(at, weights, count) for weights in (np.ones_like(seen), seen, seen * seen))
    number, total, squares = (_split(column.astype(np.float64)) for column in columns)
    return Sides(number, total, squares, origin)


def _split(per_commit: Floats) -> Floats:
    running = per_commit.cumsum()
    both = np.empty((2, len(running) - 1))
    both[0] = running[:-1]
    both[1] = running[-1] - running[:-1]
    return both
