"""Payloads from the experiment to the verdict, in a fake guest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rig import Bench

from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, INCONCLUSIVE, NOT_AS_EXPECTED, OK
from kit.experiment.reader import read_experiment
from kit.records import Experiment

PRINTS = "/* prints: faults: 10 pages */"


def with_payload(bench: Bench, **params: Any) -> None:
    bench.experiment["workloads"] = [{"payload": {"command": ["sh", "-c", "true"], **params}}]


def differ(bench: Bench) -> None:
    """Gives two arms different kernels."""
    bench.arms(with_=[bench.patch("comment", "Clone every entry", "Clone each entry")])


def prints(bench: Bench, number: int) -> str:
    return bench.patch("prints", "return 0;", f"return 0; /* prints: faults: {number} pages */")


def test_counts_of_a_payload_are_compared_and_not_predicted(bench: Bench) -> None:
    with_payload(bench)
    ran = bench.run()
    assert ran.code == OK, ran
    [at] = [c["at"] for c in bench.verdict()["evidence"]["count"]["comparisons"]]
    assert (at["workload"], at["lock"]) == ("payload", "anon_vma")
    assert "no prediction" in ran.out


@pytest.mark.parametrize(
    ("better", "decides", "code", "verdict"),
    [("less", True, NOT_AS_EXPECTED, "worse"), ("more", True, OK, "better"), ("more", False, OK, "same")],
)
def test_a_metric_decides_where_it_is_told_to(
    bench: Bench, better: str, decides: bool, code: int, verdict: str
) -> None:
    bench.arms(without=[bench.patch("ten", "return 0;", f"return 0; {PRINTS}")], with_=[prints(bench, 12)])
    with_payload(bench, format="key-value", metrics={"faults": {"better": better, "decides": decides}})
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (code, verdict), ran
    [row] = bench.verdict()["evidence"]["count"]["details"]["metrics"]
    assert (row["metric"], row["unit"]) == ("faults", "pages")
    assert {arm: set(values) for arm, values in row["values"].items()} == {"without": {10}, "with": {12}}
    assert "What payloads printed" in ran.out
    assert ("1.2 times the faults" in ran.out) is decides


def test_a_format_that_finds_nothing_is_said(bench: Bench) -> None:
    differ(bench)
    with_payload(bench, format="json", metrics={"a.b": {"better": "less", "decides": True}})
    ran = bench.run()
    assert "payload: no metric in what it printed, read as json" in ran.out
    assert "payload: it never printed the metric a.b" in ran.out


@pytest.mark.parametrize(("before", "lost"), [("ok 1 a", ["with"]), ("Aborted", ["with", "without"])])
def test_output_that_is_no_ktap_is_not_the_same(bench: Bench, before: str, lost: list[str]) -> None:
    said = {name: f"return 0; /* prints: {text} */" for name, text in (("a", before), ("b", "Segmentation fault"))}
    bench.arms(without=[bench.patch("a", "return 0;", said["a"])], with_=[bench.patch("b", "return 0;", said["b"])])
    with_payload(bench, format="ktap")
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (INCONCLUSIVE, "inconclusive"), ran
    why = bench.verdict()["evidence"]["count"]["why"]
    told = re.findall(r"payload printed no test result \(KTAP\) in (\d+) of \1 boots of (\w+)", why)
    assert sorted(arm for _, arm in told) == lost, why


def test_an_arm_in_which_a_payload_fails_is_broken_with_its_last_words(bench: Bench) -> None:
    fault = bench.patch("exits", "return 0;", "return 0; /* exits: 3 */ /* prints: out of luck */")
    bench.arms(with_=[fault])
    with_payload(bench)
    ran = bench.run()
    assert ran.code == NOT_AS_EXPECTED
    assert bench.verdict()["verdict"] == "broken"
    assert "payload: exit status 3; its last words (stdout): out of luck" in ran.out
    bench.edit("return 0;", "return 0; /* exits: 3 */")
    differ(bench)
    assert bench.run().code == COULD_NOT_RUN


def read(bench: Bench) -> Experiment:
    return read_experiment(Path(bench.write()))


def test_a_run_keeps_what_its_payload_was(bench: Bench) -> None:
    (bench.folder / "load").mkdir()
    script = bench.folder / "load" / "go"
    script.write_text("#!/bin/sh\necho faults: 3\n")
    script.chmod(0o755)
    differ(bench)
    with_payload(bench, command="./go 'two words'", folder="load")
    assert bench.run().code == OK
    assert bench.run().code == OK
    assert bench.verdict()["boots"]["reused"] == 4
    kept = bench.runs()[-1] / "experiment.yaml"
    [spec] = read_experiment(kept).workloads
    assert (spec.params["command"], spec.params["folder"]) == (["./go", "two words"], str(bench.folder / "load"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"command": "nosuchprogram"}, "no such program on this machine: nosuchprogram"),
        ({"command": "./nothere"}, "no such program: "),
        ({"command": "sh -c true", "files": ["/no/such"]}, "no such file or folder: /no/such"),
        ({"command": []}, "at least 1 needed"),
        ({"command": "sh 'open"}, "No closing quotation"),
        ({"command": "sh", "format": "xml"}, "format"),
        ({"command": "sh", "format": {"regex": "(?P<name>x)"}}, "the pattern has no group"),
        ({"command": "sh", "format": {"regex": "("}}, "not a regular expression"),
        ({"command": "sh", "metrics": {"a": {}}}, "no `format` says how"),
        ({"command": "sh", "format": "json", "metrics": {"a": {"decides": True}}}, "says which is better"),
        ({"command": "sh", "limit": 0}, "limit"),
        ({"command": "sh", "nosuch": 1}, "unknown key"),
    ],
)
def test_what_is_wrong_with_a_payload_is_said_before_anything_is_built(
    bench: Bench, params: dict[str, Any], message: str
) -> None:
    bench.experiment["workloads"] = [{"payload": params}]
    ran = bench.run()
    assert ran.code == BAD_INPUT, ran
    assert message in ran.err
    assert "experiment.yaml:" in ran.err
    assert bench.did("make vmlinux") == bench.did("boot") == 0


def test_on_the_hosts_files_nothing_is_packed_and_no_boot_is_reused(bench: Bench) -> None:
    differ(bench)
    with_payload(bench)
    bench.experiment["guest"]["root"] = "host"
    assert bench.run().code == OK
    ran = bench.run()
    assert ran.code == OK
    assert ran.err.count("guests can read /") == 1
    assert bench.verdict()["boots"] == {"ok": 4, "failed": 0, "reused": 0}
    assert read(bench).root == "host"


def test_a_payload_gets_a_kernel_for_programs_of_a_distribution(bench: Bench) -> None:
    bench.arms()
    bench.run()
    with_payload(bench)
    bench.run()
    configs = {json.loads(p.read_text())["spec"]["config_key"] for p in bench.cache.glob("kernels/*/kernel.json")}
    assert len(configs) == 2


def test_a_boot_is_shown_with_what_its_payload_printed(bench: Bench) -> None:
    bench.arms(with_=[prints(bench, 12)])
    with_payload(bench)
    bench.run()
    rows = json.loads(bench.call("show", "last", "--boot", "--json").out)
    name = next(r["name"] for r in rows if r["arm"] == "with")
    ran = bench.call("show", "last", "--boot", name)
    assert "payload: exit status 0, 0.001 s\n  stdout:\n    faults: 12 pages" in ran.out
