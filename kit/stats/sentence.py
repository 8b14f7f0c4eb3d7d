"""The verdict as one sentence that could go into a mail: what changed, by how much, how sure, on which evidence."""

from __future__ import annotations

from collections.abc import Sequence

from kit.records import At, Comparison, Experiment, KindVerdict, Verdict
from kit.stats.attribution import Attribution
from kit.stats.counts import judge_one
from kit.stats.verdict import Judgement


def sentence(exp: Experiment, judgement: Judgement, kinds: Sequence[KindVerdict], attribution: Attribution) -> str:
    """One sentence, with a full stop."""
    if judgement.verdict is None:
        return f"Could not run: {attribution.could_not_run[0].why}."
    if judgement.verdict is Verdict.BROKEN:
        return f"Broken: {attribution.broken[0].why}; nothing like it in {exp.baseline}."
    text = _compared(exp, judgement.verdict, kinds)
    if judgement.disagree:
        text = f"Model and kernel disagree in {judgement.disagree} counts, so one of them is not understood; {text}"
    return text


def _compared(exp: Experiment, verdict: Verdict, kinds: Sequence[KindVerdict]) -> str:
    measured = [k for k in kinds if k.comparisons and k.kind != "model"]
    basis = measured or [k for k in kinds if k.comparisons]
    comparisons = [c for k in basis for c in k.comparisons]
    if not comparisons:
        return "Inconclusive: " + "; ".join(f"{k.kind}: {k.why}" for k in kinds) + "."
    decisive = [c for c in comparisons if judge_one(c, exp.limit) is verdict]
    surest = _surety(exp, basis, comparisons)
    if verdict is Verdict.SAME:
        arms = _join(sorted({c.arm for c in comparisons}))
        what = f"{arms} and {exp.baseline} are the same: none of {len(comparisons)} comparisons differs by more than"
        return f"{what} {exp.limit:.3g} of the baseline, {surest}."
    if not decisive:
        return f"Inconclusive: none of {len(comparisons)} comparisons decides within the limit of {exp.limit:.2%}."
    far = max(decisive, key=lambda c: abs((c.ratio if c.ratio is not None else 1e9) - 1))
    how_often = f"{len(decisive)} of {len(comparisons)} comparisons"
    return (
        f"{far.arm} is {verdict} than {exp.baseline}: it takes the {far.at.lock} lock {_factor(far)}"
        f" ({_place(far.at)}: {far.arm_value:.6g} acquisitions {far.unit} against {far.baseline_value:.6g}),"
        f" {verdict} in {how_often}, {surest}."
    )


def _factor(c: Comparison) -> str:
    if c.ratio is None:
        return "where the baseline never does"
    if c.ratio < 1:
        return f"up to {1 / c.ratio:.2f} times less often" if c.ratio else "never, where the baseline does"
    return f"up to {c.ratio:.2f} times as often"


def _place(at: At) -> str:
    parts = [at.workload]
    if at.depth is not None:
        parts.append(f"depth {at.depth}")
    if at.users is not None:
        parts.append(f"{at.users} user{'s' if at.users != 1 else ''}")
    return ", ".join(parts)


def _surety(exp: Experiment, basis: Sequence[KindVerdict], comparisons: Sequence[Comparison]) -> str:
    kinds = _join([k.kind for k in basis])
    if all(c.n == 0 for c in comparisons):
        return f"by the {kinds} alone, no kernel was booted"
    boots = sum({(c.arm, c.at.cpus): c.n for c in comparisons}.values())
    boots += sum({c.at.cpus: c.n for c in comparisons}.values())
    exact = sum(c.exact for c in comparisons)
    checked = sum(c.agrees is not None for c in comparisons)
    vcpus = _join([str(c) for c in exp.cpus])
    text = f"exact to the digit in {exact} of {len(comparisons)} over {boots} boots with {vcpus} vCPUs"
    if checked:
        text += f", {checked} of them predicted by the model"
    return f"{text} (evidence: {kinds})"


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
