"""Formats for machines: JUnit, KTAP, KCIDB, b4. Each is checked with its schema or its own reader."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from kit.report.cases import Case, Status, cases
from kit.store.cache import cache_root
from kit.store.runfiles import Files, RunFiles
from tests.report.folders import NAMES, bisection, every, folder, run, told

CASES = {name: i for i, name in enumerate(NAMES)}


def undecided() -> RunFiles:
    """A run without a verdict."""
    return run("worse", verdict="inconclusive", expected=False, exit_code=3)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        (run("better"), Status.PASS),
        (run("worse"), Status.FAIL),
        (run("broken"), Status.FAIL),
        (run("nothing"), Status.ERROR),
        (undecided(), Status.SKIP),
        (bisection(), Status.PASS),
    ],
    ids=["better", "worse", "broken", "could-not-run", "inconclusive", "bisected"],
)
def test_four_ends_are_told_apart_in_every_format(files: Files, status: Status) -> None:
    assert cases(files)[0].status is status
    first = next(ElementTree.fromstring(told("junit", files)).iter("testcase"))
    tags = {child.tag for child in first} & {"failure", "error", "skipped"}
    assert tags == {Status.FAIL: {"failure"}, Status.ERROR: {"error"}, Status.SKIP: {"skipped"}}.get(status, set())
    line = told("ktap", files).splitlines()[-1]
    ends = {Status.PASS: r"ok 1 \S+", Status.FAIL: r"not ok 1 \S+", Status.SKIP: r"ok 1 \S+ # SKIP"}
    assert re.fullmatch(ends.get(status, r"not ok 1 \S+ # ERROR"), line)
    row = json.loads(told("b4", files))[0]
    said = {Status.SKIP: ("warn", "skipped: "), Status.ERROR: ("warn", "could not run: ")}
    state, begin = said.get(status, (str(status), ""))
    assert row["status"] == state
    assert row["summary"].startswith(begin)


def test_what_is_worse_as_expected_fails_nowhere() -> None:
    files = run("worse", expected=True, exit_code=0)
    assert {c.status for c in cases(files)} == {Status.PASS}
    assert Status.FAIL in {c.status for c in cases(run("worse"))}


def test_emulated_time_is_skipped() -> None:
    mine = [c for c in cases(run("timed")) if c.group == "time"]
    assert mine
    assert {c.status for c in mine} == {Status.SKIP}


def test_a_model_that_is_wrong_fails() -> None:
    files = run("better")
    evidence = json.loads(json.dumps(files.verdict["evidence"]))
    evidence["count"]["comparisons"][0]["agrees"] = False
    failed = [c for c in cases(RunFiles(files.folder, {**files.verdict, "evidence": evidence})) if c.number]
    assert [c.status for c in failed].count(Status.FAIL) == 1


# JUnit.


@pytest.mark.parametrize("name", NAMES)
def test_junit_is_valid(name: str) -> None:
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed: pip install 'kit[formats]'")
    schema = etree.XMLSchema(etree.parse(str(Path(__file__).with_name("junit.xsd"))))
    document = etree.fromstring(told("junit", every()[CASES[name]]).encode())
    assert schema.validate(document), schema.error_log


def test_junit_counts_what_it_holds() -> None:
    whole = ElementTree.fromstring(told("junit", *every()))
    for suite in whole.iter("testsuite"):
        its = list(suite.iter("testcase"))
        assert int(suite.get("tests") or -1) == len(its)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute) or 0) == sum(case.find(tag) is not None for case in its)
    assert len(list(whole)) > len(NAMES)


def with_console(text: str) -> RunFiles:
    """A broken run whose console holds this text."""
    files = run("broken")
    splats = json.loads(json.dumps(files.verdict["splats"]))
    splats["broken"][0]["excerpt"] = text
    return RunFiles(files.folder, {**files.verdict, "splats": splats})


def test_what_xml_cannot_hold_is_replaced() -> None:
    nasty = "a\x00b\x1b[31m\ud800]]><failure/>&amp;\ufffe"
    failures = ElementTree.fromstring(told("junit", with_console(nasty))).iter("failure")
    assert any("a�b�[31m�]]><failure/>&amp;�" in (f.text or "") for f in failures)


# KTAP.


def kunit(tree: Path) -> ModuleType:
    """The parser of a kernel tree's kunit."""
    sys.path.insert(0, str(tree))
    try:
        spec = importlib.util.spec_from_file_location("kunit_parser", tree / "kunit_parser.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(tree))


@pytest.fixture(scope="module")
def parser() -> Iterator[ModuleType]:
    named = os.environ.get("KIT_TREE_KUNIT")
    known = [Path(named)] if named else sorted((cache_root() / "trees").glob("*/"))
    found = [p / "tools/testing/kunit" for p in known if (p / "tools/testing/kunit/kunit_parser.py").is_file()]
    if not found:
        pytest.skip("no kernel tree in the cache, and KIT_TREE_KUNIT names none")
    yield kunit(found[-1])
    sys.modules.pop("kunit_parser", None)


def leaves(test: Any) -> Iterator[Any]:
    """The cases of a parsed report."""
    for sub in test.subtests:
        yield from leaves(sub)
    if not test.subtests:
        yield test


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_s_own_parser_reads_ktap(parser: ModuleType, name: str) -> None:
    files = every()[CASES[name]]
    with contextlib.redirect_stdout(io.StringIO()):
        parsed = parser.parse_run_tests(told("ktap", files).splitlines(), *extra(parser))
    assert parsed.counts.errors == 0, parsed
    found = [str(t.status).partition(".")[2] for t in leaves(parsed)]
    wanted = {Status.PASS: "SUCCESS", Status.SKIP: "SKIPPED"}
    assert found == [wanted.get(c.status, "FAILURE") for c in cases(files)]


def extra(parser: ModuleType) -> list[Any]:
    """Newer parsers want a printer as an argument, too."""
    with contextlib.suppress(ImportError):
        from inspect import signature

        if len(signature(parser.parse_run_tests).parameters) > 1:
            printer = importlib.import_module("kunit_printer")
            return [printer.Printer(print=False)]
    return []


def test_ktap_names_hold_no_directive() -> None:
    files = run("worse")
    evidence = json.loads(json.dumps(files.verdict["evidence"]))
    evidence["count"]["comparisons"][0]["at"]["lock"] = "rcu_node_0#2 # SKIP\nok 1"
    lines = told("ktap", RunFiles(files.folder, {**files.verdict, "evidence": evidence})).splitlines()
    line = next(x for x in lines if "rcu_node_0_2 _ SKIP ok 1" in x and not x.lstrip().startswith("#"))
    assert "# SKIP" not in line


# KCIDB.


@pytest.mark.parametrize("name", NAMES)
def test_kcidb_is_valid(name: str) -> None:
    io_schema = pytest.importorskip("kcidb_io.schema", reason="kcidb-io is not installed: pip install 'kit[formats]'")
    document = json.loads(told("kcidb", every()[CASES[name]]))
    assert io_schema.V5_3.is_compatible_exactly(document)
    io_schema.V5_3.validate(document)


@pytest.mark.parametrize("name", NAMES)
def test_kcidb_holds_together(name: str) -> None:
    """What a schema does not check: every id is unique, and everything belongs to something that exists."""
    document = json.loads(told("kcidb", every()[CASES[name]]))
    ids = {kind: [x["id"] for x in document[kind]] for kind in ("checkouts", "builds", "tests")}
    assert all(len(set(found)) == len(found) for found in ids.values())
    assert {b["checkout_id"] for b in document["builds"]} <= set(ids["checkouts"])
    assert {t["build_id"] for t in document["tests"]} <= set(ids["builds"])
    assert document["tests"]
    assert all(t["status"] in ("PASS", "FAIL", "DONE") for t in document["tests"] if "number" in t)
    assert name == "nothing" or any(t.get("number", {}).get("unit") for t in document["tests"])


def test_an_arm_that_does_not_compile_is_a_build_that_failed() -> None:
    builds = json.loads(told("kcidb", run("nothing")))["builds"]
    assert {b["id"].split(":")[2]: b["status"] for b in builds} == {"without": "FAIL", "with": "PASS"}
    assert any("error" in b.get("log_excerpt", "") for b in builds)


# b4.


@pytest.mark.parametrize("name", NAMES)
def test_b4_gets_what_it_reads(name: str) -> None:
    rows = json.loads(told("b4", every()[CASES[name]]))
    assert rows
    for row in rows:
        assert set(row) == {"tool", "status", "summary", "url", "details"}
        assert row["status"] in ("pass", "warn", "fail")
        assert "\n" not in row["summary"]
        assert 0 < len(row["summary"]) <= 160
    assert len({row["tool"] for row in rows}) == len(rows)


def test_b4_is_shown_the_page(tmp_path: Path) -> None:
    (tmp_path / "report.html").touch()
    rows = json.loads(told("b4", replace(run("worse"), folder=tmp_path)))
    assert rows[0]["url"] == (tmp_path / "report.html").as_uri()


def test_cases_name_each_comparison_once() -> None:
    found: list[Case] = [c for f in every() for c in cases(f) if c.number]
    assert len({(c.group, c.name, id(c.number)) for c in found}) == len(found)
    assert folder("better").name in told("junit", run("better"))
