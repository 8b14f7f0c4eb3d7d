"""Small machines that tests share: a worker with one written region; and traces as one line of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.model.machine import Machine
from kit.model.recorder import Event, Recorder
from kit.model.state import Mm
from kit.model.steps import Profile


@dataclass(frozen=True)
class Line:
    """An entry of smaps."""

    start: int
    end: int
    perms: str = "rw-p"
    anonymous: int = 4
    name: str = ""


# A static worker as the guest shows it: text, read-only data, data, bss, stack, and two that the kernel provides.
WORKER = (
    Line(0x400000, 0x401000, "r--p", 0, "/worker"),
    Line(0x401000, 0x409000, "r-xp", 0, "/worker"),
    Line(0x40C000, 0x40D000, "rw-p", 4, "/worker"),
    Line(0x40D000, 0x410000, "rw-p", 8, ""),
    Line(0x7FFC00000000, 0x7FFC00021000, "rw-p", 12, "[stack]"),
    Line(0x7FFC00100000, 0x7FFC00104000, "r--p", 0, "[vvar]"),
    Line(0x7FFC00104000, 0x7FFC00106000, "r-xp", 0, "[vdso]"),
)
WRITTEN = 3  # VMAs of WORKER with anonymous pages


def started(profile: Profile, fail_nowait: frozenset[int] = frozenset()) -> tuple[Machine, Mm]:
    """A machine with one process, which has one region that was not written to."""
    machine = Machine(profile, Recorder(trace=[], fail_nowait=fail_nowait))
    mm = machine.spawn(())
    machine.map(mm, 0, 4)
    return machine, mm


def grown(profile: Profile, depth: int) -> tuple[Machine, list[Mm]]:
    """Like `started`, with the region written to, and `depth` descendants, each forked by the one before."""
    machine, mm = started(profile)
    machine.write(mm, 0, 0)
    line = [mm]
    for _ in range(depth):
        line.append(machine.fork(line[-1]))
    return machine, line


def seen(machine: Machine, act: Callable[[], object]) -> str:
    """The trace of `act`, one word for each event, with a bar where the operation changes: "clone alloc lock link
    unlock | …"."""
    trace = machine.recorder.trace
    assert trace is not None
    before = len(trace)
    act()
    return line_of(trace[before:])


def line_of(events: Sequence[Event]) -> str:
    words: list[str] = []
    operation = ""
    for event in events:
        if event.operation != operation:
            operation = event.operation
            words += ["|", operation] if words else [operation]
        words.append(event.what)
    return " ".join(words)


def spent(machine: Machine, act: Callable[[], object]) -> dict[str, int]:
    """Acquisitions by operation during `act`, without zeros."""
    before = Counter(machine.recorder.counts)
    act()
    return {operation: n for (operation, _mode), n in (machine.recorder.counts - before).items()}


def subjects(machine: Machine, what: str) -> list[str]:
    """What was removed, freed or locked, in order."""
    return [event.subject for event in machine.recorder.trace or () if event.what == what]
