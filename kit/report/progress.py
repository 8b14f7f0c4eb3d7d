"""Progress drawn: bars with rich on a terminal, plain lines without one. Everything goes to standard error."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from kit.base.progress import Progress, Task
from kit.base.streams import styled
from kit.base.visible import visible

BAR, WIDE = 30, 110  # columns: of a bar, and of a terminal that has room for it
BESIDE = 26  # of the spinner, the numbers, the time, and between them
LEAST = 8  # of the words of a task: fewer say nothing
PLAIN_SECONDS = 20.0  # without a terminal: a line about a task under way not more often than this


class PlainProgress(Progress):
    """A line when something starts, when it ends, and now and then between."""

    def __init__(self, verbose: bool = False, out: TextIO | None = None) -> None:
        super().__init__()
        self.verbose = verbose
        self.out = out or sys.stderr

    @contextmanager
    def task(self, title: str, total: float = 0) -> Iterator[Task]:
        """A line when a task begins and one when it is done. `total`: its steps, 0 if not known."""
        task = _PlainTask(self, title, total)
        self.note(f"{title} …")
        yield task
        self.note(f"{title}: done in {time.monotonic() - task.start:.0f} s")

    def note(self, text: str) -> None:
        """One line."""
        print(text, file=self.out, flush=True)

    def command(self, argv: Sequence[str], cwd: str = "") -> None:
        """A command that is run, where the user asked for them."""
        if self.verbose:
            self.note(_command(argv, cwd))


class _PlainTask(Task):
    def __init__(self, progress: PlainProgress, title: str, total: float) -> None:
        self.progress, self.title, self.total = progress, title, total
        self.start = self.last = time.monotonic()
        self.words = ""

    def update(self, done: float, total: float | None = None) -> None:
        self.total = total or self.total
        if time.monotonic() - self.last < PLAIN_SECONDS:
            return
        self.last = time.monotonic()
        share = f" {100 * done / self.total:.0f}%" if self.total else f" {done:.0f}"
        self.progress.note(f"{self.title}:{share} after {self.last - self.start:.0f} s {self.words}".rstrip())

    def say(self, text: str) -> None:
        self.words = text


class TerminalProgress(Progress):
    """Bars that vanish when their task ends; notes stay."""

    def __init__(self, verbose: bool = False) -> None:
        super().__init__()
        self._starting = threading.Lock()
        self.verbose = verbose
        self.console = Console(file=styled(sys.stderr), highlight=False)
        self.bar = BAR if self.console.width >= WIDE else BAR // 3
        self.bars = RichProgress(
            SpinnerColumn("dots" if self.console.encoding.startswith("utf") else "line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(self.bar),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[words]}", style="dim", markup=False),
            console=self.console,
            transient=True,
        )

    @contextmanager
    def task(self, title: str, total: float = 0) -> Iterator[Task]:
        """A bar while a task is under way. `total`: its steps, 0 if not known."""
        with self._starting:
            if not self.bars.live.is_started:
                self.bars.start()
            room = self.console.width - self.bar - BESIDE
            number = self.bars.add_task(visible(title)[:room], total=total or None, words="")
        try:
            yield _BarTask(self.bars, number, room - len(title))
        finally:
            with self._starting:
                self.bars.remove_task(number)
                if not self.bars.tasks:
                    self.bars.stop()

    def note(self, text: str) -> None:
        """One line above the bars."""
        self.console.print(Text(visible(text)))

    def command(self, argv: Sequence[str], cwd: str = "") -> None:
        """A command that is run, where the user asked for them."""
        if self.verbose:
            self.console.print(Text(visible(_command(argv, cwd)), style="dim"))


class _BarTask(Task):
    def __init__(self, bars: RichProgress, number: object, room: int) -> None:
        self.bars, self.number, self.room = bars, number, room

    def update(self, done: float, total: float | None = None) -> None:
        if total:
            self.bars.update(self.number, completed=done, total=total)  # type: ignore[arg-type]
        else:
            self.bars.update(self.number, completed=done)  # type: ignore[arg-type]

    def say(self, text: str) -> None:
        self.bars.update(self.number, words=visible(text)[-self.room :] if self.room > LEAST else "")  # type: ignore[arg-type]


def _command(argv: Sequence[str], cwd: str) -> str:
    return f"+ {'cd ' + shlex.quote(cwd) + '; ' if cwd else ''}{shlex.join(map(str, argv))}"


def choose(verbose: bool) -> Progress:
    """Bars where standard error is a terminal."""
    return TerminalProgress(verbose) if sys.stderr.isatty() else PlainProgress(verbose)
