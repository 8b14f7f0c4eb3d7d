"""Each tool's format, by a made-up result of the same structure: values, directions, and scipy's p on the numbers."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from kit.base.errors import UserError
from kit.compare.judge import Asked, compare
from kit.outside import read_outside, read_sides

Values = Sequence[float]
A = (10.1, 10.4, 9.9, 10.2, 10.0, 10.3)
B = (11.2, 11.0, 11.5, 11.3, 10.9, 11.1)


def hyperfine(v: Values) -> str:
    return json.dumps(
        {"results": [{"command": "make", "mean": 1, "stddev": 1, "times": list(v), "exit_codes": [0] * 6}]}
    )


def pyperf(v: Values) -> str:
    runs = [{"metadata": {"date": "x"}, "warmups": [[1, 99.0]], "values": [x, x]} for x in v]
    calibration = {"metadata": {}, "warmups": [[1, 5.0]]}
    data = {
        "benchmarks": [{"runs": [calibration, *runs]}],
        "metadata": {"name": "telco", "unit": "second"},
        "version": "1.0",
    }
    return json.dumps(data)


def google(v: Values) -> str:
    rows = [
        {
            **{"name": "BM_Fork/8", "run_name": "BM_Fork/8", "run_type": "iteration", "repetitions": 6},
            **{"repetition_index": i, "threads": 1, "iterations": 100, "real_time": x * 1e6, "cpu_time": x * 1e6},
            **{"time_unit": "us", "items_per_second": 1 / x, "faults": 3.0, "family_index": 0},
        }
        for i, x in enumerate(v)
    ]
    mean = {"name": "BM_Fork/8_mean", "run_name": "BM_Fork/8", "run_type": "aggregate", "aggregate_name": "mean"}
    broken = {
        "name": "BM_Bad",
        "run_name": "BM_Bad",
        "run_type": "iteration",
        "error_occurred": True,
        "error_message": "no",
    }
    return json.dumps({"context": {"num_cpus": 8}, "benchmarks": [*rows, mean | {"real_time": 1.0}, broken]})


def pytest_benchmark(v: Values) -> str:
    figures = {"min": 1, "max": 2, "mean": 3, "stddev": 1, "rounds": len(v), "data": list(v)}
    return json.dumps(
        {"machine_info": {}, "benchmarks": [{"name": "test_f", "fullname": "t.py::test_f", "stats": figures}]}
    )


def jmh(v: Values) -> str:
    metric = {"score": 1.0, "scoreError": "NaN", "scoreUnit": "ops/ms", "rawData": [[1 / x, 1 / x] for x in v]}
    gc = {"score": 1.0, "scoreUnit": "MB/sec", "rawData": [[2.0, 2.0] for _ in v]}
    bench = {"jmhVersion": "1.37", "benchmark": "org.x.Fork.run", "mode": "thrpt", "threads": 1, "forks": 6}
    return json.dumps(
        [bench | {"params": {"n": "8"}, "primaryMetric": metric, "secondaryMetrics": {"gc.alloc.rate": gc}}]
    )


def fio(v: Values) -> str:
    def run(x: float) -> str:
        way = {"io_bytes": 9, "total_ios": 100, "bw_bytes": 4096 / x, "bw": 4 / x, "iops": 1 / x}
        latency = {"lat_ns": {"mean": x * 1e9}, "clat_ns": {"mean": 1.0, "percentile": {"99.000000": x * 2e9}}}
        idle = {"io_bytes": 0, "total_ios": 0, "iops": 0, "bw_bytes": 0}
        job = {"jobname": "rand", "error": 0, "read": way | latency, "write": idle, "trim": idle}
        return json.dumps({"fio version": "fio-3.33", "timestamp": 1, "jobs": [job]}, indent=1)

    return "note: both iodepth >= 1 and synchronous I/O engine are selected\n" + "\n".join(map(run, v))


def perf_stat(v: Values) -> str:
    block = """
 Performance counter stats for 'make':

          {ms:,.2f} msec task-clock                #    0.998 CPUs utilized
         1,234,567      instructions              #    1.10  insn per cycle
   <not supported>      cycles

      {s:.9f} seconds time elapsed

       0.500000000 seconds user
       0.100000000 seconds sys

