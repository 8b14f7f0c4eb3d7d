"""How well each split explains measured values, if levels and noise are unknown: log evidence from sums. Pure.

Values are normal about one level before and another after the change, with one standard deviation sigma. The kernel of
a commit may have an offset of its own, normal with `SPREADS` times sigma. The base level has a flat prior, sigma has
1/sigma, and the shift d in units of sigma has the density d² N(d; 0, g) / g, mixed over `SCALES`. It is zero at no
shift, so that "no change" and "a change" are quickly told apart (Johnson and Rossell 2010, moment priors). All of these
but the mixed ones integrate out in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from kit.search.belief import Weighed
from kit.search.noted import Floats
from kit.search.protocol import MORE
from kit.search.tally import Sides, sides

SCALES = (0.5, 2.0, 8.0)  # g: the likeliest shifts are sqrt(2 g) = 1, 2 and 4 standard deviations
SPREADS = (0.0, 0.5, 1.0)  # of the commits' offsets, in units of sigma
COMMON = (0.5, 0.25, 0.25)  # prior probability of each of them, if offsets are considered
NORMAL = 0.3989422804014327  # density of the standard normal distribution at 0
MARGIN = 0.8  # divides the posterior's chance of an error
LOOSE = 0.25  # variance that each level has in addition to what its values tell, in variances of a value


@dataclass(frozen=True)
class Levels:
    """The model of measured values. `direction`: of the change it looks for, as in `NoisySearch`."""

    scales: tuple[float, ...] = SCALES
    spreads: tuple[float, ...] = (0.0,)
    common: tuple[float, ...] = (1.0,)

    @property
    def margin(self) -> float:
        """The divisor for the posterior's chance of an error. The posterior holds on average over shifts: with 95%
        asked, it was right in 95% at 1 standard deviation and in 99% at 3 (tests/bench/crowd.py). A divisor that grew
        with the shift was worse: where a search errs, it has seen too large a shift."""
        return MARGIN

    def sums(self, count: int, own: Mapping[int, Sequence[float]]) -> Sides:
        """The sums of the values on either side of each of `count` places. `own`: values by place."""
        return sides(count, own, True, self.spreads)

    def weigh(self, sums: Sides, direction: str = "", spare: tuple[float, float] = (0.0, 0.0)) -> Weighed:
        """As Model.weigh. In the comments, axes are scales, …, spreads, splits."""
        freedom = sums.values[..., None, None] - 1 + spare[0]
        number = sums.number.sum(axis=0)
        weight = sums.number[0] * sums.number[1] / number
        shift = _shift(sums)
        gap = weight * shift * shift
        g = np.reshape(self.scales, (-1,) + (1,) * weight.ndim)
        shrunk = 1 + weight * g
        left = sums.within + spare[1] + gap / shrunk
        second = 1 / shrunk + weight * g * gap * freedom / (shrunk * shrunk * left)
        every = np.log(self.common) - sums.lost - 0.5 * np.log(number[..., 0])
        logs = np.log(second / np.sqrt(shrunk)) - freedom / 2 * np.log(left) + every[..., None]
        top = logs.max(axis=(0, -2))
        share = np.exp(logs - top[..., None, :]) / len(self.scales)
        alone = every - freedom[..., 0] / 2 * np.log(sums.around + spare[1])
        most = alone.max(axis=-1)
        unchanged = np.log(np.exp(alone - most[..., None]).sum(axis=-1)) + most
        variance = left / freedom
        narrow = np.sqrt(g / shrunk * variance)  # standard deviation of the shift's posterior, without its factor d²
        size = weight * shift * np.sqrt(g / shrunk / variance)
        sign = -1.0 if direction == MORE else 1.0
        if direction:
            chance, mean = _grown(sign * size, freedom)
            opposite = np.log(2 * np.maximum((share * (1 - chance)).sum(axis=(0, -2)), 1e-300)) + top
            share = 2 * share * chance
        else:
            mean, opposite = size * (3 + size * size) / (1 + size * size), None
        total = np.maximum(share.sum(axis=(0, -2)), 1e-300)
        moved = sign * (share * mean * narrow).sum(axis=(0, -2)) / total
        noise = (share * variance).sum(axis=(0, -2)) / total
        plain = sums.number[..., 0, :] / sums.values[..., None]
        centre = (sums.total[:, ..., 0, 0].sum(axis=0) / sums.values + sums.origin)[..., None]
        levels = np.stack([centre - plain[1] * moved, centre + plain[0] * moved])
        spreads = share.sum(axis=0) / total[..., None, :]
        loose = _loose(sums.number[..., 0, :])
        creep = self._creep(sums, sign if direction else 0.0, freedom, every, spare[1])
        return Weighed(np.log(total) + top, unchanged, opposite, levels, noise, spreads, loose, creep, self.spreads)

    def _creep(self, sums: Sides, sign: float, freedom: Floats, every: Floats, spare: float) -> Floats:
        """The log evidence that the level rises bit by bit, for each ramp, with the same prior of the rise as of a
        shift."""
        weight, rise = sums.creep
        gap = weight * rise * rise
        g = np.reshape(self.scales, (-1,) + (1,) * weight.ndim)
        shrunk = 1 + weight * g
        left = np.maximum(sums.around[..., None] - gap, sums.least) + spare + gap / shrunk
        second = 1 / shrunk + weight * g * gap * freedom / (shrunk * shrunk * left)
        logs = np.log(second / np.sqrt(shrunk)) - freedom / 2 * np.log(left) + every[..., None]
        logs = np.where(sign * rise < 0, -1e300, logs + (np.log(2) if sign else 0.0))
        top = logs.max(axis=(0, -2))
        return np.asarray(np.log(np.exp(logs - top[..., None, :]).sum(axis=(0, -2)) / len(self.scales)) + top)


def _shift(sums: Sides) -> Floats:
    """Mean after less mean before, by spread and split; 0 if a side has no values."""
    mean = sums.total / np.maximum(sums.number, 1e-9)
    return np.where(sums.number.min(axis=0) > 0, mean[1] - mean[0], 0.0)


def _loose(number: Floats) -> Floats:
    """The posterior variance of the levels before and after, in units of the noise's; (2, …, splits)."""
    before, after = number
    spread = np.stack([after, before]) + LOOSE
    return np.asarray(spread / ((before + after) * LOOSE + before * after), dtype=np.float64)


def _grown(size: Floats, freedom: Floats) -> tuple[Floats, Floats]:
    """For x with the density x² N(x; size, 1): the chance that it is above 0, and its mean then. Sizes have Student's t
    with `freedom` degrees of freedom, converted to the equivalent normal deviate (Wallace 1959)."""
    z = np.copysign(np.sqrt(freedom * np.log1p(size * size / freedom)), size) * (8 * freedom + 1) / (8 * freedom + 3)
    square = size * size
    chance = ndtr(z) + z * np.exp(-0.5 * z * z) * NORMAL / (1 + z * z)
    below, at = ndtr(size), np.exp(-0.5 * square) * NORMAL
    above = np.maximum((1 + square) * below + size * at, 1e-12)
    mean = np.where(size > -4, ((square + 3) * size * below + (square + 2) * at) / above, 3 / (1 + np.abs(size)))
    return np.clip(chance, 1e-12, 1.0), np.asarray(mean, dtype=np.float64)
