"""`kit compare`: the formats, their errors with file and line, exit codes, and the figures of 2011."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit.base.errors import UserError
from kit.cli import main
from kit.evidence import time
from kit.evidence.request import Site
from kit.outside import direction_of, read_outside
from kit.records import to_json
from kit.run.job import write_experiment
from kit.store.runfolder import RunFolder
from tests.evidence.test_time_evidence import EXP, KERNELS, did, noisy

RC2, PATCHED, OLD = "3.0-rc2=6,68.0,7.3%", "637fbbf=10,104.9,14.8%", "2.6.39=6,100.0,1.1%"


def called(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = main(["compare", "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def values(mean: float, count: int, seed: int) -> list[float]:
    return (mean * np.exp(0.01 * np.random.default_rng(seed).normal(size=count))).tolist()


def test_2011_the_patch_is_a_gain_over_rc2(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = called(capsys, RC2, PATCHED, "--better", "more")
    (c,) = shown["comparisons"]
    assert (code, shown["verdict"]) == (0, "better")
    assert 1.3 < c["low"] < 1.54 < c["high"] < 1.8
    assert c["p"] < 1e-4
    assert shown["sentence"].startswith("637fbbf is better than 3.0-rc2: 53% higher")


def test_2011_against_2_6_39_it_is_inconclusive(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = called(capsys, OLD, PATCHED, "--better", "more")
    (c,) = shown["comparisons"]
    assert (code, shown["verdict"]) == (3, "inconclusive")
    assert c["low"] < 1 < c["high"]
    assert 0.15 < c["detectable"] < 0.25
    assert "nine of ten such runs would have detected a difference of 19%" in shown["sentence"]


def test_2011_the_regression_was_worse(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = called(capsys, OLD, RC2, "--better", "more")
    assert (code, shown["verdict"]) == (1, "worse")
    assert "lower" in shown["sentence"]


@pytest.mark.parametrize("kind", ["csv", "bare", "json", "list", "go", "matrix", "runs"])
def test_every_format_reads_the_same_numbers(kind: str, tmp_path: Path) -> None:
    numbers = [round(v, 3) for v in values(100, 5, 1)]
    rows = [str(v) for v in numbers]
    target = tmp_path / "side"
    if kind in ("matrix", "runs"):
        target.mkdir()
    metric = "a.ops"
    if kind == "csv":
        target.write_text("run,a.ops\n" + "".join(f"r{i},{v}\n" for i, v in enumerate(rows)))
    elif kind == "bare":
        target.write_text("\n".join(rows))
        metric = "value"
    elif kind == "json":
        target.write_text(json.dumps({"a.ops": numbers, "commit": "abc", "tags": ["x"]}))
    elif kind == "list":
        target.write_text(json.dumps(numbers))
        metric = "value"
    elif kind == "go":
        lines = [f"BenchmarkFork-8 \t 100\t {v} ns/op\t 16 B/op" for v in rows]
        target.write_text("\n".join(["goos: linux", "pkg: x", *lines, "PASS"]))
        metric = "Fork-8 ns/op"
    elif kind == "matrix":
        (target / "matrix.json").write_text(json.dumps({"a.ops": numbers}))
    else:
        for i, v in enumerate(numbers):
            (target / str(i)).mkdir()
            (target / str(i) / "stats.json").write_text(json.dumps({"a.ops": v}))
    found = read_outside(str(target))
    assert found.groups[metric].values == tuple(numbers)
    assert found.name == "side"


def test_summaries_in_a_file_by_metric(tmp_path: Path) -> None:
    side = written(tmp_path / "s.csv", "kernel,N,Mean,SD\na,6,100,1.1%\nb,10,50,2\n")
    groups = read_outside(side).groups
    assert [(m, g.n, g.mean, round(g.sd, 3)) for m, g in groups.items()] == [("a", 6, 100, 1.1), ("b", 10, 50, 2)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,2\n3\n", "{}:3: 1 columns, not 2"),
        ("a\n1\nx\n", "{}:3: not a number: 'x'"),
        ("a\n1\nnan\n", "{}:3: not a finite number"),
        ("n,mean,sd\n1,2,3\n", "{}:2: not a number of runs"),
        ("m,n,mean,sd\na,3,2,1\na,3,2,1\n", "{}:3: a second line for a"),
        ("n,mean,sd\n5,-2,3\n", "{}:2: the mean must be above 0"),
        ("", "{}: no numbers in it"),
        ("words\nonly\n", "{}: no numbers in it"),
        ('{"a": [1,\n2,,]}', "{}:2: not JSON"),
        ("BenchmarkX 1 5 ns/op 7\n", "{}:1: a value without a unit"),
        ("BenchmarkX 1 y ns/op\n", "{}:1: not a number: 'y'"),
        ("[" * 100_000, "{}: not JSON: nested too deep"),
    ],
)
def test_mistakes_are_named_with_file_and_line(content: str, words: str, tmp_path: Path) -> None:
    side = written(tmp_path / "side", content)
    with pytest.raises(UserError) as caught:
        read_outside(side)
    assert str(caught.value).startswith(words.format(side))


def test_what_is_not_there_or_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for side, words in (("nowhere", "cannot read"), ("binary", "not text"), ("", "neither a run of kit nor a result")):
        with pytest.raises(UserError, match=words):
            read_outside(str(tmp_path / side) if side else str(tmp_path))


def test_exit_codes_and_multiplicity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def side(name: str, means: dict[str, float]) -> str:
        metrics = {m: values(v, 8, i + len(name)) for i, (m, v) in enumerate(means.items())}
        return written(tmp_path / name, json.dumps(metrics))

    base = side("base.json", {"x.ops": 100, "y.ops": 100, "z latency": 10, "odd": 3, "zero": 1})
    mixed = side("mixed.json", {"x.ops": 110, "y.ops": 100, "z latency": 12, "odd": 3, "other": 1})
    code, shown = called(capsys, base, mixed, "--limit", "3%")
    assert (code, shown["verdict"]) == (1, "worse")
    assert [c["said"] for c in shown["comparisons"]] == ["better", "same", "worse"]
    assert shown["method"].endswith("Holm over 3 metrics")
    assert any("odd" in n and "--better" in n for n in shown["notes"])
    assert [(c["metric"], c["said"], c["direction"]) for c in shown["shown"]] == [("odd", None, "")]
    assert [n for n in shown["notes"] if "not compared" in n] == [
        f"only {base} has zero: not compared",
        f"only {mixed} has other: not compared",
    ]
    code, shown = called(capsys, base, mixed, "--metric", "x*")
    assert (code, len(shown["comparisons"])) == (0, 1)
    code, shown = called(capsys, base, base, "--metric", "y*", "--limit", "3%")
    assert (code, shown["verdict"]) == (0, "same")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["odd.json", "odd.json"], "is higher or lower better? odd does not say"),
        (["odd.json", "x.json"], "no metric in common"),
        (["x.json", "x.json", "--metric", "q*"], "no metric is like q*"),
        (["x.json", "x.json", "--limit", "much"], "--limit: not a limit: much"),
        (["x.json", "x.json", "--alpha", "2"], "--alpha: not a limit: 2"),
    ],
)
def test_questions_that_cannot_be_answered_are_bad_input(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "odd.json", '{"odd": [1, 2, 3]}')
    written(tmp_path / "x.json", '{"x.ops": [1, 2, 3]}')
    assert main(["compare", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_text_has_a_row_a_metric_and_ends_with_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", RC2, PATCHED, "--better", "more"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A 3.0-rc2, B 637fbbf: Welch's t on logarithms, 95% intervals"
    assert lines[4].split() == [
        *("value", "68", "104.9", "+53%", "+35.9%", "to", "+72.3%", "<0.0001", "21%", "6+10", "better")
    ]
    assert lines[-1].startswith("BETTER: 637fbbf is better than 3.0-rc2: ")


@pytest.mark.parametrize(
    ("metric", "more"),
    [
        ("aim7.jobs-per-min", True),
        ("Fork-8 ns/op", False),
        ("Copy MB/s", True),
        ("will-it-scale.per_process_ops", True),
        ("hackbench.throughput", True),
        ("p99 latency", False),
        ("elapsed_ms", False),
        ("Alloc-8 B/op", False),
        ("odd", None),
        ("column 1", None),
    ],
)
def test_what_is_better_by_unit_and_name(metric: str, more: bool | None) -> None:
    assert direction_of(metric) is more


@pytest.mark.parametrize(("accel", "code"), [("kvm", 1), ("tcg", 3)])
def test_arms_of_a_run(accel: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(tmp_path)
    write_experiment(replace(EXP, arms=tuple(replace(a, tree="debian:6.1", profile=None) for a in EXP.arms)), tmp_path)
    for spec in time.boots(EXP, Site(KERNELS, "kvm", "guest"))[:36]:
        boot = did(spec, noisy(1.05)(spec))
        folder.append_boot(to_json(replace(boot, accel=accel)))
    base, new = f"{tmp_path}:base", f"{tmp_path}:new"
    got, shown = called(capsys, base, new, "--metric", "chain/d0*")
    assert (got, shown["comparisons"][0]["n"]) == (code, 12)
    assert ("emulation" in shown["sentence"]) == (accel == "tcg")
    assert main(["compare", str(tmp_path), new]) == 2
    assert "which arm of this run?" in capsys.readouterr().err
