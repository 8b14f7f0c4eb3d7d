"""Explains a window's count for `kit model explain`: the sum by operation, with its source, and each acquisition.

A repeat whose turns all cost the same is shown once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kit.model.errors import ModelError
from kit.model.predict import Prediction, run
from kit.model.profiles import profile
from kit.model.program import Program
from kit.model.recorder import Event
from kit.model.state import LayoutVma
from kit.model.steps import Profile, Source

CELL_OF = {"fork-link": "fork"}  # operations whose name differs from that of their cell


def explain(
    program: Program, layout: Iterable[LayoutVma], profile_name: str, window: str, *, every_step: bool = False
) -> list[str]:
    """Lines that explain the window's prediction; `every_step` adds links, counters and allocations.

    Raises ModelError if the program has no such window, and whenever `predict` does.
    """
    row = profile(profile_name)
    traced = run(program, layout, profile_name, trace=True)
    if window not in traced.windows:
        raise ModelError(f"no window {window!r}; there are {', '.join(traced.windows) or 'none'}")
    found = traced.windows[window]
    if not isinstance(found, Prediction):
        return [f"window {window}: not predicted: {found.reason}"]
    return [*_sum(window, found, row), *_lines(_inside(traced.trace, window), row, every_step)]


def source(row: Profile, operation: str) -> Source:
    """The source of the profile's cell for an operation."""
    return row.cells[CELL_OF.get(operation, operation)].source


def _sum(window: str, found: Prediction, row: Profile) -> Iterator[str]:
    total = str(found.low) if found.low == found.high else f"{found.low} to {found.high}"
    yield f"window {window}: {total} acquisitions of {found.lock_class} (profile {row.name}: {row.about})"
    for operation, n in found.by_operation.items():
        if n:
            yield f"{n:>12} of {found.low}: {operation:<10} {source(row, operation)}"
    if found.high > found.low:
        more = found.high - found.low
        yield f"{more:>12} more at most: free, if the root is locked just then ({source(row, 'free')})"


def _inside(trace: Iterable[Event], window: str) -> Iterator[Event]:
    """The events between the opening and the closing of the window."""
    inside = False
    for event in trace:
        if event.operation == "window":
            inside = event.subject == window and event.what == "open"
        elif inside:
            yield event


def _lines(events: Iterable[Event], row: Profile, every_step: bool) -> Iterator[str]:
    for event in events:
        if event.operation == "repeat":
            yield f"  {event.subject}"
        elif every_step or event.what == "lock":
            function = source(row, event.operation).function
            yield f"  {event.what:<8} {event.subject:<44} {event.vma:<36} {event.operation}: {function}"
