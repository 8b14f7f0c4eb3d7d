"""What a run says as tests, for those who read tests (JUnit, KTAP, KCIDB, b4): a run or a bisection in, cases out.

| status | of a run | of a bisection |
| --- | --- | --- |
| pass | better, same, or as the experiment expects | found and not disproved; a good commit |
| fail | worse, broken, model and kernel disagree | the proof failed; a bad commit |
| skip | inconclusive, shown only, seen once | no single commit; a commit that cannot be tested |
| error | could not run | could not run |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kit.base.words import several
from kit.records import Verdict
from kit.report.bisect import measured, sentence
from kit.report.numbers import Number, numbers
from kit.store.runfiles import BisectionFiles, Files, RunFiles

Row = Mapping[str, Any]


VERDICT = "verdict"  # the name of the case that stands for a whole run, or a whole kind


class Status(StrEnum):
    """How a test ended."""

    PASS = "pass"
    FAIL = "fail"
    SKIP = "skip"  # nothing is decided
    ERROR = "error"  # it could not run


@dataclass(frozen=True)
class Case:
    """One test. `group`: its kind of evidence, "" for the whole; `message` is one line; `details` may be many.

    `value` of `unit`: the number that it is about. `seconds` that its boots took.
    """

    group: str
    name: str
    status: Status
    message: str
    details: str = ""
    seconds: float | None = None
    value: float | None = None
    unit: str = ""
    number: Number | None = None


OF_VERDICT = {
    Verdict.BETTER: Status.PASS,
    Verdict.SAME: Status.PASS,
    Verdict.WORSE: Status.FAIL,
    Verdict.BROKEN: Status.FAIL,
    Verdict.INCONCLUSIVE: Status.SKIP,
}
OF_EXIT_CODE = {0: Status.PASS, 1: Status.FAIL, 3: Status.SKIP}
OF_COMMIT = {"good": Status.PASS, "bad": Status.FAIL, "skip": Status.SKIP}


def cases(files: Files) -> list[Case]:
    """The whole first, then what it rests on."""
    return list(_of_bisection(files) if isinstance(files, BisectionFiles) else _of_run(files))


def _of_run(files: RunFiles) -> Iterator[Case]:
    v = files.verdict
    status = OF_EXIT_CODE.get(int(v["exit_code"]), Status.ERROR)
    took = v.get("seconds", {}).get("total")
    yield Case("", VERDICT, status, str(v["sentence"]), details=_whole(v), seconds=took)
    for arm in v["arms"]:
        yield _of_arm(files, arm)
    for step in v.get("steps", ()):
        yield _of_step(step)
    found = numbers(v)
    for kind, said in v["evidence"].items():
        yield _of_kind(v, kind, said)
        for n in (n for n in found if n.kind == kind):
            yield _of_number(v, n)


def _whole(v: Row) -> str:
    lines = [f"{kind}: {k['verdict']}: {k['why']}" for kind, k in v["evidence"].items()]
    return "\n".join([*lines, f"again: {v['provenance']['reproduce']}"])


def _of_arm(files: RunFiles, arm: str) -> Case:
    """Whether an arm's kernels were built and its guests ran."""
    splats = files.verdict["splats"]
    boots = [b for b in files.boots if b["arm"] == arm]
    seconds = sum(float(b.get("seconds", 0.0)) for b in boots)
    for group, status in (("broken", Status.FAIL), ("could_not_run", Status.ERROR), ("once", Status.SKIP)):
        mine = [f for f in splats[group] if f["arm"] == arm]
        if mine:
            details = "\n\n".join(f"{f['why']}\n{f['console']}\n{f['excerpt']}".strip() for f in mine)
            return Case("boots", arm, status, mine[0]["why"], details, seconds)
    good = sum(b["outcome"] == "ok" for b in boots)
    if not good and files.verdict["verdict"] is None:
        return Case("boots", arm, Status.ERROR, "no boot came to its end", seconds=seconds)
    if not boots:
        return Case("boots", arm, Status.SKIP, "not booted")
    said = f"{several(good, 'boot')} of {len(boots)} came to the end"
    return Case("boots", arm, Status.PASS, said, seconds=seconds, value=float(good), unit="boots")


def _of_step(step: Row) -> Case:
    """A step of a series, against the one before."""
    verdict = step["verdict"]
    status = Status.FAIL if step["fails"] else Status.ERROR if verdict is None else OF_VERDICT[Verdict(verdict)]
    return Case("steps", step["arm"], status, f"against {step['against']}: {step['sentence']}")


def _of_kind(v: Row, kind: str, said: Row) -> Case:
    missed = sum(row["agrees"] is False for row in said["details"].get("predictions", ()))
    if missed:
        return Case(
            kind, VERDICT, Status.FAIL, f"model and kernel disagree in {several(missed, 'count')}: {said['why']}"
        )
    status = _expected(v, OF_VERDICT[Verdict(said["verdict"])])
    if not said.get("decides", True):
        status = Status.SKIP
    if v["verdict"] is None and status is Status.SKIP:
        status = Status.ERROR
    return Case(kind, VERDICT, status, f"{said['verdict']}: {said['why']}", "\n".join(said["notes"]))


def _of_number(v: Row, n: Number) -> Case:
    c = n.comparison
    status = _expected(v, OF_VERDICT[n.verdict])
    if not n.decides or c.aa:
        status = Status.SKIP
    if False in (c.agrees, c.baseline_agrees):
        status = Status.FAIL
    return Case(
        n.kind,
        n.name.removeprefix(f"{n.kind}/"),
        status,
        f"{n.verdict}: {words(n)}",
        value=c.arm_value,
        unit=c.unit,
        number=n,
    )


def words(n: Number) -> str:
    """`12 where without has 23: ratio 0.5217 [0.52, 0.53]`; the digits of verdict.json."""
    c = n.comparison
    ratio = "no ratio" if c.ratio is None else f"ratio {c.ratio!r}"
    bounds = f" [{_bound(c.low)}, {_bound(c.high)}]" if (c.low, c.high) != (None, None) else ""
    return f"{c.arm_value!r} where {c.baseline} has {c.baseline_value!r}: {ratio}{bounds}"


def _bound(value: float | None) -> str:
    return "–" if value is None else repr(value)


def _expected(v: Row, status: Status) -> Status:
    """A run that is as its experiment expects fails nowhere."""
    return Status.PASS if status is Status.FAIL and v["expected"] else status


def _of_bisection(files: BisectionFiles) -> Iterator[Case]:
    found = files.found
    yield Case("", "bisection", _end(found), sentence(found), "\n".join(found["notes"]), found.get("seconds"))
    for row in found["commits"]:
        value = row["values"][0] if row["values"] else None
        values = ", ".join(map(repr, row["values"]))
        said = f"{row['state']}: {measured(found)}: {values}" if values else row["why"]
        name = f"{row['name']} {row['subject']}".strip()
        unit = found["metric"]["unit"]
        yield Case("commits", name, OF_COMMIT[row["state"]], said, value=value, unit=unit)


def _end(found: Row) -> Status:
    if found["end"] == "untestable":
        return Status.ERROR
    if not found["culprit"]:
        return Status.SKIP
    return Status.FAIL if (found["proof"] or {}).get("holds") is False else Status.PASS
