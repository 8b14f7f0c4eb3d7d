"""`kit test`: how kit checks itself; the steps to run in, each step's outcome and one closing line out."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import NOT_AS_EXPECTED, OK, MachineError
from kit.base.project import IS_CLONE, PROJECT

TOOLS = ("ruff", "mypy", "pytest", "hypothesis", "xdist")
BOOT = "boot"  # the step that runs alone, after the others: builds want all processors
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
    begin = time.monotonic()
    environment = {**with_bytecode(os.environ, root), **({RECORD: "1"} if record else {})}
    planned = steps(quick, pytest_args)
    groups = [step for step in planned if step.name != BOOT], [step for step in planned if step.name == BOOT]
    done = [each for group in groups for each in side_by_side(group, root, environment, bool(pytest_args))]
    return summary(done, time.monotonic() - begin)


def with_bytecode(environment: Mapping[str, str], root: Path) -> dict[str, str]:
    """An environment in which what was compiled is kept, in kit's own environment: most of what a start of python
    takes is compiling, and pytest compiles each file of tests in each worker."""
    kept = {k: v for k, v in environment.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if (root / ".venv").is_dir():
        kept.setdefault("PYTHONPYCACHEPREFIX", str(root / ".venv" / "bytecode"))
    return kept


def steps(quick: bool, pytest_args: Sequence[str]) -> list[Step]:
    """What to run, in order: what is quick to fail comes first."""
    extra = tuple(pytest_args)
    at_once = ("-n", str(workers()), "--dist", "worksteal")
    rest = ("pytest", "tests", "--ignore", "tests/model", "-m", "not boot", *at_once, *extra)
    first = [
        Step("ruff", ("ruff", "check", ".")),
        Step("mypy", ("mypy",)),
        Step("model", ("pytest", "tests/model", *extra), is_pytest=True),
        Step("unit", rest, is_pytest=True),
    ]
    return first if quick else [*first, Step(BOOT, ("pytest", "tests", "-m", "boot", *extra), is_pytest=True)]


def workers() -> int:
    """How many tests to run at once: one more than there are processors, since some wait for a time limit. Each worker
    loads all of kit and of the tests first, which takes seconds."""
    return 1 + len(os.sched_getaffinity(0))


def side_by_side(planned: Sequence[Step], root: Path, environment: Mapping[str, str], may_be_empty: bool) -> list[Done]:
    """Run steps at once, and show what each prints, as it comes, when those before it have ended: the tests that wait
    for something leave the processors to the type checker."""
    running: list[Running] = []
    try:
        running += [Running(step, root, environment) for step in planned]
        return [each.follow(may_be_empty) for each in running]
    finally:
        for each in running:
            each.end()


class Running:
    """A step's process, its output in a file."""

    def __init__(self, step: Step, root: Path, environment: Mapping[str, str]) -> None:
        self.step, self.begin, self.seconds = step, time.monotonic(), 0.0
        self.folder = Path(tempfile.mkdtemp(prefix="kit-test-"))
        self.report = self.folder / "report.xml"
        more = [f"--junitxml={self.report}"] if step.is_pytest else []
        if step.is_pytest and sys.stdout.isatty():
            more.append("--color=yes")
        command = [sys.executable, "-m", *step.arguments, *more]
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self.waiting = threading.Thread(target=self._wait, daemon=True)
        self.waiting.start()

    def _wait(self) -> None:
        self.process.wait()
        self.seconds = time.monotonic() - self.begin

    def follow(self, may_be_empty: bool) -> Done:
        """Show what it prints until it ends. `may_be_empty`: the user's own choice may leave it without tests."""
        say(f"== {self.step.name}: {shlex.join(self.step.arguments)}")
        with (self.folder / "output").open("rb") as output:
            while self.waiting.is_alive():
                show(output.read())
                self.waiting.join(0.1)
            show(output.read())
        counts = read_counts(self.report) if self.step.is_pytest else Counts()
        why = why_failed(self.step, self.process.returncode, counts, may_be_empty)
        say(f"== {self.step.name}: {why or 'passed'} ({self.seconds:.1f} s)")
        return Done(self.step, self.seconds, why, counts)

    def end(self) -> None:
        """Nothing of it stays: neither the process nor its files."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


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


def summary(done: Sequence[Done], seconds: float) -> int:
    """Print each step's outcome and the closing line, which CI counts; the exit code."""
    counts = sum((d.counts for d in done), Counts())
    say("")
    for d in done:
        detail = f": {d.counts}" if d.step.is_pytest else ""
        say(f"{d.step.name:8} {'FAILED' if d.why else 'ok':8}{d.seconds:7.1f} s{detail}{'  ' + d.why if d.why else ''}")
    good = not any(d.why for d in done) and counts.passed > 0 and counts.failed == 0
    say(f"kit test: {'all passed' if good else 'FAILED'} in {seconds:.1f} s")
    say(str(counts))
    return OK if good else NOT_AS_EXPECTED


def say(text: str) -> None:
    """One line, in order with what the steps print themselves."""
    print(text, flush=True)


def show(output: bytes) -> None:
    """What a step printed, as it is."""
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