"""
    return "".join(block.format(ms=x * 1000, s=x) for x in v)


def perf_stat_csv(v: Values) -> str:
    return "# started on Mon\n\n" + "".join(
        f"{x * 1000:.2f},msec,task-clock,{x:.0f},100.00,1.0,CPUs utilized\n" for x in v
    )


def perf_stat_json(v: Values) -> str:
    lines = [
        {"counter-value": f"{x * 1000:f}", "unit": "msec", "event": "task-clock", "pcnt-running": 100.0} for x in v
    ]
    return "\n".join(map(json.dumps, lines))


def perf_bench(v: Values) -> str:
    block = """# Running 'sched/pipe' benchmark:
# Executed 1000000 pipe operations between two processes

     Total time: {x:.3f} [sec]

       {x:.6f} usecs/op
         {r:d} ops/sec

"""
    return "".join(block.format(x=x, r=round(1e6 / x)) for x in v)


def phoronix_xml(v: Values) -> str:
    test = "<Identifier>pts/x-1.0</Identifier><Title>Build</Title><Description>Time</Description><Scale>Seconds</Scale>"
    raw = ":".join(map(str, v))
    entry = f"<Entry><Identifier>me</Identifier><Value>10</Value><RawString>{raw}</RawString></Entry>"
    lost = "<Result><Title>Lost</Title><Data><Entry><Identifier>me</Identifier><Value></Value></Entry></Data></Result>"
    kind = "<Proportion>LIB</Proportion><DisplayFormat>BAR_GRAPH</DisplayFormat>"
    result = f"<Result>{test}{kind}<Data>{entry}</Data></Result>"
    return f'<?xml version="1.0"?>\n<PhoronixTestSuite>\n<Generated/>{result}{lost}</PhoronixTestSuite>'


def phoronix_json(v: Values) -> str:
    result = {"identifier": "pts/x", "title": "Build", "description": "Time", "scale": "Seconds", "proportion": "LIB"}
    entry = {"me": {"value": 10.0, "raw_values": list(v)}}
    return json.dumps({"title": "x", "systems": {"me": {}}, "results": {"abc": result | {"results": entry}}})


def mmtests_json(v: Values) -> str:
    iterations = [{"SampleNrs": [1], "Values": [x]} for x in v]
    module = {"_ModuleName": "Extractkernbench", "_PreferredVal": "Lower", "_PlotYaxis": "Time (seconds)"}
    return json.dumps([module | {"_ResultData": {"elsp-8": iterations}}])


def mmtests_text(v: Values) -> str:
    return "".join(f"elsp-8    {i}   1         {x:.2f}\n" for i, x in enumerate(v))


def asv(v: Values) -> str:
    columns = ["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "samples"]
    row = [[10.0], [], "v", 1, 2, [9.0], [list(v)]]
    names = {"benchmarks.Fork.time_fork": row, "benchmarks.Fork.track_pages": [[7.0], []], "benchmarks.time_bad": None}
    return json.dumps(
        {"commit_hash": "abc", "env_name": "e", "result_columns": columns, "results": names, "version": 2}
    )


def unixbench(v: Values) -> str:
    block = """   BYTE UNIX Benchmarks (Version 5.1.3)
8 CPUs in system; running 1 parallel copy of tests

Process Creation                              {x:.1f} lps   (30.0 s, 2 samples)

System Benchmarks Index Values               BASELINE       RESULT    INDEX
Process Creation                                126.0        800.0     63.5
System Benchmarks Index Score                                        {x:.1f}
"""
    return "".join(block.format(x=100 * x) for x in v)


def stress_ng(v: Values) -> str:
    block = """stress-ng: info:  [99] dispatching hogs: 2 fork
