"""What long work tells the user while it runs. The work calls a `Progress`; the verbs choose one that draws it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Task:
    """One piece of work under way. `total` in steps; 0 when it is not known."""

    def update(self, done: float, total: float | None = None) -> None:
        """`done` steps of `total` are done now."""

    def say(self, text: str) -> None:
        """What is being worked on, a few words."""


class Busy:
    """How long others (make, a guest) were at work, from whatever threads: `seconds` of at least one, `both` of two."""

    def __init__(self) -> None:
        self.seconds = self.both = 0.0
        self._lock = threading.Lock()
        self._at_work = 0
        self._since = time.monotonic()

    @contextmanager
    def work(self) -> Iterator[None]:
        """Somebody is at work from enter to exit."""
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
    """The silent one; kit.report.progress has those that draw. Its methods may be called from any thread.

    `command_seconds`: wall time of commands so far; `busy`: of commands and guests, each second once.
    """

    verbose = False
    command_seconds = 0.0

    def __init__(self) -> None:
        self.busy = Busy()

    @contextmanager
    def task(self, title: str, total: float = 0) -> Iterator[Task]:
        """A piece of work from enter to exit."""
        yield Task()

    def note(self, text: str) -> None:
        """One line that stays on the screen."""

    def command(self, argv: Sequence[str], cwd: str = "") -> None:
        """A command about to run; shown with -v."""
