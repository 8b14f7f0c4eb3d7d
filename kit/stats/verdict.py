"""The overall verdict, in one place: what each kind of evidence says and who is broken in, verdict and exit code out.

| first that holds | verdict |
| --- | --- |
| an arm fails or has a splat, twice over, where the baseline does not | broken |
| a deciding kind says worse | worse |
| a deciding kind says better | better |
| every kind that was asked for says same | same |
| otherwise | inconclusive |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.errors import COULD_NOT_RUN, INCONCLUSIVE, NOT_AS_EXPECTED, OK
from kit.records import Experiment, KindVerdict, Verdict
from kit.stats.attribution import Attribution


@dataclass(frozen=True)
class Judgement:
    """`verdict` is None when nothing could be run. `disagree`: windows where model and kernel differ."""

    verdict: Verdict | None
    expected: bool
    exit_code: int
    disagree: int


def overall(kinds: Sequence[KindVerdict], attribution: Attribution) -> Verdict | None:
    """The table above; None when the baseline, or every arm, could not run."""
    if attribution.broken:
        return Verdict.BROKEN
    if attribution.could_not_run:
        return None
    said = [k.verdict for k in kinds]
    for verdict in (Verdict.BROKEN, Verdict.WORSE, Verdict.BETTER):
        if verdict in said:
            return verdict
    return Verdict.SAME if said and set(said) == {Verdict.SAME} else Verdict.INCONCLUSIVE


def judge(exp: Experiment, kinds: Sequence[KindVerdict], attribution: Attribution) -> Judgement:
    """Verdict, whether it is the one expected, and the exit code of design.md."""
    verdict = overall(kinds, attribution)
    disagree = sum(_disagreements(k) for k in kinds)
    if verdict is None:
        return Judgement(None, False, COULD_NOT_RUN, disagree)
    expected = _as_expected(exp, verdict, kinds) and not disagree
    if expected:
        code = OK
    elif verdict is Verdict.INCONCLUSIVE and not disagree and not exp.expect:
        code = INCONCLUSIVE
    else:
        code = NOT_AS_EXPECTED
    return Judgement(verdict, expected, code, disagree)


def _as_expected(exp: Experiment, verdict: Verdict, kinds: Sequence[KindVerdict]) -> bool:
    if verdict is Verdict.BROKEN:
        return exp.expect.get("overall") == Verdict.BROKEN
    if not exp.expect:
        return verdict in (Verdict.BETTER, Verdict.SAME)
    said = {"overall": verdict, **{k.kind: k.verdict for k in kinds}}
    if any(said.get(kind) != wanted for kind, wanted in exp.expect.items()):
        return False
    unnamed = [v for kind, v in said.items() if kind not in exp.expect]
    return Verdict.WORSE not in unnamed or "overall" in exp.expect


def _disagreements(kind: KindVerdict) -> int:
    return sum(1 for row in kind.details.get("predictions", ()) if row["agrees"] is False)
