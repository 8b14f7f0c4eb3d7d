"""What a workload is to the rest of kit: its keys, how they are made ready, what runs in the guest, what it prints.

A row of WORKLOADS (kit.workload.catalog) is a `Workload`; its keys are a `Parameters` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from kit.workload.load import Load
from kit.workload.metrics import Metric

Raw = Mapping[str, Any]  # parameters as they were written


class Printing(Protocol):
    """What a workload's program prints, as metrics."""

    def read(self, stdout: str, stderr: str) -> tuple[Metric, ...]:
        """The metrics of one run."""
        ...

    def meaning(self, metric: str, unit: str) -> tuple[str, str, bool]:
        """(unit, direction, decides) of a metric that was printed with `unit`; no direction where none was said."""
        ...

    def asked(self) -> tuple[str, ...]:
        """The metrics that were asked for by name."""
        ...

    def needed(self) -> frozenset[str]:
        """The metrics without which nothing is the same, or better."""
        ...

    def lacking(self, metric: str) -> str:
        """What is not there where a metric is not, in words."""
        ...

    def form(self) -> str:
        """How the output is read, in words."""
        ...


class Parameters(BaseModel):
    """The keys of a workload, checked: types, bounds, defaults and meanings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def load(self, name: str, seed: int) -> Load:
        """What a guest runs: a program with its windows. Raises UserError for what this machine lacks."""
        raise NotImplementedError

    def require_room(self, memory: int) -> None:
        """Raises UserError where it needs more of a guest's memory (MiB) than there is."""

    def printing(self) -> Printing | None:
        """How its output is read; None where it prints no metrics."""
        return None


@dataclass(frozen=True)
class Place:
    """Where a workload's files are looked for. `find`: a path by its name; `looked`: where that looks, in words.
    `root`: the guest's, as the experiment says it (`guest` or `host`)."""

    find: Callable[[str], Path | None]
    looked: str
    root: str = "guest"


def as_written(raw: Raw, place: Place) -> Raw:
    """Nothing is to be made ready."""
    return raw


def nothing(params: Raw) -> str:
    """No words."""
    return ""


@dataclass(frozen=True)
class Workload:
    """A kind of workload.

    `prepare`: its keys as written → as `params` has them; names of files become what is in them, or whole paths. Raises
    UserError. `suffix`: what its default name has behind the kind's.

    `modelled`: the reference model knows its program; `asked`: and `kit model` may be asked for it by name. `userland`:
    its kernels run programs of the host's. `programs`: what its guests need beside kit's own: path in the guest → C
    sources of `guest/`.

    `said`: what there is to say of its checked parameters, in words; of the keys `unsaid` the words say all.

    `also`: what else a key takes before it is prepared, as JSON schemas by key (`key[]`: an item of it); `more`: keys
    that `prepare` turns into others, and their schemas; `either`: keys one of which is required.
    """

    params: type[Parameters]
    prepare: Callable[[Raw, Place], Raw] = as_written
    suffix: Callable[[Raw], str] = nothing
    modelled: bool = True
    asked: bool = True
    userland: bool = False
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    said: Callable[[Raw], str] = nothing
    unsaid: tuple[str, ...] = ()
    also: Mapping[str, tuple[Raw, ...]] = field(default_factory=dict)
    more: Mapping[str, Raw] = field(default_factory=dict)
    either: tuple[str, ...] = ()
