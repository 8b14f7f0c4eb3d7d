"""What is known of each commit of a line: the list of all that was seen in, values and skipped commits out. Pure.

Commits with the same object code (`images`: commit → any name of it) share what was seen of one of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kit.search.step import Seen

TRIES = 2  # tests without evidence before a commit counts as one that cannot be tested
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noted:
    """`own`: by commit, its values in the order of the tests, each once, at the lowest commit with that object code.

    `twins`: commits whose object code a lower one has, to the lowest such. `skipped`: those that cannot be tested.
    """

    count: int
    own: Mapping[int, Sequence[float]]
    twins: Mapping[int, int]
    skipped: frozenset[int]

    @property
    def values(self) -> dict[int, Sequence[float]]:
        """By commit, the values measured of its object code."""
        shared = {c: self.own[lowest] for c, lowest in self.twins.items() if lowest in self.own}
        return {**self.own, **shared}


def why_not(seen: Sequence[Seen], commit: int) -> str:
    """What the last failed test of a commit said."""
    said = [s.why for s in seen if s.commit == commit and s.value is None and s.why]
    return said[-1] if said else "its tests were no evidence"


def twins(images: Mapping[int, object]) -> dict[int, int]:
    """Commits whose object code a lower one has, to the lowest such."""
    first: dict[object, int] = {}
    found = {commit: first.setdefault(images[commit], commit) for commit in sorted(images)}
    return {commit: lowest for commit, lowest in found.items() if lowest != commit}


def note(count: int, seen: Sequence[Seen], images: Mapping[int, object]) -> Noted:
    """Sort what was seen. Raises ValueError for a commit that is not on the line."""
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


def chance_to_run(count: int, skipped: frozenset[int]) -> Floats:
    """How likely each commit can be tested: failures come in ranges, so the nearer to a skipped one the less.

    With d commits to the nearest skipped one it is d / (d + 2), and 1 where none is skipped; shape (count,).
    """
    if not skipped:
        return np.ones(count)
    distance = np.abs(np.arange(count)[:, None] - np.array(sorted(skipped))[None, :]).min(axis=1)
    return np.asarray(distance / (distance + 2.0), dtype=np.float64)
