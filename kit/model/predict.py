"""Predicts what a program's windows cost. In: program, layout, profile; out: a prediction per window.

What is not modelled is said in UNMODELLED; a window that contains such a thing gets `Unmodelled` instead of a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kit.model.execution import REUSE, SCRIPT, Execution, Prediction, Unmodelled
from kit.model.machine import Machine
from kit.model.profiles import profile
from kit.model.program import Program
from kit.model.recorder import Event, Recorder
from kit.model.state import LayoutVma
from kit.model.steps import Profile

__all__ = ["UNMODELLED", "Prediction", "Run", "Unmodelled", "predict", "run"]

UNMODELLED = {
    "script": SCRIPT,
    "users and reuse": REUSE,
    "other tasks": "the guests have no reclaim, migration, KSM or khugepaged on (Machine.walk does their walks)",
    "dynamic images": "exec is of static images, whose writable VMAs are written to before anything else happens",
    "mremap across VMAs": "6.17 and later move several VMAs at once; the others refuse it, and so does the model",
    "huge pages": "no VMA is large and aligned enough, or transparent huge pages are off",
    "allocation failure": "the guests have memory to spare; any allocation of the model can be made to fail",
}


@dataclass(frozen=True)
class Run:
    """All that a run of the model saw. `trace` is empty unless it was asked for."""

    windows: Mapping[str, Prediction | Unmodelled]
    hazards: Mapping[Event, int]
    trace: tuple[Event, ...]


def predict(
    program: Program, layout: Iterable[LayoutVma], profile_name: str, *, shell: Iterable[LayoutVma] | None = None
) -> dict[str, Prediction | Unmodelled]:
    """The acquisitions of the profile's lock class in each window of `program`, by name, in order of opening.

    `layout` is the worker's smaps at its start, `shell` that of the shell that executes scripts. ModelError for an
    unknown profile, a program that makes no sense (a window inside a window or opened twice, a write to nothing), and a
    broken rule of the kernel.
    """
    return dict(run(program, layout, profile_name, shell=shell).windows)


def run(
    program: Program,
    layout: Iterable[LayoutVma],
    kernel: str | Profile,
    *,
    shell: Iterable[LayoutVma] | None = None,
    trace: bool = False,
    shortcut: bool = True,
    checked: bool = False,
    fail_nowait: Iterable[int] = (),
) -> Run:
    """`predict`, and what else was seen. `kernel` is a profile or its name.

    `fail_nowait` names GFP_NOWAIT allocations that fail, counted from 1. With `trace`, every step is kept; a repeat is
    shown once where one turn leaves the state as it was. Without `shortcut`, such repeats are executed in full. With
    `checked`, the whole state is recounted after each operation, and ModelError raised if a counter differs from it.
    """
    row = profile(kernel) if isinstance(kernel, str) else kernel
    recorder = Recorder(fail_nowait=frozenset(fail_nowait), trace=[] if trace else None)
    shortcut = shortcut and not recorder.fail_nowait
    known = None if shell is None else tuple(shell)
    execution = Execution(Machine(row, recorder), tuple(layout), known, shortcut=shortcut, checked=checked)
    execution.worker(program)
    return Run(execution.windows, dict(recorder.hazards), tuple(recorder.trace or ()))
