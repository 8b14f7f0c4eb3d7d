"""Names and words from guests and patches that hold control characters, markup and formulas, in every format."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from kit.report.formats import REPORTS
from kit.store.runfiles import BisectionFiles, RunFiles
from tests.report.folders import bisection, run, told

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b1m\u202e</script><b>&\x00\ufffe"
CONTROLS = {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0), 0x202E, 0xFFFE)} - {"\n", "\t"}
GIVEN = {"class", "title", "excerpt", "subject", "why", "message"}  # fields with words of guests and patches


def soiled(value: Any, key: str = "") -> Any:
    """The value with EVIL at the end of every text in such a field."""
    if isinstance(value, dict):
        return {k: soiled(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [soiled(v, key) for v in value]
    return f"{value}{EVIL}" if isinstance(value, str) and key in GIVEN else value


def folders() -> list[RunFiles | BisectionFiles]:
    runs = [run(name) for name in ("better", "worse", "broken")]
    found = bisection()
    return [
        *(RunFiles(r.folder, soiled(dict(r.verdict))) for r in runs),
        BisectionFiles(found.folder, soiled(dict(found.found))),
    ]


@pytest.mark.parametrize("form", [form for form in REPORTS if form != "folded"])  # these runs have no call chains
def test_no_format_hands_a_control_character_on(form: str) -> None:
    seen = 0
    for files in folders():
        text = told(form, files)
        assert CONTROLS & set(text.replace("\r\n", "\n")) == set()
        assert "<b>&" not in text or form not in ("html", "junit")
        seen += "owned" in text
        if form in ("json", "kcidb", "b4"):
            json.loads(text)
        if form == "junit":
            ElementTree.fromstring(text)
    assert seen


def test_a_spreadsheet_sees_no_formula() -> None:
    files = run("better")
    verdict = dict(files.verdict)
    for said in verdict["evidence"].values():
        for c in said["comparisons"]:
            c["arm"] = "=HYPERLINK(1)"
    rows = list(csv.reader(io.StringIO(told("csv", RunFiles(files.folder, verdict)))))
    assert {row[rows[0].index("arm")] for row in rows[1:]} == {"'=HYPERLINK(1)"}
