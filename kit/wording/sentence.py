"""The verdict as one sentence, fit for a mail: what changed, by how much, how sure, on which evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from kit.base.words import join, number, percent, place, several
from kit.records import Comparison, Exercised, Experiment, KindVerdict, Verdict
from kit.stats.attribution import Attribution
from kit.stats.counts import judge_one
from kit.stats.verdict import Judgement
from kit.wording.clause import asked, changed, is_noisy, same, undecided
from kit.wording.phrase import how_sure, seen
from kit.wording.share import share

CHANGES = (Verdict.BETTER, Verdict.WORSE)


def sentence(
    exp: Experiment,
    judgement: Judgement,
    kinds: Sequence[KindVerdict],
    attribution: Attribution,
    exercised: Sequence[Exercised] = (),
) -> str:
    """The verdict in one sentence. `exercised`: which of the arms' changes were executed."""
    if judgement.verdict is None:
        return f"Could not run: {attribution.could_not_run[0].why}."
    if judgement.verdict is Verdict.BROKEN:
        return f"Broken: {_broken(exp, attribution)}."
    if judgement.verdict is Verdict.INCONCLUSIVE:
        idle = [e for e in exercised if e.idle or e.codeless or e.unreached]
        text = "Inconclusive: " + "; ".join([*map(_idle, idle), *(_undecided(exp, k) for k in kinds)])
    else:
        ran = [said for e in exercised if (said := _ran(e))]
        text = "; ".join([_decided(exp, judgement.verdict, kinds), *ran])
    if judgement.disagree:
        counts = several(judgement.disagree, "count")
        text = f"Model and kernel disagree in {counts}, so one of them is not understood; {text}"
    return f"{text}."


def _broken(exp: Experiment, attribution: Attribution) -> str:
    """The first fault, the other broken arms, and the arms without a fault."""
    first = attribution.broken[0]
    broken = [a.name for a in exp.arms if a.name in {f.arm for f in attribution.broken}]
    doubtful = {f.arm for f in (*attribution.could_not_run, *attribution.once)}
    sound = [a.name for a in exp.arms if a.name not in (*broken, *doubtful)]
    others = [name for name in broken if name != first.arm]
    too = f"; {join(others)} {'is' if len(others) == 1 else 'are'} broken too" if others else ""
    return f"{first.why}{too}; nothing like it in {join(sound)}" if sound else f"{first.why}{too}"


def _idle(found: Exercised) -> str:
    """Why an arm gives no verdict, whatever was measured."""
    if found.identical:
        return f"{found.arm} changes nothing that is built: its kernel is the baseline's, byte for byte"
    if not found.changed:
        return f"{found.arm} changes the code of no function in the kernel"
    if found.unreached and found.lines is not None:
        return f"of what {found.arm} adds or changes, no line was executed; {share(found.lines)}"
    return f"nothing that {found.arm} changes was executed: {_names(found.changed)}"


def _ran(found: Exercised) -> str:
    """Which share of an arm's change was executed, or that it is not known; empty if there is nothing to say."""
    if found.why:
        return f"which part of {found.arm}'s change ran is not told: {found.why}"
    some = [(found.ran, "ran"), (found.outside, "ran only outside of the windows"),
            (found.booting, "ran only while the kernel booted")]  # fmt: skip
    clauses = [f"{_names(names)} {what}" for names, what in some if names]
    idle = [name for name in found.changed if name not in (*found.ran, *found.outside, *found.booting)]
    if not clauses or found.idle:
        return ""
    clauses += [f"{_names(idle)} did not"] if idle else []
    lines = share(found.lines) if found.lines is not None else ""
    return "; ".join(filter(None, [f"of what {found.arm} changes, {', '.join(clauses)}", lines]))


def _names(names: Sequence[str], most: int = 4) -> str:
    """`a(), b() and c()`; a long list is cut."""
    rest = [f"{len(names) - most} more functions"] if len(names) > most else []
    return join([f"{n}()" for n in names[:most]] + rest)


def _undecided(exp: Experiment, kind: KindVerdict) -> str:
    """Why a kind of evidence decides nothing; of a kind that does, its verdict."""
    if kind.verdict is not Verdict.INCONCLUSIVE:
        return f"{kind.kind} says {kind.verdict}"
    if is_noisy(kind):
        return f"{kind.kind}: {undecided(kind)}"
    open_ = [c for c in kind.comparisons if judge_one(c, exp.limit) is Verdict.INCONCLUSIVE]
    if not open_:
        return f"{kind.kind}: {kind.moved or kind.why}"
    text = (
        f"in {len(open_)} of {several(len(kind.comparisons), 'comparison')} the boots differ so much"
        f" that a difference above {percent(exp.limit)} can be neither shown nor excluded"
    )
    if loose := [c for c in open_ if c.said is not None]:
        text += f"; {seen(max(loose, key=lambda c: math.inf if c.detectable is None else c.detectable))}"
    return f"{kind.kind}: {'; '.join(filter(None, [kind.moved, text]))}"


