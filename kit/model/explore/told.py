"""A finding in words: the rule, the start, who did what. In: findings; out: lines of text, or plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kit.model.explore.findings import COUNTED, Finding
from kit.model.explore.invariants import AT_REST
from kit.model.explore.world import Event

UNCOUNTED = ("return", "put", "get", "own", "unused", "mmunlock", "unpin", "pin", "visit", "reuse", "ask", "vma-gone")
LETTERS = "ABCDEFGHIJ"


def lines(finding: Finding) -> Iterator[str]:
    """A counterexample, an event a line, a column for each task."""
    yield f"{finding.rule}: broken"
    yield f"  {finding.said}"
    yield f"  start: {', '.join(map(str, finding.scene.history)) or 'a process P with one VMA, not written to'}"
    spoilt = sorted(finding.muted.intersection(AT_REST))
    if spoilt:
        yield f"  the start breaks: {', '.join(spoilt)}"
    for number, ops in enumerate(finding.scene.tasks):
        yield f"  task {LETTERS[number]}: {', '.join(map(str, ops))}"
    for event in finding.events:
        if event.what != "return" or event.text:
            yield f"  {'    ' * event.task}{LETTERS[event.task]}  {_event(event)}"
    if finding.seed is not None:
        yield f"  found with seed {finding.seed}"


def _event(event: Event) -> str:
    return f"{event.where:<11} {event.what:<8} {event.text}".rstrip()


def data(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it. `known`: the rules that are broken before it, and were passed over; `events` counts
    those of locks, allocations, links and frees."""
    return {
        "rule": finding.rule,
        "said": finding.said,
        "start": [str(op) for op in finding.scene.history],
        "tasks": [[str(op) for op in ops] for ops in finding.scene.tasks],
        "known": sorted(finding.muted),
        "events": finding.counted,
        "trace": [
            {"task": e.task, "function": e.where, "what": e.what, "subject": e.text}
            for e in finding.events
            if e.what in COUNTED or e.what in UNCOUNTED
        ],
        "moves": [f"{m.task}{'!' if m.fails else ''}" for m in finding.moves],
        "seed": finding.seed,
    }
