"""A workload is a module and a row: a throw-away one goes from its keys to the report, and to the model."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from pydantic import Field
from rig import Bench

from kit.base.errors import BAD_INPUT, OK, UserError
from kit.base.project import PROJECT
from kit.evidence.metrics import metric_rows, silent, unprinted
from kit.experiment.reader import read_experiment
from kit.model.program import Fork, Program, Repeat, Window
from kit.records import MORE, At, Boot, Outcome, PayloadRun, Printed, Results
from kit.workload.catalog import WORKLOADS
from kit.workload.guestimage import guest_key, programs
from kit.workload.kind import Parameters, Place, Printing, Raw, Workload
from kit.workload.load import Load, WindowInfo
from kit.workload.metrics import Metric

# What the module of a new workload has.

KIND = "loops"


class Loops(Parameters):
    """Parameters of `loops`."""

    times: int = Field(ge=1, le=100, strict=True, description="how often a process is forked")
    prints: bool = Field(default=False, description="whether it prints its speed")

    def load(self, name: str, seed: int) -> Load:
        window = Window(f"{name}/all", (Repeat(self.times, (Fork(),)),))
        return Load(name, Program((window,)), (WindowInfo(window.name, At(name), self.times, "fork"),))

    def require_room(self, memory: int) -> None:
        if self.times > memory:
            raise UserError(f"{self.times} times is too much for {memory}M")

    def printing(self) -> Printing | None:
        return Speeds() if self.prints else None


class Speeds:
    """It prints a number."""

    def read(self, stdout: str, stderr: str) -> tuple[Metric, ...]:
        return (Metric("speed", float(stdout), ""),) if stdout else ()

    def meaning(self, metric: str, unit: str) -> tuple[str, str, bool]:
        return "loops", MORE, True

    def asked(self) -> tuple[str, ...]:
        return ("speed",)

    def needed(self) -> frozenset[str]:
        return frozenset({"speed"})

    def lacking(self, metric: str) -> str:
        return "number"

    def form(self) -> str:
        return "one number"


def prepare(raw: Raw, place: Place) -> Raw:
    """`plan: FILE` becomes the number in it."""
    if "plan" not in raw:
        return raw
    path = place.find(raw["plan"])
    if path is None:
        raise UserError(f"no such plan: {raw['plan']}", hint=place.looked)
    return {"times": int(path.read_text()), **{key: value for key, value in raw.items() if key != "plan"}}


ROW = Workload(
    Loops,
    prepare=prepare,
    suffix=lambda raw: "planned" if "plan" in raw else "",
    programs={"bin/looper": ("lines.c",)},
    said=lambda params: f"{params['times']} in a loop",
    shown=lambda params: {key: value for key, value in params.items() if key != "times"},
    also={"times": ({"type": "string"},)},
    more={"plan": {"type": "string", "description": "a file with the number"}},
    either=("times", "plan"),
)


@pytest.fixture
def new_kind(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose kit has one workload more: the row is all that is added. Its guest is the one of all."""
    monkeypatch.setitem(WORKLOADS, KIND, replace(ROW, programs={}))
    (bench.folder / "plan").write_text("7\n")
    bench.experiment["workloads"] = [{KIND: {"plan": "plan"}}]
    return bench


