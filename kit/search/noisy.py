"""Bayesian search where tests of one commit scatter: what was seen in, the next commit or the culprit out. Pure.

Works on the measured values (`Levels`), or on good and bad (`Rates`); levels, rates and noise need not be known. Each
step takes the commit whose test is expected to tell most about the culprit per second, the ends among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kit.search.doubts import SURE, drift, fenced, second_changes, to_clear
from kit.search.levels import Levels
from kit.search.noted import Floats, Noted, chance_to_run, note, why_not
from kit.search.rates import Rates
from kit.search.step import MORE, Change, Cost, Done, End, Measure, Seen, equal_cost, second
from kit.search.tally import Sides, sides

UNCHANGED = 0.05  # prior probability that nothing changed at all
NEGLIGIBLE = 1e-6  # a candidate so much less likely than the best is left out when tests are compared
FEW = 6  # values, below which the direction of a change is not judged
CURIOSITY = 0.1  # weight of what a test tells about the levels, beside what it tells about the culprit


@dataclass(frozen=True)
class NoisySearch:
    """`count` commits, the good end included. Stops when one commit (or a range that cannot be separated) has the asked
    `probability`, or after `budget` tests.

    `model`: `Levels()` for measured values, `Rates()` for 1 (bad) and 0 (good). `direction`: `less is better`,
    `more is better`, or "" for either. `weights`: prior of each candidate, commits 1 to the last; None: all alike.
    """

    count: int
    probability: float = 0.95
    model: Levels | Rates = field(default_factory=Levels)
    direction: str = ""
    budget: int = 1000
    weights: tuple[float, ...] | None = None

    def next(
        self, seen: Sequence[Seen], cost: Cost = equal_cost, images: Mapping[int, object] | None = None
    ) -> Measure | Done:
        """What to test next, or the end. Raises ValueError for a commit that is not on the line."""
        noted = note(self.count, seen, images or {})
        if (stop := self._ends(noted, seen)) is not None:
            return stop
        sums = sides(self.count, self._drawn_in(noted), self.model.centred)
        chances = self._weigh(sums, noted)
        if (done := self._settled(chances, sums, noted, len(seen))) is not None:
            return self._doubted(done, noted, seen)
        if chances[0] > 0.5:
            return self._an_end(noted, f"nothing changed at all, {chances[0]:.0%}")
        told = self._told(chances, sums)
        commit = self._choose(told, noted, cost)
        likely = int(np.argmax(chances[1:])) + 1
        return Measure(commit, f"#{likely} is the likeliest, {chances[likely]:.0%}")

    def posterior(self, seen: Sequence[Seen], images: Mapping[int, object] | None = None) -> Floats:
        """Probabilities: [0] that nothing changed, [c] that commit c changed it; shape (count,), sums to 1.

        Before both ends were measured it is the prior.
        """
        noted = note(self.count, seen, images or {})
        if not {0, self.count - 1} <= noted.values.keys():
            return self._prior(noted)
        return self._weigh(sides(self.count, self._drawn_in(noted), self.model.centred), noted)

    def _drawn_in(self, noted: Noted) -> Mapping[int, Sequence[float]]:
        return fenced(noted.own)[0] if isinstance(self.model, Levels) else noted.own

    def _ends(self, noted: Noted, seen: Sequence[Seen]) -> Measure | Done | None:
        """The first tests of the ends, and what stops the search there; None when it can go on."""
        last = self.count - 1
        for commit, name in ((0, "good"), (last, "bad")):
            if commit in noted.skipped:
                said = why_not(seen, commit)
                return Done(End.UNTESTABLE, (), 0.0, f"the {name} end, #{commit}, cannot be tested: {said}")
        if noted.twins.get(last) == 0:
            return Done(End.NO_DIFFERENCE, (), 1.0, "the ends have the same object code")
        if not {0, last} <= noted.values.keys():
            return self._an_end(noted, "the ends first")
        return None

    def _an_end(self, noted: Noted, why: str) -> Measure:
        """The end with fewer values: whether anything changed at all, both ends tell best."""
        last = self.count - 1
        return Measure(0 if len(noted.values.get(0, ())) <= len(noted.values.get(last, ())) else last, why)

    def _prior(self, noted: Noted) -> Floats:
        """Between commits with the same object code nothing can have changed."""
        weights = np.ones(self.count) if self.weights is None else np.array([1.0, *self.weights])
        for commit, lowest in noted.twins.items():
            weights[lowest + 1 : commit + 1] = 0.0
        weights[1:] *= (1 - UNCHANGED) / max(weights[1:].sum(), 1e-300)
        weights[0] = UNCHANGED
        return np.asarray(weights, dtype=np.float64)

    def _weigh(self, sums: Sides, noted: Noted) -> Floats:
        log, unchanged = self.model.evidence(sums)
        every = np.concatenate([[unchanged], log])
        chances = self._prior(noted) * np.exp(every - every.max())
        return np.asarray(chances / chances.sum(), dtype=np.float64)

    def _settled(self, chances: Floats, sums: Sides, noted: Noted, spent: int) -> Done | None:
        """The end, if it is sure enough or the budget is spent; `spent`: tests so far."""
        enough = 1 - (1 - self.probability) * self.model.margin
        if chances[0] >= self.probability:
            said = f"no difference between the ends was found in {spent} tests"
            return Done(End.NO_DIFFERENCE, (), float(chances[0]), said)
        if self.direction and (wrong := float(chances[1:] @ better(sums, self.direction))) >= enough:
            good, bad = (float(np.mean(noted.own[noted.twins.get(c, c)])) for c in (0, self.count - 1))
            said = f"the bad end is better than the good one: {bad:.4g} against {good:.4g} ({self.direction})"
            return Done(End.OTHER_WAY, (), wrong, said)
        groups = _groups(noted)
        masses = np.bincount(groups, chances[1:])
        best = int(np.argmax(masses))
        if masses[best] >= enough:
            candidates = np.flatnonzero((groups == best) & (chances[1:] > 0)) + 1
            return self._found(tuple(map(int, candidates)), chances, sums, "those between cannot be tested")
        if spent >= self.budget:
            spoken = f"the budget of {self.budget} tests is spent"
            return self._found(_smallest(chances, self.probability), chances, sums, spoken)
        return None

    def _found(self, candidates: tuple[int, ...], chances: Floats, sums: Sides, because: str) -> Done:
        """The end at a change; `because`: why it is no single commit, where it is not."""
        likely = max(candidates, key=lambda c: chances[c]) - 1
        before, after = (float(v) for v in sums.means[:, likely])
        confidence = float(chances[list(candidates)].sum())
        change, said = Change(candidates, before, after), f"from {before:.4g} to {after:.4g}"
        sure = f"with a probability of {confidence:.1%}"
        if len(candidates) == 1 and confidence >= self.probability:
            return Done(End.FOUND, (change,), confidence, f"#{candidates[0]} changed it {sure}, {said}")
        which = f"one of {len(candidates)} commits, #{candidates[0]} to #{candidates[-1]}," if candidates[1:] else ""
        which = which or f"#{candidates[0]}"
        return Done(End.SET, (change,), confidence, f"{which} changed it {sure}, {said}: {because}")

    def _doubted(self, done: Done, noted: Noted, seen: Sequence[Seen]) -> Measure | Done:
        """The end, with what does not fit one change and normal noise; or a test to clear up a second change."""
        if not done.changes:
            return done
        own = self._drawn_in(noted)
        suspected = second_changes(self.model, noted, own, done.changes[0])
        if (again := to_clear(suspected, own)) is not None and len(seen) < self.budget:
            return Measure(again, "there may be a second change")
        others = [change for chance, change in suspected if chance >= SURE]
        notes = [second(c) for c in others]
        if isinstance(self.model, Levels):
            if (drawn := fenced(noted.own)[1]) > 0:
                notes.append(
                    f"{drawn} of {sum(map(len, own.values()))} values lie far off the others and were drawn in"
                )
            if (each := drift(seen, done.changes[0])) is not None:
                notes.append(f"the values drift by {each:+.3g} from one test to the next, whatever the commit")
        return replace(done, changes=(*done.changes, *others), notes=(*done.notes, *notes))

    def _told(self, chances: Floats, sums: Sides) -> Floats:
        """Expected information of a test of each commit, in nats; (count,). Splits that are out of the race are left
        out: between two that are in, every commit tells the same."""
        live = np.flatnonzero(chances[1:] > NEGLIGIBLE * chances[1:].max())
        inside, weights = sums.only(live), np.concatenate([chances[:1], chances[1:][live]])
        told = information(weights, *self.model.predictive(inside))
        told += CURIOSITY * _by_commit(weights[1:] * self.model.learned(inside))
        return np.asarray(told[np.searchsorted(live, np.arange(self.count))], dtype=np.float64)

    def _choose(self, told: Floats, noted: Noted, cost: Cost) -> int:
        """The commit that tells most per second; of equal ones a commit that was measured already."""
        rate = told * chance_to_run(noted)
        if cost is not equal_cost:
            rate /= np.fromiter(map(cost, range(self.count)), np.float64, self.count)
        rate[list(noted.values)] *= 1 + 1e-9
        rate[list(noted.skipped)] = -1.0
        return int(np.argmax(rate))


def better(sides: Sides, direction: str) -> Floats:
    """Chance that the level after each split is better than the one before; 0 from fewer than `FEW` values.

    By the normal distribution of the difference of the means, in its logistic approximation (Bowling and others 2009).
    """
    number = sides.number
    every = float(number[:, 0].sum())
    if every < FEW:
        return np.zeros(number.shape[1])
    error = np.sqrt(sides.within / (every - 2) * (1 / np.maximum(number, 0.5)).sum(axis=0))
    grown = (sides.means[1] - sides.means[0]) / error * (1 if direction == MORE else -1)
    return np.asarray(1 / (1 + np.exp(-1.702 * np.clip(grown, -300, 300))), dtype=np.float64)


def information(chances: Floats, each: Floats, alone: Floats) -> Floats:
    """Expected information of a test of each commit about which one changed it, in nats; shape (candidates + 1,).

    `chances`: as `NoisySearch.posterior`; `each` and `alone`: chances of the next value as the model's `predictive`.
    """
    weights = chances[1:]
    weighted = each * weights
    mixed = np.zeros((each.shape[1], len(chances)))
    mixed[:, 1:] = weighted[1].cumsum(axis=1)
    mixed[:, :-1] += weighted[0][:, ::-1].cumsum(axis=1)[:, ::-1]
    mixed += (chances[0] * alone)[:, None]
    known = _by_commit(np.stack([_entropy(each[0]), _entropy(each[1])]) * weights)
    told = _entropy(mixed) - known - chances[0] * _entropy(alone[:, None])[0]
    return np.asarray(np.maximum(told, 0.0), dtype=np.float64)


def _by_commit(of_splits: Floats) -> Floats:
    """Sum over the splits of what holds before (row 0) and after (row 1) the change, for a test of each commit."""
    out = np.zeros(of_splits.shape[1] + 1)
    out[1:] = of_splits[1].cumsum()
    out[:-1] += of_splits[0][::-1].cumsum()[::-1]
    return out


def _entropy(chances: Floats) -> Floats:
    """Along the first axis, in nats."""
    return np.asarray(-(chances * np.log(np.maximum(chances, 1e-300))).sum(axis=0), dtype=np.float64)


def _groups(noted: Noted) -> NDArray[np.int64]:
    """For each candidate (from commit 1) the number of its group: those with nothing testable between them share it."""
    testable = np.ones(noted.count, dtype=bool)
    testable[list(noted.skipped)] = False
    return np.cumsum(testable)[:-1] - 1


def _smallest(chances: Floats, probability: float) -> tuple[int, ...]:
    """The fewest candidates that together have the probability, of those that changed it."""
    order = np.argsort(-chances[1:], kind="stable")
    share = np.cumsum(chances[1:][order]) / chances[1:].sum()
    return tuple(sorted(int(c) + 1 for c in order[: int(np.searchsorted(share, probability)) + 1]))