def _decided(exp: Experiment, verdict: Verdict, kinds: Sequence[KindVerdict]) -> str:
    agreeing = [k for k in kinds if k.comparisons and k.decides and k.verdict is verdict]
    basis = [k for k in agreeing if any(c.n for c in k.comparisons)] or agreeing  # measured kinds before predictions
    noisy = [k for k in basis if is_noisy(k)]
    measured = [_measured(exp, k) for k in noisy]
    basis = [k for k in basis if k not in noisy]
    comparisons = [c for k in basis for c in k.comparisons]
    quiet = [k for k in kinds if not k.comparisons and k.verdict is Verdict.SAME]
    uncounted = [k.moved for k in kinds if k.moved]
    uncounted += [f"{k.kind}: {k.why}" for k in quiet]
    others = [_other(k) for k in kinds if k.verdict is not verdict and k not in quiet]
    if not comparisons and noisy:
        head = _arms_alike(exp, noisy[0]) if verdict is Verdict.SAME else _arm_differs(exp, noisy[0])
        return "; ".join([f"{head}: {measured[0]}", *measured[1:], *uncounted, *others])
    if not comparisons:
        arms = join([a.name for a in exp.arms])
        return "; ".join([f"nothing tells {arms} apart", *uncounted, *others])
    said = _same(exp, comparisons) if verdict is Verdict.SAME else _changed(exp, verdict, comparisons)
    return "; ".join([f"{said}, {_surety(basis, comparisons, exp.alpha)}", *measured, *uncounted, *others])


def _measured(exp: Experiment, kind: KindVerdict) -> str:
    """The clause of a noisy kind that agrees with the overall verdict."""
    limit = exp.limit if kind.limit is None else kind.limit
    said = same(kind, limit) if kind.verdict is Verdict.SAME else changed(kind, exp.alpha)
    return f"{said} (evidence: {kind.kind})"


def _arm_differs(exp: Experiment, kind: KindVerdict) -> str:
    arms = list(dict.fromkeys(c.arm for c in asked(kind) if c.said is kind.verdict))
    return f"{join(arms)} {'is' if len(arms) == 1 else 'are'} {kind.verdict} than {exp.baseline}"


def _arms_alike(exp: Experiment, kind: KindVerdict) -> str:
    return f"{join([*dict.fromkeys(c.arm for c in asked(kind)), exp.baseline])} are the same"


def _other(kind: KindVerdict) -> str:
    return f"{kind.kind} says {kind.verdict}" if kind.decides else f"{kind.kind} decides nothing, {kind.why}"


def _same(exp: Experiment, comparisons: Sequence[Comparison]) -> str:
    arms = join(list(dict.fromkeys([*(c.arm for c in comparisons), exp.baseline])))
    compared = len(comparisons)
    none = f"none of {compared} comparisons differs" if compared > 1 else "the comparison does not differ"
    return f"{arms} are the same: {none} by more than {percent(exp.limit)}"


def _changed(exp: Experiment, verdict: Verdict, comparisons: Sequence[Comparison]) -> str:
    decisive = [c for c in comparisons if judge_one(c, exp.limit) is verdict]
    far = max(decisive, key=lambda c: abs((c.ratio if c.ratio is not None else 1e9) - 1))
    what = f"acquisitions {far.unit}" if far.at.lock else far.unit or far.metric
    values = f"{number(far.arm_value)} {what} against {number(far.baseline_value)}"
    return (
        f"{far.arm} is {verdict} than {exp.baseline}: it {_takes(far)} ({place(replace(far.at, cpus=None))}: {values}),"
        f" {verdict} in {len(decisive)} of {several(len(comparisons), 'comparison')}"
    )


def _takes(c: Comparison) -> str:
    if c.at.lock is None:
        return f"has {f'{c.ratio:.3g} times the ' if c.ratio is not None else ''}{c.metric}"
    lock = f"the {c.at.lock} lock"
    if c.ratio is None:
        return f"takes {lock} where {c.baseline} never does"
    if c.ratio == 0:
        return f"never takes {lock} where {c.baseline} does"
    if 0.5 < c.ratio < 2:
        return f"takes {lock} up to {abs(c.ratio - 1) * 100:.3g}% {'more' if c.ratio > 1 else 'less'} often"
    if c.ratio < 1:
        return f"takes {lock} up to {1 / c.ratio:.2f} times less often"
    return f"takes {lock} up to {c.ratio:.2f} times as often"


def _surety(basis: Sequence[KindVerdict], comparisons: Sequence[Comparison], alpha: float) -> str:
    kinds = join([k.kind for k in basis])
    if all(c.n == 0 for c in comparisons):
        return f"by the {kinds} alone, without a boot"
    boots = {(c.arm, c.at.cpus): c.n for c in comparisons} | {("", c.at.cpus): c.baseline_n for c in comparisons}
    machines = sorted({c.at.cpus for c in comparisons if c.at.cpus is not None})
    vcpus = f"{join([str(n) for n in machines])} vCPU{'s' if machines != [1] else ''}"
    exact = sum(c.exact for c in comparisons)
    agreed = sum(c.agrees is True and c.baseline_agrees is not False for c in comparisons)
    over = f"over {several(sum(boots.values()), 'boot')} with {vcpus}"
    text = f"exact to the digit in {exact} of {len(comparisons)} {over}"
    if agreed:
        text += f", {agreed} as the model predicts"
    if loose := [c for c in comparisons if c.said is not None]:
        surest = max(loose, key=lambda c: (c.said in CHANGES, -(c.p if c.p is not None else 1.0)))
        text += f", {len(loose)} by the statistics of boots ({place(surest.at)}: {how_sure(surest, alpha)})"
    return f"{text} (evidence: {kinds})"
