"""What a bisection measures: which kernel and which boots a test of a commit wants, and its boots → one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from statistics import fmean

from kit.errors import UserError
from kit.evidence import EVIDENCE
from kit.evidence.locks import acquisitions
from kit.evidence.request import Site
from kit.records import ArmSpec, Boot, BootSpec, Experiment, Machine, Outcome, Splat, WindowResult
from kit.search.question import Question
from kit.stats.attribution import HANG
from kit.workload.catalog import make_loads
from kit.workload.load import boot_program

GOOD, BAD = 0.0, 1.0


@dataclass(frozen=True)
class Reading:
    """What a test gave: a value, or None with the reason; `again`: one more try may give one."""

    value: float | None
    why: str = ""
    again: bool = True


@dataclass(frozen=True)
class Metric:
    """One kind of evidence: the instrument of its kernels, the unit of its values, and how boots are read."""

    instrument: str
    unit: str
    read: Callable[[Question, Sequence[Boot]], Reading]
    evidence: str = ""  # the kind of kit.evidence whose boots it does; "" for plain boots of its own


def read_count(question: Question, boots: Sequence[Boot]) -> Reading:
    """Acquisitions of the lock in the windows, all boots of a test together. A splat may have turned lock_stat off."""
    if (void := _unwanted(question, boots)) is not None:
        return void
    return Reading(sum(acquisitions(w, question.wanted.lock) for w in _windows(question, boots)))


def read_time(question: Question, boots: Sequence[Boot]) -> Reading:
    """Milliseconds that the windows took, all boots of a test together."""
    if (void := _unwanted(question, boots)) is not None:
        return void
    return Reading(sum(w.elapsed for w in _windows(question, boots)) / 1e6)


def read_splat(question: Question, boots: Sequence[Boot]) -> Reading:
    """Bad where the sought splat shows, whatever became of the boot; good where boots end well without any other."""
    pattern = re.compile(question.wanted.pattern or "")
    if any(pattern.search(f"{s.kind}: {s.title}\n{s.excerpt}") for b in boots for s in b.splats):
        return Reading(BAD)
    return _unwanted(question, boots) or Reading(GOOD)


def _unwanted(question: Question, boots: Sequence[Boot]) -> Reading | None:
    """Why boots are no evidence: one failed, or showed a splat that nobody looks for. None where they are."""
    for boot in boots:
        strange = [s for s in boot.splats if s.kind != HANG and not _accepted(question.exp, s)]
        if boot.outcome is not Outcome.OK:
            return Reading(None, f"{boot.outcome}: {boot.why}")
        if strange:
            return Reading(None, f"another splat: {strange[0].kind}: {strange[0].title}")
    return None


def _accepted(exp: Experiment, splat: Splat) -> bool:
    return any(re.search(pattern, f"{splat.title}\n{splat.excerpt}") for pattern, _ in exp.accept)


def _windows(question: Question, boots: Sequence[Boot]) -> list[WindowResult]:
    found = [w for b in boots if b.results for w in b.results.windows if fnmatchcase(w.name, question.wanted.window)]
    if not found:
        names = sorted({w.name for b in boots if b.results for w in b.results.windows})
        raise UserError(f"no window is called {question.wanted.window}", hint=f"there are {', '.join(names)}")
    return found


METRICS: Mapping[str, Metric] = {
    "count": Metric("counting", "acquisitions", read_count, "count"),
    "time": Metric("plain", "ms", read_time),
    "splat": Metric("checking", "", read_splat, "check"),
}


def metric_of(question: Question) -> Metric:
    """Raises UserError for a kind that no boot can show."""
    kind = question.wanted.evidence
    if kind not in METRICS:
        raise UserError(f"evidence {kind} is not measured by boots", hint=f"there is {', '.join(METRICS)}")
    return METRICS[kind]


def boots_of(question: Question, label: str, kernel_key: str, accel: str, guest_key: str) -> list[BootSpec]:
    """The boots of one test of a kernel: each machine of the experiment once."""
    metric = metric_of(question)
    exp = replace(question.exp, arms=(ArmSpec(label, question.tree, (), None),), baseline=label)
    if metric.evidence:
        site = Site({(label, metric.instrument): kernel_key}, accel, guest_key)
        return [s for s in EVIDENCE[metric.evidence].boots(exp, site) if s.repeat == 0]
    program, kind = boot_program(make_loads(exp.workloads, exp.seed)), question.wanted.evidence
    machines = [Machine(exp.arch, cpus, exp.memory, accel) for cpus in exp.cpus]
    return [BootSpec(label, kernel_key, kind, program, m, "", exp.seed, 0, 0, 0, guest_key) for m in machines]


def bad_side(value: float, before: float, after: float, threshold: float | None) -> bool:
    """Whether a value is like `after`: beyond the threshold, or nearer to it than to `before`."""
    limit = fmean((before, after)) if threshold is None else threshold
    return value >= limit if after > before else value <= limit
