"""How well each split explains outcomes good and bad whose rates are unknown: sums in, log evidence out. Pure.

The chance of a bad outcome is p before and q after the change, with the prior Beta(p; a, a) Beta(q; a, a) (p - q)²,
normalised and mixed over `SHAPES`; it is zero at p = q. Both integrate out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import lgamma

import numpy as np

from kit.search.noted import Floats
from kit.search.tally import Sides

SHAPES = (0.5, 4.0, 30.0)  # a: rates near 0 and 1, in between, and both near one half


@dataclass(frozen=True)
class Rates:
    """The model of outcomes: values are 1 for bad, 0 for good."""

    shapes: tuple[float, ...] = SHAPES
    centred = False  # sums count outcomes
    margin = 1.0  # of the allowed errors: the posterior is as sure as it should be

    def evidence(self, sides: Sides, spare: tuple[float, float] = (0.0, 0.0)) -> tuple[Floats, float]:
        """(log evidence of each split, of no change at all); `spare`, as of `Levels`, tells nothing of rates."""
        number, bad = int(sides.number[:, 0].sum()), int(sides.total[:, 0].sum())
        of_each, of_both = _log_gammas(self.shapes, _room(number))
        alone = of_each[:, bad] + of_each[:, number - bad] - of_both[:, number]
        return _mixed(self._by_shape(sides)[0]), float(_mixed(alone[:, None])[0])

    def learned(self, sides: Sides) -> Floats:
        """Information, in nats, of the next outcome about the rates themselves: before and after, (2, splits)."""
        return np.asarray(0.5 * np.log1p(1 / (sides.number + 1)), dtype=np.float64)

    def predictive(self, sides: Sides) -> tuple[Floats, Floats]:
        """Chances of (good, bad) next: (of each split, before and after: (2, 2, splits); of no change: (2,)).

        The posterior means of both rates. Cruder ones, each side's own under Jeffreys' prior, cost tests: 6% more at
        rates of 0.4 and 0.6, 4% at 0.2 and 0.8.
        """
        log, (first, second, third), squared = self._by_shape(sides)
        mean = (third - 2 * second * first[:, ::-1] + first * second[:, ::-1]) / squared[:, None]
        share = np.exp(log - log.max(axis=0))
        chance = (share[:, None] * mean).sum(axis=0) / share.sum(axis=0)
        alone = (float(sides.total[:, 0].sum()) + 0.5) / (float(sides.number[:, 0].sum()) + 1)
        return np.stack([1 - chance, chance], axis=1), np.array([1 - alone, alone])

    def _by_shape(self, sides: Sides) -> tuple[Floats, tuple[Floats, Floats, Floats], Floats]:
        """For every shape (first axis) and split (last): log evidence; the first three moments of both rates (second
        axis) as if they were apart; the mean of (p - q)²."""
        number, bad = sides.number.astype(np.int64), sides.total.astype(np.int64)
        of_each, of_both = _log_gammas(self.shapes, _room(int(number[0, 0] + number[1, 0])))
        a = np.array(self.shapes)[:, None, None]
        x, n = a + bad, 2 * a + number
        first = x / n
        second = first * (x + 1) / (n + 1)
        third = second * (x + 2) / (n + 2)
        squared = second.sum(axis=1) - 2 * first[:, 0] * first[:, 1]
        log = (of_each[:, bad] + of_each[:, number - bad] - of_both[:, number]).sum(axis=1)
        log += np.log(squared * (2 * (2 * a[:, 0] + 1)))
        return log, (first, second, third), squared


def _room(number: int) -> int:
    """A power of two above it: few tables serve all searches."""
    return 1 << number.bit_length()


def _mixed(logs: Floats) -> Floats:
    """Log of the mean over the first axis."""
    most = logs.max(axis=0)
    return np.asarray(np.log(np.exp(logs - most).mean(axis=0)) + most, dtype=np.float64)


@cache
def _log_gammas(shapes: tuple[float, ...], room: int) -> tuple[Floats, Floats]:
    """(log gamma(a + k) / gamma(a), the same of 2 a) for each shape a and k below `room`; (shapes, room)."""
    of_each = [[lgamma(a + k) - lgamma(a) for k in range(room)] for a in shapes]
    of_both = [[lgamma(2 * a + k) - lgamma(2 * a) for k in range(room)] for a in shapes]
    return np.array(of_each), np.array(of_both)
