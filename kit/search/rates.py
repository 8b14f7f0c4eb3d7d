"""How well each split explains outcomes good and bad whose rates are unknown: sums in, log evidence out. Pure.

The chance of a bad outcome is p before and q after the change, with the prior Beta(p; a, a) Beta(q; a, a) (p - q)²,
normalised and mixed over `SHAPES`; it is zero at p = q. Both integrate out in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln

from kit.search.noted import Floats
from kit.search.tally import Sides

SHAPES = (0.5, 4.0, 30.0)  # a: rates near 0 and 1, in between, and both near one half


@dataclass(frozen=True)
class Rates:
    """The model of outcomes: values are 1 for bad, 0 for good."""

    shapes: tuple[float, ...] = SHAPES

    def evidence(self, sides: Sides) -> tuple[Floats, float]:
        """(log evidence of each split, of no change at all)."""
        bad, good = sides.total, sides.number - sides.total
        parts = [self._of(a, bad, good) for a in self.shapes]
        alone = [betaln(a + bad[:, 0].sum(), a + good[:, 0].sum()) - betaln(a, a) for a in self.shapes]
        mixed = np.logaddexp.reduce(np.array(parts), axis=0) - np.log(len(self.shapes))
        return mixed, float(np.logaddexp.reduce(alone)) - float(np.log(len(self.shapes)))

    def predictive(self, sides: Sides) -> tuple[Floats, Floats]:
        """Chances of (good, bad) next: (of each split, before and after: (2, 2, splits); of no change: (2,))."""
        known, alone = self.evidence(sides)
        out = np.empty((2, 2, known.shape[0]))
        for side in (0, 1):
            one = np.zeros((2, 1))
            one[side] = 1.0
            more, _ = self.evidence(Sides(sides.number + one, sides.total + one, sides.squares + one))
            out[side, 1] = np.exp(more - known)
            out[side, 0] = 1 - out[side, 1]
        one = np.array([[1.0], [0.0]])
        _, more_alone = self.evidence(Sides(sides.number + one, sides.total + one, sides.squares + one))
        chance = float(np.exp(more_alone - alone))
        return out, np.array([1 - chance, chance])

    @staticmethod
    def _of(a: float, bad: Floats, good: Floats) -> Floats:
        x, y = a + bad, a + good
        n = x + y
        mean = x / n
        spread = mean * (1 - mean) / (n + 1)
        second = spread.sum(axis=0) + (mean[0] - mean[1]) ** 2
        log = (betaln(x, y) - betaln(a, a)).sum(axis=0)
        return np.asarray(log + np.log(second) - np.log(0.5 / (2 * a + 1)), dtype=np.float64)
