"""A kind of noisy evidence as a clause of the verdict's sentence: how much, how sure, on how many boots."""

from __future__ import annotations

from collections.abc import Sequence

from kit.base.words import percent, place, several
from kit.records import Comparison, KindVerdict, Verdict
from kit.wording.phrase import how_much, how_sure, seen


def is_noisy(kind: KindVerdict) -> bool:
    """Whether all its comparisons have confidence intervals. (Of counts, some may.)"""
    return bool(kind.comparisons) and all(c.said is not None for c in kind.comparisons)


def asked(kind: KindVerdict) -> list[Comparison]:
    """The comparisons of arms, without A/A."""
    return [c for c in kind.comparisons if not c.aa]


def changed(kind: KindVerdict, alpha: float) -> str:
    """The clause of a kind that says better or worse: its largest difference, and how many there are."""
    mine = asked(kind)
    decisive = [c for c in mine if c.said is kind.verdict]
    far = max(decisive, key=lambda c: abs((c.ratio or 1) - 1))
    share = f"{kind.verdict} in {len(decisive)} of {several(len(mine), 'comparison')}"
    return f"{how_much(far)} ({place(far.at)}; {how_sure(far, alpha)}), {share}, {on(kind, mine)}"


def same(kind: KindVerdict, limit: float) -> str:
    """The clause of a kind that says same: the limit, and how far the widest interval reaches."""
    mine = asked(kind)
    ends = [abs(end - 1) for c in mine for end in (c.low, c.high) if end is not None]
    widest = f", no interval reaches beyond {max(ends) * 100:.2g}%" if ends else ""
    compared = several(len(mine), "comparison")
    return f"none of {compared} differs by more than {percent(limit)}{widest}, {on(kind, mine)}"


def undecided(kind: KindVerdict) -> str:
    """Why a kind with comparisons decides nothing: how many are undecided, and what could have been detected."""
    mine = asked(kind)
    open_ = [c for c in mine if c.said is Verdict.INCONCLUSIVE]
    if not kind.decides or not open_ or kind.why.startswith("the baseline differs"):
        return kind.why
    blind = max(open_, key=lambda c: c.detectable if c.detectable is not None else float("inf"))
    of = several(len(mine), "comparison")
    return f"in {len(open_)} of {of} a difference can be neither shown nor excluded; {seen(blind)}"


def on(kind: KindVerdict, mine: Sequence[Comparison]) -> str:
    """The number of boots, and by how much the baseline differs from itself (A/A)."""
    least, most = min(c.n for c in mine), max(c.n for c in mine)
    times = str(most) if least == most else f"{least} to {most}"
    text = f"on {times} {kind.repeats or 'boots'} of each arm"
    beside = [abs((c.ratio or 1) - 1) for c in kind.comparisons if c.aa]
    return f"{text}; the baseline beside itself (A/A) differs by up to {max(beside) * 100:.2g}%" if beside else text
