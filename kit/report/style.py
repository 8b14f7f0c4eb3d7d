"""What a report is to be told that no run knows: who reports, and where it will lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _nobody() -> str:
    return ""


@dataclass(frozen=True)
class Style:
    """`tester`: gives `Name <mail>` of git's configuration, empty where it has none; asked by those who need it.
    `beside`: it is written into the run's own folder, so it may name the files there. `columns`: of the terminal that
    it is printed on; 0 where there is none."""

    tester: Callable[[], str] = _nobody
    beside: bool = False
    columns: int = 0
