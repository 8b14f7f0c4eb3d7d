"""What is known of each commit of a line: its values, and which commits are skipped. Pure.

Commits with the same object code (`images`: commit → any name of it) share all measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.search.protocol import Seen

TRIES = 3  # tests without evidence, after which a commit counts as untestable
BETWEEN_FAILURES = 0.1  # chance that a commit can be tested if neither neighbour could
FAR = 1e9
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noted:
    """`own`: by commit, its values in the order of the tests, each stored once, at the lowest commit with that object
    code.

    `twins`: commits with the object code of a lower one → the lowest such. `skipped`: commits that cannot be tested.
    """

    count: int
    own: Mapping[int, Sequence[float]]
    twins: Mapping[int, int]
    skipped: frozenset[int]

    @property
    def values(self) -> dict[int, Sequence[float]]:
        """By commit, the values measured for its object code."""
        shared = {c: self.own[lowest] for c, lowest in self.twins.items() if lowest in self.own}
        return {**self.own, **shared}


def why_not(seen: Sequence[Seen], commit: int) -> str:
    """The reason that the last failed test of a commit gave."""
    said = [s.why for s in seen if s.commit == commit and s.value is None and s.why]
    return said[-1] if said else "its tests were no evidence"


def twins(images: Mapping[int, object]) -> dict[int, int]:
    """Commits with the object code of a lower one → the lowest such."""
    first: dict[object, int] = {}
    found = {commit: first.setdefault(images[commit], commit) for commit in sorted(images)}
    return {commit: lowest for commit, lowest in found.items() if lowest != commit}


def note(count: int, seen: Sequence[Seen], images: Mapping[int, object]) -> Noted:
    """Sorts what was seen. Raises ValueError for a commit that is not on the line."""
    lowest = twins(images)
    own: dict[int, list[float]] = {}
    nothing: dict[int, int] = {}
    lost: set[int] = set()
    for s in seen:
        at = lowest.get(s.commit, s.commit) if lowest else s.commit
        if s.value is not None:
            own.setdefault(at, []).append(s.value)
        elif s.skip:
            lost.add(at)
        else:
            nothing[at] = nothing.get(at, 0) + 1
    wrong = [c for c in (*own, *nothing, *lost) if not 0 <= c < count]
    if wrong:
        raise ValueError(f"commit {wrong[0]} is not on a line of {count}")
    lost |= {c for c, times in nothing.items() if times >= TRIES}
    lost -= own.keys()
    skipped = lost | {c for c, low in lowest.items() if low in lost}
    return Noted(count, own, lowest, frozenset(skipped))


def chance_to_run(noted: Noted) -> Floats:
    """The chance that each commit can be tested; shape (count,). Failures come alone or in ranges.

    1 between two commits that ran. Between one that ran and one that did not, d commits away from the latter: half of d
    / (d + 2) (it failed alone) plus half of the share of the distance to the former (a range ends somewhere between).
    `BETWEEN_FAILURES` between two that did not.
    """
    if not noted.skipped:
        return np.ones(noted.count)
    ran = sorted(noted.values.keys() | {0, noted.count - 1})
    failed = sorted(noted.skipped)
    at = np.arange(noted.count)
    (ran_left, ran_right), (failed_left, failed_right) = _nearest(at, ran), _nearest(at, failed)
    out = np.ones(noted.count)
    for failing, running, other in ((failed_left, ran_left, ran_right), (failed_right, ran_right, ran_left)):
        near = failing < running
        alone = failing / (failing + 2)
        out = np.where(near, np.minimum(out, (alone + failing / (failing + other)) / 2), out)
    inside = (failed_left < ran_left) & (failed_right < ran_right)
    return np.asarray(np.where(inside, BETWEEN_FAILURES, out), dtype=np.float64)


def _nearest(at: NDArray[np.int64], known: Sequence[int]) -> tuple[Floats, Floats]:
    """The distance of each commit to the nearest known one to the left and right, itself included; FAR if none."""
    places = np.array([-FAR, *known, FAR], dtype=np.float64)
    right = np.searchsorted(places, at)
    left = np.searchsorted(places, at, side="right") - 1
    return at - places[left], places[right] - at
