"""Bayesian search where tests of one commit scatter. Pure.

It works on measured values (`Levels`) or on good and bad (`Rates`); levels, rates and noise need not be known. Each
step tests the commit (the ends included) that is expected to tell most about the culprit per second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kit.search.belief import Belief, believe, fresh, told
from kit.search.doubts import SURE, drift, fenced, second_changes, to_clear
from kit.search.levels import COMMON, SPREADS, Levels
from kit.search.noted import Floats, Noted, chance_to_run, note, why_not
from kit.search.protocol import Change, Cost, Done, End, Measure, Seen, equal_cost, second
from kit.search.rates import Rates
from kit.search.tally import ramps

UNCHANGED = 0.05  # prior probability that nothing changed at all
ENOUGH = 0.2  # nats that remain unknown when the culprit has a probability of 0.95
ALIKE = 0.3  # if the probability that kernels have no offsets of their own is lower, they are treated as having some
KERNELS = 5  # kernels with values, before offsets are considered
PATIENCE = 100  # tests that a hopeless search takes at least
CLEAR, REPEATS = 4.0, 6  # standard deviations; values of each commit beside a change that is larger


@dataclass(frozen=True)
class NoisySearch:
    """`count` commits, including the good end. Stops when one commit (or a range that cannot be separated) has the
    requested `probability`, or after `budget` tests.

    `model`: `Levels()` for measured values, `Rates()` for 1 (bad) and 0 (good). `direction`: `less is better`, `more is
    better`, or "" for either. `weights`: prior of each candidate, commits 1 to the last; None: all equal.
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
        belief = self._believe(noted)
        if (done := self._settled(belief, noted, len(seen))) is not None:
            return self._repeated(done, belief, noted, len(seen)) or self._doubted(done, noted, seen)
        nothing = float(belief.chances[0] - belief.creep.sum())
        if nothing > 0.5:
            return self._an_end(noted, f"nothing changed at all, {nothing:.0%}")
        commit = self._choose(belief, noted, cost)
        likely = int(np.argmax(belief.chances[1:])) + 1
        return Measure(commit, f"#{likely} is the likeliest, {belief.chances[likely]:.0%}")

    def posterior(self, seen: Sequence[Seen], images: Mapping[int, object] | None = None) -> Floats:
        """Probabilities: [0] that nothing changed, [c] that commit c changed it; shape (count,), sum 1.

        Before both ends were measured it is the prior.
        """
        noted = note(self.count, seen, images or {})
        if not {0, self.count - 1} <= noted.values.keys():
            return self._prior(noted)
        return self._believe(noted).chances

    def outlook(
        self, seen: Sequence[Seen], commit: int, images: Mapping[int, object] | None = None
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """(chance, value) of a test of a commit with an outcome as before the change, and the same as after it."""
        noted = note(self.count, seen, images or {})
        if not {0, self.count - 1} <= noted.values.keys():
            return (float(commit == 0), 0.0), (float(commit != 0), 1.0)
        belief = self._believe(noted)
        likely = int(np.argmax(belief.chances[1:]))
        before, after = (0.0, 1.0) if self.yes_no else (float(v) for v in belief.weighed.levels[:, likely])
        share = float(belief.chances[1 : commit + 1].sum() / max(belief.chances[1:].sum(), 1e-300))
        return (1 - share, before), (share, after)

    @property
    def yes_no(self) -> bool:
        """Whether outcomes are 0 and 1, so that rates are searched instead of levels."""
        return isinstance(self.model, Rates)

    def _drawn_in(self, noted: Noted) -> Mapping[int, Sequence[float]]:
        return fenced(noted.own)[0] if isinstance(self.model, Levels) else noted.own

    def _ends(self, noted: Noted, seen: Sequence[Seen]) -> Measure | Done | None:
        """The first tests of the ends, or the end if the search stops there; None if it can go on."""
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
        """Tests the end with fewer values: the ends tell best whether anything changed at all."""
        last = self.count - 1
        return Measure(0 if len(noted.values.get(0, ())) <= len(noted.values.get(last, ())) else last, why)

    def _prior(self, noted: Noted) -> Floats:
        """The prior of each commit; 0 between commits with the same object code, where nothing can have changed."""
        weights = np.ones(self.count) if self.weights is None else np.array([1.0, *self.weights])
        for commit, lowest in noted.twins.items():
            weights[lowest + 1 : commit + 1] = 0.0
        weights[1:] *= (1 - UNCHANGED) / max(weights[1:].sum(), 1e-300)
        weights[0] = UNCHANGED
        return np.asarray(weights, dtype=np.float64)

    def _believe(self, noted: Noted) -> Belief:
        own, prior = self._drawn_in(noted), self._prior(noted)
        plain = believe(self.model.weigh(self.model.sums(self.count, own), self.direction), prior)
        if self.yes_no or plain.chances[1:].max() < self.probability or len(own) < KERNELS:
            return plain
        apart = Levels(spreads=SPREADS, common=COMMON)
        full = believe(apart.weigh(apart.sums(self.count, own), self.direction), prior)
        return full if _alike(full) < ALIKE else plain

    def _settled(self, belief: Belief, noted: Noted, spent: int) -> Done | None:
        """The end, if it is sure enough or the budget is spent; else None. `spent`: tests so far."""
        chances = belief.chances
        crept = float(belief.creep.sum())
        nothing = float(chances[0] - belief.against) - crept
        if nothing >= self.probability:
            said = f"no difference between the ends was found in {spent} tests"
            return Done(End.NO_DIFFERENCE, (), nothing, said)
        if belief.against >= self.probability:
            good, bad = (float(np.mean(noted.own[noted.twins.get(c, c)])) for c in (0, self.count - 1))
            said = f"the bad end is better than the good one: {bad:.4g} against {good:.4g} ({self.direction})"
            return Done(End.OTHER_WAY, (), float(belief.against), said)
        if crept >= self.probability:
            return self._crept(belief, noted)
        groups = _groups(noted)
        masses = np.bincount(groups, chances[1:])
        best = int(np.argmax(masses))
        if self._confidence(float(masses[best])) >= self.probability:
            candidates = np.flatnonzero((groups == best) & (chances[1:] > 0)) + 1
            return self._found(tuple(map(int, candidates)), belief, noted, "those between cannot be tested")
        if self._hopeless(belief, noted, spent):
            apart = (
                "kernels differ from each other by more than their tests do: more tests would hardly tell them apart"
            )
            return self._found(_smallest(chances, self.probability), belief, noted, apart)
        if spent >= self.budget:
            spoken = f"the budget of {self.budget} tests is spent"
            return self._found(_smallest(chances, self.probability), belief, noted, spoken)
        return None

    def _repeated(self, done: Done, belief: Belief, noted: Noted, spent: int) -> Measure | None:
        """A further test of a commit beside the change, while it is the repetitions that are missing: with noise of two
        modes, single values that all come from one mode look as if there were no noise. None if they suffice."""
        if self.yes_no or done.end is not End.FOUND or spent >= self.budget:
            return None
        change = done.changes[0]
        before, after = (float(v) for v in belief.weighed.levels[:, change.candidates[0] - 1])
        if abs(after - before) <= CLEAR * float(np.sqrt(belief.weighed.noise[change.candidates[0] - 1])):
            return None
        known = noted.values
        fewest = min((change.candidates[0] - 1, change.candidates[-1]), key=lambda c: len(known.get(c, ())))
        if len(known.get(fewest, ())) >= REPEATS or fewest in noted.skipped:
            return None
        return Measure(fewest, "few values show how much they scatter")

    def _confidence(self, mass: float) -> float:
        """The posterior probability of the candidates, corrected by the model's `margin`."""
        return max(1 - (1 - mass) / self.model.margin, 0.0)

    def _found(self, candidates: tuple[int, ...], belief: Belief, noted: Noted, because: str) -> Done:
        """The end with a change; `because`: why it is not a single commit, if it is not."""
        chances = belief.chances
        likely = max(candidates, key=lambda c: chances[c])
        before, after = self._told(belief, noted, likely)
        inside = np.isin(np.arange(1, self.count), candidates)
        confidence = self._confidence(float(chances[1:][inside].sum()))
        change, said = Change(candidates, before, after), f"from {before:.4g} to {after:.4g}"
        sure = f"with a probability of {confidence:.1%}"
        if len(candidates) == 1 and confidence >= self.probability:
            return Done(End.FOUND, (change,), confidence, f"#{candidates[0]} changed it {sure}, {said}")
        which = f"one of {len(candidates)} commits, #{candidates[0]} to #{candidates[-1]}," if candidates[1:] else ""
        which = which or f"#{candidates[0]}"
        return Done(End.SET, (change,), confidence, f"{which} changed it {sure}, {said}: {because}")

    def _told(self, belief: Belief, noted: Noted, likely: int) -> tuple[float, float]:
        """The values before and after the likeliest commit: shares of outcomes, or expected levels.

        A search tends to end when its values happen to show a large change. So the change is averaged over all commits
        by their probability, with "nothing" as a part.
        """
        if self.yes_no:
            sides = [[v for c, several in noted.own.items() if (c < likely) is first for v in several]
                     for first in (True, False)]  # fmt: skip
            return float(np.mean(sides[0])), float(np.mean(sides[1]))
        levels, chances = belief.weighed.levels, belief.chances[1:]
        middle, gap = levels.mean(axis=0), levels[1] - levels[0]
        half = float(chances @ gap) / 2
        return float(middle[likely - 1]) - half, float(middle[likely - 1]) + half

    def _crept(self, belief: Belief, noted: Noted) -> Done:
        """The end if no commit did it alone, but the values change along the likeliest ramp."""
        places, _ = ramps(self.count)
        first, last = places[int(np.argmax(belief.creep))]
        before, after = (float(np.mean(noted.own[noted.twins.get(c, c)])) for c in (0, self.count - 1))
        change, confidence = Change(tuple(range(first + 1, last + 1)), before, after), float(belief.creep.sum())
        said = f"from {before:.4g} to {after:.4g} bit by bit or in several steps between #{first} and #{last}"
        why = f"no single commit changed it with a probability of {confidence:.1%}: {said}"
        return Done(End.SET, (change,), confidence, why)

    def _hopeless(self, belief: Belief, noted: Noted, spent: int) -> bool:
        """Whether kernels have offsets of their own, and the rest would take longer to learn than everything so far."""
        chances = belief.chances
        if self.yes_no or _alike(belief) >= ALIKE or chances[0] - belief.creep.sum() > 0.1:
            return False
        left = -float((chances * np.log(np.maximum(chances, 1e-300))).sum()) - ENOUGH
        return float(self._rates(belief, noted).max()) * max(spent, PATIENCE) < left

    def _doubted(self, done: Done, noted: Noted, seen: Sequence[Seen]) -> Measure | Done:
        """The end, with remarks on what does not fit one change and normal noise; or a test to clear up a second
        change."""
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

    def _choose(self, belief: Belief, noted: Noted, cost: Cost) -> int:
        """The commit that tells most per second; of equal ones a commit that was already measured."""
        rate = self._rates(belief, noted)
        if cost is not equal_cost:
            rate /= np.fromiter(map(cost, range(self.count)), np.float64, self.count)
        rate[list(noted.values)] *= 1 + 1e-9
        rate[list(noted.skipped)] = -1.0
        return int(np.argmax(rate))

    def _rates(self, belief: Belief, noted: Noted) -> Floats:
        """What a test of each commit tells, in nats, weighted by the chance that it can be tested."""
        tests = np.zeros(self.count)
        for commit, values in noted.own.items():
            tests[commit] = len(values)
        return told(belief, self.yes_no) * chance_to_run(noted) * fresh(belief, tests)


def _alike(belief: Belief) -> float:
    """The probability that kernels have no offsets of their own."""
    return float(belief.weighed.spreads[0] @ belief.chances[1:] / max(belief.chances[1:].sum(), 1e-300))


def _groups(noted: Noted) -> NDArray[np.int64]:
    """The group number of each candidate (from commit 1): those with nothing testable between them share a group."""
    testable = np.ones(noted.count, dtype=bool)
    testable[list(noted.skipped)] = False
    return np.cumsum(testable)[:-1] - 1


def _smallest(chances: Floats, probability: float) -> tuple[int, ...]:
    """The fewest candidates that together have this share of the probability that any commit changed it."""
    order = np.argsort(-chances[1:], kind="stable")
    share = np.cumsum(chances[1:][order]) / chances[1:].sum()
    return tuple(sorted(int(c) + 1 for c in order[: int(np.searchsorted(share, probability)) + 1]))
