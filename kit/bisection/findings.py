"""The findings of a bisection: the stages of the search and its proofs in, the content of bisect.json out. Pure, except
that the line may ask git."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.bisection.line import Commit, Line
from kit.bisection.question import FILE, Question
from kit.bisection.readings import bad_side
from kit.bisection.suspect import Named
from kit.bisection.trials import AGAIN, REVERTED, SAME, SEARCH, Trial
from kit.bisection.workbench import Workbench
from kit.evidence.bisected import METRICS
from kit.records import to_json
from kit.run.provenance import of_host, of_kit
from kit.search.protocol import Change, Done, End, alike

SCHEMA = 1
UNTESTED = "cannot be tested: "  # in a search's `why`, the error of the failed test follows it


@dataclass(frozen=True)
class Stage:
    """One search: its line and how it ended. `culprit`, `commit` and `change` are defined only if it found a change."""

    line: Line
    done: Done

    @property
    def culprit(self) -> int:
        """Index of the commit that the search found, from 1: the last of its candidates."""
        return self.change.candidates[-1]

    @property
    def change(self) -> Change:
        """The change that the search followed."""
        return self.done.changes[0]

    @property
    def commit(self) -> Commit:
        """The commit that the search found."""
        return self.line.commits[self.culprit - 1]

    @property
    def merge(self) -> bool:
        """Whether the culprit is a merge: its sides are still to be searched."""
        return self.done.end is End.FOUND and self.commit.merge


@dataclass(frozen=True)
class Proof:
    """`good`, `bad`: values of the ends; `before`, `after`: values on both sides of the culprit. Other changes may make
    `bad` differ from `after`; a revert does not undo them.

    `again`: values of the good end, measured again; `reverted`: values of the bad end without the culprit, or why there
    are none (`why`); `same_image`: that kernel has the code of one booted before. If values scatter: `beside` are
    values of the bad end in the same rounds, and `decided` the answers for `again` and for `reverted`.
    """

    again: tuple[float, ...] = ()
    reverted: tuple[float, ...] = ()
    good: float = 0.0
    bad: float = 0.0
    before: float = 0.0
    after: float = 0.0
    threshold: float | None = None
    within: float = 0.0
    same_image: bool = False
    why: str = ""
    beside: tuple[float, ...] = ()
    decided: tuple[bool | None, bool | None] | None = None

    @property
    def scatters(self) -> bool:
        """Whether the good end gave another value than before."""
        return not all(alike(self.good, value, self.within) for value in self.again)

    @property
    def again_holds(self) -> bool | None:
        """Whether the good end, measured again, is good; None if it was not measured or is undecided."""
        if self.decided is not None:
            return self.decided[0]
        return self._is_good(self.again, self.good, self.bad)

    @property
    def revert_holds(self) -> bool | None:
        """Whether the bad end is good without the culprit; None if it was not measured or is undecided."""
        if self.decided is not None:
            return self.decided[1]
        others = self.bad - self.after if self.threshold is None else 0.0
        return self._is_good([value - others for value in self.reverted], self.before, self.after)

    @property
    def holds(self) -> bool | None:
        """Whether all proofs confirm the culprit; None if there is none, or one is undecided."""
        if (self.again and self.again_holds is None) or (self.reverted and self.revert_holds is None):
            return None
        said = [p for p in (self.again_holds, self.revert_holds) if p is not None]
        return all(said) if said else None

    def _is_good(self, values: Sequence[float], good: float, bad: float) -> bool | None:
        if not values:
            return None
        return not bad_side(sum(values) / len(values), good, bad, self.threshold)


@dataclass(frozen=True)
class Finding:
    """All stages of a search, the outermost first; the function that the model named; the proof."""

    stages: tuple[Stage, ...]
    named: Named | None
    proof: Proof
    noisy: bool

    @property
    def last(self) -> Stage:
        """The innermost search: inside a merge, if the outer ones led into one."""
        return self.stages[-1]


def in_words(line: Line, text: str) -> str:
    """A search's text with commits' names for its `#3`. The output of a compiler or kernel (`CPU#3`) is not changed."""
    own, untested, said = text.partition(UNTESTED)

    def name(match: re.Match[str]) -> str:
        index = int(match[1])
        return line.commits[index - 1].name if index else line.good

    return re.sub(r"#(\d+)\b", name, own) + untested + said


def as_json(
    question: Question, line: Line, finding: Finding, workbench: Workbench, notes: Sequence[str]
) -> dict[str, Any]:
    """The content of bisect.json (kit.contracts.bisectfile). `culprit` is null if no single commit was found."""
    last, tests = finding.last, workbench.tests.done
    found = last.done.end is End.FOUND
    return {
        "schema": SCHEMA,
        "name": question.exp.name,
        "end": last.done.end,
        "why": in_words(last.line, last.done.why),
        "confidence": last.done.confidence,
        "method": "by probability" if finding.noisy else "exact",
        "metric": _metric(question),
        "good": line.good,
        "bad": line.bad,
        "culprit": _change(last, last.change) if found else None,
        "candidates": [to_json(last.line.commits[c - 1]) for c in last.done.culprits],
        "merges": [to_json(stage.commit) for stage in finding.stages[:-1]],
        "other_changes": [_change(s, c) for s in finding.stages for c in s.done.changes[1:] if _counts(question, s, c)],
        "named": _named(finding),
        "proof": _proof(finding.proof) if found else None,
        "commits": [
            row for n, stage in enumerate(finding.stages) for row in _rows(question, stage, n, tests, finding.noisy)
        ],
        "skipped": _skipped(finding.stages, tests),
        "tests": {role: sum(t.role == role for t in tests) for role in (SEARCH, SAME, AGAIN, REVERTED)},
        "boots": _boots(tests),
        "builds": {"made": sum(t.built for t in tests), "cached": sum(not t.built for t in tests)},
        "seconds_guests": round(sum(t.boot_seconds for t in tests), 1),
        "seconds_builds": round(sum(t.build_seconds for t in tests), 1),
        "notes": [*notes, *_notes(finding)],
        "provenance": _provenance(question, line, workbench),
    }


def _metric(question: Question) -> dict[str, Any]:
    wanted = question.wanted
    metric = METRICS[wanted.evidence]
    what = getattr(wanted, metric.what) if metric.what else ""
    return {"evidence": wanted.evidence, "what": what, "window": wanted.window, "unit": metric.unit,
            "direction": wanted.direction, "threshold": wanted.threshold}  # fmt: skip


def _change(stage: Stage, change: Change) -> dict[str, Any]:
    commits = [to_json(stage.line.commits[c - 1]) for c in change.candidates]
    return {**(commits[-1] if len(commits) == 1 else {"between": commits}), "index": change.candidates[-1],
            "of": len(stage.line.commits), "before": change.before, "after": change.after}  # fmt: skip


def _counts(question: Question, stage: Stage, change: Change) -> bool:
    """Whether another change is larger than the limit."""
    return not alike(change.before, change.after, question.within or question.exp.limit)


def _notes(finding: Finding) -> list[str]:
    """The remarks of a search by probability. (An exact one lists its other changes as `other_changes`.)"""
    return [in_words(s.line, note) for s in finding.stages for note in s.done.notes if finding.noisy]


def _named(finding: Finding) -> dict[str, Any] | None:
    if finding.named is None:
        return None
    line = finding.stages[0].line
    names = [line.commits[c - 1].name for c in finding.named.commits]
    return {**to_json(finding.named), "commits": names}


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "again": list(proof.again),
        "again_holds": proof.again_holds,
        "reverted": list(proof.reverted),
        "reverted_holds": proof.revert_holds,
        "beside": list(proof.beside),
        "same_image": proof.same_image,
        "holds": proof.holds,
        "why": proof.why,
    }


def _rows(question: Question, stage: Stage, number: int, tests: Sequence[Trial], noisy: bool) -> list[dict[str, Any]]:
    """A row for each place of a line that was tested, in order, the good end first."""
    rows = []
    for index in range(len(stage.line.commits) + 1):
        mine = [t for t in tests if t.place == stage.line.place(index) and t.role in (SEARCH, SAME, AGAIN)]
        if not mine:
            continue
        values = [t.value for t in tests if t.value is not None and t.image and t.role in (SEARCH, AGAIN)
                  and t.image == mine[-1].image]  # fmt: skip
        name = stage.line.commits[index - 1].name if index else stage.line.good
        sha = stage.line.commits[index - 1].sha if index else getattr(stage.line, "base", "")
        subject = stage.line.commits[index - 1].subject if index else ""
        rows.append(
            {
                "search": number,
                "index": index,
                "name": name,
                "sha": sha,
                "subject": subject,
                "state": "good" if values else "skip",
                "values": values,
                "same_code": all(t.role == SAME for t in mine),
                "why": "" if values else mine[-1].why,
            }
        )
    if stage.done.changes:
        levels = _levels(stage, rows, noisy)
        for row in rows:
            if row["values"] and _is_bad(question, stage, row, levels, noisy):
                row["state"] = "bad"
    return rows


def _levels(stage: Stage, rows: Sequence[dict[str, Any]], noisy: bool) -> tuple[float, float]:
    """The good and the bad level by which the search judged: an exact one takes the values of the ends."""
    ends = [row["values"][0] for row in rows if row["index"] in (0, len(stage.line.commits)) and row["values"]]
    if noisy or len(ends) < 2 or ends[0] == ends[1]:
        return stage.change.before, stage.change.after
    return ends[0], ends[1]


def _is_bad(question: Question, stage: Stage, row: dict[str, Any], levels: tuple[float, float], noisy: bool) -> bool:
    """Whether a row is bad. If values scatter, they may be on the wrong side: outside the candidates the index decides.
    """
    first, last = stage.change.candidates[0], stage.change.candidates[-1]
    if noisy and not first <= row["index"] < last:
        return bool(row["index"] >= last)
    return bad_side(sum(row["values"]) / len(row["values"]), *levels, question.wanted.threshold)


def _skipped(stages: Sequence[Stage], tests: Sequence[Trial]) -> list[dict[str, str]]:
    """Every place that gave no value, and why."""
    out = {}
    for stage in stages:
        for index in range(1, len(stage.line.commits) + 1):
            mine = [t for t in tests if t.place == stage.line.place(index) and t.role == SEARCH]
            if mine and all(t.value is None for t in mine):
                out[stage.line.commits[index - 1].name] = mine[-1].why
    return [{"name": name, "why": why} for name, why in out.items()]


def _boots(tests: Sequence[Trial]) -> dict[str, int]:
    search = [t for t in tests if t.role == SEARCH]
    proof = [t for t in tests if t.role in (AGAIN, REVERTED)]
    return {"search": sum(len(t.boots) for t in search), "proof": sum(len(t.boots) for t in proof),
            "reused": sum(t.reused for t in tests)}  # fmt: skip


def _provenance(question: Question, line: Line, workbench: Workbench) -> dict[str, Any]:
    place = workbench.place
    return {
        **of_kit("bisect", str(place.folder.path / FILE)),
        "tree": line.source(0).tree.ref,
        "version": line.source(0).tree.version,
        "series": str(question.series) if question.series else None,
        **of_host(place.tools, workbench.runner.host),
        "guest": {"accel": workbench.accel, "why": workbench.accel_why, "cpus": list(question.exp.cpus)},
        "workloads": to_json(question.exp.workloads),
    }
