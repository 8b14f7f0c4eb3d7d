"""An experiment as it was read: arms, workloads, plans. No I/O, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.records.arches import DEFAULT


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
    arch: str = DEFAULT
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
        """The arm of that name. Raises StopIteration if there is none."""
        return next(a for a in self.arms if a.name == name)
