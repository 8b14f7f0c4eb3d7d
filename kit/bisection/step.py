"""`kit step`: judges the commit that `git bisect run` has checked out as good, bad or neither.

The good and bad values are measured once, at the ends, and kept in the cache. Then a step is one build and one boot.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, variance

from scipy.special import stdtr

from kit.base.errors import INCONCLUSIVE, NOT_AS_EXPECTED, OK, UserError
from kit.base.progress import Progress
from kit.bisection.line import Source
from kit.bisection.question import Question
from kit.bisection.readings import bad_side
from kit.bisection.trials import SEARCH
from kit.bisection.workbench import Workbench
from kit.evidence.reading import BAD
from kit.kernel.git import Repository
from kit.kernel.tree import resolve_tree
from kit.records import digest
from kit.run.runner import LocalRunner
from kit.run.workplace import workplace
from kit.search.protocol import MORE, alike
from kit.store.cache import Cache
from kit.store.runfolder import RunFolder

FOLDER = "steps"  # in the cache
AT_ENDS, AT_MOST = 4, 12  # if values scatter: tests of each end, and at most of the commit
TRIES = 2  # if they do not scatter


def step(question: Question, here: Path, cache: Cache, progress: Progress) -> int:
    """Judges the commit checked out in `here`. OK: good, NOT_AS_EXPECTED: bad, INCONCLUSIVE: neither.

    Raises UserError for bad input, MachineError if the machine fails.
    """
    repository = Repository.open(here)
    ends = [] if _alone(question) else _ends(question, repository)
    with workplace(cache, progress, question.exp.toolchain) as place:
        name = digest([question.exp, question.wanted.model_dump(), ends, place.tools.name, str(repository.root)])
        folder = RunFolder(cache.folder(FOLDER, name))
        cache.folder(FOLDER, name, "console")
        with place.at(folder):
            return _Step(question, repository, Workbench(question, LocalRunner(place), place)).decide(ends)


def _alone(question: Question) -> bool:
    """Whether a value can be judged without values of the ends."""
    return question.yes_no or question.wanted.threshold is not None


def _ends(question: Question, repository: Repository) -> list[str]:
    """The ids of (good, bad): of the file, else those that the git bisection began with. Raises UserError."""
    marked = _marked(repository)
    good, bad = (
        wanted or begun for wanted, begun in zip((question.wanted.good, question.wanted.bad), marked, strict=True)
    )
    if not good or not bad:
        hint = "`git bisect start BAD GOOD` first, or give bisect.good and bisect.bad, or a threshold"
        raise UserError("what is good and bad here is not known", where=str(repository.root), hint=hint)
    return [repository.commit(good).id, repository.commit(bad).id]


def _marked(repository: Repository) -> tuple[str, str]:
    """The first good and the first bad commit in git's bisection log; "" if it has none. (refs/bisect/bad moves with
    every step, so the ends would be measured again each time.)"""
    names = repository.ask("rev-parse", "--git-path", "BISECT_TERMS", "--git-path", "BISECT_LOG")
    terms, log = (_lines(repository.root / os.fsdecode(name)) for name in names.splitlines())
    bad, good = terms if len(terms) == 2 else ("bad", "good")
    marks = [m for line in log if (m := re.match(r"# ([^ :]+): \[([0-9a-f]+)\]", line))]
    return next((m[2] for m in marks if m[1] == good), ""), next((m[2] for m in marks if m[1] == bad), "")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no bisection is under way
        return []


class _Step:
    """One step. `decide` is all of it."""

    def __init__(self, question: Question, repository: Repository, workbench: Workbench) -> None:
        self.question, self.repository, self.workbench = question, repository, workbench
        self.cache, self.progress = workbench.place.cache, workbench.progress

    def decide(self, ends: Sequence[str]) -> int:
        times = TRIES - 1 if self.question.exact else AT_ENDS
        good, bad = ([], []) if not ends else (self._values(end, times) for end in ends)
        if ends and not (good and bad):
            return self._say(INCONCLUSIVE, "an end gives no value", [])
        if ends and _same(good, bad, self.question):
            return self._say(INCONCLUSIVE, f"the ends do not differ: {good[0]:g} and {bad[0]:g}", [])
        place = self._place()
        for more in range(1, AT_MOST + 1):
            values = self._values(place, more)
            if not values:
                return self._say(INCONCLUSIVE, self._why(place), [])
            if self.question.exact or self.question.yes_no:
                return self._verdict(values, good, bad)
            chance = self._chance(values, good, bad)
            if not 1 - self.question.wanted.probability < chance < self.question.wanted.probability:
                return self._say(NOT_AS_EXPECTED if chance > 0.5 else OK, f"bad with {chance:.1%}", values)
        return self._say(INCONCLUSIVE, f"bad with {chance:.1%} after {AT_MOST} tests", values)

    def _verdict(self, values: Sequence[float], good: Sequence[float], bad: Sequence[float]) -> int:
        value = values[-1]
        if self.question.yes_no:
            is_bad = value == BAD
        elif good and bad:
            is_bad = bad_side(value, good[0], bad[0], self.question.wanted.threshold)
        else:
            is_bad = self._sign() * (value - self._threshold()) >= 0
        return self._say(NOT_AS_EXPECTED if is_bad else OK, "bad" if is_bad else "good", values)

    def _chance(self, values: Sequence[float], good: Sequence[float], bad: Sequence[float]) -> float:
        """The probability that values that scatter are bad."""
        if good and bad:
            return bad_chance(values, good, bad)
        return beyond_chance([self._sign() * (v - self._threshold()) for v in values])

    def _sign(self) -> int:
        """1 if more is worse, -1 if less is."""
        return -1 if self.question.direction == MORE else 1

    def _threshold(self) -> float:
        """The threshold. It is given if no ends are measured."""
        assert self.question.wanted.threshold is not None
        return self.question.wanted.threshold

    def _place(self) -> str:
        """The commit that is checked out; with edits a place of its own, by content."""
        head = self.repository.commit("HEAD").id
        return head if not self.repository.dirty() else f"dirty-{self._source('dirty-').tree.key[-24:]}"

    def _source(self, place: str) -> Source:
        ref = f"dir:{self.repository.root}" if place.startswith("dirty-") else f"git:{self.repository.root}@{place}"
        return Source(resolve_tree(ref, self.cache, self.progress), {})

    def _values(self, place: str, times: int) -> list[float]:
        """`times` values of a place, including those of earlier steps; fewer if it cannot be tested."""
        tests = self.workbench.tests
        for _ in range(times + TRIES):
            mine = [t for t in tests.done if t.place == place]
            values = [t.value for t in mine if t.value is not None]
            if len(values) >= times or any(t.skip for t in mine) or len(mine) - len(values) >= TRIES:
                return values
            self.workbench.test(place, lambda: self._source(place), SEARCH, ())
        return [t.value for t in tests.done if t.place == place and t.value is not None]

    def _why(self, place: str) -> str:
        return next((t.why for t in reversed(self.workbench.tests.done) if t.place == place), "no test")

    def _say(self, code: int, why: str, values: Sequence[float]) -> int:
        what = {OK: "good", NOT_AS_EXPECTED: "bad"}.get(code, "neither good nor bad")
        shown = ", ".join(f"{v:g}" for v in values)
        self.progress.note(f"step: {what}: {why}{f' ({shown})' if shown else ''}")
        return code


def _same(good: Sequence[float], bad: Sequence[float], question: Question) -> bool:
    """Whether the ends do not differ. If values scatter: whether all are equal."""
    return alike(good[0], bad[0], question.within) if question.exact else len({*good, *bad}) == 1


def beyond_chance(values: Sequence[float]) -> float:
    """The probability that the mean of values is 0 or more, by Student's t; 0.5 for a single value, whose noise is
    unknown."""
    mean, count = fmean(values), len(values)
    if count < 2:
        return 0.5
    error = math.sqrt(variance(values) / count)
    return float(stdtr(count - 1, mean / error)) if error else float(mean >= 0)


def bad_chance(values: Sequence[float], good: Sequence[float], bad: Sequence[float]) -> float:
    """The probability that the values have the bad level rather than the good one; the prior is one half.

    Assumes normal noise with one standard deviation, estimated from all three groups; 0.5 if each has a single value.
    """
    groups = [g for g in (values, good, bad) if len(g) > 1]
    freedom = sum(len(g) - 1 for g in groups)
    if not freedom:
        return 0.5
    spread = sum(variance(g) * (len(g) - 1) for g in groups) / freedom
    if spread == 0:
        return 1.0 if abs(fmean(values) - fmean(bad)) < abs(fmean(values) - fmean(good)) else 0.0
    odds = sum(_far(values, end, spread, freedom) * sign for end, sign in ((good, 1), (bad, -1)))
    return 1 / (1 + math.exp(max(min(-odds, 500.0), -500.0)))


def _far(values: Sequence[float], end: Sequence[float], spread: float, freedom: int) -> float:
    """Minus the log likelihood that values have an end's mean, which is itself an estimate: Student's t."""
    scale = spread * (1 / len(values) + 1 / len(end))
    return (freedom + 1) / 2 * math.log1p((fmean(values) - fmean(end)) ** 2 / scale / freedom)