stress-ng: metrc: [99] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s
stress-ng: metrc: [99]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)
stress-ng: metrc: [99] fork              12345     10.00      0.50      2.00       {x:.2f}         493.60
stress-ng: metrc: [99] uprobe                0     10.00      0.50      2.00         0.00           0.00
stress-ng: metrc: [99] fork              77.10 nanosecs per fork (harmonic mean of 2 instances)
"""
    return "".join(block.format(x=100 * x) for x in v)


def stress_ng_yaml(v: Values) -> str:
    block = """---
system-info:
      stress-ng-version: 0.15
metrics:
    - stressor: fork
      bogo-ops: 123
      bogo-ops-per-second-usr-sys-time: 1.5
      bogo-ops-per-second-real-time: {x}
      wall-clock-time: 10.0
...
"""
    return "".join(block.format(x=100 * x) for x in v)


def reaim(v: Values) -> str:
    block = """REAIM Workload
Times are in seconds - Child times from tms.cstime and tms.cutime

Num     Parent   Child   Child  Jobs per   Jobs/min/  Std_dev  Std_dev  JTI
Forked  Time     SysTime UTime   Minute     Child      Time     Percent
8       2.50     0.15    0.80    {x:.2f}    742.60     0.01     0.20     99
Max Jobs per Minute {x:.2f}
"""
    return "".join(block.format(x=100 * x) for x in v)


def aim7(v: Values) -> str:
    block = """AIM Multiuser Benchmark - Suite VII v1.1, January 22, 1996

