"""Compares many counts at once: for each class, whether the boots of two arms differ by more than their noise.

A class has few boots, but there are many classes, and together they show how much a count of a given size scatters. It
is the same in RNA sequencing, where a gene has two samples and there are ten thousand genes. The variance of a count is
modelled as psi * mean + phi * mean**2 (DESeq2's trend; Love, Huber, Anders, Genome Biology 15, 2014), fitted to all
classes. A class's own variance is shrunk to that trend, the more the classes agree with it (empirical Bayes, Smyth
2004, as in limma and edgeR). The p values of moderated t tests are corrected for the number of classes by Benjamini and
Hochberg's rule. If no class differs, a run reports any row with a chance of at most the level.

Three things differ from RNA. Counts that do not move at all are left out of the fit, since they show no noise. Small
counts differ only if Poisson's law alone cannot explain it. And timers count the guest's time: the part of a difference
that the ratio of the arms' times could explain is subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, chdtri, digamma, polygamma, stdtr, stdtrit

Floats = NDArray[np.float64]
POWER = 0.9
STILL = 0.01  # a variance that Poisson's law exceeds in 99 of 100 cases is not noise
FIT_LEAST = 8  # classes from which the others' trend is learned; with fewer, each class stands for itself
ROUNDS = 25
LARGEST = 1e6  # degrees of freedom that are practically infinite
NEAR = 10.0  # a class is near the line up to a q of this many times the level
FAR = 1000.0  # with a q below the level by more than this factor, a class is reported at once


@dataclass(frozen=True)
class Machine:
    """The counts of all classes on one machine, shape (classes, boots): the arm's and the baseline's. `slower`: the
    logarithm of the ratio of the arm's boot times to the baseline's."""

    arm: Floats
    base: Floats
    slower: float = 0.0

    @property
    def mean(self) -> Floats:
        """The mean over all boots, by class."""
        out: Floats = np.concatenate([self.arm, self.base], axis=1).mean(axis=1)
        return out

    @property
    def free(self) -> int:
        """The degrees of freedom of a variance."""
        return int(self.arm.shape[1] + self.base.shape[1] - 2)

    @property
    def squares(self) -> Floats:
        """The sum of squares about the arms' means, by class."""
        about = (((x.T - x.mean(axis=1)) ** 2).sum(axis=0) for x in (self.arm, self.base))
        out: Floats = sum(about, np.zeros(len(self.arm)))
        return out

    @property
    def weight(self) -> float:
        """The variance of the difference of the means, in units of the variance of one boot."""
        return float(1 / self.arm.shape[1] + 1 / self.base.shape[1])


@dataclass(frozen=True)
class Trend:
    """How a count scatters: variance `scale` * (`psi` * mean + `phi` * mean**2), known as if from `free` more boots."""

    psi: float = 1.0
    phi: float = 0.0
    scale: float = 1.0
    free: float = 0.0

    def variance(self, mean: Floats) -> Floats:
        """The fitted variance, before `scale`; never below Poisson's."""
        out: Floats = np.maximum(self.psi * mean + self.phi * mean**2, np.maximum(mean, 1e-9))
        return out


@dataclass(frozen=True)
class Found:
    """Results by class: `difference` of the means, averaged over machines; `p`; and `q`, the smallest share of false
    rows at which the class is reported. `trend` and `machines` tell what would have been detected."""

    difference: Floats
    p: Floats
    q: Floats
    trend: Trend
    machines: Sequence[Machine]

    def detectable(self, mean: float, level: float) -> float:
        """The difference, as a share, that is detected with POWER in a class with a mean of so many acquisitions in a
        boot."""
        free = min(LARGEST, self.trend.free + sum(m.free for m in self.machines))
        if free <= 0 or not len(self.p):
            return math.inf
        at = np.array([mean])
        variance = sum(float(self.trend.variance(at)[0]) * self.trend.scale * m.weight for m in self.machines)
        error = math.sqrt(max(variance, sum(mean * m.weight for m in self.machines))) / len(self.machines) / mean
        slower = abs(float(np.mean([m.slower for m in self.machines])))
        edge = -float(stdtrit(free, level / len(self.p) / 2)) - float(stdtrit(free, 1 - POWER))
        return slower + edge * error


def compare(machines: Sequence[Machine]) -> Found:
    """Compares all classes, arm against baseline, over the machines that both ran on. Needs at least two boots of an
    arm."""
    trend = fit(machines)
    free = sum(m.free for m in machines)
    own = sum((m.squares / trend.variance(m.mean) for m in machines), np.zeros(len(machines[0].arm)))
    known = min(LARGEST, trend.free + free)
    scale = (own + trend.free * trend.scale) / max(trend.free + free, 1e-9) if trend.free < LARGEST else trend.scale
    variance = sum((np.maximum(trend.variance(m.mean) * scale, 1e-9) * m.weight for m in machines), np.zeros(len(own)))
    gaps = [_gap(m) for m in machines]
    total: Floats = np.sum(gaps, axis=0)
    p = 2 * stdtr(known, -np.abs(total) / np.sqrt(variance)) if known > 0 else np.ones(len(own))
    p = np.maximum(p, _by_poisson(machines))
    difference: Floats = np.mean([m.arm.mean(axis=1) - m.base.mean(axis=1) for m in machines], axis=0)
    return Found(difference, p, share_of_false(p), trend, machines)


