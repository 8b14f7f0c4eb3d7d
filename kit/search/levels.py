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

SCALES = (0.5, 2.0, 6.0)  # g: the likeliest shifts are sqrt(2 g) = 1, 2 and 3.5 standard deviations
POINTS = 24  # of the grid of next values
REACH = 4.0  # standard deviations that the grid goes beyond the levels


@dataclass(frozen=True)
class Levels:
    """The model of measured values."""

    scales: tuple[float, ...] = SCALES

    def evidence(self, sides: Sides) -> tuple[Floats, float]:
        """(log evidence of each split, of no change at all); a constant common to all is left out."""
        parts = self._by_scale(*_moments(sides))
        number = float(sides.number[:, 0].sum())
        total, squares = sides.total[:, 0].sum(), sides.squares[:, 0].sum()
        around = max(squares - total * total / number, _least(squares))
        return np.logaddexp.reduce(parts, axis=0) - np.log(len(self.scales)), -(number - 1) / 2 * np.log(around)

    def predictive(self, sides: Sides) -> tuple[Floats, Floats]:
        """Chances of the next value on a grid: (of each split, before and after: (2, points, splits); of no change:
        (points,))."""
        number, mean, within = _moments(sides)
        grid = _grid(number, mean, within)
        out = np.empty((2, POINTS, mean.shape[1]))
        for side in (0, 1):
            n, m, w = number[:, None, :].repeat(POINTS, 1), mean[:, None, :].repeat(POINTS, 1), within[None, :]
            step = grid[:, None] - m[side]
            more = np.array(n)
            more[side] += 1
            moved = np.array(m)
            moved[side] += step / more[side]
            parts = self._by_scale(more, moved, w + step * step * n[side] / more[side])
            out[side] = np.logaddexp.reduce(parts, axis=0)
        out = np.exp(out - out.max(axis=1, keepdims=True))
        out /= out.sum(axis=1, keepdims=True)
        return out, _alone(grid, sides)

    def _by_scale(self, number: Floats, mean: Floats, within: Floats) -> Floats:
        """Log evidence for each scale: (scales, ...). `number`, `mean`: (2, ...); `within`: sum of squares about both."""
        n = number[0] + number[1]
        weight = number[0] * number[1] / n
        gap = weight * (mean[1] - mean[0]) ** 2
        parts = []
        for g in self.scales:
            shrunk = 1 + weight * g
            left = within + gap / shrunk
            second = 1 / shrunk + weight * g * gap * (n - 1) / (shrunk * shrunk * left)
            parts.append(np.log(second) - 0.5 * np.log(n * shrunk) - (n - 1) / 2 * np.log(left))
        return np.array(parts) + 0.5 * np.log(n)


def _least(squares: float) -> float:
    return 1e-12 * max(squares, 1e-300)


def _moments(sides: Sides) -> tuple[Floats, Floats, Floats]:
    """(numbers (2, s), means (2, s), sum of squares about the means (s,)); a side without values has mean 0."""
    number = sides.number
    mean = sides.total / np.maximum(number, 1)
    within = (sides.squares - sides.total * mean).sum(axis=0)
    return number, mean, np.maximum(within, _least(float(sides.squares.sum())))


def _grid(number: Floats, mean: Floats, within: Floats) -> Floats:
    freedom = np.maximum(number.sum(axis=0) - 2, 1)
    sigma = float(np.sqrt(np.median(within / freedom)))
    return np.linspace(mean.min() - REACH * sigma, mean.max() + REACH * sigma, POINTS)


def _alone(grid: Floats, sides: Sides) -> Floats:
    """Chances of the next value with one level for all."""
    number = float(sides.number[:, 0].sum())
    mean = float(sides.total[:, 0].sum()) / number
    around = max(float(sides.squares[:, 0].sum()) - number * mean * mean, _least(float(sides.squares.sum())))
    log = -number / 2 * np.log(around + (grid - mean) ** 2 * number / (number + 1))
    chance = np.exp(log - log.max())
    return np.asarray(chance / chance.sum(), dtype=np.float64)
