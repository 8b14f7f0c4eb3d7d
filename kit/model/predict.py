"""Executes a program on a machine and counts per window. In: program, layout, profile; out: a prediction per window.

What is not modelled is said in UNMODELLED; a window that contains such a thing gets `Unmodelled` instead of a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from kit.model.errors import ModelError
from kit.model.machine import Machine
from kit.model.profiles import profile
from kit.model.program import (
    Fork,
    Madvise,
    Map,
    Mprotect,
    Munmap,
    Op,
    Orphan,
    Program,
    Repeat,
    Script,
    Users,
    Window,
    Write,
)
from kit.model.recorder import Event, Recorder
from kit.model.state import LayoutVma, Mm
from kit.model.steps import OPERATIONS, Profile

SCRIPT = "a shell script is executed: execve, the shell's own faults and its children are not modelled"
REUSE = "users race for an anon_vma that an exited process left: the first to fork reuses it, the others do not"

UNMODELLED = {
    "script": SCRIPT,
    "users and reuse": REUSE,
    "mremap, brk": "not modelled yet",
    "other tasks": "reclaim, migration, KSM and khugepaged walk or lock anon_vmas: the guests have none of them on",
    "stack growth": "the worker has touched its stack as far as it ever uses it",
    "allocation failure": "the guests have memory to spare (GFP_NOWAIT failures can be asked for in the model)",
}


@dataclass(frozen=True)
class Prediction:
    """Acquisitions of the root lock in one window: from `low` to `high`, equal where scheduling cannot matter.

    `by_operation` (each of steps.OPERATIONS) and `by_mode` (write, read) explain `low`; what `high` has more is all
    of operation "free": anon_vmas freed by one user whose root another user locks somewhere in the window.
    """

    low: int
    high: int
    by_operation: Mapping[str, int]
    lock_class: str
    by_mode: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Unmodelled:
    """Why there is no number for a window."""

    reason: str


@dataclass(frozen=True)
class Run:
    """All that a run of the model saw. `trace` is empty unless it was asked for."""

    windows: Mapping[str, Prediction | Unmodelled]
    hazards: Mapping[Event, int]
    trace: tuple[Event, ...]


def predict(program: Program, layout: Iterable[LayoutVma], profile_name: str) -> dict[str, Prediction | Unmodelled]:
    """The acquisitions of the profile's lock class in each window of `program`, by name, in order of opening.

    `layout` is the worker's smaps at its start. ModelError for an unknown profile, a program that makes no sense (a
    window inside a window or opened twice, a write to nothing), and a broken rule of the kernel.
    """
    return dict(run(program, layout, profile_name).windows)


def run(
    program: Program,
    layout: Iterable[LayoutVma],
    kernel: str | Profile,
    *,
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
    execution = Execution(Machine(row, recorder), shortcut, checked)
    execution.worker(program, layout)
    return Run(execution.windows, dict(recorder.hazards), tuple(recorder.trace or ()))


class Execution:
    """One program on one machine."""

    def __init__(self, machine: Machine, shortcut: bool, checked: bool) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.shortcut = shortcut
        self.checked = checked
        self.windows: dict[str, Prediction | Unmodelled] = {}
        self.window = ""
        self.reason = ""
        self.orphans: dict[Mm, list[tuple[Mm, tuple[Op, ...]]]] = {}

    def worker(self, program: Program, layout: Iterable[LayoutVma]) -> None:
        """The worker's whole life; at its end nothing may be left."""
        mm = self.machine.spawn(layout)
        self.block(mm, program.ops)
        self.machine.check()
        self.finish(mm)
        self.machine.check()

    def block(self, mm: Mm, ops: Iterable[Op]) -> None:
        for op in ops:
            self.op(mm, op)
            if self.checked:
                self.machine.check()

    def op(self, mm: Mm, op: Op) -> None:
        match op:
            case Map(region, pages):
                self.machine.map(mm, region, pages)
            case Write(region, page):
                self.machine.write(mm, region, page)
            case Munmap(region, first, count):
                self.machine.munmap(mm, region, first, count)
            case Mprotect(region, first, count, access):
                self.machine.mprotect(mm, region, first, count, access)
            case Madvise(region, advice):
                self.machine.madvise(mm, region, advice)
            case Fork(body):
                self.fork(mm, body)
            case Orphan(body):
                self.orphans.setdefault(mm, []).append((self.machine.fork(mm), body))
            case Script():
                self.script(mm)
            case Repeat(times, body):
                self.repeat(mm, times, body)
            case Window(name, body):
                with self.opened(name):
                    self.block(mm, body)
            case Users(name, users):
                self.users(mm, name, users)

    def fork(self, mm: Mm, body: Iterable[Op]) -> None:
        child = self.machine.fork(mm)
        self.block(child, body)
        self.finish(child)

    def finish(self, mm: Mm) -> None:
        """A process exits; then its orphans live, the first to be forked first."""
        self.machine.exit(mm)
        for orphan, body in self.orphans.pop(mm, ()):
            self.block(orphan, body)
            self.finish(orphan)

    def script(self, mm: Mm) -> None:
        """For the parent's anon_vmas a script is a fork whose child is gone before wait returns.

        execve gives the child a new mm and exit_mmaps the old one, which detaches it from all that fork attached it to;
        the shell and what it forks have roots of their own. So later windows are predicted, this one is not.
        """
        self.reason = self.reason or SCRIPT
        self.fork(mm, ())

    def repeat(self, mm: Mm, times: int, body: tuple[Op, ...]) -> None:
        """The block, `times` times; once a turn leaves the state as it was, the others are known to cost the same.

        The state is compared whole (every live process), so this is a proof, not a guess. Comparing costs about a
        fork, so it is tried after 1, 2, 4, 8 … turns.
        """
        done = 0
        while done < times:
            tried = self.shortcut and done + 1 < times and done & (done - 1) == 0
            before = self.machine.fingerprint() if tried else None
            tally = self.recorder.tally() if tried else ()
            windows = len(self.windows)
            self.block(mm, body)
            done += 1
            if before is not None and windows == len(self.windows) and before == self.machine.fingerprint():
                self.recorder.again(times - done, tally)
                self.recorder.mark("repeat", "again", f"{times - done} times more, each as the last")
                return

    def users(self, mm: Mm, name: str, users: Iterable[tuple[Op, ...]]) -> None:
        """The users run one after another here: see Recorder.might_have_been_locked for what else could happen.

        Nothing else can depend on the scheduler, but for one thing. Chains are private to a VMA, so cloning and
        unlinking count the same in any order. The parent waits, attached to every anon_vma that two users share, so
        none of those is freed or becomes empty. The one thing is reuse: of an anon_vma that a process left behind
        which is gone, the first user to fork gets hold.
        """
        vacant = self.vacant(mm)
        children = [(self.machine.fork(mm), body) for body in users]
        with self.opened(name):
            if vacant and len(children) > 1:
                self.reason = REUSE
            for number, (child, body) in enumerate(children):
                self.recorder.user = number
                self.block(child, body)
            self.recorder.user = None
        for child, _ in children:
            self.finish(child)

    def vacant(self, mm: Mm) -> bool:
        """Whether a VMA of this process is attached to an anon_vma that its children may reuse, or soon might."""
        counters = self.machine.rmap.profile.counters
        owned = {vma.anon_vma for other in self.machine.mms for vma in other.vmas}
        chains = [(vma, avc.anon_vma) for vma in mm.vmas for avc in vma.chain]
        if counters == "degree":  # it counts VMAs and children alike, so one in use may be taken too
            return any(anon_vma is not vma.anon_vma and anon_vma.degree < 2 for vma, anon_vma in chains)
        return counters == "children" and any(
            anon_vma not in owned and anon_vma is not anon_vma.root for _, anon_vma in chains
        )

    @contextmanager
    def opened(self, name: str) -> Iterator[None]:
        """lock_stat is global: what any process does while a window is open counts."""
        if self.window:
            raise ModelError(f"window {name} opens inside window {self.window}")
        if name in self.windows:
            raise ModelError(f"window {name} opens twice: its counts would have no one meaning")
        self.window, self.reason = name, ""
        self.recorder.open()
        self.recorder.mark("window", "open", name)
        yield
        self.recorder.mark("window", "close", name)
        self.windows[name] = Unmodelled(self.reason) if self.reason else self.closed()
        self.window = ""

    def closed(self) -> Prediction:
        counts = self.recorder.counts
        operations = dict.fromkeys(OPERATIONS, 0)
        modes: dict[str, int] = {}
        for (operation, mode), n in counts.items():
            operations[operation] += n
            modes[mode] = modes.get(mode, 0) + n
        low = sum(operations.values())
        high = low + self.recorder.might_have_been_locked()
        return Prediction(low, high, operations, self.machine.rmap.profile.lock_class, modes)
