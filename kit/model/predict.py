"""Predicts the lock acquisitions in each window of a program, for a layout and a profile.

UNMODELLED lists what the model does not cover; a window that contains such a thing gets `Unmodelled`, not a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kit.model.execution import RAMP, RECLAIM, REUSE, SCRIPT, Execution, Prediction, Unmodelled
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
    "ramp": RAMP,
    "reclaim": RECLAIM,
    "other tasks": "the guests have no other reclaim, migration, KSM or khugepaged on (Machine.walk does their walks)",
    "dynamic images": "exec is of static images, whose writable VMAs are written to before anything else happens",
    "mremap across VMAs": "6.17 and later move several VMAs at once; the others refuse it, and so does the model",
    "huge pages": "no VMA is large and aligned enough, or transparent huge pages are off",
    "allocation failure": "the guests have memory to spare; any allocation of the model can be made to fail",
}


@dataclass(frozen=True)
class Run:
    """The result of a run of the model. `trace` is empty unless it was asked for."""

    windows: Mapping[str, Prediction | Unmodelled]
    hazards: Mapping[Event, int]
    trace: tuple[Event, ...]


def predict(
    program: Program,
    layout: Iterable[LayoutVma],
    profile_name: str,
    *,
    shell: Iterable[LayoutVma] | None = None,
    tool: Iterable[LayoutVma] | None = None,
) -> dict[str, Prediction | Unmodelled]:
    """The acquisitions of the profile's lock class in each window of `program`, by name, in order of opening.

    `layout`: the worker's smaps at its start, `shell`: that of the shell that executes scripts, `tool`: that of the
    program that a script runs. Raises ModelError for an unknown profile, a senseless program (a window inside a window
    or opened twice, a write to nothing), or a broken rule of the kernel.
    """
    return dict(run(program, layout, profile_name, shell=shell, tool=tool).windows)


def run(
    program: Program,
    layout: Iterable[LayoutVma],
    kernel: str | Profile,
    *,
    shell: Iterable[LayoutVma] | None = None,
    tool: Iterable[LayoutVma] | None = None,
    trace: bool = False,
    shortcut: bool = True,
    checked: bool = False,
    fail_nowait: Iterable[int] = (),
) -> Run:
    """As `predict`, with further results. `kernel`: a profile or its name.

    `fail_nowait`: the numbers (from 1) of the GFP_NOWAIT allocations that fail. `trace`: keep every step; a repeat is
    shown once if one turn leaves the state as it was. `shortcut`: if False, such repeats are executed in full.
    `checked`: recount the whole state after each operation, and raise ModelError if a counter is wrong.
    """
    row = profile(kernel) if isinstance(kernel, str) else kernel
    recorder = Recorder(fail_nowait=frozenset(fail_nowait), trace=[] if trace else None)
    shortcut = shortcut and not recorder.fail_nowait
    images = [None if image is None else tuple(image) for image in (shell, tool)]
    execution = Execution(
        Machine(row, recorder), tuple(layout), images[0], tool=images[1], shortcut=shortcut, checked=checked
    )
    execution.worker(program)
    return Run(execution.windows, dict(recorder.hazards), tuple(recorder.trace or ()))
