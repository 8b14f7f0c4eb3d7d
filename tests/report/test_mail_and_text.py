"""Formats that people read outside of kit: mails of 72 columns, Markdown, CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from email import message_from_string
from typing import Any

import pytest

from kit.base.errors import UserError
from kit.report.folded import COLUMNS, command_lines, folded
from kit.report.mail import may_be_tested
from kit.report.markdown import code, text
from kit.store.runfiles import RunFiles
from tests.report.folders import ADA, NAMES, RUNS, bisection, every, run, told

WHOLE = re.compile(r"^(Fixes|Link|Closes|Tested-by|#regzbot introduced): ")  # a line of its own, by convention


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_has_72_columns(name: str) -> None:
    files = dict(zip(NAMES, every(), strict=True))[name]
    for line in told("mail", files, style=ADA).splitlines():
        alone = " " not in line.strip().removesuffix(" \\")
        assert len(line) <= COLUMNS or alone or WHOLE.match(line), line


def test_words_stay_whole_and_commands_can_be_copied() -> None:
    path = "/a/path/that/is/longer/than/any/mail/is/wide/" + "x" * 60
    lines = command_lines(f"python3 kit run {path} --set guest.cpus=[1] --resume b")
    assert [len(x) <= COLUMNS for x in lines] == [True, False, True]
    joined = " ".join(line.removesuffix("\\").strip() for line in lines)
    assert joined == f"python3 kit run {path} --set guest.cpus=[1] --resume b"
    assert folded(f"see {path} there", "  ") == ["  see", f"  {path}", "  there"]


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_one(name: str) -> None:
    files = dict(zip(NAMES, every(), strict=True))[name]
    mail = message_from_string(told("mail", files))
    assert mail["Subject"].startswith(("[kit] ", "[REGRESSION] "))
    assert mail.defects == []
    body = mail.get_payload()
    assert "How to reproduce" in body
    assert "kit run" in body or "kit bisect" in body.replace(" \\\n    ", " ")


def test_a_mail_names_what_the_patch_names() -> None:
    lines = told("mail", run("worse")).splitlines()
    assert lines[-3:] == [
        'Fixes: 012345678901 ("mm/rmap: lock the root for each entry")',
        "Closes: https://lore.kernel.org/r/20261101120000.1-bob@example.org",
        "Link: https://lore.kernel.org/r/20261102100000.1-ada@example.org",
    ]


def good(**changes: Any) -> RunFiles:
    """A run in which the user's own patch is better."""
    files = run("worse", verdict="better", expected=True, exit_code=0)
    return RunFiles(files.folder, {**files.verdict, **changes})


def test_who_tested_is_said_where_the_verdict_allows_it() -> None:
    assert told("mail", good(), style=ADA).splitlines()[-1] == "Tested-by: Ada Example <ada@example.org>"
    assert "Tested-by" not in told("mail", good())
    assert "Tested-by" in told("mail", good(verdict="same"), style=ADA)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "worse"},
        {"verdict": "inconclusive"},
        {"verdict": "broken"},
        {"verdict": None},
        {"expected": False},
        {"disagreements": 1},
        {"aa": True},
        {"evidence": {"model": {"verdict": "better", "decides": True}}},
        {"evidence": {"time": {"verdict": "better", "decides": False}}},
        {"splats": {"broken": [], "could_not_run": [], "once": [{"why": "a warning"}]}},
    ],
    ids=str,
)
def test_nobody_has_tested_what_the_verdict_does_not_carry(changes: dict[str, Any]) -> None:
    assert may_be_tested(good().verdict)
    assert not may_be_tested(good(**changes).verdict)


def test_a_patch_applied_backwards_is_not_tested() -> None:
    """The baseline has it reversed; the tree as it is gets tested."""
    verdict = json.loads(json.dumps(good().verdict))
    verdict["provenance"]["arms"]["with"]["patches"][0]["reversed"] = True
    assert not may_be_tested(verdict)


def test_the_subject_tells_the_largest_change_that_decides() -> None:
    subject = " ".join(message_from_string(told("mail", run("worse")))["Subject"].split())
    assert subject == "[kit] fake: worse: +66.67% anon_vma acquisitions per fork"
    assert " ".join(message_from_string(told("mail", run("broken")))["Subject"].split()) == "[kit] fake: broken"


def test_a_mail_shows_the_splat() -> None:
    lines = told("mail", run("broken")).splitlines()
    assert any(line.startswith("  WARNING: CPU: 0") for line in lines)


def test_one_run_a_mail_and_a_culprit_for_a_bisection() -> None:
    with pytest.raises(UserError, match="a mail tells of one run"):
        told("mail", run("worse"), run("better"))
    with pytest.raises(UserError, match="no single commit"):
        told("mail", replace(bisection(), found={**bisection().found, "culprit": None}))


def test_a_bisection_s_mail_shows_all_that_was_tested() -> None:
    found, lines = bisection().found, told("mail", bisection()).splitlines()
    for row in found["commits"]:
        assert any(line.startswith(f"{row['name']}  {row['state']:<5}  ") for line in lines), row
    assert sum(row["state"] == "skip" for row in found["commits"]) == 1


# Markdown.


def test_markdown_has_no_markup_of_others() -> None:
    assert text("a|b <script> *c* [d](e) `f`\ng") == r"a\|b \<script\> \*c\* \[d\]\(e\) \`f\` g"
    assert code("a\n````\nb") == ["`````", "a", "````", "b", "`````"]
    assert "<script>" not in told("markdown", bisection())


def test_markdown_tells_every_run() -> None:
    out = told("markdown", *every())
    assert [line for line in out.splitlines() if line.startswith("## ")] == [
        "## ✅ fake: better",
        "## ❌ fake: worse",
        "## ❌ fake: broken",
        "## ⚠️ fake: could not run",
        "## ❌ fake: worse",
        "## fake: bisection",
    ]


# CSV.


def test_csv_has_a_line_for_each_comparison_and_each_commit() -> None:
    rows = list(csv.reader(io.StringIO(told("csv", *every()))))
    heads = [i for i, row in enumerate(rows) if row[0] == "run"]
    known = sum(len(k["comparisons"]) for name in RUNS for k in run(name).verdict["evidence"].values())
    assert heads == [0, known + 1]
    assert len(rows) == known + 2 + len(bisection().found["commits"])
    assert {len(row) for row in rows[:known]} == {len(rows[0])}


def test_json_is_the_verdict() -> None:
    assert json.loads(told("json", run("better"))) == run("better").verdict
    assert json.loads(told("json", run("better"), bisection())) == [run("better").verdict, bisection().found]


def test_text_is_what_a_run_prints() -> None:
    assert "WORSE (not as expected): with is worse than without" in told("text", run("worse"))
    both = told("text", run("worse"), bisection())
    assert both.count("\n=====") == 2
