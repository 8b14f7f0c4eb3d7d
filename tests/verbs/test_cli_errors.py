"""The verbs' errors: one message and the right exit code; an internal error of kit is no verdict. And kit check."""

from __future__ import annotations

import argparse
import io
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import kit.experiment.reader
import kit.run.estimate
from kit import cli
from kit.base.errors import BuildError, KitError, MachineError, UserError
from kit.verbs.table import parser

ROOT = Path(__file__).resolve().parents[2]
AIM7 = str(ROOT / "configs/aim7.yaml")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read(*args: Any) -> Any:
        raise error

    monkeypatch.setattr(kit.experiment.reader, "read_experiment", read)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UserError("bad key", where="x.yaml:3", hint="nearest: key"), 2, "kit: x.yaml:3: bad key\n  nearest: key\n"),
        (MachineError("no disk"), 4, "kit: no disk\n"),
        (BuildError("failed", where="kernel", log="l"), 4, "kit: kernel: failed\n"),
        (KitError("odd"), 4, "kit: odd\n"),
        (KeyboardInterrupt(), 130, "kit: interrupted\n"),
    ],
)
def test_errors_are_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    failing(monkeypatch, error)
    assert cli.main(["check", AIM7]) == code
    assert capsys.readouterr() == ("", words)


@pytest.mark.parametrize(
    "argv",
    [
        ["check"], ["run"], ["run", AIM7, "--patch"], ["run", AIM7, "--tree"], ["bisect"], ["compare", "1,2,3"],
        ["show"], ["report"], ["history"], ["check-mail"], ["model", "read"],
    ],
    ids="_".join,
)  # fmt: skip
def test_a_name_too_long_for_any_file(
    argv: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Subject: [PATCH] x\n\n")))
    assert cli.main([*argv, f"{'dir:' * argv[-1].startswith('--tree')}{'a' * 5000}"]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) <= 2
    assert "Traceback" not in said


def test_a_mistake_of_kit_s_own_is_neither_worse_nor_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ZeroDivisionError("by zero"))
    assert cli.main(["check", AIM7]) == 4
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert said.endswith("kit: internal error in kit, not a verdict\n")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run"], "no experiment named"),
        (["check"], "no experiment named"),
        (["check", "/no/such.yaml"], "/no/such.yaml: cannot read"),
        (["check", AIM7, "--set", "gest.cpus=1"], "unknown key `gest`"),
        (["check", AIM7, "--set", "x"], "not an assignment"),
        (["run", "--resume", "/no/such"], "not a run that can be resumed"),
        (["run", AIM7, "--resume", "/no/such"], "--resume takes everything from"),
        (["run", "--resume", "/no/such", "--set", "seed=1"], "--resume takes everything from"),
    ],
)
def test_bad_arguments(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize("argv", [[], ["nosuch"], ["run", "--nosuch"], ["run", "a", "b"]])
def test_what_is_no_command(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    assert "usage: kit" in capsys.readouterr().err


def test_check_shows_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", AIM7, "--set", "guest.cpus=[1]"]) == 0
    shown = capsys.readouterr().out
    assert "2 kernels:\n  without (counting, baseline): debian:6.1, unbatch-clone.patch; profile" in shown
    assert "4 boots, in this order:" in shown
    assert "debian:6.1 is not in the cache" in shown
    assert cli.main(["check", AIM7, "--json", "--set", "guest.cpus=[1]"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (len(plan["kernels"]), len(plan["boots"]), plan["name"]) == (2, 4, "aim7")


def test_check_reads_the_patches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.patch").write_text("no diff")
    assert cli.main(["check", AIM7, "--set", f"arms.with.series=[{tmp_path}/bad.patch]"]) == 2
    assert "bad.patch: no diff in it" in capsys.readouterr().err


def test_check_without_boots(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", AIM7, "--set", "evidence=[model]", "--set", "expect={}"]) == 0
    assert "no kernel is built, nothing is booted" in capsys.readouterr().out


def test_every_key_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--keys"]) == 0
    shown = capsys.readouterr().out
    for key in kit.experiment.reader.ExperimentModel.model_fields:
        assert f"{key}: " in shown
    assert "None" not in shown


def test_check_shows_the_most_that_a_kind_may_take(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["check", AIM7, "--set", "guest={cpus: [1], accel: kvm}", "--set", "evidence=[time]", "--set", "expect={}"]
    assert cli.main(argv) == 0
    shown = capsys.readouterr().out
    assert "122 boots at most, in this order:" in shown
    assert "time, to warm up (arm/vCPUs): " in shown
    assert "time, blocks 3 to 39: the same in other orders, unless it is decided before" in shown
    assert cli.main([*argv, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert {b["arm"] for b in plan["boots"]} == {"without", "without-again", "with"}
    assert all(b["at_most"] for b in plan["boots"])


def test_every_module_of_the_verbs_is_a_verb_of_the_command_line() -> None:
    [verbs] = [a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)]
    folder = Path(cli.__file__).parent / "verbs"
    modules = {p.stem for p in folder.glob("*.py") if "\ndef do(" in p.read_text()}
    assert {verb.replace("-", "") for verb in verbs.choices} == modules


@pytest.mark.parametrize("verb", [["bisect", AIM7], ["step", AIM7], ["shell", AIM7, "--arm", "with"]])
def test_a_verb_that_takes_no_change_does_not_swallow_one(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parser().parse_args([*verb, "--dirty"])
    assert "unrecognized arguments: --dirty" in capsys.readouterr().err


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("version")
    assert (ended.value.code, capsys.readouterr().out) == (0, f"kit {declared or kit.__version__}\n")
