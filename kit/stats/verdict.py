"""The overall verdict, in one place: what each kind of evidence says and who is broken in, verdict and exit code out.

| first that holds | verdict |
| --- | --- |
| an arm fails or has a splat, twice over, where the baseline does not | broken |
| of no arm was anything executed that its change changes | inconclusive |
| of some arm nothing was, or it changes no code, and all says same | inconclusive |
| a deciding kind says worse | worse |
| a deciding kind says better | better |
| every kind that was asked for says same | same |
| otherwise | inconclusive |

A kind that cannot decide here (time under emulation) is shown and takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.base.errors import COULD_NOT_RUN, INCONCLUSIVE, NOT_AS_EXPECTED, OK
from kit.records import Exercised, Experiment, KindVerdict, Verdict
from kit.stats.attribution import Attribution
from kit.stats.combine import combined


@dataclass(frozen=True)
class Judgement:
    """`verdict` is None when nothing could be run. `disagree`: windows where model and kernel differ."""

    verdict: Verdict | None
    expected: bool
    exit_code: int
    disagree: int


def overall(kinds: Sequence[KindVerdict], attribution: Attribution, *, idle: bool = False) -> Verdict | None:
    """The table above; None when the baseline, or every arm, could not run. `idle`: nothing changed was executed."""
    if attribution.broken:
        return Verdict.BROKEN
    if attribution.could_not_run:
        return None
    if idle:
        return Verdict.INCONCLUSIVE
    return combined(k.verdict for k in kinds if k.decides)


def judge(
    exp: Experiment, kinds: Sequence[KindVerdict], attribution: Attribution, exercised: Sequence[Exercised] = ()
) -> Judgement:
    """Verdict, whether it is the one expected, and the exit code of design.md. `exercised`: of arms without a profile,
    what of their change was executed."""
    others = len(exp.arms) - 1
    verdict = overall(kinds, attribution, idle=others == sum(e.idle for e in exercised) > 0)
    if verdict is Verdict.SAME and any(e.idle or e.codeless for e in exercised):
        verdict = Verdict.INCONCLUSIVE  # it would be the same whatever the patch did where it was not executed
    disagree = sum(len(k.disagreements) for k in kinds)
    if verdict is None:
        return Judgement(None, False, COULD_NOT_RUN, disagree)
    missed = _missed(exp, verdict, kinds)
    if not missed and not disagree:
        code = OK
    elif set(missed) == {Verdict.INCONCLUSIVE} and not disagree:
        code = INCONCLUSIVE
    else:
        code = NOT_AS_EXPECTED
    return Judgement(verdict, code == OK, code, disagree)


def _missed(exp: Experiment, verdict: Verdict, kinds: Sequence[KindVerdict]) -> list[Verdict]:
    """The verdicts that are not those expected. What `expect` does not name must not be worse."""
    if verdict is Verdict.BROKEN and Verdict.BROKEN not in exp.expect.values():
        return [verdict]
    if not exp.expect:
        return [] if verdict in (Verdict.BETTER, Verdict.SAME) else [verdict]
    said = {"overall": verdict, **{k.kind: k.verdict for k in kinds}}
    missed = [said.get(k, Verdict.INCONCLUSIVE) for k, wanted in exp.expect.items() if said.get(k) != wanted]
    if "overall" not in exp.expect:
        missed += [v for kind, v in said.items() if kind not in exp.expect and v is Verdict.WORSE]
    return missed
