"""Combines several verdicts (of comparisons, arms or kinds of evidence) into one."""

from __future__ import annotations

from collections.abc import Iterable

from kit.records import Verdict


def combined(said: Iterable[Verdict]) -> Verdict:
    """The first of broken, worse and better that any verdict is; same if all are same; else, and for none,
    inconclusive."""
    found = set(said)
    for verdict in (Verdict.BROKEN, Verdict.WORSE, Verdict.BETTER):
        if verdict in found:
            return verdict
    return Verdict.SAME if found == {Verdict.SAME} else Verdict.INCONCLUSIVE
