"""What a bisection measures: which kernel and which boots a test of a commit wants, and its boots → one value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from statistics import fmean

from kit.errors import UserError
from kit.evidence import EVIDENCE, time
from kit.evidence.instructions import IDLE_SHARE
from kit.evidence.locks import acquisitions
from kit.evidence.request import Site
from kit.records import ArmSpec, Boot, BootSpec, Experiment, Outcome, Splat, WindowResult
from kit.search.question import Question
from kit.stats.attribution import HANG
from kit.workload.longer import ROUND

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
    evidence: str  # the kind of kit.evidence whose boots it does


def read_count(question: Question, boots: Sequence[Boot]) -> Reading:
    """Acquisitions of the lock in the windows, all boots of a test together. A splat may have turned lock_stat off."""
    if (void := _unwanted(question, boots)) is not None:
        return void
    return Reading(sum(acquisitions(w, question.wanted.lock) for w in _windows(question, boots)))


def read_time(question: Question, boots: Sequence[Boot]) -> Reading:
    """Milliseconds that the windows took after the warm-up, all boots of a test together."""
    if (void := _unwanted(question, boots)) is not None:
        return void
    windows = _windows(question, boots)
    warm = [w for w in windows if int(w.name.partition(ROUND)[2] or 0) >= question.exp.time.warmup]
    return Reading(sum(w.elapsed for w in warm) / 1e6)


def read_instructions(question: Question, boots: Sequence[Boot]) -> Reading:
    """Instructions that the windows took, on average over the layouts. Waiting would count: an idle guest is void."""
    if (void := _unwanted(question, boots)) is not None:
        return void
    windows = _windows(question, boots)
    if any(w.idle is None or w.idle > IDLE_SHARE * w.elapsed for w in windows):
        return Reading(None, "void: the guest was idle", again=False)
    return Reading(sum(w.elapsed for w in windows) / len(boots))


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
    found = [w for b in boots if b.results for w in b.results.windows if _named(question, w)]
    if not found:
        names = sorted({w.name for b in boots if b.results for w in b.results.windows})
        raise UserError(f"no window is called {question.wanted.window}", hint=f"there are {', '.join(names)}")
    return found


def _named(question: Question, window: WindowResult) -> bool:
    """Whether a window, of whichever round, is among those that are asked for."""
    return fnmatchcase(window.name.partition(ROUND)[0], question.wanted.window)


METRICS: Mapping[str, Metric] = {
    "count": Metric("counting", "acquisitions", read_count, "count"),
    "instructions": Metric("plain", "instructions", read_instructions, "instructions"),
    "time": Metric("plain", "ms", read_time, "time"),
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
    site = Site({(label, metric.instrument): kernel_key}, accel, guest_key)
    specs = [s for s in EVIDENCE[metric.evidence].boots(exp, site) if s.arm == label and s.repeat == 0]
    return specs if metric.evidence != time.KIND else [s for s in specs if s.block == 0]


def bad_side(value: float, before: float, after: float, threshold: float | None) -> bool:
    """Whether a value is like `after`: beyond the threshold, or nearer to it than to `before`."""
    limit = fmean((before, after)) if threshold is None else threshold
    return value >= limit if after > before else value <= limit
