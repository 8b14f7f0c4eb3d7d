"""A plugin of pytest that runs tests in several processes: it collects once, then forks, so that nothing is imported
or collected again.

`pytest -p tests.forked --processes N`. A process takes a few tests at a time and more before the last of them, which
pytest runs knowing the next. Tests that share a module's fixtures stay together. The first process runs no test: it
hands them out, and gives pytest the reports as if it had run them.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

import pytest

AT_ONCE = 6  # tests that a process takes, where no fixture holds them together
NUMBER = "KIT_TEST_PROCESS"  # in the environment of each process: its number


def pytest_addoption(parser: pytest.Parser) -> None:
    """The number of processes; none unless it is given."""
    parser.addoption("--processes", type=int, default=0, help="run tests in so many processes, forked when collected")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Runs all tests in processes of their own; None where pytest's own loop is to run."""
    count = session.config.getoption("processes")
    if count < 1 or session.testsfailed or session.config.option.collectonly:
        return None
    Handed(session, count).run()
    return True


def chunks(items: Sequence[pytest.Item]) -> list[list[int]]:
    """The tests' numbers in their order, as they are handed out."""
    out: list[list[int]] = []
    for _, group in groupby(range(len(items)), lambda i: (items[i].path, is_long(items[i]))):
        numbers = list(group)
        if any(shares(items[i]) for i in numbers):
            out.append(numbers)
        else:
            size = 1 if is_long(items[numbers[0]]) else AT_ONCE
            out += [numbers[at : at + size] for at in range(0, len(numbers), size)]
    return out


def is_long(item: pytest.Item) -> bool:
    """Whether the test is marked so."""
    return item.get_closest_marker("long") is not None


def shares(item: pytest.Item) -> bool:
    """Whether the test has a fixture of its module or class."""
    known = getattr(item, "_fixtureinfo", None)
    found = known.name2fixturedefs.values() if known else ()
    return any(each[-1].scope in ("module", "class") and each[-1].baseid for each in found)


class Process:
    """A process as the first one sees it, with the tests that it was given and has not reported."""

    def __init__(self, pid: int, pipe: Connection) -> None:
        self.pid, self.pipe = pid, pipe
        self.given: list[int] = []


class Handed:
    """One run of all tests of a session."""

    def __init__(self, session: pytest.Session, count: int) -> None:
        self.session, self.config, self.hook, self.count = session, session.config, session.config.hook, count
        self.left = deque(chunks(session.items))
        self.running: dict[Connection, Process] = {}
        self.begun = 0

    def run(self) -> None:
        """Forks, hands tests out and takes reports until all are done."""
        self.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        try:
            for _ in range(min(self.count, len(self.left))):
                self._fork()
            while self.running:
                for pipe in wait(list(self.running)):
                    self._serve(self.running[pipe])  # type: ignore[index]
        finally:
            for process in self.running.values():  # Ctrl-C, or an error of pytest's own
                os.kill(process.pid, signal.SIGTERM)
                os.waitpid(process.pid, 0)
        if self.session.shouldfail:
            raise self.session.Failed(self.session.shouldfail)
        if self.session.shouldstop:
            raise self.session.Interrupted(self.session.shouldstop)

    def _fork(self) -> None:
        ours, theirs = Pipe()
        self.begun += 1
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            for pipe in (ours, *self.running):
                pipe.close()  # theirs ends only when this process has
            Worker(self.session, self.begun, theirs).end_with(self.begun)
        theirs.close()
        self.running[ours] = Process(pid, ours)

    def _serve(self, process: Process) -> None:
        """Does what a process asks for."""
        try:
            what, *more = process.pipe.recv()
        except (EOFError, ConnectionResetError):
            self._ended(process)
            return
        if what == "more":
            stop = self.session.shouldfail or self.session.shouldstop
            chunk = self.left.popleft() if self.left and not stop else []
            process.given += chunk
            process.pipe.send(chunk)
        elif what == "begun":
            item = self.session.items[more[0]]
            self.hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        elif what == "done":
            self._done(process, *more)
        else:
            self.hook.pytest_warning_recorded.call_historic(kwargs=warned(*more))

    def _done(self, process: Process, number: int, reports: Sequence[dict[str, Any]]) -> None:
        """Reports a test as if it had run here."""
        process.given.remove(number)
        item = self.session.items[number]
        for data in reports:
            report = self.hook.pytest_report_from_serializable(config=self.config, data=data)
            item.ihook.pytest_runtest_logreport(report=report)
        self.hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _ended(self, process: Process) -> None:
        """A process that ends with tests left was killed in the first of them; others take the rest."""
        del self.running[process.pipe]
        process.pipe.close()
        code = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        if not process.given:
            if code:
                raise RuntimeError(f"a process of tests ended with {code}")
            return
        item = self.session.items[process.given[0]]
        why = f"its process ended with {code} (a signal where negative)"
        report = pytest.TestReport(item.nodeid, item.location, {}, "failed", why, "call")
        data = self.hook.pytest_report_to_serializable(config=self.config, report=report)
        self._done(process, process.given[0], [data])
        if process.given:
            self.left.appendleft(process.given)
        if self.left:
            self._fork()


def warned(
    when: str, nodeid: str, location: tuple[str, int, str] | None, said: tuple[str, type[Warning], str, int]
) -> dict[str, Any]:
    """The arguments of pytest's hook for a warning that another process recorded."""
    message = warnings.WarningMessage(*said)
    return {"warning_message": message, "when": when, "nodeid": nodeid, "location": location}


class Worker:
    """A process that runs tests."""

    def __init__(self, session: pytest.Session, number: int, pipe: Connection) -> None:
        self.session, self.config, self.pipe = session, session.config, pipe
        self.reports: list[dict[str, Any]] = []

    def end_with(self, number: int) -> None:
        """Runs tests as long as there are some, and ends this process."""
        status = 1
        try:
            self._settle(number)
            for now, following in self._numbers():
                self._run(now, following)
            status = 0
        except EOFError:
            pass  # the first process has ended
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)  # what is to be done at exit, the first process does

    def _settle(self, number: int) -> None:
        """What two processes must not share: captured output, the folder of temporary folders, the terminal."""
        manager = self.config.pluginmanager
        os.environ[NUMBER] = str(number)
        capture = manager.get_plugin("capturemanager")
        if capture is not None:
            capture.stop_global_capturing()
            capture.start_global_capturing()
            capture.suspend_global_capture()
        folders = self.config._tmp_path_factory  # type: ignore[attr-defined]
        folders._basetemp = folders.getbasetemp() / f"process-{number}"
        folders._basetemp.mkdir(mode=0o700)
        manager.unregister(name="terminalreporter")
        manager.register(self)

    def _numbers(self) -> Iterator[tuple[int, int | None]]:
        """Each test to run, with the one after it."""
        now = None
        while True:
            self.pipe.send(("more",))
            for following in (chunk := self.pipe.recv()):
                if now is not None:
                    yield now, following
                now = following
            if not chunk:
                break
        if now is not None:
            yield now, None

    def _run(self, now: int, following: int | None) -> None:
        self.pipe.send(("begun", now))
        after = None if following is None else self.session.items[following]
        self.config.hook.pytest_runtest_protocol(item=self.session.items[now], nextitem=after)
        self.pipe.send(("done", now, self.reports))
        self.reports = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps a report until its test is done."""
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        self.reports.append(data)

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: str, nodeid: str, location: tuple[str, int, str] | None
    ) -> None:
        """Sends a warning on."""
        said = warning_message
        row = (str(said.message), said.category, said.filename, said.lineno)
        self.pipe.send(("warned", when, nodeid, location, row))
