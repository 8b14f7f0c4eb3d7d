"""What long work tells the user while it runs. The work calls a `Progress`; the verbs choose one that draws it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Task:
    """One piece of work under way. `total` in steps; 0 when it is not known."""

    def update(self, done: float, total: float | None = None) -> None:
        """`done` steps of `total` are done now."""

    def say(self, text: str) -> None:
        """What is being worked on, a few words."""


class Progress:
    """The silent one; kit.report.progress has those that draw. `command_seconds`: wall time of commands so far."""

    verbose = False
    command_seconds = 0.0

    @contextmanager
    def task(self, title: str, total: float = 0) -> Iterator[Task]:
        """A piece of work from enter to exit."""
        yield Task()

    def note(self, text: str) -> None:
        """One line that stays on the screen."""

    def command(self, argv: Sequence[str], cwd: str = "") -> None:
        """A command about to run; shown with -v."""
