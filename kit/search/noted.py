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
    """`values`: by commit, those measured of its object code, in the order of the tests; `skipped`: cannot be tested.

    `lowest`: for each commit the lowest one with the same object code, itself where nothing is known of it.
    """

    count: int
    values: Mapping[int, tuple[float, ...]]
    skipped: frozenset[int]
    lowest: tuple[int, ...]

    @property
    def own(self) -> dict[int, tuple[float, ...]]:
        """Every value once, at the lowest commit with its object code."""
        return {c: v for c, v in self.values.items() if self.lowest[c] == c}

    def untestable_why(self, seen: Sequence[Seen], commit: int) -> str:
        """What the last failed test of a commit said."""
        said = [s.why for s in seen if s.commit == commit and s.value is None and s.why]
        return said[-1] if said else "it gave no evidence"


def twins(count: int, images: Mapping[int, object]) -> list[int]:
    """For each commit the lowest one with the same object code."""
    first: dict[object, int] = {}
    lowest = list(range(count))
    for commit in sorted(images):
        lowest[commit] = first.setdefault(images[commit], commit)
    return lowest


def note(count: int, seen: Sequence[Seen], images: Mapping[int, object]) -> Noted:
    """Sort what was seen. Raises ValueError for a commit that is not on the line."""
    lowest = twins(count, images)
    values: dict[int, list[float]] = {}
    nothing: dict[int, int] = {}
    skipped: set[int] = set()
    for s in seen:
        if not 0 <= s.commit < count:
            raise ValueError(f"commit {s.commit} is not on a line of {count}")
        if s.value is not None:
            values.setdefault(lowest[s.commit], []).append(s.value)
        elif s.skip:
            skipped.add(lowest[s.commit])
        else:
            nothing[lowest[s.commit]] = nothing.get(lowest[s.commit], 0) + 1
    skipped |= {c for c, times in nothing.items() if times >= TRIES and c not in values}
    spread = {c: tuple(values[lowest[c]]) for c in range(count) if lowest[c] in values}
    lost = frozenset(c for c in range(count) if lowest[c] in skipped and c not in spread)
    return Noted(count, spread, lost, tuple(lowest))


def chance_to_run(count: int, skipped: frozenset[int]) -> Floats:
    """How likely each commit can be tested: failures come in ranges, so the nearer to a skipped one the less.

    With d commits to the nearest skipped one it is d / (d + 2), and 1 where none is skipped; shape (count,).
    """
    if not skipped:
        return np.ones(count)
    distance = np.abs(np.arange(count)[:, None] - np.array(sorted(skipped))[None, :]).min(axis=1)
    return np.asarray(distance / (distance + 2.0), dtype=np.float64)
