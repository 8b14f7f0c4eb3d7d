"""Executes a program on the model's machine and counts lock acquisitions in each window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kit.model.errors import ProgramError
from kit.model.machine import Machine
from kit.model.program import (
    Brk,
    Crew,
    Discard,
    Exec,
    Fork,
    Grow,
    Hold,
    Job,
    Madvise,
    Map,
    MapFile,
    Mprotect,
    Mremap,
    Munmap,
    Op,
    Orphan,
    Plain,
    Program,
    Ramp,
    Reclaim,
    Release,
    Repeat,
    Script,
    Shell,
    Spawn,
    Stack,
    Threads,
    Users,
    Window,
    Write,
    WriteBrk,
)
from kit.model.state import LayoutVma, Mm
from kit.model.steps import OPERATIONS

SCRIPT = "a shell script is executed, and the layout of the shell is not given (kit.model.elf reads it from its file)"
RAMP = "how many users a ramp has depends on the time that they take"
RECLAIM = "kswapd walks from pages to VMAs under the root locks, and how often depends on time"
REUSE = "users race for an anon_vma that an exited process left: the first to fork reuses it, the others do not"


@dataclass(frozen=True)
class Prediction:
    """Acquisitions of the root lock in one window: from `low` to `high`, which are equal if scheduling cannot matter.

    `by_operation` (keys: steps.OPERATIONS) and `by_mode` (write, read) explain `low`. What `high` has more is all of
    operation "free": anon_vmas that one user frees while another user may hold the lock of their root.
    """

    low: int
    high: int
    by_operation: Mapping[str, int]
    lock_class: str
    by_mode: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Unmodelled:
    """Why the model has no number for a window."""

    reason: str


class Execution:
    """The execution of one program on one machine. `layout`, `shell`, `tool`: the VMAs of the worker, of the shell, and
    of the program that a script runs, each at its start."""

    def __init__(
        self,
        machine: Machine,
        layout: Sequence[LayoutVma],
        shell: Sequence[LayoutVma] | None,
        *,
        tool: Sequence[LayoutVma] | None = None,
        shortcut: bool,
        checked: bool,
    ) -> None:
        self.machine = machine
        self.layout = layout
        self.shell = shell
        self.tool = tool
        self.recorder = machine.recorder
        self.shortcut = shortcut
        self.checked = checked
        self.windows: dict[str, Prediction | Unmodelled] = {}
        self.window = ""
        self.reason = ""
        self.given = ""  # why the model has no number for any window for now
        self.orphans: dict[Mm, list[tuple[Mm, tuple[Op, ...]]]] = {}
        self.held: dict[Mm, list[Mm]] = {}

    def worker(self, program: Program) -> None:
        """Runs the worker's whole life; at its end no anon_vma may be left."""
        mm = self.machine.spawn(self.layout)
        self.block(mm, program.ops)
        self.machine.check()
        self.finish(mm)
        self.machine.check()

    def block(self, mm: Mm, ops: Iterable[Op]) -> None:
        """Executes operations in order in a process."""
        for op in ops:
            self.op(mm, op)
            if self.checked:
                self.machine.check()

    def op(self, mm: Mm, op: Op) -> None:
        """Executes one operation in a process."""
        match op:
            case Fork(body):
                self.live(self.machine.fork(mm), body)
            case Exec(body):
                self.execute(mm, self.layout, body)
            case Script():
                self.script(mm)
            case Shell(_, how, _):
                self.run_shell(mm, how)
            case Spawn():
                self.spawn(mm)
            case Job():  # its VMAs are as they were, and all that it writes to was written to before
                pass
            case Orphan(body):
                self.orphans.setdefault(mm, []).append((self.machine.fork(mm), body))
            case Hold(body):
                self.hold(mm, body)
            case Release():
                self.release(mm)
            case Threads(_, body):  # they share the mm, and sleep: nothing to model
                self.block(mm, body)
            case Reclaim(body):
                self.given = RECLAIM
                self.block(mm, body)
                self.given = ""
            case Repeat(times, body):
                self.repeat(mm, times, body)
            case Window(name, body):
                with self.opened(name):
                    self.block(mm, body)
            case Users(name, users):
                self.users(mm, name, users)
            case Crew(name, users):  # threads with regions of their own share no anon_vma, so order does not matter
                with self.opened(name):
                    for body in users:
                        self.block(mm, body)
            case Ramp(name):
                self.windows[name] = Unmodelled(RAMP)
            case _:
                self.plain(mm, op)

    def plain(self, mm: Mm, op: Plain) -> None:
        """Executes an operation of one process on its own memory."""
        machine = self.machine
        match op:
            case Map(region, pages):
                machine.map(mm, region, pages)
            case MapFile(region, pages):
                machine.mapfile(mm, region, pages)
            case Write(region, page):
                machine.write(mm, region, page)
            case Munmap(region, first, count):
                machine.munmap(mm, region, first, count)
            case Mprotect(region, first, count, access):
                machine.mprotect(mm, region, first, count, access)
            case Madvise(region, advice):
                machine.madvise(mm, region, advice)
            case Discard(region, first, count):
                machine.discard(mm, region, first, count)
            case Mremap(region, first, count, to):
                machine.move(mm, region, first, count, to)
            case Grow(region, pages):
                machine.grow(mm, region, pages)
            case Brk(pages):
                machine.brk(mm, pages)
            case WriteBrk(page):
                machine.writebrk(mm, page)
            case Stack(pages):
                machine.stack(mm, pages)

    def live(self, mm: Mm, body: Iterable[Op]) -> None:
        """Runs a child's body and its exit, for which its parent waits."""
        self.block(mm, body)
        self.finish(mm)

    def execute(self, mm: Mm, layout: Sequence[LayoutVma], body: Iterable[Op]) -> None:
        """Forks a child that executes the program anew, with this layout, runs `body` and exits."""
        child = self.machine.fork(mm)
        self.machine.execute(child, layout)
        self.live(child, body)

    def hold(self, mm: Mm, body: Iterable[Op]) -> None:
        """Forks a child that runs `body` and stays until it is released or its parent ends."""
        child = self.machine.fork(mm)
        self.held.setdefault(mm, []).append(child)
        self.block(child, body)

    def release(self, mm: Mm) -> None:
        """Lets the held children of a process exit, in the order of their forks."""
        for child in self.held.pop(mm, ()):
            self.finish(child)

    def finish(self, mm: Mm) -> None:
        """Ends a process: it releases its held children and exits; then its orphans run, in order of their forks."""
        self.release(mm)
        self.machine.exit(mm)
        for orphan, body in self.orphans.pop(mm, ()):
            self.live(orphan, body)

    def script(self, mm: Mm) -> None:
        """Runs a shell script: the shell is a static image too, and forks nothing.

        Without the shell's layout this window has no prediction, but later ones do: for the parent's anon_vmas execve
        is an exit, and the shell has roots of its own.
        """
        if self.shell is None:
            self.unknown(mm)
        else:
            self.execute(mm, self.shell, ())

    def unknown(self, mm: Mm) -> None:
        """Forks for an image whose layout is not given: this window has no prediction."""
        self.reason = self.reason or SCRIPT
        self.live(self.machine.fork(mm), ())

    def run_shell(self, mm: Mm, how: str) -> None:
        """Runs a script that forks and executes a second program; by `system`, a shell first becomes the script's.

        Each is a static image. Without their layouts this window has no prediction, as in `script`.
        """
        if self.shell is None or self.tool is None:
            self.unknown(mm)
            return
        child = self.machine.fork(mm)
        if how == "system":
            self.machine.execute(child, self.shell)
        self.machine.execute(child, self.shell)
        self.execute(child, self.tool, ())
        self.finish(child)

    def spawn(self, mm: Mm) -> None:
        """Runs a program in a process that never had this one's VMAs (vfork): its mm begins with execve."""
        if self.tool is None:
            self.reason = self.reason or SCRIPT
            return
        child = self.machine.vfork(mm)
        self.machine.execute(child, self.tool)
        self.finish(child)

    def repeat(self, mm: Mm, times: int, body: tuple[Op, ...]) -> None:
        """Runs the block `times` times. Once a turn leaves the state as it was, all further turns cost the same.

        The whole state (every live process) is compared, so this is a proof, not a guess. Comparing costs about as much
        as a fork, so it is done after 1, 2, 4, 8 … turns.
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
        """Runs the users one after another; Recorder.might_have_been_locked tells what else could happen.

        Only one more thing depends on the scheduler. Chains are private to a VMA, so cloning and unlinking count the
        same in any order. The parent waits, attached to every anon_vma that two users share, so none of those is freed
        or becomes empty. The exception is reuse: the first user to fork takes an anon_vma that a process left behind
        when it ended.
        """
        vacant = self.vacant(mm)
        children = [(self.machine.fork(mm), body) for body in users]
        with self.opened(name):
            if vacant and len(children) > 1:
                self.reason = self.reason or REUSE
            for number, (child, body) in enumerate(children):
                self.recorder.user = number
                self.block(child, body)
            self.recorder.user = None
        for child, _ in children:
            self.finish(child)

    def vacant(self, mm: Mm) -> bool:
        """Whether a VMA of this process is attached to an anon_vma that its children may reuse, now or soon."""
        counters = self.machine.rmap.profile.counters
        owned = {vma.anon_vma for other in self.machine.mms for vma in other.vmas}
        chains = [(vma, avc.anon_vma) for vma in mm.vmas for avc in vma.chain]
        if counters == "degree":  # it counts VMAs and children alike, so one in use may be reused too
            return any(anon_vma is not vma.anon_vma and anon_vma.degree < 2 for vma, anon_vma in chains)
        return counters == "children" and any(
            anon_vma not in owned and anon_vma is not anon_vma.root for _, anon_vma in chains
        )

    @contextmanager
    def opened(self, name: str) -> Iterator[None]:
        """Opens a window. lock_stat is global: whatever any process does while the window is open counts."""
        if self.window:
            raise ProgramError(f"window {name} opens inside window {self.window}")
        if name in self.windows:
            raise ProgramError(f"window {name} opens twice: its counts would have no one meaning")
        self.window, self.reason = name, self.given
        self.recorder.open()
        self.recorder.mark("window", "open", name)
        yield
        self.recorder.mark("window", "close", name)
        self.windows[name] = Unmodelled(self.reason) if self.reason else self.closed()
        self.window = ""

    def closed(self) -> Prediction:
        """What the window counted: acquisitions by operation and by mode; the upper end includes the frees that may
        have met a locked root."""
        counts = self.recorder.counts
        operations = dict.fromkeys(OPERATIONS, 0)
        modes: dict[str, int] = {}
        for (operation, mode), n in counts.items():
            operations[operation] += n
            modes[mode] = modes.get(mode, 0) + n
        low = sum(operations.values())
        high = low + self.recorder.might_have_been_locked()
        return Prediction(low, high, operations, self.machine.rmap.profile.lock_class, modes)
