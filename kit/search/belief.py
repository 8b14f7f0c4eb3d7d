"""Probabilities from all measured values: which commit made the change, and how much each further test would tell.
Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.search.noted import Floats

OTHER = 0.05  # prior probability of a change in the other direction, if a direction is sought
CREEP = 0.05  # prior probability of a change bit by bit
CURIOSITY = 0.1  # weight of information about the levels, beside that about the culprit


@dataclass(frozen=True)
class Weighed:
    """The evidence of each split (from 0). `log`: log evidence of a change in the sought direction; `against`: of one
    in the other direction (None: no direction is sought); `levels`: expected before and after the split, (2, …,
    splits); `noise`: variance of a value; `spreads`: probability of each spread of the commits' offsets, (…, spreads,
    splits); `loose`: variance of both levels in units of the noise's; `unchanged`: log evidence that nothing changed;
    `creep`: that the values change bit by bit, for each ramp of `kit.search.tally.ramps` (None: not judged)."""

    log: Floats
    unchanged: Floats
    against: Floats | None
    levels: Floats
    noise: Floats
    spreads: Floats
    loose: Floats
    creep: Floats | None = None
    offsets: Sequence[float] = (0.0,)  # the spreads themselves, in units of the noise's standard deviation


@dataclass(frozen=True)
class Belief:
    """Probabilities. `chances`, (…, commits): [0] that no commit made the change in the sought direction, [c] that
    commit c did; `against`: the part of [0] in which a commit changed it in the other direction; `creep`: the part of
    [0] in which it changed bit by bit, for each ramp."""

    chances: Floats
    against: Floats
    creep: Floats
    weighed: Weighed


def believe(weighed: Weighed, prior: Floats) -> Belief:
    """The posterior. `prior`: of each commit; [0]: that nothing changed at all."""
    with np.errstate(divide="ignore"):
        beside = np.log(prior)
    parts = {"log": weighed.log + beside[1:], "none": (weighed.unchanged + beside[0])[..., None]}
    if weighed.against is not None:
        parts["against"] = weighed.against + beside[1:] + np.log(OTHER)
    if weighed.creep is not None and weighed.creep.shape[-1]:
        parts["creep"] = weighed.creep + np.log(CREEP / weighed.creep.shape[-1])
    top = np.max([part.max(axis=-1) for part in parts.values()], axis=0)[..., None]
    masses = {name: np.exp(part - top) for name, part in parts.items()}
    whole = sum(mass.sum(axis=-1) for mass in masses.values())[..., None]
    none = np.zeros_like(whole)
    creep, against = masses.get("creep", none) / whole, masses.get("against", none).sum(axis=-1) / whole[..., 0]
    chances = np.concatenate([masses["none"] / whole, masses["log"] / whole], axis=-1)
    chances[..., 0] += against + creep.sum(axis=-1)
    return Belief(chances, against, creep, weighed)


def told(belief: Belief, yes_no: bool) -> Floats:
    """The expected information of a test of each commit, in nats: about the culprit, and with a small weight about the
    levels; (…, commits)."""
    learned = by_commit(belief.chances[..., 1:] * 0.5 * np.log1p(belief.weighed.loose))
    about = _of_outcomes(belief) if yes_no else _of_values(belief)
    return np.asarray(np.maximum(about, 0.0) + CURIOSITY * learned, dtype=np.float64)


def _of_outcomes(belief: Belief) -> Floats:
    nothing, weights = belief.chances[..., :1], belief.chances[..., 1:]
    rates = belief.weighed.levels
    middle = _mean(weights, rates.mean(axis=0))
    mixed = by_commit(weights * rates) + nothing * middle
    known = by_commit(weights * _entropy(rates)) + nothing * _entropy(middle)
    return np.asarray(_entropy(mixed) - known, dtype=np.float64)


def _of_values(belief: Belief) -> Floats:
    """Information about the side of the change, as through a channel with two inputs and normal noise; and about the
    split's levels, from their variance."""
    nothing, weights = belief.chances[..., :1], belief.chances[..., 1:]
    levels = belief.weighed.levels
    levels = (levels - _mean(weights, levels.mean(axis=0))) / np.sqrt(_mean(weights, belief.weighed.noise))
    p0, p1 = (np.maximum(p, 1e-12) for p in _apart(np.stack([weights, weights])))
    m0, m1 = _apart(weights * levels)
    share, gap, mean = p1 / (p0 + p1), m1 / p1 - m0 / p0, m0 + m1
    between = share * (1 - share) * gap * gap
    rest = np.maximum(by_commit(weights * levels * levels) - mean * mean - (1 - nothing) * between, 0.0)
    unknown = _entropy(share)
    side = (1 - nothing) * unknown * -np.expm1(-between / (2 * unknown + 1e-12))
    return np.asarray(side + 0.5 * np.log1p(rest), dtype=np.float64)


def _mean(weights: Floats, of_splits: Floats) -> Floats:
    return np.asarray(((weights * of_splits).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-300))[..., None])


def _apart(of_splits: Floats) -> tuple[Floats, Floats]:
    """For each commit, the sums over splits whose change is after it (row 0), and at or before it (row 1)."""
    size = (*of_splits.shape[1:-1], of_splits.shape[-1] + 1)
    before, after = np.zeros(size), np.zeros(size)
    np.cumsum(of_splits[1], axis=-1, out=after[..., 1:])
    before[..., :-1] = of_splits[0][..., ::-1].cumsum(axis=-1)[..., ::-1]
    return before, after


def by_commit(of_splits: Floats) -> Floats:
    """For each commit, the sum over splits of row 0 if the commit is before the change, and of row 1 if after it."""
    before, after = _apart(of_splits)
    return before + after


def _entropy(chance: Floats) -> Floats:
    """The entropy of a yes with this chance, in nats."""
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    return np.asarray(-(chance * np.log(chance) + (1 - chance) * np.log1p(-chance)), dtype=np.float64)


def fresh(belief: Belief, tests: Floats) -> Floats:
    """If kernels have offsets of their own, the share of a further test of each commit that is new: what it adds to the
    weight of the commit's mean. `tests`: how many each had, (…, commits)."""
    weights = belief.chances[..., None, 1:]
    likely = (belief.weighed.spreads * weights).sum(axis=-1) / np.maximum(weights.sum(axis=-1), 1e-300)
    spread, tests = np.square(belief.weighed.offsets)[:, None], tests[..., None, :]
    added = 1 / ((1 + spread * tests) * (1 + spread * (tests + 1)))
    return np.asarray((likely[..., None] * added).sum(axis=-2), dtype=np.float64)
