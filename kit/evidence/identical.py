"""Arms whose kernel has the baseline's code: the verdict of a kind of evidence on them, without a boot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kit.base.words import join
from kit.evidence import EVIDENCE
from kit.records import Boot, Experiment, KindVerdict, Verdict

Identical = Mapping[str, Sequence[str]]
"""Instrument → arms whose image is the baseline's, apart from its build id and line numbers."""


def judge(kind: str, exp: Experiment, done: Sequence[Boot], identical: Identical) -> KindVerdict:
    """The kind's verdict on the arms whose code differs from the baseline's; the others are `same` without a boot."""
    evidence = EVIDENCE[kind]
    equal = [a.name for a in exp.arms if _is_baseline(a.name, evidence.instruments, identical)]
    if not equal:
        return replace(evidence.judge(exp, done), limit=evidence.limit(exp))
    why = f"identical kernel image: what {join([*equal, exp.baseline])} execute is equal byte for byte"
    arms = tuple(a for a in exp.arms if a.name not in equal)
    if len(arms) == 1:
        return KindVerdict(kind, Verdict.SAME, f"{why}, so no boot is needed")
    found = evidence.judge(replace(exp, arms=arms), done)
    return replace(found, notes=(*found.notes, f"{kind}: {why}"), limit=evidence.limit(exp))


def _is_baseline(arm: str, instruments: Sequence[str], identical: Identical) -> bool:
    return bool(instruments) and all(arm in identical.get(i, ()) for i in instruments)
