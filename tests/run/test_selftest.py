"""`kit test` on small projects: tests that pass, fail, or never run, and the closing line."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import pytest
from kept import lasting

from kit.base.errors import NOT_AS_EXPECTED, OK, MachineError
from kit.run import selftest as module
from kit.run.selftest import Counts, Step, read_counts, selftest, side_by_side, steps, why_failed, with_bytecode

PASSING = "def test_passes():\n    assert 1 + 1 == 2\n"
FAILING = "def test_fails():\n    assert 1 + 1 == 3\n"
SKIPPED = "import pytest\n\n\n@pytest.mark.skip\ndef test_skipped():\n    pass\n"
BROKEN = "import nothing_of_this_name\n"
BOOT = "import pytest\n\n\n@pytest.mark.boot\ndef test_boots():\n    pass\n"
CONFIG = '[tool.pytest.ini_options]\naddopts = "-q"\nmarkers = ["boot: boots"]\n[tool.mypy]\npackages = ["kit"]\n'


@pytest.fixture
def project(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> Path:
    """A project with one module, one test of the model, one other and one that boots."""
    monkeypatch.setenv("MYPY_CACHE_DIR", str(lasting(pytestconfig, tmp_path_factory, "mypy-of-small-projects")))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # some take long to load
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")
    monkeypatch.setattr(module, "workers", lambda: 1)
    for folder in ("kit", "tests/model"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    (tmp_path / "kit" / "__init__.py").write_text("X: int = 1\n")
    (tmp_path / "tests" / "model" / "test_model.py").write_text(PASSING)
    (tmp_path / "tests" / "test_unit.py").write_text(PASSING + "\n\n" + SKIPPED)
    (tmp_path / "tests" / "test_boot.py").write_text(BOOT)
    return tmp_path


def pytest_step(project: Path, source: str) -> module.Done:
    """The result for one file of tests."""
    (project / "tests" / "test_unit.py").write_text(source)
    step = Step("unit", ("pytest", "tests/test_unit.py", "-p", "no:cacheprovider"), is_pytest=True)
    [done] = side_by_side([step], project, os.environ, may_be_empty=False)
    return done


@pytest.mark.long
def test_all_passing_ends_with_the_counts_of_every_run(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert selftest(quick=False, root=project) == OK
    out = capfd.readouterr().out
    assert re.findall(r"^== (\w+): passed", out, re.M) == ["ruff", "mypy", "model", "unit", "boot"]
    assert out.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"


def test_wrong_type_fails_the_whole(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "kit" / "__init__.py").write_text('X: int = "text"\n')
    assert selftest(quick=True, root=project) == NOT_AS_EXPECTED
    lines = capfd.readouterr().out.splitlines()
    assert any(line.startswith("mypy     FAILED") for line in lines)
    assert lines[-1] == "2 passed, 0 failed, 1 skipped"


def test_failing_test_fails_its_step(project: Path) -> None:
    done = pytest_step(project, PASSING + "\n\n" + FAILING)
    assert (done.why, done.counts) == ("failed with exit status 1", Counts(1, 1, 0))


def test_file_that_cannot_be_imported_counts_as_failed(project: Path) -> None:
    done = pytest_step(project, BROKEN)
    assert done.why.startswith("failed")
    assert done.counts == Counts(0, 1, 0)


@pytest.mark.parametrize("source", ["", SKIPPED], ids=["none", "skipped"])
def test_no_test_run_is_a_failure(project: Path, source: str) -> None:
    assert pytest_step(project, source).why == "no test was run"


def test_users_own_choice_may_leave_a_step_empty() -> None:
    step = Step("unit", ("pytest",), is_pytest=True)
    assert why_failed(step, 5, Counts(), True) == ""
    assert why_failed(step, 4, Counts(), True) == "failed with exit status 4"
    assert why_failed(step, 1, Counts(0, 1), True) == "failed with exit status 1"


def test_choice_that_matches_no_test_at_all_fails(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert selftest(quick=True, pytest_args=["-k", "no_such_test"], root=project) == NOT_AS_EXPECTED
    assert capfd.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"


def test_quick_leaves_out_what_boots() -> None:
    assert [step.name for step in steps(True, [])] == ["ruff", "mypy", "model", "unit"]
    assert steps(False, ["-x"])[-1].arguments == ("pytest", "tests", "-m", "boot", "-x")


def test_pytest_that_wrote_no_report_has_no_counts(tmp_path: Path) -> None:
    assert read_counts(tmp_path / "report.xml") == Counts()


def test_what_is_compiled_is_kept_in_the_environment_of_kit(tmp_path: Path) -> None:
    given = {"PYTHONDONTWRITEBYTECODE": "1", "A": "b"}
    assert with_bytecode(given, tmp_path) == {"A": "b"}
    (tmp_path / ".venv").mkdir()
    assert with_bytecode(given, tmp_path) == {"A": "b", "PYTHONPYCACHEPREFIX": str(tmp_path / ".venv" / "bytecode")}
    assert with_bytecode({"PYTHONPYCACHEPREFIX": "/x"}, tmp_path) == {"PYTHONPYCACHEPREFIX": "/x"}


def test_a_step_that_fails_stops_no_other(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They run at once, but are shown in order."""
    one, other = (Step(name, ("pytest", f"tests/{name}.py"), is_pytest=True) for name in ("one", "other"))
    (project / "tests" / "one.py").write_text(f"import time\n\ntime.sleep(0.5)\n\n\n{FAILING}\n")
    (project / "tests" / "other.py").write_text(PASSING)
    done = side_by_side([one, other], project, os.environ, False)
    assert [(d.counts.passed, d.counts.failed) for d in done] == [(0, 1), (1, 0)]
    assert re.findall(r"^== (\w+): (?:failed|passed)", capfd.readouterr().out, re.M) == ["one", "other"]


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MachineError, match=r"cannot test without ruff, mypy, pytest, hypothesis"):
        selftest(quick=True)
