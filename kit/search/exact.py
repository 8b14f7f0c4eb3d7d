"""Bisection where a test gives the same value each time. Pure.

It tests both ends first, and then needs the fewest tests in the worst case. Where that leaves a choice, it first tries
the commit that the model names, else the test that takes the fewest seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kit.search.noted import Noted, chance_to_run, note, why_not
from kit.search.protocol import LESS, MORE, Change, Cost, Done, End, Measure, Seen, alike, equal_cost, second


@dataclass(frozen=True)
class ExactSearch:
    """`count` commits, including the good end. `direction`: `less is better`, `more is better`, or "" for either.

    A value is bad beyond `threshold`; None: beyond the middle between the values of the two ends. So of two changes in
    one direction the larger is followed, and the other reported. `hint`: the commit that a model names. `within`:
    values that differ by at most this share are equal (instructions: memory may be laid out differently).
    """

    count: int
    direction: str = ""
    threshold: float | None = None
    hint: int | None = None
    within: float = 0.0

    def next(
        self, seen: Sequence[Seen], cost: Cost = equal_cost, images: Mapping[int, object] | None = None
    ) -> Measure | Done:
        """What to test next, or the end. Raises ValueError for a commit that is not on the line."""
        noted = note(self.count, seen, images or {})
        if (stop := self._ends(noted, seen)) is not None:
            return stop
        good, bad = noted.values[0][0], noted.values[self.count - 1][0]
        low, high = self._bounds(noted, good, bad)
        open_ = [c for c in range(low + 1, high) if c not in noted.values and c not in noted.skipped]
        if not open_:
            return self._done(noted, low, high)
        commit = self._choose(low, high, open_, noted, cost)
        return Measure(commit, f"{high - low} candidates are left, from #{low + 1} to #{high}")

    def _ends(self, noted: Noted, seen: Sequence[Seen]) -> Measure | Done | None:
        """The tests of the ends, or the end if the search stops there; None if it can go on."""
        twice = [c for c, values in noted.values.items() if not alike(min(values), max(values), self.within)]
        if twice:
            said = " and ".join(f"{v:g}" for v in dict.fromkeys(noted.values[twice[0]]))
            return Done(End.NOT_EXACT, (), 0.0, f"#{twice[0]} gave {said}: its values are not exact")
        for commit, name in ((0, "good"), (self.count - 1, "bad")):
            if commit in noted.skipped:
                said = why_not(seen, commit)
                return Done(End.UNTESTABLE, (), 0.0, f"the {name} end, #{commit}, cannot be tested: {said}")
            if commit not in noted.values:
                return Measure(commit, f"the {name} end")
        return self._compare(noted.values[0][0], noted.values[self.count - 1][0])

    def _compare(self, good: float, bad: float) -> Done | None:
        if good == bad:
            return Done(End.NO_DIFFERENCE, (), 1.0, f"the ends do not differ: both give {good:g}")
        if alike(good, bad, self.within):
            said = f"the ends do not differ by more than {self.within:.2%}: {good:.10g} and {bad:.10g}"
            return Done(End.NO_DIFFERENCE, (), 1.0, said)
        if (self.direction == LESS and bad < good) or (self.direction == MORE and bad > good):
            said = f"the bad end is better than the good one: {bad:g} against {good:g} ({self.direction})"
            return Done(End.OTHER_WAY, (), 1.0, said)
        if self.threshold is not None and _beyond(good, self.threshold, good, bad) is _beyond(
            bad, self.threshold, good, bad
        ):
            said = f"the ends, {good:g} and {bad:g}, lie on one side of the threshold {self.threshold:g}"
            return Done(End.NO_DIFFERENCE, (), 1.0, said)
        return None

    def _bounds(self, noted: Noted, good: float, bad: float) -> tuple[int, int]:
        """(the last commit known good before the first known bad one, that first bad one)."""
        limit = (good + bad) / 2 if self.threshold is None else self.threshold
        judged = {c: _beyond(values[0], limit, good, bad) for c, values in noted.values.items()}
        high = min(c for c, is_bad in judged.items() if is_bad)
        return max(c for c, is_bad in judged.items() if not is_bad and c < high), high

    def _choose(self, low: int, high: int, open_: list[int], noted: Noted, cost: Cost) -> int:
        """Of the commits that keep the worst case: next to the hint, else cheapest, else nearest to the middle."""
        half = 1 << ((high - low - 1).bit_length() - 1)  # the most commits that may be left on either side
        fair = [c for c in open_ if c - low <= half and high - c <= half]
        middle = (low + high) / 2
        if not fair or any(low < c < high for c in noted.skipped):
            return _around(low, high, open_, noted, cost)
        if self.hint is not None and low < self.hint <= high:
            hint = self.hint
            return min(fair, key=lambda c: (min(abs(c - hint), abs(c - hint + 1)), cost(c), abs(c - middle)))
        return min(fair, key=lambda c: (cost(c), abs(c - middle), c))

    def _done(self, noted: Noted, low: int, high: int) -> Done:
        followed = Change(tuple(range(low + 1, high + 1)), noted.values[low][0], noted.values[high][0])
        if alike(followed.before, followed.after, self.within):
            return self._crept(noted)
        others = tuple(c for c in self._changes(noted) if c != followed)
        said = f"from {followed.before:g} to {followed.after:g}"
        notes = tuple(second(c) for c in others)
        if high - low == 1:
            return Done(End.FOUND, (followed, *others), 1.0, f"#{high} changed it, {said}", notes)
        why = f"one of #{low + 1} to #{high} changed it, {said}: those between cannot be tested"
        return Done(End.SET, (followed, *others), 1.0, why, notes)

    def _crept(self, noted: Noted) -> Done:
        """The end if the ends differ, but no step between them does."""
        last = self.count - 1
        every = Change(tuple(range(1, self.count)), noted.values[0][0], noted.values[last][0])
        why = f"no step changes it by more than {self.within:.2%}: from {every.before:g} to {every.after:g} bit by bit"
        return Done(End.SET, (every,), 1.0, why)

    def _changes(self, noted: Noted) -> list[Change]:
        """Every change between measured neighbours, ascending."""
        known = sorted(noted.values)
        steps = [(a, b, noted.values[a][0], noted.values[b][0]) for a, b in pairwise(known)]
        return [
            Change(tuple(range(a + 1, b + 1)), before, after)
            for a, b, before, after in steps
            if not alike(before, after, self.within)
        ]


def _around(low: int, high: int, open_: list[int], noted: Noted, cost: Cost) -> int:
    """The commit with the most information per second, weighted by the chance that it can be tested."""
    share = np.array([(c - low) / (high - low) for c in open_])
    told = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    return open_[int(np.argmax(told * chance_to_run(noted)[open_] / np.array([cost(c) for c in open_])))]


def _beyond(value: float, limit: float, good: float, bad: float) -> bool:
    """Whether a value is on the bad end's side of a limit; a value on the limit is bad."""
    return value >= limit if bad > good else value <= limit
