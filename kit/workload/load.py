"""What a workload is to the rest: a program for the guest's worker and the meaning of its windows. Data only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.model.program import Program
from kit.records import At


@dataclass(frozen=True)
class WindowInfo:
    """What a window's counts are divided by and where they belong."""

    name: str  # unique in a boot
    at: At
    jobs: int
    unit: str  # what one job is: "fork", "job"


@dataclass(frozen=True)
class Load:
    """One worker of a boot: its name, what it runs, and its windows in order. `repeatable`: what stands in a window can
    be done again right after."""

    name: str
    program: Program
    windows: tuple[WindowInfo, ...]
    repeatable: bool = True


def boot_program(loads: Sequence[Load]) -> str:
    """The text that a guest gets: a section per worker, each a fresh process image made by exec."""
    return "".join(f"worker {load.name}\n{load.program.text()}" for load in loads)
