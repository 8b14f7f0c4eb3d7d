"""A boot as planned, and its outcome: results, splats, the host. No I/O, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from kit.records.calls import CallTree, ChainCount
from kit.records.digest import digest

BEYOND = 1000  # boots beyond the plan have repeats from here on; they are never taken from the cache


class Outcome(StrEnum):
    """How a boot ended. Only `OK` gives samples."""

    OK = "ok"
    PANIC = "panic"  # the guest's kernel reported a panic or an oops
    HANG = "hang"  # a limit ran out while QEMU was alive
    QEMU_DIED = "qemu-died"  # QEMU ended by a signal or with an error of its own
    QEMU_REFUSED = "qemu-refused"  # QEMU never started the guest: its own message says why
    NO_END = "no-end-marker"  # QEMU ended, the guest never said that it was done
    DAMAGED = "results-damaged"  # a frame is missing, came twice, or has a wrong checksum
    FAILED = "workload-failed"  # the guest said that a program failed


@dataclass(frozen=True)
class Machine:
    """The guest's machine. `memory` in MiB; `accel`: `kvm`, `tcg`, or `icount` (TCG that counts instructions)."""

    arch: str
    cpus: int
    memory: int
    accel: str


@dataclass(frozen=True)
class BootSpec:
    """One boot to do. `key` is the hash of all that decides its result.

    `arm`, `block`, `order` and `repeat` place it in the design. Of these only `repeat` is part of the key.
    """

    arm: str
    kernel_key: str
    evidence: str
    program: str  # the text of kit.model.program
    machine: Machine
    layout: str  # a harmless word on the kernel's command line that moves memory; "" for none
    seed: int
    repeat: int
    block: int
    order: int
    guest_key: str  # content of the initramfs

    @cached_property
    def key(self) -> str:
        """The hash of all that decides the boot's result."""
        return digest(
            [self.kernel_key, self.evidence, self.program, self.machine, self.layout, self.repeat, self.guest_key]
        )


@dataclass(frozen=True)
class Splat:
    """Something in the console that a healthy kernel does not print."""

    kind: str
    title: str
    line: int  # in the console's log, from 1
    excerpt: str


@dataclass(frozen=True)
class LockRow:
    """One row of /proc/lock_stat: a lock class, or its read or write side. Times in microseconds."""

    name: str  # class name without the -R/-W suffix
    mode: str  # "", "W" or "R"
    contentions: int
    acquisitions: int
    times: tuple[float, ...] = ()  # wait total, longest wait, hold total, longest hold; empty if not recorded


@dataclass(frozen=True)
class CallSite:
    """A place in the kernel where a lock was contended (lock_stat keeps four per class and side). `side`: `waits` or
    `holds`; `place`: `function+0x1/0x2`."""

    name: str
    side: str
    count: int
    place: str


@dataclass(frozen=True)
class GuestVma:
    """One VMA of the guest's worker as smaps shows it. Addresses in bytes, `anonymous` in KiB."""

    start: int
    end: int
    perms: str
    anonymous: int
    name: str


@dataclass(frozen=True)
class UserTime:
    """How long one user of a `users` window took, in guest nanoseconds. `index` from 0."""

    index: int
    elapsed: int


@dataclass(frozen=True)
class WindowResult:
    """What one window of a boot measured: the rows of every lock class with acquisitions; `elapsed` in guest ns.

    `users`: only of a `users` window; `idle`: nanoseconds that CPUs were idle, None if not measured. The kernel cuts
    long class names, so two rows may have the same name and mode. `chains`: what QEMU's plugin counted by call chain.
    """

    name: str
    elapsed: int
    rows: tuple[LockRow, ...]
    users: tuple[UserTime, ...] = ()
    idle: int | None = None
    sites: tuple[CallSite, ...] = ()
    chains: tuple[ChainCount, ...] = ()


@dataclass(frozen=True)
class Printed:
    """What a payload wrote to one of its streams: `bytes` in total; its beginning `head` and its end `tail` are kept.
    """

    bytes: int
    head: str
    tail: str

    @property
    def text(self) -> str:
        """All that was kept; a line marks the gap, if there is one."""
        gap = self.bytes - len(self.head.encode()) - len(self.tail.encode())
        return f"{self.head}\n[... {gap} bytes ...]\n{self.tail}" if gap > 0 and self.tail else self.head + self.tail


@dataclass(frozen=True)
class PayloadRun:
    """How a payload of a boot ended. `elapsed` in guest nanoseconds; `status` -1 where a signal ended it."""

    name: str
    elapsed: int
    status: int
    signal: int
    left: int  # processes that it left behind
    stdout: Printed
    stderr: Printed


@dataclass(frozen=True)
class Results:
    """What the guest sent over its own channel, complete and undamaged."""

    release: str
    cpus: int
    layouts: Mapping[str, tuple[GuestVma, ...]]  # by worker: its VMAs when its program started
    windows: tuple[WindowResult, ...]
    payloads: tuple[PayloadRun, ...] = ()
    calls: CallTree = field(default_factory=CallTree)  # of the windows' `chains`


@dataclass(frozen=True)
class HostState:
    """The host at one moment. `load`: the 1-minute load average; ticks since its boot, over all CPUs; the others are
    words, empty if unknown."""

    load: float
    total_ticks: int
    steal_ticks: int
    governor: str
    smt: str
    turbo: str


@dataclass(frozen=True)
class Pinned:
    """The core that each vCPU was pinned to, in order; empty if they were not pinned, and why."""

    cores: tuple[int, ...]
    why_not: str = ""


@dataclass(frozen=True)
class HostRecord:
    """The host before and after a boot, and where its vCPUs ran; `pinned` is None if pinning was not wanted."""

    before: HostState
    after: HostState
    pinned: Pinned | None = None


@dataclass(frozen=True)
class Boot:
    """One boot as done: a line of boots.jsonl."""

    key: str
    arm: str
    kernel_key: str
    evidence: str
    cpus: int
    accel: str
    repeat: int
    block: int
    order: int
    outcome: Outcome
    why: str  # empty when ok
    seconds: float
    console: str  # path of the log, relative to the run folder
    results: Results | None
    splats: tuple[Splat, ...] = ()
    reused: str = ""  # the run that booted it, when the record came from the cache
    host: HostRecord | None = None  # of timed boots


@dataclass(frozen=True)
class Stop:
    """The plan is complete."""

    why: str