def test_a_workload_is_a_module_and_a_row(new_kind: Bench) -> None:
    bench = new_kind
    ran = bench.run()
    assert ran.code == OK, ran
    verdict = bench.verdict()
    assert [w["params"]["times"] for w in verdict["exercised"]] == [7]
    assert {c["at"]["workload"] for c in verdict["evidence"]["count"]["comparisons"]} == {"loops-planned"}
    assert {c["unit"] for c in verdict["evidence"]["model"]["comparisons"]} == {"per fork"}, "the model knows it"
    assert "Exercised: loops-planned (prints False; 7 in a loop)" in ran.out
    [spec] = read_experiment(bench.runs()[-1] / "experiment.yaml").workloads
    assert (spec.kind, spec.name, spec.params["times"]) == (KIND, "loops-planned", 7)
    counted = json.loads(bench.call("model", "count", "--program", KIND, "--set", "times=3", "--json").out)
    assert [(row["window"], row["jobs"]) for row in counted] == [("loops/all", 3)]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tims": 3}, "experiment.yaml:{line}: unknown key `tims`\n  nearest: times"),
        ({"times": 101}, "times: at most 100 is wanted"),
        ({"plan": "nowhere"}, "experiment.yaml:{line}: no such plan: nowhere\n  looked for in "),
        ({"times": 90}, "loops: 90 times is too much for 64M"),
    ],
)
def test_what_is_wrong_with_it_is_said_with_its_line(new_kind: Bench, params: Raw, message: str) -> None:
    bench = new_kind
    bench.experiment["workloads"] = [{KIND: dict(params)}]
    bench.experiment["guest"]["memory"] = "64M"
    file = bench.write()
    lines = Path(file).read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if KIND in text)
    ran = bench.call("check", file)
    assert ran.code == BAD_INPUT
    told = [message.format(line=n) for n in (line, line + 1)]
    assert any(text in ran.err for text in told), ran.err


def test_its_keys_are_explained_and_in_the_schema(new_kind: Bench) -> None:
    text = new_kind.call("check", "--keys", KIND).out
    assert "how often a process is forked" in text
    schema = json.loads(new_kind.call("check", "--schema").out)
    kind = schema["properties"]["workloads"]["items"]["properties"][KIND]
    assert kind["properties"]["plan"]["description"] == "a file with the number"
    assert kind["anyOf"] == [{"required": ["times"]}, {"required": ["plan"]}]


def test_its_programs_are_in_the_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = guest_key()
    monkeypatch.setitem(WORKLOADS, KIND, ROW)
    assert programs()["bin/looper"] == ("lines.c",)
    assert guest_key() != before


def test_what_it_prints_is_compared(new_kind: Bench) -> None:
    new_kind.experiment["workloads"] = [{KIND: {"times": 1, "prints": True}}]
    file = new_kind.folder / "printing.yaml"
    file.write_text(yaml.safe_dump(new_kind.experiment))
    exp = read_experiment(file)

    def boot(arm: str, text: str) -> Boot:
        run = PayloadRun(KIND, 1, 0, 0, 0, Printed(len(text), text, ""), Printed(0, "", ""))
        return Boot("", arm, "", "count", 1, "tcg", 0, 0, 0, Outcome.OK, "", 1.0, "", Results("", 1, {}, (), (run,)))

    [row] = metric_rows(exp, [boot("with", "3.5"), boot("without", "2")])
    assert (row.metric, row.unit, row.direction, row.decides) == ("speed", "loops", MORE, True)
    assert row.values == {"without": (2.0,), "with": (3.5,)}
    mute = [boot("with", ""), boot("without", "2")]
    assert unprinted(exp, mute, metric_rows(exp, mute)) == ["loops printed no number in 1 of 1 boot of with"]
    assert silent(exp, [boot("with", "")], []) == [
        "loops: no metric in what it printed, read as one number",
        "loops: it never printed the metric speed",
    ]


def by_name(tree: ast.AST) -> Iterator[str]:
    """Comparisons with the name of a workload."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            texts = {p.value for p in ast.walk(node) if isinstance(p, ast.Constant)}
            if texts & WORKLOADS.keys():
                yield ast.unparse(node)


def test_no_module_asks_for_a_workload_by_its_name() -> None:
    texts = {str(p.relative_to(PROJECT)): p.read_text() for p in (PROJECT / "kit").rglob("*.py")}
    asking = {path: text for path, text in texts.items() if any(f'"{name}"' in text for name in WORKLOADS)}
    assert {path: list(by_name(ast.parse(text))) for path, text in asking.items()} == {path: [] for path in asking}
    assert list(by_name(ast.parse("x = kind == 'aim7' and 1"))) != []
