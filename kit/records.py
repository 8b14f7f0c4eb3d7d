"""The frozen dataclasses that cross layers, and their JSON form. No I/O, standard library only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import PurePath
from typing import Any


def digest(value: object) -> str:
    """A short stable key (24 hex digits of SHA-256) of anything that `to_json` can write."""
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def to_json(value: object) -> Any:
    """Dataclasses, enums, tuples and mappings as plain JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    return value


BEYOND = 1000  # the repeats of boots beyond a plan are numbered from here: done, never taken from the cache


class Outcome(StrEnum):
    """How a boot ended. Only `OK` gives samples."""

    OK = "ok"
    PANIC = "panic"  # the guest's kernel reported a panic or an oops
    HANG = "hang"  # a limit ran out while QEMU was alive
    QEMU_DIED = "qemu-died"  # QEMU ended by a signal or with an error of its own
    QEMU_REFUSED = "qemu-refused"  # QEMU never started the guest: its own message says why
    NO_END = "no-end-marker"  # QEMU ended, the guest never said that it was done
    DAMAGED = "results-damaged"  # a frame was lost, doubled, or its checksum is wrong
    FAILED = "workload-failed"  # the guest said that a program failed


class Verdict(StrEnum):
    """The five verdicts of design.md."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    INCONCLUSIVE = "inconclusive"
    BROKEN = "broken"


@dataclass(frozen=True)
class Machine:
    """The guest's machine. `memory` in MiB; `accel` is `kvm` or `tcg`, decided, or `icount`: TCG that counts."""

    arch: str
    cpus: int
    memory: int
    accel: str


@dataclass(frozen=True)
class KernelSpec:
    """What to build: an arm for an instrument. Its key names the built kernel in the cache."""

    arm: str
    instrument: str  # "counting"
    arch: str
    tree: str  # as in the experiment, "debian:6.1"
    tree_key: str  # content of the tree
    workspace: str  # which object folder: the tree's key, or for a user's folder its path's, so that an edit is cheap
    series: tuple[tuple[str, str], ...]  # (path in the tree, blob id of the patched file; "" if deleted)
    config_key: str  # content of the merged fragments
    toolchain: str  # compiler and binutils, as they print themselves
    shims: tuple[tuple[str, str], ...] = ()  # (name, content) of what the toolchain needs for a kernel so old

    @property
    def key(self) -> str:
        """Content key: two arms with the same sources share one kernel."""
        made_with = (self.config_key, self.toolchain, *self.shims)
        return digest([self.instrument, self.arch, self.tree_key, self.series, *made_with])

    @property
    def object_key(self) -> str:
        """Key of the object folder that arms share: (tree, configuration, toolchain)."""
        return digest([self.instrument, self.arch, self.workspace, self.config_key, self.toolchain, *self.shims])


@dataclass(frozen=True)
class Kernel:
    """A built kernel: `image` is the path of what QEMU boots, its vmlinux or, before 5.0, its bzImage."""

    key: str
    image: str
    config: str
    log: str
    seconds: float
    cached: bool
    image_sha256: str

    @property
    def vmlinux(self) -> str:
        """The path of the kernel with its symbols, beside the image."""
        return str(PurePath(self.image).parent / "vmlinux")


