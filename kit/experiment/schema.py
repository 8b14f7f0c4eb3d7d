"""The keys of an experiment file as pydantic models: each key with its type, bounds, default and meaning.

A single value is checked here. Checks that need other keys, files or trees are in kit.experiment.reader.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from kit.evidence import EVIDENCE
from kit.evidence.bisected import METRICS
from kit.model.profiles import PROFILES

NAME = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}"
NAME_RULE = "1 to 40 letters, digits and . _ + -, the first a letter or a digit"
Name = Annotated[str, Field(pattern=f"^{NAME}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class PatchModel(_Strict):
    """A patch of a series."""

    patch: str = Field(description="a patch file")
    reverse: bool = Field(default=False, description="take it out instead of putting it in")
    strip: int = Field(default=1, ge=0, le=9, description="leading parts of its paths to strip, as in patch -p1")


class ArmModel(_Strict):
    """A kernel under test."""

    series: tuple[PatchModel, ...] = Field(
        default=(), description="patch files, mails, mboxes or quilt series, in this order"
    )
    profile: str | None = Field(default=None, description="the model's profile; without one there is no prediction")
    tree: str | None = Field(default=None, description="another tree than the experiment's")

    @field_validator("series", mode="before")
    @classmethod
    def _files(cls, value: object) -> object:
        return [{"patch": v} if isinstance(v, str) else v for v in value] if isinstance(value, list) else value

    @field_validator("profile")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in PROFILES:
            near = difflib.get_close_matches(value, PROFILES, 1)
            raise ValueError(
                f"no such profile: {value}; " + (f"nearest: {near[0]}" if near else f"there are {', '.join(PROFILES)}")
            )
        return value


class GuestModel(_Strict):
    """The guests' machines."""

    cpus: tuple[Annotated[int, Field(ge=1, le=8, strict=True)], ...] = Field(
        default=(1,), min_length=1, description="numbers of vCPUs; everything is booted with each"
    )
    memory: str = Field(default="512M", description="memory of a guest, for example 512M or 2G")
    accel: Literal["auto", "kvm", "tcg"] = Field(default="auto", description="auto: KVM if a trial boot shows it works")
    root: Literal["guest", "host", "home"] = Field(
        default="guest",
        description="host: payloads run on the host's files, read-only under a writable overlay, without the homes of "
        "users; home: with them",
    )
    limit: float | None = Field(
        default=None,
        ge=10,
        le=86400,
        description="seconds that a boot may take; default: ten times the baseline's, at least 60",
    )

    @field_validator("cpus", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return value if isinstance(value, (list, tuple)) else (value,)

    @field_validator("cpus")
    @classmethod
    def _once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("memory")
    @classmethod
    def _bounded(cls, value: str) -> str:
        if not re.fullmatch(r"[0-9]{1,6}[MG]", value) or not 64 <= mebibytes(value) <= 65536:
            raise ValueError(f"not a memory size: {value}; for example 512M or 2G, from 64M to 64G")
        return value


def mebibytes(memory: str) -> int:
    """`512M` or `2G` in MiB."""
    return int(memory[:-1]) * (1024 if memory[-1] == "G" else 1)


class BudgetModel(_Strict):
    """How much to boot at most."""

    blocks: int = Field(
        default=40, ge=2, le=1000, strict=True,
        description="largest number of boots of each arm for each number of vCPUs; exact counts need two",
    )  # fmt: skip
    least: int = Field(
        default=2, ge=2, le=1000, strict=True,
        description="count: boots of each arm that are done in any case; contention is judged by them",
    )  # fmt: skip
    stopping: Literal["sequential", "fixed"] = Field(
        default="sequential", description="sequential: noisy evidence may be decided before the last block"
    )
    minutes: float = Field(default=60, gt=0, description="no boot is started after this many minutes spent in boots")


def fraction(value: object) -> float:
    """Reads `0.1%` or 0.001 as a number between 0 and 1. Raises ValueError."""
    known = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    text = str(value).strip() if known else "nothing that is a share"
    try:
        limit = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        limit = 0
    if not 0 < limit < 1:
        raise ValueError(f"not a limit: {text[:40]}; for example 1% or 0.01")
    return limit


SHARE = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9]*[.]?[0-9]+ *%?$"}]}
Fraction = Annotated[float, BeforeValidator(fraction), WithJsonSchema(SHARE)]
Whole = Annotated[int, Field(ge=1, le=1000, strict=True)]


class InstructionsModel(_Strict):
    """How instructions are counted."""

    limit: Fraction = Field(default=0.001, description="differences up to this do not matter, for example 0.1%")
    layouts: Annotated[int, Field(ge=2, le=100, strict=True)] = Field(
        default=5, description="number of memory layouts; each arm boots once in each"
    )
    times: Whole = Field(default=20, description="how many times longer windows are than for counts")


class TimeModel(_Strict):
    """How time is measured."""

    rounds: Annotated[int, Field(ge=1, le=100, strict=True)] = Field(
        default=4, description="how many times a boot runs all workloads"
    )
    warmup: Annotated[int, Field(ge=0, le=99, strict=True)] = Field(
        default=1, description="how many of the first rounds are dropped"
    )
    times: Whole = Field(default=5, description="how many times longer windows are than for counts")
    adjust: bool = Field(default=False, description="adjust for host load, steal and the order of boots (noise)")

    @model_validator(mode="after")
    def _some_are_left(self) -> TimeModel:
        if self.warmup >= self.rounds:
            raise ValueError(f"warmup: all {self.rounds} rounds would be dropped")
        return self


