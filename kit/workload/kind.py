"""The interface of a workload: its keys, how they are prepared, what runs in the guest, and what that prints.

Each row of WORKLOADS (kit.workload.catalog) is a `Workload`; its keys are a subclass of `Parameters`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from kit.workload.load import Load
from kit.workload.metrics import Metric

Raw = Mapping[str, Any]  # parameters as written in the experiment

USERLAND, MESSAGES, RAM_DISK, SWAP = "userland", "messages", "ramdisk", "swap"
"""Fragments under configs/kernel/ that workloads ask for (`Parameters.fragments`)."""


class Printing(Protocol):
    """Reads metrics from what a workload's program prints."""

    def read(self, stdout: str, stderr: str) -> tuple[Metric, ...]:
        """The metrics of one run."""
        ...

    def meaning(self, metric: str, unit: str) -> tuple[str, str, bool]:
        """(unit, direction, whether it decides the verdict) of a metric that was printed with `unit`; the direction is
        empty if the experiment gives none."""
        ...

    def asked(self) -> tuple[str, ...]:
        """The metrics that the experiment names."""
        ...

    def needed(self) -> frozenset[str]:
        """The metrics without which the verdict can be neither `same` nor `better`."""
        ...

    def lacking(self, metric: str) -> str:
        """The words for what is missing if a metric is not printed."""
        ...

    def form(self) -> str:
        """The output's format, in words."""
        ...


def listed(value: object) -> object:
    """A single value as a list of one, for keys that take either."""
    return value if isinstance(value, (list, tuple)) else (value,)


class Parameters(BaseModel):
    """The keys of a workload, with types, bounds, defaults and descriptions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def load(self, name: str, seed: int) -> Load:
        """What a guest runs: a program with its windows. Raises UserError if this machine lacks something for it."""
        raise NotImplementedError

    def fragments(self) -> tuple[str, ...]:
        """The fragments of configs/kernel that its kernels need besides."""
        return ()

    def require_room(self, memory: int) -> None:
        """Raises UserError if it needs more memory than the guest has. `memory` is in MiB."""

    def printing(self) -> Printing | None:
        """The reader of its output; None if it prints no metrics."""
        return None


@dataclass(frozen=True)
class Place:
    """Where a workload's files are looked for. `find`: name → path, or None; `looked`: where that looks, in words, for
    messages. `root`: the guest's root, as in the experiment (`guest` or `host`)."""

    find: Callable[[str], Path | None]
    looked: str
    root: str = "guest"


def as_written(raw: Raw, place: Place) -> Raw:
    """The `prepare` of a workload that needs none."""
    return raw


def nothing(params: Raw) -> str:
    """The `suffix` or `said` of a workload that has none."""
    return ""


def all_of(params: Raw) -> Raw:
    """The `shown` of a workload whose parameters are all worth showing."""
    return params


@dataclass(frozen=True)
class Workload:
    """A kind of workload.

    `prepare`: turns its keys as written into those of `params`: names of files become their content, or absolute paths.
    Raises UserError. `suffix`: what its default name has after the kind's name.

    `modelled`: whether the reference model can run its program; `asked`: whether `kit model` also takes it by name.
    `programs`: further programs that its guests need: path in the guest → C sources of `guest/`.

    `said`: remarks about its checked parameters, as text; `shown`: its parameters as reports show them.

    For the JSON schema of experiments: `also`: further types that a key takes before `prepare` (`key[]`: an item of
    it); `more`: keys that `prepare` turns into others; `either`: keys one of which is required.
    """

    params: type[Parameters]
    prepare: Callable[[Raw, Place], Raw] = as_written
    suffix: Callable[[Raw], str] = nothing
    modelled: bool = True
    asked: bool = True
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    said: Callable[[Raw], str] = nothing
    shown: Callable[[Raw], Raw] = all_of
    also: Mapping[str, tuple[Raw, ...]] = field(default_factory=dict)
    more: Mapping[str, Raw] = field(default_factory=dict)
    either: tuple[str, ...] = ()
