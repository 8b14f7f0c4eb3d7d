"""`kit report` and `kit check-mail`: what they read, where they write, and what they refuse."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rig import Bench, Ran

import kit.verbs.mailchecked
from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, OK
from kit.cli import main
from kit.report.formats import REPORTS
from kit.store.runfiles import find_folder
from kit.verbs.reported import NONE, reports_of
from tests.report.folders import HERE, NAMES, folder, told
from tests.report.folders import run as recorded


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs, which may be written to."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(HERE, tmp_path / "runs")
    return tmp_path / "runs"


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> Ran:
    capsys.readouterr()
    code = main(list(argv))
    return Ran(code, *capsys.readouterr())


def test_without_a_format_it_writes_what_a_run_writes(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = find_folder(folder("worse").name, runs)
    ran = call(capsys, "report", folder("worse").name)
    mine = [row.file for row in REPORTS.values() if row.itself]
    assert (ran.code, ran.out.splitlines()) == (OK, [f"runs/{place.name}/{file}" for file in mine])
    assert all((place / file).stat().st_size > 500 for file in mine)


@pytest.mark.parametrize("form", [name for name in REPORTS if name not in ("mail", "folded")])
def test_each_format_prints_several_runs(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = call(capsys, "report", *(str(folder(name)) for name in ("worse", "better")), f"--{form}")
    assert ran.code == OK, ran.err
    assert folder("worse").name in ran.out or form in ("json", "markdown", "b4")


def test_runs_without_call_chains_have_no_folded_stacks(capsys: pytest.CaptureFixture[str]) -> None:
    ran = call(capsys, "report", str(folder("worse")), "--folded")
    assert (ran.code, ran.out) == (BAD_INPUT, "")
    assert "no call chains of instructions in it" in ran.err


def test_output_goes_to_a_file(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = call(capsys, "report", folder("worse").name, "--csv", "-o", "here.csv")
    assert (ran.code, ran.out) == (OK, "here.csv\n")
    assert Path("here.csv").read_bytes().decode() == told("csv", recorded("worse"))


def test_last_is_the_newest_of_runs_and_bisections(runs: Path) -> None:
    newest = runs / folder("bisected").name / "bisect.yaml"
    newest.touch()
    assert find_folder("last", runs) == newest.parent


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nowhere"], "not a run: no such folder"),
        (["."], "no experiment.yaml or bisect.yaml in it"),
        (["worse", "better"], "no format"),
        (["worse", "-o", "x"], "no format"),
        (["worse", "--csv", "-o", "nowhere/x"], "no such folder"),
        (["worse", "--csv", "-o", "runs"], "this is a folder; name a file"),
        (["worse", "better", "--mail"], "a mail tells of one run"),
    ],
    ids=str,
)
def test_bad_input_is_one_message(runs: Path, argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = {name: folder(name).name for name in NAMES}
    ran = call(capsys, "report", *(names.get(a, a) for a in argv))
    assert ran.code == BAD_INPUT
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_run_that_has_not_ended_is_named_with_the_way_on(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = runs / folder("worse").name
    (place / "verdict.json").unlink()
    ran = call(capsys, "report", place.name, "--junit")
    assert ran.code == BAD_INPUT
    assert f"run --resume runs/{place.name}" in ran.err


@pytest.mark.parametrize("damage", ["", "[]", '{"schema": 2}', "{"])
def test_a_damaged_verdict_is_the_machine_s_fault(runs: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = runs / folder("worse").name
    (place / "verdict.json").write_text(damage)
    ran = call(capsys, "report", place.name, "--csv")
    assert ran.code == COULD_NOT_RUN
    assert "verdict.json" in ran.err


def test_what_is_damaged_beside_the_verdict(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = runs / folder("worse").name
    with (place / "boots.jsonl").open("a") as file:
        file.write('[1]\n{"key": "cut o')
    ran = call(capsys, "report", place.name, "--junit")
    assert ran.code == COULD_NOT_RUN
    assert "boots.jsonl:5" in ran.err
    (place / "experiment.yaml").write_text("{[")
    assert call(capsys, "report", place.name, "--csv").code == OK


def test_a_report_that_cannot_be_written_takes_nothing_from_a_run(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NONE, raising=False)
    place = runs / folder("worse").name
    assert "junit.xml" in reports_of(place)
    (place / "boots.jsonl").write_text("[1]\n")
    assert reports_of(place).startswith("No report: ")
    monkeypatch.setenv(NONE, "1")
    assert reports_of(place) == ""


def test_a_format_is_loaded_when_it_is_asked_for() -> None:
    code = "import sys; from kit.verbs.table import parser; parser(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "kit.report.formats" in loaded
    assert not {row.module for row in REPORTS.values()} & loaded


# kit check-mail.

COVER = b"From: a@b\nSubject: [PATCH 0/2] mm: two\nMessage-ID: <1@b>\n\nWhat it does.\n\n a.c | 2 +-\n"


def checked(bench: Bench, mail: bytes, *argv: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """What `kit check-mail` prints of a mail."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(mail)))
    ran = bench.call("check-mail", bench.write(), *argv)
    assert ran.code == OK, ran
    found: list[dict[str, str]] = json.loads(ran.out)
    return found