class AcceptModel(_Strict):
    """A splat that is known and accepted."""

    pattern: str = Field(description="a regular expression that a splat's title or excerpt matches")
    why: str = Field(min_length=1, description="why it is accepted")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class BisectModel(_Strict):
    """What a bisection looks for, and where."""

    good: str | None = Field(default=None, description="the good end: a revision of a git tree")
    bad: str | None = Field(default=None, description="the bad end: a revision of a git tree")
    series: str | None = Field(default=None, description="instead of good and bad: a quilt series or an mbox")
    evidence: str = Field(default="count", description=f"what is measured: {', '.join(METRICS)}")
    lock: str = Field(default="anon_vma", min_length=1, description="count: the lock class")
    window: str = Field(default="*", description="count, time, instructions: only windows of this name (* and ?)")
    pattern: str | None = Field(default=None, description="splat: a regular expression for its kind, title or excerpt")
    command: str | None = Field(
        default=None,
        description="command: exit code 0 means good, 125 untestable, others up to 127 bad; gets KIT_IMAGE, KIT_COMMIT",
    )
    instrument: Literal["plain", "counting", "checking"] = Field(
        default="plain", description="command: the instrument that its kernels are built for"
    )
    direction: Literal["less is better", "more is better", "either"] = Field(
        default="less is better", description="whether more or less is better; either: any change is bad"
    )
    threshold: float | None = Field(
        default=None, description="a value from here on is bad; default: half way between the ends"
    )
    search: Literal["auto", "exact", "noisy"] = Field(
        default="auto", description="exact: by halving; noisy: by probability; auto: as the evidence needs"
    )
    probability: float = Field(default=0.95, ge=0.5, lt=1, description="noisy: the confidence to reach")
    tests: int = Field(default=500, ge=4, le=100000, strict=True, description="noisy: the largest number of tests")
    profile: str | None = Field(default=None, description="the model's profile of the good end; default: one that fits")

    @field_validator("evidence")
    @classmethod
    def _known(cls, value: str) -> str:
        _one_of(value, METRICS, "kind of evidence")
        return value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return None if value is None else AcceptModel(pattern=value, why="sought").pattern


class ExperimentModel(_Strict):
    """An experiment file."""

    name: Name = Field(description="names the run folder")
    tree: str = Field(
        default="debian:6.1", description="kernel source: debian:6.1, git:REPO@REV, dir:PATH or tarball:FILE"
    )
    toolchain: Literal["gcc", "llvm"] | None = Field(
        default=None, description="compiler and linker: gcc or llvm; default: llvm if LLVM=1 is set, else gcc"
    )
    config: tuple[str, ...] = Field(
        default=(), description="a kernel configuration of your own: a .config or defconfig, then fragments"
    )
    baseline: str = Field(description="the arm that the others are compared with")
    arms: dict[Name, ArmModel] = Field(min_length=2, description="the kernels under test")
    steps: bool = Field(
        default=False, description="the arms are steps of one series: each is also judged against the one before"
    )
    guest: GuestModel = Field(default=GuestModel(), description="the machines")
    workloads: tuple[dict[str, Any], ...] = Field(min_length=1, description="what runs in every boot")
    evidence: tuple[str, ...] = Field(
        default=(), description="kinds of evidence; default: count, and model if baseline and an arm have a profile"
    )
    locks: tuple[str, ...] = Field(default=("anon_vma",), min_length=1, description='lock classes; "*": rank them all')
    accept: tuple[AcceptModel, ...] = Field(default=(), description="splats that are known and accepted")
    limit: Fraction = Field(default=0.01, description="differences up to this do not matter, for example 1%")
    alpha: float = Field(default=0.05, gt=0, le=0.2, description="accepted chance of a false verdict by noise")
    instructions: InstructionsModel = Field(default=InstructionsModel(), description="how instructions are counted")
    time: TimeModel = Field(default=TimeModel(), description="how time is measured")
    expect: dict[str, Literal["better", "worse", "same", "inconclusive", "broken"]] = Field(
        default={}, description="expected verdict by kind of evidence (or `overall`); default: nothing worse or broken"
    )
    budget: BudgetModel = Field(default=BudgetModel(), description="how much to boot at most")
    aa: bool = Field(
        default=False, description="an A/A experiment: every arm is the baseline's kernel, and `same` is expected"
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**63, strict=True,
        description="seed of the workloads and of the order of boots; default: 1, and a new order in each run",
    )  # fmt: skip
    order_seed: int | None = Field(
        default=None, ge=0, lt=2**63, strict=True,
        description="seed of the order of boots alone; a run records the one that it used",
    )  # fmt: skip
    bisect: BisectModel | None = Field(default=None, description="what `kit bisect` looks for, and where")

    @property
    def workload_seed(self) -> int:
        """The seed of the workloads. Its default is fixed, so that exact boots can be reused by their program."""
        return 1 if self.seed is None else self.seed

    @field_validator("config", mode="before")
    @classmethod
    def _parts(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("evidence")
    @classmethod
    def _kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for kind in value:
            _one_of(kind, EVIDENCE, "kind of evidence")
        return tuple(dict.fromkeys(value))

    @field_validator("locks")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(value):
            raise ValueError("a lock class has a name")
        return tuple(dict.fromkeys(value))


def _one_of(name: str, known: Sequence[str] | Mapping[str, object], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, list(known), 1)
        other = f"nearest: {near[0]}" if near else f"there is {', '.join(known)}"
        raise ValueError(f"no such {what}: {name}; {other}")
