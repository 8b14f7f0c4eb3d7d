"""A new kind of evidence is a module and a row: a throw-away one works from the experiment to the report."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, NotRequired

import pytest
from rig import Bench

from kit.base.errors import NOT_AS_EXPECTED, OK
from kit.base.project import PROJECT
from kit.contracts.fields import Doc
from kit.contracts.verdictfile import Details, Limits
from kit.evidence import EVIDENCE
from kit.evidence.kind import Evidence
from kit.evidence.request import Site
from kit.evidence.tables import Table
from kit.records import At, Boot, BootSpec, Comparison, Experiment, KindVerdict, Machine, WindowResult
from kit.stats.counts import judge_all
from kit.workload.catalog import make_loads
from kit.workload.load import boot_program

# What the module of a new kind has.

KIND = "elapsed"
LIMIT = 0.5


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """One boot of each arm."""
    program = boot_program(make_loads(exp.workloads, exp.seed))
    machine = Machine(exp.arch, 1, exp.memory, site.accel)
    kernels = [(a.name, site.kernels[a.name, "plain"]) for a in exp.arms if (a.name, "plain") in site.kernels]
    return [
        BootSpec(arm, kernel, KIND, program, machine, "", 1, 0, 0, n, site.guest_key)
        for n, (arm, kernel) in enumerate(kernels)
    ]


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares the nanoseconds of all windows together."""
    took = {b.arm: sum(w.elapsed for w in b.results.windows) for b in done if b.evidence == KIND and b.results}
    ratio = took["with"] / took["without"]
    where = ("less is better", "with", "without", At("all"), ratio, ratio - 0.01, ratio + 0.01, 1)
    found = Comparison("elapsed", "ns", *where, took["with"], took["without"], False, baseline_n=1, p=0.01)
    said = judge_all([found], LIMIT)
    return KindVerdict(KIND, said, "because", (replace(found, said=said),), details={"took": took})


def repeats(window: WindowResult, locks: Sequence[str]) -> Mapping[str, int]:
    """The window's nanoseconds."""
    return {"nanoseconds": window.elapsed}


def tables(verdict: Mapping[str, Any], kind: str) -> list[Table]:
    """The time of each arm."""
    took = verdict["evidence"][kind]["details"]["took"]
    return [Table("What arms took", ("arm", "ns"), "lr", tuple((arm, str(ns)) for arm, ns in took.items()))]


ROW = Evidence(
    ("plain",),
    boots,
    judge,
    exact=True,
    conf={"idle": "1"},
    seconds=1e6,
    repeats=repeats,
    limit=lambda exp: LIMIT,
    title="Nanoseconds of windows (elapsed)",
    subject="elapsed",
    tables=tables,
)


@pytest.fixture
def new_kind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose kit has one more kind: only the row is added, and the help's descriptions of its fields."""
    monkeypatch.setitem(EVIDENCE, KIND, ROW)
    monkeypatch.setitem(Details.__annotations__, "took", Annotated[dict[str, int], Doc("what an arm took", "ns")])
    monkeypatch.setitem(Limits.__annotations__, KIND, NotRequired[Annotated[float, Doc("its own limit", "share")]])
    bench.experiment["evidence"] = [KIND]
    return bench


@pytest.mark.parametrize(
    ("takes", "code", "said"),
    [
        (1200, OK, "with and without are the same: none of 1 comparison differs by more than 50%"),
        (2000, NOT_AS_EXPECTED, "with is worse than without: elapsed ns "),
    ],
)
def test_a_kind_is_a_module_and_a_row(new_kind: Bench, takes: int, code: int, said: str) -> None:
    bench = new_kind
    evidence = bench.experiment["evidence"]
    bench.arms(with_=[bench.fault(f"takes {takes}")])
    bench.experiment["evidence"] = evidence
    plan = json.loads(bench.call("check", bench.write(), "--json").out)
    assert [b["evidence"] for b in plan["boots"]] == [KIND] * 2
    assert plan["seconds_estimated"] >= 60 * 60, "what the row says of its boots is more than the budget"
    ran = bench.run()
    assert ran.code == code, ran
    found = bench.verdict()["evidence"][KIND]
    assert found["comparisons"][0]["ratio"] == pytest.approx(takes / 1000, rel=0.01)
    assert said in bench.verdict()["sentence"]
    assert f"(evidence: {KIND})" in bench.verdict()["sentence"]
    assert "Nanoseconds of windows (elapsed)\n" in ran.out
    assert "What arms took\n" in ran.out
    records = [json.loads(line) for line in (bench.runs()[-1] / "boots.jsonl").read_text().splitlines()]
    windows = [w for r in records for w in r["results"]["windows"]]
    assert len(windows) > 0
    assert {w["idle"] for w in windows} == {0}, "its guests were not told what the row says"
    again = json.loads(bench.call("rerun", str(bench.runs()[-1]), "--boot", "0", "--json").out)
    assert {row["lock"] for row in again["windows"]} == {"nanoseconds"}
    booted = bench.did("boot")
    bench.run()
    assert bench.did("boot") == booted, "boots of a kind that is exact are done again"


# Who else knows a kind by its name, and why. Reports may: a kind that they do not know has its tables in them.
KNOWN_BY_NAME = {
    "kit/experiment/change.py": "a user's own patch has no profile, so `model` is left out",
    "kit/compare/judge.py": "RUN:ARM reads the boots of `time`",
    "kit/stats/failures.py": "`model` has no boot that could fail",
}


NAMED = re.compile(rf"(kind|evidence)\b.*\"({'|'.join(EVIDENCE)})\"")


def by_name(tree: ast.AST) -> Iterator[str]:
    """Comparisons of a variable named kind or evidence with a kind's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            parts = list(ast.walk(node))
            texts = {p.value for p in parts if isinstance(p, ast.Constant)}
            names = {p.attr for p in parts if isinstance(p, ast.Attribute)}
            names |= {p.id for p in parts if isinstance(p, ast.Name)}
            if texts & EVIDENCE.keys() and names & {"kind", "evidence"}:
                yield ast.unparse(node)


def test_no_other_module_asks_for_a_kind_by_its_name() -> None:
    rooms = [p for p in (PROJECT / "kit").iterdir() if p.name not in ("evidence", "model", "report")]
    files = [file for room in rooms for file in ([room] if room.suffix == ".py" else room.rglob("*.py"))]
    texts = {str(p.relative_to(PROJECT)): p.read_text() for p in files}
    asking = {path: text for path, text in texts.items() if NAMED.search(text)}
    assert {path for path, text in asking.items() if any(by_name(ast.parse(text)))} == KNOWN_BY_NAME.keys()


def test_a_kind_asked_for_by_name_is_seen() -> None:
    assert list(by_name(ast.parse("[b for b in done if b.evidence == 'time' and b.results]"))) != []
    assert list(by_name(ast.parse("x = 1 if kind in ('count', 'model') else 0"))) != []