def _gap(m: Machine) -> Floats:
    """The difference of the means, less what the ratio of the guests' times could explain."""
    gap = m.arm.mean(axis=1) - m.base.mean(axis=1)
    excuse = m.mean * math.expm1(m.slower) if m.slower < 1 else m.mean
    low, high = np.minimum(excuse, 0), np.maximum(excuse, 0)
    out: Floats = gap - np.clip(gap, low, high)
    return out


def _by_poisson(machines: Sequence[Machine]) -> Floats:
    """The p if every acquisition came by chance: then the arm's share of all acquisitions is binomial."""
    arm = sum((m.arm.sum(axis=1) for m in machines), np.zeros(len(machines[0].arm)))
    total = arm + sum((m.base.sum(axis=1) for m in machines), np.zeros(len(arm)))
    boots = [(m.arm.shape[1], m.base.shape[1]) for m in machines]
    share = sum(a for a, _ in boots) / sum(a + b for a, b in boots)
    rest = total - arm
    below = np.where(rest > 0, betainc(np.maximum(rest, 1), arm + 1, 1 - share), 1.0)
    above = np.where(arm > 0, betainc(np.maximum(arm, 1), rest + 1, share), 1.0)
    out: Floats = np.minimum(1.0, 2 * np.minimum(below, above))
    return out


def share_of_false(p: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted p values."""
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * len(p) / ranks))
    return out


def near(q: Floats, level: float) -> NDArray[np.bool_]:
    """Which classes are near the line at which rows are reported, on either side: more boots must decide these."""
    out: NDArray[np.bool_] = (q > level / FAR) & (q <= level * NEAR)
    return out


def fit(machines: Sequence[Machine]) -> Trend:
    """The trend of the classes that scatter."""
    free = sum(m.free for m in machines)
    if free == 0:
        return Trend()
    mean = np.mean([m.mean for m in machines], axis=0)
    variance = sum((m.squares for m in machines), np.zeros(len(mean))) / free
    least = mean * float(chdtri(free, 1 - STILL)) / free
    noise = (variance > least) & (mean > 0)
    if noise.sum() < FIT_LEAST:
        return Trend()
    psi, phi = _line(mean[noise], variance[noise], free)
    trend = Trend(psi, phi)
    own = sum((m.squares / trend.variance(m.mean) for m in machines), np.zeros(len(mean)))[noise] / free
    return Trend(psi, phi, *_prior(own, free))


def _line(mean: Floats, variance: Floats, free: int) -> tuple[float, float]:
    """psi and phi of variance / mean = psi + phi * mean, by least squares weighted by the expected variance (a gamma
    distribution's variance is the square of its mean); neither is below 0."""
    ratio = variance / mean
    psi, phi = float(np.median(ratio)), 0.0
    for _ in range(ROUNDS):
        expected = psi + phi * mean
        weights = 1 / np.maximum(expected, 1e-9)
        design = np.stack([weights, mean * weights], axis=1)
        (a, b), *_ = np.linalg.lstsq(design, ratio * weights, rcond=None)
        if b < 0:
            a, b = float(np.mean(ratio)), 0.0
        if a < 0:
            a, b = 0.0, float(np.mean(ratio / mean))
        if math.isclose(a, psi, rel_tol=1e-4) and math.isclose(b, phi, rel_tol=1e-4):
            break
        psi, phi = float(a), float(b)
    return psi, phi


def _prior(own: Floats, free: int) -> tuple[float, float]:
    """Scale and degrees of freedom of the classes' common prior, from the logarithms of their own variances about the
    trend (Smyth, Stat. Appl. Genet. Mol. Biol. 3, 2004, section 6.2)."""
    logs = np.log(np.maximum(own, 1e-12)) - digamma(free / 2) + math.log(free / 2)
    spread = float(logs.var(ddof=1)) - float(polygamma(1, free / 2))
    if spread <= 0:
        return float(np.mean(own)), LARGEST
    prior = 2 * _inverse_trigamma(spread)
    return math.exp(float(logs.mean()) + float(digamma(prior / 2)) - math.log(prior / 2)), prior


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    if value > 1e7:
        return 1 / math.sqrt(value)
    x = 0.5 + 1 / value
    for _ in range(50):
        tri = float(polygamma(1, x))
        step = tri * (1 - tri / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x
