"""`kit test`: how kit checks itself; the steps to run in, each step's outcome and one closing line out."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import NOT_AS_EXPECTED, OK, MachineError
from kit.base.project import IS_CLONE, PROJECT

TOOLS = ("ruff", "mypy", "pytest", "hypothesis", "xdist")
NO_TESTS = 5  # pytest's exit status where it collected none
RECORD = "KIT_TEST_RECORD"  # set to 1 for tests that write down what they measured


@dataclass(frozen=True)
class Counts:
    """Tests of one or more pytest runs; errors of set-up and collection count as failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


@dataclass(frozen=True)
class Step:
    """One thing to check: the command's arguments after `python -m`; whether it is a run of pytest."""

    name: str
    arguments: tuple[str, ...]
    is_pytest: bool = False


@dataclass(frozen=True)
class Done:
    """How a step ended; `seconds` of wall time, `why` empty where it passed."""

    step: Step
    seconds: float
    why: str
    counts: Counts


def selftest(quick: bool, record: bool = False, pytest_args: Sequence[str] = (), *, root: Path = PROJECT) -> int:
    """Lint, type check, then the tests, the reference model's first and those that boot kernels last.

    `quick` leaves out the tests that boot; `record` has tests write down what they measured; `pytest_args` go to every
    pytest run. Returns 0 if all passed, else 1. Raises MachineError where there are no tests, or no tools for them.
    """
    if not IS_CLONE:
        hint = "in a clone: python3 kit test. Here `kit doctor` says what this machine has, and what it lacks"
        raise MachineError("kit was installed by pip, and its tests are not part of the package", hint=hint)
    lacking = [tool for tool in TOOLS if importlib.util.find_spec(tool) is None]
    if lacking:
        raise MachineError(f"cannot test without {', '.join(lacking)}", hint=f"pip install -e '{root}[test]'")
    environment = {**os.environ, RECORD: "1"} if record else dict(os.environ)
    done = [run_step(step, root, environment, bool(pytest_args)) for step in steps(quick, pytest_args)]
    return summary(done)


def steps(quick: bool, pytest_args: Sequence[str]) -> list[Step]:
    """What to run, in order: what is quick to fail comes first."""
    extra = tuple(pytest_args)
    rest = ("pytest", "tests", "--ignore", "tests/model", "-m", "not boot", "-n", str(cores()), *extra)
    first = [
        Step("ruff", ("ruff", "check", ".")),
        Step("mypy", ("mypy",)),
        Step("model", ("pytest", "tests/model", *extra), is_pytest=True),
        Step("unit", rest, is_pytest=True),
    ]
    return first if quick else [*first, Step("boot", ("pytest", "tests", "-m", "boot", *extra), is_pytest=True)]


def cores() -> int:
    """How many tests to run at once."""
    return len(os.sched_getaffinity(0))


def run_step(step: Step, root: Path, environment: dict[str, str], may_be_empty: bool) -> Done:
    """Run one step, its output shown as it comes. `may_be_empty`: the user's own choice may leave it without tests."""
    say(f"== {step.name}: {shlex.join(step.arguments)}")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kit-test-") as folder:
        report = Path(folder, "report.xml")
        more = [f"--junitxml={report}"] if step.is_pytest else []
        command = [sys.executable, "-m", *step.arguments, *more]
        status = subprocess.run(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
        counts = read_counts(report) if step.is_pytest else Counts()
    seconds = time.monotonic() - begin
    done = Done(step, seconds, why_failed(step, status, counts, may_be_empty), counts)
    say(f"== {step.name}: {done.why or 'passed'} ({seconds:.1f} s)")
    return done


def why_failed(step: Step, status: int, counts: Counts, may_be_empty: bool) -> str:
    """Why a step does not count as passed, or nothing. A run of pytest that ran no test proves nothing."""
    if step.is_pytest and status in (0, NO_TESTS) and counts.passed + counts.failed == 0:
        return "" if may_be_empty else "no test was run"
    return f"failed with exit status {status}" if status else ""


def read_counts(report: Path) -> Counts:
    """The counts of pytest's JUnit file; none where pytest did not get as far as writing it."""
    if not report.exists():
        return Counts()
    total = Counts()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (int(suite.get(k, "0")) for k in ("tests", "failures", "errors", "skipped"))
        total += Counts(max(0, tests - failures - errors - skipped), failures + errors, skipped)
    return total


def summary(done: Sequence[Done]) -> int:
    """Print each step's outcome and the closing line, which CI counts; the exit code."""
    counts = sum((d.counts for d in done), Counts())
    say("")
    for d in done:
        detail = f": {d.counts}" if d.step.is_pytest else ""
        say(f"{d.step.name:8} {'FAILED' if d.why else 'ok':8}{d.seconds:7.1f} s{detail}{'  ' + d.why if d.why else ''}")
    good = not any(d.why for d in done) and counts.passed > 0 and counts.failed == 0
    say(f"kit test: {'all passed' if good else 'FAILED'} in {sum(d.seconds for d in done):.1f} s")
    say(str(counts))
    return OK if good else NOT_AS_EXPECTED


def say(text: str) -> None:
    """One line, in order with what the steps print themselves."""
    print(text, flush=True)
