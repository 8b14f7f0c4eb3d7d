"""How a bisection measures a commit: its metric, its boots, and whether a value is bad."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

from kit.base.errors import UserError
from kit.bisection.question import Question
from kit.evidence import EVIDENCE
from kit.evidence.bisected import METRICS
from kit.evidence.reading import Metric
from kit.evidence.request import Site
from kit.records import ArmSpec, BootSpec


def metric_of(question: Question) -> Metric:
    """The metric of a question. Raises UserError for one that is not read from boots."""
    kind = question.wanted.evidence
    by_boots = [name for name, metric in METRICS.items() if metric.evidence]
    if kind not in by_boots:
        raise UserError(f"evidence {kind} is not measured by boots", hint=f"there is {', '.join(by_boots)}")
    return METRICS[kind]


def boots_of(question: Question, label: str, kernel_key: str, accel: str, guest_key: str) -> list[BootSpec]:
    """The boots of one test of a kernel: one with each number of vCPUs (or, for instructions, each layout)."""
    metric = metric_of(question)
    exp = replace(question.exp, arms=(ArmSpec(label, question.tree, (), None),), baseline=label)
    site = Site({(label, metric.instrument): kernel_key}, accel, guest_key)
    return [s for s in EVIDENCE[metric.evidence].boots(exp, site) if s.arm == label and s.repeat == 0]


def bad_side(value: float, before: float, after: float, threshold: float | None) -> bool:
    """Whether a value is bad: beyond the threshold or, without one, nearer to `after` than to `before`."""
    limit = fmean((before, after)) if threshold is None else threshold
    return value >= limit if after > before else value <= limit
