"""`kit compare` on inputs as people have them: one case of each kind, with the right verdict and exit code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kit.cli import main

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def sides(a: str, b: str) -> None:
    Path("A").write_text(a)
    Path("B").write_text(b)


def said(capsys: Captured, *words: str) -> tuple[int, dict]:  # type: ignore[type-arg]
    code = main(["compare", "A", "B", "--json", *words])
    out, err = capsys.readouterr()
    return code, json.loads(out) if code != 2 else {"error": err}


def column(head: str, *values: float) -> str:
    return "\n".join([head, *map(str, values)]) + "\n"


def test_fewer_files_per_second_are_worse(capsys: Captured) -> None:
    sides(column("fsmark.files_per_sec", *range(900, 906)), column("fsmark.files_per_sec", *range(700, 706)))
    code, shown = said(capsys)
    assert (code, shown["verdict"]) == (1, "worse")


def test_a_rate_of_errors_is_asked_for(capsys: Captured) -> None:
    sides(column("error_rate", 1.0, 1.1, 1.05, 1.02), column("error_rate", 2.0, 2.1, 2.05, 2.02))
    code, shown = said(capsys)
    assert code == 2
    assert "error_rate does not say" in shown["error"]
    assert "--better error_rate=more" in shown["error"]
    assert said(capsys, "--better", "error_rate=less")[0] == 1


def test_what_lkps_monitors_record_decides_nothing(capsys: Captured) -> None:
    for side, ops, cpu in (("A", 200000, 300), ("B", 240000, 360)):
        for run in range(5):
            (Path(side) / str(run)).mkdir(parents=True)
            metrics = {"will-it-scale.per_process_ops": ops + run, "time.percent_of_cpu_this_job_got": cpu + run}
            (Path(side) / str(run) / "stats.json").write_text(json.dumps(metrics))
    code, shown = said(capsys)
    assert (code, shown["verdict"]) == (0, "better")
    assert [c["metric"] for c in shown["shown"]] == ["time.percent_of_cpu_this_job_got"]
    code, shown = said(capsys, "--better", "time.*=less")
    assert (code, shown["verdict"], shown["shown"]) == (1, "worse", [])


def test_a_null_is_left_out_and_said(capsys: Captured) -> None:
    sides(
        '{"latency_ms": [12.1, 12.2, null, 12.1], "width": [1, 1, 1], "setup_ms": [3, 3, 3]}',
        '{"latency_ms": [24.1, 24.2, null, 24.1], "width": [1, 1, 1], "setup_ms": [3, 3, 3]}',
    )
    code, shown = said(capsys)
    assert (code, shown["verdict"]) == (1, "worse")
    assert "latency_ms: 1 null left out, 3 values stay" in shown["notes"]


def test_a_decimal_comma_is_refused_with_its_place(capsys: Captured) -> None:
    sides("lauf;latenz_ms\n1;12,3\n2;12,4\n3;12,5\n", "lauf;latenz_ms\n1;22,3\n2;22,4\n3;22,5\n")
    code, shown = said(capsys, "--better", "less")
    assert code == 2
    assert "A:2: not a number: '12,3'" in shown["error"]


def test_benchmarks_of_a_long_table_are_metrics_of_their_own(capsys: Captured) -> None:
    def table(fork: float, execs: float) -> str:
        rows = [f"fork,{fork + i % 3 / 10}\nexec,{execs + i % 3 / 10}" for i in range(6)]
        return "\n".join(["benchmark,time_ms", *rows])

    sides(table(10, 50), table(12, 45))
    code, shown = said(capsys)
    assert (code, {c["metric"]: c["said"] for c in shown["comparisons"]}) == (
        1,
        {"fork time_ms": "worse", "exec time_ms": "better"},
    )


def test_hyperfines_json_is_read(capsys: Captured) -> None:
    for side, times in (("A", [10.1, 10.2, 10.0, 10.1]), ("B", [9.1, 9.2, 9.0, 9.1])):
        Path(side).write_text(
            json.dumps({"results": [{"command": "make", "mean": 9.1, "stddev": 0.1, "times": times}]})
        )
    code, shown = said(capsys)
    assert (code, shown["verdict"]) == (0, "better")


def test_allocations_from_zero_are_a_difference_without_a_ratio(capsys: Captured) -> None:
    lines = [f"BenchmarkFork-8 100 12000 ns/op {n} allocs/op\n" * 6 for n in (0, 1)]
    sides(*lines)
    code, shown = said(capsys)
    found = {c["metric"]: c for c in shown["comparisons"]}
    assert (code, found["Fork-8 ns/op"]["said"], found["Fork-8 allocs/op"]["said"]) == (1, "same", "worse")
    assert (found["Fork-8 allocs/op"]["ratio"], found["Fork-8 allocs/op"]["arm_value"]) == (None, 1)
    assert "1, where it was 0" in shown["sentence"]
    assert not any("only" in n for n in shown["notes"])
    assert main(["compare", "A", "B"]) == 1
    assert "BenchmarkFork" not in capsys.readouterr().out


def test_pairs_see_what_groups_do_not(capsys: Captured) -> None:
    rng = np.random.default_rng(1)
    base = 100 * np.exp(0.3 * rng.normal(size=12))
    arm = base * np.exp(0.03 + 0.01 * rng.normal(size=12))
    sides(json.dumps({"x_ms": base.tolist()}), json.dumps({"x_ms": arm.tolist()}))
    assert said(capsys)[0] == 3
    code, shown = said(capsys, "--paired")
    assert (code, shown["comparisons"][0]["test"]) == (1, "Wilcoxon")
    sides(json.dumps({"x_ms": [1, None, 3]}), json.dumps({"x_ms": [1, 2, None]}))
    assert "pairs are not known any more" in said(capsys, "--paired")[1]["error"]
    sides(json.dumps({"x_ms": [1, 3]}), json.dumps({"x_ms": [1, 2, 3]}))
    assert "2 values in A and 3 in B are no pairs" in said(capsys, "--paired")[1]["error"]
