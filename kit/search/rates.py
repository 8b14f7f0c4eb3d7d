"""How well each split explains good and bad outcomes, if their rates are unknown: log evidence from sums. Pure.

The chance of a bad outcome is p before and q after the change. Both are on a grid of log odds, with "never" and
"always" at its ends; their prior is a table of pairs, zero where they are equal. A good end that never shows the fault
has a prior probability of its own: that is what users mean by "good".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from kit.search.belief import Weighed
from kit.search.noted import Floats
from kit.search.protocol import MORE
from kit.search.tally import Sides, sides

NEVER = 1e-6  # the rate at the lower end of the grid; at the upper end, 1 minus it
WIDEST, STEP = 5.25, 0.35  # log odds of the other points: from -WIDEST (a rate of 0.5%) to WIDEST
SHAPES = (0.5, 4.0, 30.0)  # a of the density Beta(p; a, a) Beta(q; a, a) (q - p)²: near 0 and 1, between, near 1/2
SCALES = (2.0, 8.0)  # g of the density d² N(d; 0, g) of the difference of log odds, for rare faults
WEIGHTS = (0.27, 0.27, 0.27, 0.095, 0.095)  # of these in the prior
CLEAN = 0.95  # prior probability that p is NEVER if the good end cannot give a bad outcome, as with splats
ALWAYS = 0.1  # prior probability that q is 1 if p is NEVER
MARGIN, CLEAN_MARGIN = 1.5, 0.5  # divide the posterior's chance of an error; the latter if the good end is clean
ALONE = 0.2, 0.05  # the prior probabilities of NEVER and of 1 if nothing changed


@dataclass(frozen=True)
class Rates:
    """The model of outcomes: values are 1 for bad, 0 for good. `clean`: prior probability that the good end never gives
    a bad one."""

    clean: float = 0.1

    @property
    def margin(self) -> float:
        """As in `Levels`. Rates between which it asks many tests are told apart more surely than the posterior says."""
        return CLEAN_MARGIN if self.clean >= 0.5 else MARGIN

    def sums(self, count: int, own: Mapping[int, Sequence[float]]) -> Sides:
        """The sums of the outcomes on either side of each of `count` places. `own`: outcomes by place."""
        return sides(count, own)

    def weigh(self, sums: Sides, direction: str = "", spare: tuple[float, float] = (0.0, 0.0)) -> Weighed:
        """As Model.weigh; `spare` is ignored: it tells nothing about rates."""
        number, bad = sums.number[..., 0, :], sums.total[..., 0, :]
        rates, logs, prior, alone = _grid(self.clean)
        fits = bad[..., None] * logs[0] + (number - bad)[..., None] * logs[1]
        most = fits.max(axis=-1)
        fits = np.exp(fits - most[..., None])
        top = most.sum(axis=0)
        tables = [prior.T, prior] if direction == MORE else [prior, prior.T]
        sought, other = (_pairs(fits, rates, table) for table in tables)
        against = np.log(np.maximum(other[0], 1e-300)) + top if direction else None
        if not direction:
            both = sought[0] + other[0]
            sought = both / 2, (sought[0] * sought[1] + other[0] * other[1]) / np.maximum(both, 1e-300)
        whole = bad[..., 0].sum(axis=0)[..., None] * logs[0] + (number - bad)[..., 0].sum(axis=0)[..., None] * logs[1]
        peak = whole.max(axis=-1)
        unchanged = np.log((alone * np.exp(whole - peak[..., None])).sum(axis=-1)) + peak
        ones = np.ones(top.shape)
        log = np.log(np.maximum(sought[0], 1e-300)) + top
        return Weighed(log, unchanged, against, sought[1], ones, ones[..., None, :], 1 / (number + 1))


def _pairs(fits: Floats, rates: Floats, prior: Floats) -> tuple[Floats, Floats]:
    """(evidence, mean rates before and after) of each split."""
    joined = (fits[0] @ prior) * fits[1]
    total = np.maximum(joined.sum(axis=-1), 1e-300)
    before = (((fits[0] * rates) @ prior) * fits[1]).sum(axis=-1)
    return total, np.stack([before, joined @ rates]) / total


@cache
def _grid(clean: float) -> tuple[Floats, Floats, Floats, Floats]:
    """(rates; logs of them and of their complements; prior of pairs before, after; prior of a single rate)."""
    odds = np.arange(-WIDEST, WIDEST + STEP / 2, STEP)
    inner = len(odds)
    rates = np.concatenate([[NEVER], 1 / (1 + np.exp(-odds)), [1 - NEVER]])
    inside = rates[1:-1]
    gap, apart = (np.maximum(x[None, :] - x[:, None], 0.0) for x in (odds, inside))
    about = [(inside * (1 - inside)) ** a for a in SHAPES]
    dense = [np.outer(each, each) * apart**2 for each in about]
    dense += [gap**2 * np.exp(-gap * gap / (2 * g)) for g in SCALES]
    prior = np.zeros((inner + 2, inner + 2))
    prior[1:-1, 1:-1] = (1 - clean) * sum(w * d / d.sum() for w, d in zip(WEIGHTS, dense, strict=True))
    prior[0, 1:-1] = clean * (1 - ALWAYS) / inner
    prior[0, -1] = clean * ALWAYS
    alone = np.concatenate([[ALONE[0]], np.full(inner, (1 - sum(ALONE)) / inner), [ALONE[1]]])
    return rates, np.log(np.stack([rates, 1 - rates])), prior, alone
