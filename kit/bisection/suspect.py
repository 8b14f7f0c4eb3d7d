"""The model names the change: the counts of both ends in; the function that explains them, and the commits that touch
it, out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kit.base.errors import UserError
from kit.bisection.line import Line
from kit.bisection.question import Question
from kit.bisection.touched import touched
from kit.evidence.bisected import METRICS
from kit.evidence.locks import LOCKS, acquisitions
from kit.evidence.predictions import predict_arm
from kit.model.predict import Prediction
from kit.model.profiles import PROFILES
from kit.model.suspects import suspects
from kit.records import Boot, Results
from kit.workload.catalog import make_loads

MODELLED = "anon_vma"


@dataclass(frozen=True)
class Named:
    """With `function` (in `file`) taken from profile `like`, the good end's profile predicts the bad end's counts.
    `commits`: those of the line that touch it."""

    function: str
    file: str
    profile: str
    like: str
    commits: tuple[int, ...]


def name_change(question: Question, line: Line, good: Boot, bad: Boot) -> Named | None:
    """The function that explains the bad end's counts. None if the model does not know the lock, no profile fits the
    good end, or no single function explains the bad one."""
    lock = question.wanted.lock
    known = lock == MODELLED or lock in LOCKS[MODELLED]
    if not METRICS[question.wanted.evidence].predicted or not known or good.results is None or bad.results is None:
        return None
    for profile in _profiles(question, line.source(0).tree.version):
        if _fits(question, profile, good.results):
            found = _suspect(question, profile, bad.results)
            if found is not None:
                return _named(line, profile, *found)
    return None


def _profiles(question: Question, version: str) -> list[str]:
    """The profiles to try: the given one, else all, those of the good end's version first."""
    if question.wanted.profile:
        return [question.wanted.profile]
    return sorted(PROFILES, key=lambda name: not re.match(rf"{re.escape(name)}\b(?!-)", version))


def _named(line: Line, profile: str, cell: str, like: str) -> Named:
    source = getattr(PROFILES[profile], cell).source
    names = [name.strip() for name in source.function.split(",")]
    touching = {name: _touching(line, source.file, name) for name in names}
    function = next((name for name in names if touching[name]), names[0])
    commits = tuple(sorted({c for found in touching.values() for c in found}))
    return Named(function, source.file, profile, like, commits)


def _fits(question: Question, profile: str, results: Results) -> bool:
    """Whether all of a profile's predictions agree with the counts, and there are any."""
    predicted = predict_arm(question.exp, profile, results.layouts)
    counts = _counts(question, results)
    sure = {name: p for name, p in predicted.items() if isinstance(p, Prediction) and name in counts}
    return bool(sure) and all(p.low <= counts[name] <= p.high for name, p in sure.items())


def _counts(question: Question, results: Results) -> dict[str, int]:
    windows = [w for w in results.windows if fnmatchcase(w.name, question.wanted.window)]
    return {w.name: acquisitions(w, question.wanted.lock) for w in windows}


def _suspect(question: Question, profile: str, results: Results) -> tuple[str, str] | None:
    """(function, profile that it is like) if one explains the counts of every worker."""
    counts = _counts(question, results)
    common: Mapping[tuple[str, str], None] | None = None
    for load in make_loads(question.exp.workloads, question.exp.seed):
        mine = {w.name: counts[w.name] for w in load.windows if w.name in counts}
        found = suspects(load.program, results.layouts.get(load.name, ()), profile, mine)
        if found:
            cells = dict.fromkeys((s.cell, s.like) for s in found)
            common = cells if common is None else {c: None for c in common if c in cells}
    return next(iter(common), None) if common else None


def _touching(line: Line, file: str, function: str) -> tuple[int, ...]:
    """The commits of a line that change a function of a file."""

    def touches(index: int) -> bool:
        try:
            before, after = line.source(index - 1).read(file), line.source(index).read(file)
        except UserError:  # no kernel's tree there: it will be skipped
            return False
        return function in touched(before, after)

    return tuple(filter(touches, line.changing(file)))