def mail_of(bench: Bench, name: str = "x") -> bytes:
    """A patch's mail."""
    patch = Path(bench.patch(name, "return 0;", "return 0; /* nothing */")).read_bytes()
    return b"From: a@b\nSubject: [PATCH] rmap: nothing\nMessage-ID: <2@b>\n\nNothing.\n---\n" + patch


def test_a_mail_whose_patch_applies_passes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = checked(bench, mail_of(bench), monkeypatch=monkeypatch)
    assert (row["tool"], row["status"]) == ("kit", "pass")
    assert "2 kernels and at most 4 boots" in row["summary"]
    assert bench.did("boot") == 0


def test_a_mail_whose_patch_does_not_apply_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = mail_of(bench).replace(b"return 0;", b"return 7;")
    (row,) = checked(bench, mail, monkeypatch=monkeypatch)
    assert row["status"] == "fail"
    assert "mm/rmap.c" in row["details"]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_run_itself_if_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    if wanted:
        monkeypatch.delenv("KIT_NO_REPORT")
    bench.arms()
    rows = checked(bench, mail_of(bench), "--run", monkeypatch=monkeypatch)
    assert [row["tool"] for row in rows] == ["kit", "kit count"]
    assert bench.verdict()["sentence"].startswith(rows[0]["summary"].removeprefix("skipped: ").rstrip("…")[:60])
    assert (bench.runs()[-1] / "junit.xml").exists() is wanted


def test_a_cover_letter_stands_for_commits(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (row,) = checked(bench, COVER, monkeypatch=monkeypatch)
    assert row["status"] == "warn"
    assert "no patch in this mail" in row["summary"]
    first, base = "1" * 40, "2" * 40
    tracked = tmp_path / "tracking.json"
    monkeypatch.setenv(kit.verbs.mailchecked.TRACKING, str(tracked))
    for series, said in (
        ({"first-patch-commit": first, "change-id": "x-1"}, f"{first}^..b4/review/x-1"),
        ({"base-commit": base, "change-id": "x-1"}, f"{base}..b4/review/x-1"),
        ({"base-commit": "HEAD; rm -rf", "change-id": "x-1"}, None),
        ({}, None),
    ):
        tracked.write_text(json.dumps({"series": series}))
        assert kit.verbs.mailchecked._tracked() == said
    tracked.write_text(json.dumps({"series": {"base-commit": base, "change-id": "x-1"}}))
    (row,) = checked(bench, COVER, monkeypatch=monkeypatch)
    assert row["status"] == "fail"  # no such commit in the repository here
    tracked.write_text("{")
    (row,) = checked(bench, COVER, monkeypatch=monkeypatch)
    assert kit.verbs.mailchecked.TRACKING in row["details"]


@pytest.mark.parametrize(
    ("subject", "changes", "commits"),
    [
        ("[PATCH 1/3] mm: a", {}, "b4/review/x-1~4..b4/review/x-1~3"),
        ("[PATCH v2\n 3/3] mm: c", {}, "b4/review/x-1~2..b4/review/x-1~1"),
        ("[PATCH net 2/3 x] mm: b", {}, "b4/review/x-1~3..b4/review/x-1~2"),
        ("[PATCH] mm: alone", {"expected": 1}, "b4/review/x-1~2..b4/review/x-1~1"),
        ("[PATCH] mm: alone", {}, None),
        ("[PATCH 2/4] mm: another series", {}, None),
        ("[PATCH 1/3] mm: a", {"complete": False}, None),
        ("[PATCH 1/3] mm: a", {"change-id": ""}, None),
        ("mm: 1/3 of it", {}, None),
    ],
)
def test_a_patch_under_review_is_its_commit(
    subject: str, changes: dict[str, Any], commits: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked = tmp_path / "tracking.json"
    series = {"change-id": "x-1", "expected": 3, "complete": True, "first-patch-commit": "1" * 40, **changes}
    tracked.write_text(json.dumps({"series": series}))
    mail = f"From: a@b\nSubject: {subject}\n\nText\n---\n".encode()
    assert kit.verbs.mailchecked._tracked_patch(mail) is None, "nothing is under review"
    monkeypatch.setenv(kit.verbs.mailchecked.TRACKING, str(tracked))
    assert kit.verbs.mailchecked._tracked_patch(mail) == commits


def test_an_experiment_that_is_wrong_is_the_user_s(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.experiment["blocks"] = 1
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(mail_of(bench))))
    ran = bench.call("check-mail", bench.write())
    assert ran.code == BAD_INPUT
    assert ran.out == ""
