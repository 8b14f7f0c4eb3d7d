"""Progress of long work. The work calls a `Progress`; the verb chooses the class that draws it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Task:
    """A piece of work in progress. `total` in steps; 0 if unknown."""

    def update(self, done: float, total: float | None = None) -> None:
        """`done` steps of `total` are done now."""

    def say(self, text: str) -> None:
        """Tells in a few words what is being done now."""


class Busy:
    """How long child processes (make, a guest) ran, over all threads. `seconds`: while at least one ran; `both`: while
    at least two did."""

    def __init__(self) -> None:
        self.seconds = self.both = 0.0
        self._lock = threading.Lock()
        self._at_work = 0
        self._since = time.monotonic()

    @contextmanager
    def work(self) -> Iterator[None]:
        """Marks a child process as running inside the block."""
        self._change(1)
        try:
            yield
        finally:
            self._change(-1)

    def _change(self, by: int) -> None:
        with self._lock:
            now = time.monotonic()
            self.seconds += (now - self._since) * (self._at_work > 0)
            self.both += (now - self._since) * (self._at_work > 1)
            self._since = now
            self._at_work += by


class Progress:
    """Draws nothing; kit.report.progress has the classes that do. Its methods may be called from any thread.

    `command_seconds`: total wall time of commands so far; `busy`: wall time of commands and guests, overlaps once.
    """

    verbose = False
    command_seconds = 0.0

    def __init__(self) -> None:
        self.busy = Busy()
        self._told: set[str] = set()

    @contextmanager
    def task(self, title: str, total: float = 0) -> Iterator[Task]:
        """Marks a piece of work that lasts as long as the block."""
        yield Task()

    def note(self, text: str) -> None:
        """One line that stays on the screen."""

    def once(self, text: str) -> None:
        """As `note`, unless the same was told before."""
        if text not in self._told:
            self._told.add(text)
            self.note(text)

    def command(self, argv: Sequence[str], cwd: str = "") -> None:
        """A command about to run; shown with -v."""
