"""Tests that run in forked processes: every one runs once, and its report is the one that a single process gives."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ONE = """
import os, warnings
import pytest

@pytest.fixture(scope="module")
def once(request):
    with open("made", "a") as file:
        file.write("made\\n")
    yield
    with open("made", "a") as file:
        file.write("gone\\n")

@pytest.mark.parametrize("number", range(20))
def test_shares(once, number, capfd, tmp_path):
    os.system("echo from a child")
    assert capfd.readouterr().out == "from a child\\n"
    assert tmp_path.parent.name.startswith("process-")

def test_fails():
    print("what it printed")
    assert 1 == 2

def test_warns():
    warnings.warn("take care", UserWarning)
"""
TWO = """
import os, signal
import pytest

@pytest.mark.parametrize("number", range(40))
def test_in_any(number, tmp_path):
    tmp_path.joinpath("file").touch()
    with open("ran", "a") as file:
        file.write(f"{number} {tmp_path}\\n")

def test_is_killed():
    if os.path.exists("kill"):
        os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.skip(reason="not here")
def test_is_skipped():
    pass
"""


def run(folder: Path, *more: str) -> tuple[int, str, dict[str, str]]:
    """Exit status, what was printed, and the outcome of each test as the report for machines has it."""
    (folder / "test_one.py").write_text(ONE)
    (folder / "test_two.py").write_text(TWO)
    report = folder / "report.xml"
    argv = [sys.executable, "-m", "pytest", "-p", "tests.forked", "--processes", "3", f"--junitxml={report}", *more]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    argv += ["-p", "no:cacheprovider", f"--basetemp={folder / 'temp'}"]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    outcomes = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        outcomes[str(case.get("name"))] = next((child.tag for child in case), "passed")
    return done.returncode, done.stdout + done.stderr, outcomes


def test_every_test_runs_once_and_is_reported(tmp_path: Path) -> None:
    status, said, outcomes = run(tmp_path)
    assert status == 1, said
    assert "1 failed, 62 passed, 1 skipped, 1 warning" in said
    assert re.search(r"E +assert 1 == 2\n", said)
    assert "what it printed" in said
    assert "UserWarning: take care" in said
    assert len(outcomes) == 64
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "passed"} == {
        "test_fails": "failure",
        "test_is_skipped": "skipped",
    }
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert sorted(int(number) for number, _ in ran) == list(range(40))
    assert len({place for _, place in ran}) == 40
    assert (tmp_path / "made").read_text().split() == ["made", "gone"], "its tests stay together"


def test_a_test_whose_process_is_killed_has_failed_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "kill").touch()
    status, said, outcomes = run(tmp_path, "-k", "not fails")
    assert status == 1, said
    assert {name for name, outcome in outcomes.items() if outcome == "failure"} == {"test_is_killed"}
    assert len(outcomes) == 63
    assert "its process ended with -9" in said


def test_the_first_failure_may_end_the_run(tmp_path: Path) -> None:
    status, said, outcomes = run(tmp_path, "-x", "-k", "fails or in_any", "--processes", "1")
    assert (status, outcomes["test_fails"]) == (1, "failure")
    assert "stopping after 1 failures" in said
    assert len(outcomes) <= 7, "it and those that the process had already been given"


@pytest.mark.parametrize("count", ["0", "1"])
def test_without_a_number_no_process_is_made(tmp_path: Path, count: str) -> None:
    own = "import os\n\ndef test_own():\n    print(os.environ.get('KIT_TEST_PROCESS'))\n"
    (tmp_path / "test_own.py").write_text(own)
    argv = [sys.executable, "-m", "pytest", "-p", "tests.forked", "--processes", count, "-rP", "test_own.py"]
    argv.append(f"--basetemp={tmp_path / 'temp'}")
    env = {k: v for k, v in os.environ.items() if k != "KIT_TEST_PROCESS"}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert ("None" if count == "0" else "1") in done.stdout.splitlines()
