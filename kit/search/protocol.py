"""The interface between a search and the job that boots for it.

A search works on a line of commits. Index 0 is the good end, which is known not to contain the change; the last index
is the bad end; the candidates are 1 to the last. A search keeps no state: each call gets everything that was seen so
far, so a job that was killed continues by replaying its log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

LESS, MORE = "less is better", "more is better"  # directions of a metric, as in kit.records.Comparison
Cost = Callable[[int], float]  # commit → seconds that a test of it takes now: a boot, or a build and a boot


def equal_cost(_commit: int) -> float:
    """The cost if all tests take equally long."""
    return 1.0


@dataclass(frozen=True)
class Seen:
    """What one test of a commit gave.

    `value` is the metric (an exact count, a measured value; 1 for bad and 0 for good). None with `skip` False: the test
    was no evidence (a splat other than the sought one). None with `skip` True: the commit cannot be built or booted.
    """

    commit: int
    value: float | None = None
    skip: bool = False
    why: str = ""


@dataclass(frozen=True)
class Measure:
    """Test this commit next; `why` is part of a sentence for the progress display."""

    commit: int
    why: str


class End(StrEnum):
    """How a search ended."""

    FOUND = "found"  # the change is in one commit
    SET = "set"  # it is in one of several that cannot be told apart (skipped, or the budget is spent)
    NO_DIFFERENCE = "no-difference"  # the ends do not differ
    OTHER_WAY = "other-way"  # the bad end is better than the good one
    NOT_EXACT = "not-exact"  # one kernel gave two values where exact evidence was asked for: a noisy search can go on
    UNTESTABLE = "untestable"  # an end cannot be built or booted, or gives no evidence


@dataclass(frozen=True)
class Change:
    """A change of the metric: the commits that may have made it, ascending, and the values before and after it."""

    candidates: tuple[int, ...]
    before: float
    after: float


@dataclass(frozen=True)
class Done:
    """The end of a search. `changes`: the one that was followed first, then any other that was found on the way.

    `confidence`: the probability that the followed change is in its candidates (1.0 for exact evidence). `why`: a
    sentence without a full stop, in which `#3` stands for the commit with that index; `notes`: further such sentences.
    """

    end: End
    changes: tuple[Change, ...]
    confidence: float
    why: str
    notes: tuple[str, ...] = ()

    @property
    def culprits(self) -> tuple[int, ...]:
        """The candidates of the change that was followed; empty if there is none."""
        return self.changes[0].candidates if self.changes else ()


def alike(value: float, other: float, within: float) -> bool:
    """Whether two values differ by at most this share of the first."""
    return abs(other - value) <= within * abs(value)


def second(change: Change) -> str:
    """The note about a change other than the one that was followed."""
    first, last = change.candidates[0], change.candidates[-1]
    where = f"in #{first}" if first == last else f"between #{first} and #{last}"
    return f"a second change lies {where}: from {change.before:.6g} to {change.after:.6g}"