Tasks   Jobs/Min        JTI     Real    CPU     Jobs/sec/task
8       {x:.1f}         99      2.5     1.2     4.9
"""
    return "".join(block.format(x=100 * x) for x in v)


def gobench(v: Values) -> str:
    lines = [f"BenchmarkFork-8   100   {x} ns/op   16 B/op   0 allocs/op" for x in v]
    return "\n".join(["goos: linux", "pkg: example.com/x", *lines, "PASS", "ok  example.com/x 1.0s"])


INVERSE, HUNDRED, THOUSAND = (lambda x: 1 / x), (lambda x: 100 * x), (lambda x: 1000 * x)
SAME = float
FORMATS: Mapping[str, tuple[Callable[[Values], str], str, Callable[[float], float], bool]] = {
    "hyperfine": (hyperfine, "make time", SAME, False),
    "pyperf": (pyperf, "telco", SAME, False),
    "Google Benchmark": (google, "BM_Fork/8 real_time", SAME, False),
    "Google Benchmark, rate": (google, "BM_Fork/8 items_per_second", INVERSE, True),
    "pytest-benchmark": (pytest_benchmark, "t.py::test_f", SAME, False),
    "JMH": (jmh, "org.x.Fork.run (n=8) thrpt ops/ms", INVERSE, True),
    "fio": (fio, "rand read iops", INVERSE, True),
    "fio, latency": (fio, "rand read latency", SAME, False),
    "perf stat": (perf_stat, "time elapsed", SAME, False),
    "perf stat -x": (perf_stat_csv, "task-clock", THOUSAND, False),
    "perf stat -j": (perf_stat_json, "task-clock", THOUSAND, False),
    "perf bench": (perf_bench, "sched/pipe usecs/op", SAME, False),
    "Phoronix, XML": (phoronix_xml, "Build Time Seconds", SAME, False),
    "Phoronix, JSON": (phoronix_json, "Build Time Seconds", SAME, False),
    "mmtests, JSON": (mmtests_json, "elsp-8", SAME, False),
    "asv": (asv, "benchmarks.Fork.time_fork", SAME, False),
    "UnixBench": (unixbench, "Process Creation lps", HUNDRED, True),
    "stress-ng": (stress_ng, "fork bogo ops/s", HUNDRED, True),
    "stress-ng, YAML": (stress_ng_yaml, "fork bogo ops/s", HUNDRED, True),
    "reaim": (reaim, "8 tasks, jobs per minute", HUNDRED, True),
    "AIM7": (aim7, "8 tasks, jobs per minute", HUNDRED, True),
    "Go": (gobench, "Fork-8 ns/op", SAME, False),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_is_known_by_its_content_and_read_by_its_structure(kind: str, tmp_path: Path) -> None:
    made, metric, of, more = FORMATS[kind]
    sides = [tmp_path / "a.out", tmp_path / "b.out"]
    for side, values in zip(sides, (A, B), strict=True):
        side.write_text(made(values))
    base = read_sides([str(s) for s in sides])[0]
    assert base.groups[metric].values == pytest.approx([of(v) for v in A], rel=1e-5)
    assert base.better[metric] is more
    shown, code = compare(Asked(str(sides[0]), str(sides[1]), 0.01, 0.05, metrics=(glob_of(metric),)))
    mine = next(c for c in shown["comparisons"] if c["metric"] == metric)
    assert mine["p"] == pytest.approx(stats.mannwhitneyu(A, B, method="exact").pvalue)
    logs = np.subtract.outer(np.log([of(v) for v in B]), np.log([of(v) for v in A]))
    assert mine["ratio"] == pytest.approx(np.exp(np.median(logs)), rel=1e-4)
    worse = (of(B[0]) > of(A[0])) is not more
    assert (mine["said"], code) == (("worse", 1) if worse else ("better", 0))


def glob_of(name: str) -> str:
    return name.replace("[", "[[]")


def read(tmp_path: Path, text: str) -> object:
    (tmp_path / "side").write_text(text)
    return read_outside(str(tmp_path / "side"))


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    def notes(text: str) -> str:
        return "\n".join(read(tmp_path, text).notes)  # type: ignore[attr-defined]

    assert "BM_Bad: failed, left out: no" in notes(google(A))
    assert "cycles" in notes(perf_stat(A))
    assert "Lost: no result of me" in notes(phoronix_xml(A))
    assert "benchmarks.time_bad: failed" in notes(asv(A))
    assert "uprobe: not one bogo operation" in notes(stress_ng(A))
    assert "6 processes of several values each" in notes(pyperf(A))
    failed = json.loads(hyperfine(A))
    failed["results"][0]["exit_codes"][2] = 1
    assert "1 of 6 runs failed" in notes(json.dumps(failed))


@pytest.mark.parametrize("made", [perf_stat, stress_ng, google], ids=lambda f: f.__name__)
def test_what_has_no_direction_is_shown_only(made: Callable[[Values], str], tmp_path: Path) -> None:
    found = read_outside(str(written(tmp_path / "x", made(A))))
    open_ = {m for m, more in found.better.items() if more is None}
    assert open_ & {"instructions", "fork real time", "BM_Fork/8 faults"}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_perf_stat_of_several_runs_is_a_summary(tmp_path: Path) -> None:
    text = """
 Performance counter stats for 'make' (16 runs):

       1.234.567      instructions              #    1,10  insn per cycle           ( +-  0,50% )

          2,5000 +- 0,0250 seconds time elapsed  ( +-  1,00% )
