"""Several verdicts as one: those of comparisons, arms or kinds of evidence in; what they say together out."""

from __future__ import annotations

from collections.abc import Iterable

from kit.records import Verdict


def combined(said: Iterable[Verdict]) -> Verdict:
    """The first of broken, worse and better that any says; same if all do; else, and for none, inconclusive."""
    found = set(said)
    for verdict in (Verdict.BROKEN, Verdict.WORSE, Verdict.BETTER):
        if verdict in found:
            return verdict
    return Verdict.SAME if found == {Verdict.SAME} else Verdict.INCONCLUSIVE
