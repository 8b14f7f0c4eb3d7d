"""An experiment as read from its file: arms, workloads, settings. No I/O, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.records.arches import DEFAULT


@dataclass(frozen=True)
class PatchRef:
    """A patch file of a series; `reverse`: it is taken out instead of applied."""

    path: str
    reverse: bool = False
    strip: int = 1  # leading parts of its paths to strip, as in patch -p1


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
    """Settings of `instructions`: differences up to `limit` (a fraction) do not matter; the number of memory `layouts`;
    `times`: factor by which windows are longer than for counts."""

    limit: float = 0.001
    layouts: int = 5
    times: int = 20


@dataclass(frozen=True)
class TimePlan:
    """Settings of `time`: each boot does all loads `rounds` times, and the first `warmup` rounds are dropped; `times`:
    factor by which windows are longer than for counts; `adjust`: for host load, steal and the order of boots."""

    rounds: int = 4
    warmup: int = 1
    times: int = 5
    adjust: bool = False


@dataclass(frozen=True)
class Experiment:
    """An experiment file, resolved: defaults filled in, paths made absolute. `memory` in MiB, `limit` a fraction."""

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
    seed: int  # of the workloads: part of their programs, so the same in every run
    accept: tuple[tuple[str, str], ...] = ()  # (pattern, why) of splats that are known and accepted
    arch: str = DEFAULT
    toolchain: str = "gcc"  # or llvm
    alpha: float = 0.05  # the chance of a false verdict that noisy evidence may have
    sequential: bool = True  # test noisy evidence after some blocks, and stop when it is decided
    instructions: InstructionsPlan = InstructionsPlan()
    time: TimePlan = TimePlan()
    config: tuple[str, ...] = ()  # the user's configuration: a .config or a make target, then fragments; empty: kit's
    aa: bool = False  # every arm is the baseline's kernel: any difference that is found is a false one
    boot_limit: float | None = None  # seconds that a boot may take; None: derived from the baseline's boots
    root: str = "guest"  # "host", "home": payloads run on the host's files, without or with the homes
    least: int = 2  # blocks of `count` that are done in any case
    steps: bool = False  # each arm is also judged against the one before
    order_seed: int | None = None  # decides the order of boots; None: a run draws one, and records it

    @property
    def orders(self) -> int:
        """The seed for the order of boots; the workloads' seed while none is drawn (`kit check`)."""
        return self.seed if self.order_seed is None else self.order_seed

    def arm(self, name: str) -> ArmSpec:
        """The arm of that name. Raises StopIteration if there is none."""
        return next(a for a in self.arms if a.name == name)
