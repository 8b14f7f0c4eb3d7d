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

    Split s (from 0) puts the change into commit s + 1: commits up to s are before it.
    """

    number: Floats
    total: Floats
    squares: Floats

    def only(self, splits: NDArray[np.int64]) -> Sides:
        """The sums of these splits alone."""
        return Sides(self.number[:, splits], self.total[:, splits], self.squares[:, splits])


def sides(count: int, values: Mapping[int, Sequence[float]]) -> Sides:
    """The sums for every split of a line of `count` commits."""
    at = np.repeat(list(values), [len(v) for v in values.values()])
    seen = np.array([v for several in values.values() for v in several], dtype=np.float64)
    return Sides(
        *(
            _split(np.bincount(at, weights, count).astype(np.float64))
            for weights in (np.ones_like(seen), seen, seen * seen)
        )
    )


def _split(per_commit: Floats) -> Floats:
    running = np.cumsum(per_commit)
    both = np.empty((2, len(running) - 1))
    both[0] = running[:-1]
    both[1] = running[-1] - running[:-1]
    return both