@dataclass(frozen=True)
class BootSpec:
    """One boot to do. Frozen; `key` is the hash of all that decides its result.

    `arm`, `block`, `order` and `repeat` place it in the design; `repeat` and the content enter the key, the place
    does not.
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
    """One class of /proc/lock_stat, its read and write rows apart. Counts, no unit; times in microseconds."""

    name: str  # class name without the -R/-W suffix
    mode: str  # "", "W" or "R"
    contentions: int
    acquisitions: int


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
    """What one lock_stat window of a boot measured: every class with acquisitions; `elapsed` in guest nanoseconds.

    `users` only for a `users` window; `idle`: nanoseconds that CPUs had nothing to do, None where it was not asked. The
    kernel cuts class names: two rows may have the same name and mode.
    """

    name: str
    elapsed: int
    rows: tuple[LockRow, ...]
    users: tuple[UserTime, ...] = ()
    idle: int | None = None


@dataclass(frozen=True)
class Printed:
    """What a payload wrote to one of its streams: `bytes` in all; kept are its beginning and, behind a gap, its end."""

    bytes: int
    head: str
    tail: str

    @property
    def text(self) -> str:
        """All that was kept; where something is missing, a line says so."""
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


@dataclass(frozen=True)
class HostState:
    """The host at one moment. `load`: tasks, over a minute; ticks since its boot, of all CPUs; the rest in words, empty
    where the host does not tell."""

    load: float
    total_ticks: int
    steal_ticks: int
    governor: str
    smt: str
    turbo: str


@dataclass(frozen=True)
class Pinned:
    """Which core each vCPU was bound to, in their order; none, and why not."""

    cores: tuple[int, ...]
    why_not: str = ""


@dataclass(frozen=True)
class HostRecord:
    """The host before and after a boot, and where its vCPUs ran; `pinned` is None where that was not asked for."""

    before: HostState
    after: HostState
    pinned: Pinned | None = None


@dataclass(frozen=True)
class Boot:
    """One boot done: the record that goes into boots.jsonl."""

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
class At:
    """Where in the experiment a number belongs; None where it does not apply."""

    workload: str
    cpus: int | None = None
    users: int | None = None
    depth: int | None = None
    lock: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Comparison:
    """An arm against the baseline for one metric at one place. `ratio` is arm over baseline.

    `low` and `high` bound the ratio; `n` and `baseline_n` are the numbers of boots; `predicted` is the model's count
    (`[low, high]`, equal where it is exact), `agrees` whether every boot fell into it; both None without a profile.
    Of noisy evidence, `low` and `high` are a confidence interval (None: no bound), `ratio` is a geometric mean.
    """

    metric: str
    unit: str
    direction: str  # "less is better" or "more is better"
    arm: str
    baseline: str
    at: At
    ratio: float | None  # None where the baseline is 0
    low: float | None
    high: float | None
    n: int
    arm_value: float
    baseline_value: float
    exact: bool
    predicted: tuple[int, int] | None = None
    agrees: bool | None = None
    baseline_predicted: tuple[int, int] | None = None
    baseline_agrees: bool | None = None
    baseline_n: int = 0
    p: float | None = None  # noisy evidence only, as the rest: corrected for looks and for other comparisons
    detectable: float | None = None  # as a fraction of the baseline; None where no difference would have been seen
    said: Verdict | None = None  # the verdict of this comparison alone
    pairs: int | None = None  # blocks that it rests on, where boots count that are in none
    aa: bool = False  # the arm is the baseline's own image
    arm_values: tuple[float, ...] = ()  # of each boot, in the unit of `arm_value`; in pairs where boots are in blocks
    baseline_values: tuple[float, ...] = ()


@dataclass(frozen=True)
class KindVerdict:
    """What one kind of evidence says, and why. `decides`: it takes part in the overall verdict, else it is shown."""

    kind: str
    verdict: Verdict
    why: str
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    decides: bool = True


@dataclass(frozen=True)
class PatchRef:
    """A patch file of a series; `path` as it was found, applied backwards if `reverse`."""

    path: str
    reverse: bool = False
    strip: int = 1  # leading parts of its paths that go, as in patch -p1


@dataclass(frozen=True)
class ArmSpec:
    """An arm as the experiment asks for it."""

    name: str
    tree: str
    series: tuple[PatchRef, ...]
    profile: str | None


@dataclass(frozen=True)
class WorkloadSpec:
    """A workload as the experiment asks for it: its kind, its name in this experiment, its checked parameters."""

    kind: str
    name: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class InstructionsPlan:
    """What `instructions` does: differences up to `limit` (a fraction) do not matter, so many layouts of memory, and
    windows so many times as long as for counts."""

    limit: float = 0.001
    layouts: int = 5
    times: int = 20


@dataclass(frozen=True)
class TimePlan:
    """What `time` does: the loads so many times over in each boot, of which the first `warmup` rounds are dropped;
    windows so many times as long as for counts."""

    rounds: int = 4
    warmup: int = 1
    times: int = 5


@dataclass(frozen=True)
class Experiment:
    """An experiment file, resolved: every default filled in, every path found. `memory` in MiB, `limit` a fraction."""

    name: str
    baseline: str
    arms: tuple[ArmSpec, ...]
    cpus: tuple[int, ...]
    memory: int
    accel: str  # as asked: auto, kvm or tcg
    workloads: tuple[WorkloadSpec, ...]
    evidence: tuple[str, ...]
    locks: tuple[str, ...]
    limit: float
    expect: Mapping[str, str]
    blocks: int
    minutes: float
    seed: int  # of the workloads: part of their programs, so equal from run to run
    accept: tuple[tuple[str, str], ...] = ()  # (pattern, why) of splats known and accepted
    arch: str = "x86_64"
    toolchain: str = "gcc"  # or llvm
    alpha: float = 0.05  # the chance of a false verdict that noisy evidence may have
    sequential: bool = True  # look at noisy evidence after some blocks, and stop when it is decided
    instructions: InstructionsPlan = InstructionsPlan()
    time: TimePlan = TimePlan()
    config: tuple[str, ...] = ()  # the user's own: a .config or a target of make, and fragments; none: kit's
    aa: bool = False  # every arm is the baseline's kernel: a difference that is found is a false one
    boot_limit: float | None = None  # seconds that a boot may take; None: by how long the baseline's took
    root: str = "guest"  # "host": payloads run on the host's files
    order_seed: int | None = None  # draws the orders of boots; None: a run draws it, and records it

    @property
    def orders(self) -> int:
        """The seed of the orders of boots; that of the workloads where a plan is only shown."""
        return self.seed if self.order_seed is None else self.order_seed

    def arm(self, name: str) -> ArmSpec:
        return next(a for a in self.arms if a.name == name)


@dataclass(frozen=True)
class Exercised:
    """What of an arm's change was executed. `identical`: its kernel is the baseline's to the byte; `changed`: functions
    whose code differs, of which `asked` were watched; `ran`: in the workloads, `booting`: only before. `why`: it could
    not be found out."""

    arm: str
    identical: bool = False
    changed: tuple[str, ...] = ()
    ran: tuple[str, ...] = ()
    booting: tuple[str, ...] = ()
    asked: int = 0
    why: str = ""

    @property
    def idle(self) -> bool:
        """Nothing that the change changes was executed."""
        return self.identical or (bool(self.changed) and not (self.why or self.ran or self.booting))

    @property
    def codeless(self) -> bool:
        """Only data differ, if anything does: line numbers of warnings, or tables, or defaults."""
        return not (self.identical or self.changed or self.why)


@dataclass(frozen=True)
class Stop:
    """The plan is complete."""

    why: str
