"""How well each split explains outcomes good and bad whose rates are unknown: sums in, log evidence out. Pure.

The chance of a bad outcome is p before and q after the change, with the prior Beta(p; a, a) Beta(q; a, a) (p - q)²,
normalised and mixed over `SHAPES`; it is zero at p = q. Both integrate out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import lgamma

import numpy as np
from numpy.typing import NDArray

from kit.search.noted import Floats
from kit.search.tally import Sides

SHAPES = (0.5, 4.0, 30.0)  # a: rates near 0 and 1, in between, and both near one half


@dataclass(frozen=True)
class Rates:
    """The model of outcomes: values are 1 for bad, 0 for good."""

    shapes: tuple[float, ...] = SHAPES

    def evidence(self, sides: Sides) -> tuple[Floats, float]:
        """(log evidence of each split, of no change at all)."""
        return self._mixed(sides.number, sides.total), self._alone(sides)[0]

    def predictive(self, sides: Sides) -> tuple[Floats, Floats]:
        """Chances of (good, bad) next: (of each split, before and after: (2, 2, splits); of no change: (2,))."""
        known = self._mixed(sides.number, sides.total)
        out = np.empty((2, 2, known.shape[0]))
        for side in (0, 1):
            one = np.array([[1.0 - side], [float(side)]])
            out[side, 1] = np.exp(self._mixed(sides.number + one, sides.total + one) - known)
        out[:, 0] = 1 - out[:, 1]
        chance = self._alone(sides)[1]
        return out, np.array([1 - chance, chance])

    def _mixed(self, number: Floats, bad: Floats) -> Floats:
        """Log evidence of each split; `number`, `bad`: (2, splits)."""
        every, of_bad = number.astype(np.int64), bad.astype(np.int64)
        parts = np.array([_of_shape(a, every, of_bad) for a in self.shapes])
        return np.asarray(np.logaddexp.reduce(parts, axis=0) - np.log(len(self.shapes)), dtype=np.float64)

    def _alone(self, sides: Sides) -> tuple[float, float]:
        """(log evidence, chance that the next is bad) with one rate for all."""
        number, bad = int(sides.number[:, 0].sum()), int(sides.total[:, 0].sum())
        logs = np.array([_log_beta(a, bad, number - bad) for a in self.shapes])
        chance = np.array([(a + bad) / (2 * a + number) for a in self.shapes])
        weights = np.exp(logs - logs.max())
        mixed = float(np.log(weights.mean()) + logs.max())
        return mixed, float((weights * chance).sum() / weights.sum())


def _of_shape(a: float, number: NDArray[np.int64], bad: NDArray[np.int64]) -> Floats:
    """Log evidence with Beta(a, a) on both sides."""
    last = int(number.max()) + 1
    one, both = _log_gamma(a, _room(last)), _log_gamma(2 * a, _room(last))
    log = (one[bad] + one[number - bad] - both[number]).sum(axis=0) + 2 * (both[0] - 2 * one[0])
    x, n = a + bad, 2 * a + number
    mean = x / n
    spread = (mean * (1 - mean) / (n + 1)).sum(axis=0)
    return np.asarray(log + np.log((spread + (mean[0] - mean[1]) ** 2) * 2 * (2 * a + 1)), dtype=np.float64)


def _log_beta(a: float, bad: int, good: int) -> float:
    """log B(a + bad, a + good) / B(a, a)."""
    return lgamma(a + bad) + lgamma(a + good) - lgamma(2 * a + bad + good) - 2 * lgamma(a) + lgamma(2 * a)


def _room(count: int) -> int:
    """The next power of two, so that few tables are made."""
    return 1 << count.bit_length()


@cache
def _log_gamma(a: float, room: int) -> Floats:
    """log gamma(a + k) for k below `room`."""
    return np.array([lgamma(a + k) for k in range(room)])
