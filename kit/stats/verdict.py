"""The overall verdict and the exit code, from the verdicts of the kinds of evidence and the attribution of failures.

| first that holds | verdict |
| --- | --- |
| an arm fails or has a splat, at least twice, and the baseline does not | broken |
| for no arm was any code executed that its change touches | inconclusive |
| for some arm none was, or no changed line, or it changes no code, and all kinds say same | inconclusive |
| a deciding kind says worse | worse |
| a deciding kind says better | better |
| every kind that was asked for says same | same |
| otherwise | inconclusive |

A kind that cannot decide here (time under emulation) is shown and takes no part. What was executed takes none for an
arm with a profile: the model says what its change does.
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
    """The overall judgement. `verdict` is None if nothing could be run. `disagree`: windows where model and kernel
    differ."""

    verdict: Verdict | None
    expected: bool
    exit_code: int
    disagree: int


def overall(kinds: Sequence[KindVerdict], attribution: Attribution, *, idle: bool = False) -> Verdict | None:
    """The table above; None if the baseline, or every arm, could not run. `idle`: nothing that changed was executed."""
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
    """The verdict, whether it is the expected one, and the exit code (as in `kit help`). `exercised`: which part of
    the arms' changes was executed."""
    others = len(exp.arms) - 1
    unmodelled = [e for e in exercised if exp.arm(e.arm).profile is None]
    verdict = overall(kinds, attribution, idle=others == sum(e.idle for e in unmodelled) > 0)
    if verdict is Verdict.SAME and any(e.idle or e.codeless or e.unreached for e in unmodelled):
        verdict = Verdict.INCONCLUSIVE  # the numbers would be the same whatever the patch does in the other code
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
    """The verdicts that are not as expected. Kinds that `expect` does not name must not be worse."""
    if verdict is Verdict.BROKEN and Verdict.BROKEN not in exp.expect.values():
        return [verdict]
    if not exp.expect:
        return [] if verdict in (Verdict.BETTER, Verdict.SAME) else [verdict]
    said = {"overall": verdict, **{k.kind: k.verdict for k in kinds}}
    missed = [said.get(k, Verdict.INCONCLUSIVE) for k, wanted in exp.expect.items() if said.get(k) != wanted]
    if "overall" not in exp.expect:
        missed += [v for kind, v in said.items() if kind not in exp.expect and v is Verdict.WORSE]
    return missed