"""
    found = read_outside(str(written(tmp_path / "p", text)))
    elapsed, instructions = found.groups["time elapsed"], found.groups["instructions"]
    assert (elapsed.n, elapsed.mean, round(elapsed.sd, 6)) == (16, 2.5, 0.1)
    assert (instructions.mean, round(instructions.sd / instructions.mean, 6)) == (1234567, 0.02)


def test_google_aggregates_and_pytest_means_are_summaries(tmp_path: Path) -> None:
    rows = [
        {"run_name": "BM", "name": f"BM_{k}", "run_type": "aggregate", "aggregate_name": k, "repetitions": 9}
        | {"real_time": v, "cpu_time": v, "time_unit": "ms"}
        for k, v in (("mean", 50.0), ("median", 49.0), ("stddev", 2.0))
    ]
    found = read_outside(str(written(tmp_path / "g", json.dumps({"context": {}, "benchmarks": rows}))))
    assert (found.groups["BM real_time"].n, found.groups["BM real_time"].sd) == (9, pytest.approx(0.002))
    data = json.loads(pytest_benchmark(A))
    del data["benchmarks"][0]["stats"]["data"]
    assert read_outside(str(written(tmp_path / "t", json.dumps(data)))).groups["t.py::test_f"].n == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"results": [{"command": "x", "mean": 1}]}', "no times of single runs"),
        ("1.5,msec,task-clock,0.50%,123,100.00,,\n", "without the number of runs"),
        ('{"counter-value": "1.0", "event": "x", "variance": 0.5}', "without the number of runs"),
        ("<PhoronixTestSuite><Result></PhoronixTestSuite>", "not XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><PhoronixTestSuite/>', "not XML|document type|no numbers"),
        ("Hmean     syscalls  1.00 (   0.00%)  2.00 ( 100.00%)\n", "means without their runs"),
        ('{"_ExtractModules": [{}, {}]}', "2 kernels in one file"),
        ('{"context": {}, "benchmarks": [{"name": "x", "real_time": "x", "run_name": "x"}]}', "not a finite number"),
        ("command,mean,stddev,median\nmake,1,0.1,1\n", "without the number of runs"),
    ],
)
def test_what_a_format_lacks_is_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, text)


def test_systems_of_one_file_are_chosen_by_name(tmp_path: Path) -> None:
    data = json.loads(phoronix_json(A))
    data["results"]["abc"]["results"]["other"] = {"value": 1.0, "raw_values": list(B)}
    file = written(tmp_path / "both.json", json.dumps(data))
    with pytest.raises(UserError, match="2 systems in one file"):
        read_outside(str(file))
    base, arm = read_sides([f"{file}:me", f"{file}:other"])
    assert (base.groups["Build Time Seconds"].values, arm.groups["Build Time Seconds"].values) == (A, B)
    with pytest.raises(UserError, match="nothing in it is called nobody"):
        read_outside(f"{file}:nobody")


def test_commands_that_only_tell_the_sides_apart_are_no_names(tmp_path: Path) -> None:
    def side(name: str, *commands: str) -> str:
        results = [{"command": c, "times": list(A)} for c in commands]
        return str(written(tmp_path / name, json.dumps({"results": results})))

    base, arm = read_sides([side("a", "./old"), side("b", "./new")])
    assert (list(base.groups), list(arm.groups)) == (["time"], ["time"])
    assert "command: ./old in a, ./new in b" in base.notes
    base, arm = read_sides([side("a", "fork"), side("b", "fork", "exec")])
    assert (list(base.groups), list(arm.groups)) == (["fork time"], ["fork time", "exec time"])


def test_packages_of_go_that_share_a_name_are_two_metrics(tmp_path: Path) -> None:
    def package(name: str, values: Values) -> str:
        return f"pkg: {name}\n" + "".join(f"BenchmarkRun-8 10 {v} ns/op\n" for v in values)

    base, arm = read_sides(
        [str(written(tmp_path / "a", package("x", A))), str(written(tmp_path / "b", package("x", A) + package("y", B)))]
    )
    assert (list(base.groups), list(arm.groups)) == (["x Run-8 ns/op"], ["x Run-8 ns/op", "y Run-8 ns/op"])
    unit = "Unit widgets better=higher\nBenchmarkMiss-8 1 5 widgets 3 ns/op\n"
    assert read_outside(str(written(tmp_path / "u", unit))).better == {"Miss-8 widgets": True, "Miss-8 ns/op": False}


@pytest.mark.parametrize("packed", [gzip.compress, lzma.compress, lambda b: b, lambda b: b.decode().encode("utf-16")])
def test_a_folder_is_a_file_a_run_and_files_may_be_packed(packed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    for number, value in enumerate(A):
        (tmp_path / f"run{number}").write_bytes(packed(stress_ng([value]).encode()))
    found = read_outside(str(tmp_path)).groups["fork bogo ops/s"].values
    assert found == pytest.approx([100 * v for v in A])


def test_jobs_of_one_name_are_added_up(tmp_path: Path) -> None:
    data = json.loads(fio([2.0]).split("\n", 1)[1])
    data["jobs"] *= 2
    found = read_outside(str(written(tmp_path / "f", json.dumps(data))))
    assert found.groups["rand read iops"].values == (1.0,)
    assert any("added up" in n for n in found.notes)
