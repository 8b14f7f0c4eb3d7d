"""How well each split explains measured values whose levels and noise are unknown: sums in, log evidence out. Pure.

Values are normal about a level before and another after the change, with one standard deviation sigma. The base level
has a flat prior, sigma 1/sigma, and the shift in units of sigma, d, the density d² N(d; 0, g) / g, mixed over `SCALES`:
it is zero at no shift, so that "no change" and "a change" are told apart quickly (Johnson and Rossell 2010, moment
priors). All three integrate out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kit.search.noted import Floats
from kit.search.tally import Sides

SCALES = (0.5, 2.0, 8.0)  # g: the likeliest shifts are sqrt(2 g) = 1, 2 and 4 standard deviations
TYPICAL = 4.0  # the one g that foretells the next value: it need not be sharp, and costs a third
POINTS = 20  # of the grid of next values
REACH = 3.5  # standard deviations that the grid goes beyond the levels


@dataclass(frozen=True)
class Levels:
    """The model of measured values."""

    scales: tuple[float, ...] = SCALES
    centred = True  # a level is arbitrary
    margin = 0.65  # of the allowed errors: at a shift of 1 standard deviation the posterior is a little too sure

    def evidence(self, sides: Sides, spare: tuple[float, float] = (0.0, 0.0)) -> tuple[Floats, float]:
        """(log evidence of each split, of no change at all); a constant common to all is left out.

        `spare`: degrees of freedom and sum of squares that other values with the same noise have about their level.
        """
        n, weight, gap, within = _moments(sides)
        n, within = n + spare[0], within + spare[1]
        g = np.array(self.scales)[:, None]
        shrunk = 1 + weight * g
        left = within + gap / shrunk
        second = 1 / shrunk + weight * g * gap * (n - 1) / (shrunk * shrunk * left)
        parts = np.log(second / np.sqrt(shrunk)) - (n - 1) / 2 * np.log(left)
        most = parts.max(axis=0)
        mixed = np.log(np.exp(parts - most).mean(axis=0)) + most
        return np.asarray(mixed, dtype=np.float64), -(n - 1) / 2 * float(np.log(_around(sides) + spare[1]))

    def learned(self, sides: Sides) -> Floats:
        """Information, in nats, of the next value about the levels themselves: before and after, (2, splits)."""
        return np.asarray(0.5 * np.log1p(_uncertainty(sides)), dtype=np.float64)

    def predictive(self, sides: Sides) -> tuple[Floats, Floats]:
        """Chances of the next value on a grid: (of each split, before and after: (2, points, splits); of no change:
        (points,)). Student's t about the posterior means of both levels, with a normal prior of the shift."""
        n, weight, gap, within = _moments(sides)
        shrunk = 1 + weight * TYPICAL
        before, after = sides.number
        scale = (within + gap / shrunk) / (n - 1)
        centre = float(sides.total[:, 0].sum()) / n
        shift = _shift(sides) * (1 - 1 / shrunk)
        level = np.stack([centre - after / n * shift, centre + before / n * shift])
        width = scale * (1 + _uncertainty(sides))
        alone = _around(sides) / (n - 1) * (1 + 1 / n)
        grid = _grid(level, float(np.sqrt(scale.min())))
        chances = _student(grid[:, None] - level[:, None, :], width[:, None, :], n - 1)
        return chances, _student((grid - centre)[None, :, None], np.array([alone]), n - 1)[0, :, 0]


def _moments(sides: Sides) -> tuple[float, Floats, Floats, Floats]:
    """(number of all values; by split: weight of the difference of the means, its square times that weight, sum of
    squares about the means)."""
    n = float(sides.number[:, 0].sum())
    weight = sides.number[0] * sides.number[1] / n
    return n, weight, weight * _shift(sides) ** 2, sides.within


def _uncertainty(sides: Sides) -> Floats:
    """Posterior variance of the level before and after, in units of the noise's; (2, splits)."""
    before, after = sides.number
    spread = np.stack([after, before]) + 1 / TYPICAL
    return np.asarray(spread / ((before + after) / TYPICAL + before * after), dtype=np.float64)


def _shift(sides: Sides) -> Floats:
    """Mean after less mean before; 0 where a side has no values."""
    mean = sides.total / np.maximum(sides.number, 1)
    return np.where(sides.number.min(axis=0) > 0, mean[1] - mean[0], 0.0)


def _around(sides: Sides) -> float:
    """Sum of squares about the mean of all."""
    n, total = float(sides.number[:, 0].sum()), float(sides.total[:, 0].sum())
    return max(float(sides.squares[:, 0].sum()) - total * total / n, sides.least)


def _grid(level: Floats, sigma: float) -> Floats:
    return np.linspace(level.min() - REACH * sigma, level.max() + REACH * sigma, POINTS)


def _student(distance: Floats, width: Floats, freedom: float) -> Floats:
    """Student's t on the grid (second axis), each adding up to 1. `width`: scale squared."""
    chance = (1 + distance * distance / (freedom * width)) ** (-(freedom + 1) / 2)
    return np.asarray(chance / chance.sum(axis=1, keepdims=True), dtype=np.float64)
