"""Experiment files: YAML in, a checked `Experiment` out; every mistake is named with file, line and the nearest key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kit.errors import UserError
from kit.evidence import EVIDENCE
from kit.model.profiles import PROFILES
from kit.records import ArmSpec, Experiment, PatchRef, WorkloadSpec
from kit.workload.aim7 import read_mix
from kit.workload.catalog import WORKLOADS, parse_params
from kit.workload.custom import read_program

PROJECT = Path(__file__).resolve().parent.parent
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,39}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class PatchModel(_Strict):
    patch: str = Field(description="a patch file")
    reverse: bool = Field(default=False, description="take it out instead of putting it in")


class ArmModel(_Strict):
    series: tuple[str | PatchModel, ...] = Field(default=(), description="patch files, applied in this order")
    profile: str | None = Field(default=None, description="the model's profile; without one there is no prediction")
    tree: str | None = Field(default=None, description="another tree than the experiment's")

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
    cpus: tuple[Annotated[int, Field(ge=1, le=8, strict=True)], ...] = Field(
        default=(1,), min_length=1, description="vCPUs: each number is a machine of its own"
    )
    memory: str = Field(default="512M", pattern=r"^\d+[MG]$", description="memory of a guest, as 512M or 2G")
    accel: Literal["auto", "kvm", "tcg"] = Field(default="auto", description="auto: KVM where a real boot proves it")

    @field_validator("cpus", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return tuple(dict.fromkeys(value)) if isinstance(value, (list, tuple)) else (value,)


class BudgetModel(_Strict):
    blocks: int = Field(default=2, ge=2, le=1000, description="boots of each arm on each machine")
    minutes: float = Field(default=60, gt=0, description="no new boot is started after so many minutes")


class AcceptModel(_Strict):
    pattern: str = Field(description="a regular expression that a splat's title or excerpt matches")
    why: str = Field(min_length=1, description="why it is accepted")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class ExperimentModel(_Strict):
    name: Name = Field(description="names the run folder")
    tree: str = Field(default="debian:6.1", description="kernel source: debian:6.1 or dir:PATH")
    baseline: str = Field(description="an arm's name: the others are compared with it")
    arms: dict[Name, ArmModel] = Field(min_length=2, description="the kernels under test")
    guest: GuestModel = Field(default=GuestModel(), description="the machines")
    workloads: tuple[dict[str, Any], ...] = Field(min_length=1, description="what runs in every boot")
    evidence: tuple[str, ...] = Field(default=("model", "count"), min_length=1, description="kinds of evidence")
    locks: tuple[str, ...] = Field(default=("anon_vma",), min_length=1, description='lock classes; "*": rank them all')
    accept: tuple[AcceptModel, ...] = Field(default=(), description="splats known and accepted")
    limit: str | float = Field(
        default="1%", validate_default=True, description="differences up to this do not matter"
    )
    expect: dict[str, Literal["better", "worse", "same", "inconclusive", "broken"]] = Field(
        default={}, description="verdict by kind of evidence (or `overall`); without it: nothing worse or broken"
    )
    budget: BudgetModel = Field(default=BudgetModel(), description="how much to boot")
    seed: int = Field(default=1, ge=0, description="decides every random order")

    @field_validator("evidence")
    @classmethod
    def _kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for kind in value:
            _one_of(kind, EVIDENCE, "kind of evidence")
        return tuple(dict.fromkeys(value))

    @field_validator("limit")
    @classmethod
    def _fraction(cls, value: str | float) -> float:
        text = str(value).strip()
        number = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text)
        if not number or not 0 < (limit := float(number[1]) / (100 if number[2] else 1)) < 1:
            raise ValueError(f"not a limit: {text}; as in 1% or 0.01")
        return limit


def _one_of(name: str, known: Sequence[str] | Mapping[str, object], what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, list(known), 1)
        other = f"nearest: {near[0]}" if near else f"there is {', '.join(known)}"
        raise ValueError(f"no such {what}: {name}; {other}")


class _Source:
    """A YAML file with the line of every key, so that a message can point at it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            hint = "the examples are in configs/"
            raise UserError(f"cannot read: {getattr(error, 'strerror', error)}", where=str(path), hint=hint) from error
        self.lines: dict[tuple[str | int, ...], int] = {}
        self.overridden: dict[str, str] = {}
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self.data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            raise UserError(f"not YAML: {getattr(error, 'problem', error)}", where=where) from error
        if not isinstance(self.data, dict):
            raise UserError("not an experiment: a mapping of keys is wanted", where=str(path))
        self._walk(node, ())

    def _walk(self, node: yaml.Node | None, loc: tuple[str | int, ...]) -> None:
        if node is None:
            return
        self.lines.setdefault(loc, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*loc, _plain(key.value))
                if here in self.lines:
                    raise UserError(f"`{key.value}` stands twice", where=f"{self.path}:{key.start_mark.line + 1}")
                self.lines[here] = key.start_mark.line + 1
                self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._walk(value, (*loc, i))

    def where(self, loc: Sequence[str | int]) -> str:
        """file:line of the deepest part of `loc` that is in the file, or the --set that put it there."""
        for end in range(len(loc), -1, -1):
            dotted = ".".join(map(str, loc[:end]))
            if dotted and dotted in self.overridden:
                return f"--set {self.overridden[dotted]}"
            if (line := self.lines.get(tuple(map(_plain, loc[:end])))) is not None:
                return f"{self.path}:{line}"
        return str(self.path)

    def override(self, assignment: str) -> None:
        """`guest.cpus=[1,2]`: the value is YAML, the key dotted."""
        key, eq, value = assignment.partition("=")
        if not eq or not key:
            raise UserError(f"not an assignment: {assignment!r}", where="--set", hint="as in --set guest.cpus=[1,2]")
        target: Any = self.data
        *parents, last = key.split(".")
        for part in parents:
            target = target[int(part)] if isinstance(target, list) and part.isdigit() else target.setdefault(part, {})
            if not isinstance(target, (dict, list)):
                raise UserError(f"{part} has no keys below it", where=f"--set {assignment}")
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"not YAML: {value!r}", where=f"--set {assignment}") from error
        if isinstance(target, list):
            if not last.isdigit() or int(last) >= len(target):
                raise UserError(f"no entry {last}: the list has {len(target)}", where=f"--set {assignment}")
            target[int(last)] = parsed
        else:
            target[last] = parsed
        self.overridden[key] = assignment


def _plain(key: str | int) -> str | int:
    return int(key) if isinstance(key, str) and key.isdigit() else key


def read_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Reads and checks an experiment file. Raises UserError."""
    source = _Source(path)
    for assignment in overrides:
        source.override(assignment)
    try:
        model = ExperimentModel.model_validate(source.data)
    except ValidationError as error:
        raise _explain(error, source, ExperimentModel, ()) from None
    if model.baseline not in model.arms:
        near = difflib.get_close_matches(model.baseline, model.arms, 1)
        hint = f"nearest: {near[0]}" if near else f"the arms are {', '.join(model.arms)}"
        raise UserError(f"baseline: no arm is called {model.baseline}", where=source.where(("baseline",)), hint=hint)
    for kind in model.expect:
        if kind != "overall" and kind not in model.evidence:
            raise UserError(f"expect: {kind} is not among the evidence", where=source.where(("expect", kind)))
    return _resolve(model, source)


def _resolve(model: ExperimentModel, source: _Source) -> Experiment:
    arms = tuple(
        ArmSpec(name, _tree(arm.tree or model.tree, source), _series(name, arm, source), arm.profile)
        for name, arm in model.arms.items()
    )
    number, unit = int(model.guest.memory[:-1]), model.guest.memory[-1]
    return Experiment(
        name=model.name,
        baseline=model.baseline,
        arms=arms,
        cpus=model.guest.cpus,
        memory=number * (1024 if unit == "G" else 1),
        accel=model.guest.accel,
        workloads=_workloads(model, source),
        evidence=model.evidence,
        locks=model.locks,
        limit=float(model.limit),
        expect=dict(model.expect),
        blocks=model.budget.blocks,
        minutes=model.budget.minutes,
        seed=model.seed,
        accept=tuple((a.pattern, a.why) for a in model.accept),
    )


def _tree(ref: str, source: _Source) -> str:
    if ref.startswith("dir:"):
        return f"dir:{_find(ref[4:], source)}"
    return ref


def _series(arm: str, model: ArmModel, source: _Source) -> tuple[PatchRef, ...]:
    refs = []
    for i, item in enumerate(model.series):
        name, reverse = (item, False) if isinstance(item, str) else (item.patch, item.reverse)
        path = _find(name, source)
        if not path.is_file():
            raise UserError(f"no such patch: {name}", where=source.where(("arms", arm, "series", i)))
        refs.append(PatchRef(str(path), reverse))
    return tuple(refs)


def _find(name: str, source: _Source) -> Path:
    """A path as the experiment names it: from its own folder, from here, or from the project's."""
    path = Path(name).expanduser()
    bases = [source.path.resolve().parent, Path.cwd(), PROJECT]
    found = next((base / path for base in bases if (base / path).exists()), path)
    return found.resolve() if found.exists() else path


def _workloads(model: ExperimentModel, source: _Source) -> tuple[WorkloadSpec, ...]:
    specs: list[WorkloadSpec] = []
    for i, entry in enumerate(model.workloads):
        where = source.where(("workloads", i))
        if len(entry) != 1:
            hint = "as in - fork-chain: {depth: 0..8}"
            raise UserError("a workload is one name with its parameters", where=where, hint=hint)
        kind, given = next(iter(entry.items()))
        if kind not in WORKLOADS:
            near = difflib.get_close_matches(str(kind), WORKLOADS, 1) or list(WORKLOADS)
            raise UserError(f"no such workload: {kind}", where=where, hint=f"nearest: {near[0]}")
        raw = dict(given or {})
        name = str(raw.pop("name", "")) or _default_name(kind, raw, specs)
        if any(s.name == name for s in specs) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}", name):
            raise UserError(f"a workload cannot be called {name!r} (twice, or not a name)", where=where)
        if kind == "aim7" and isinstance(raw.get("mix"), str):
            raw["mix"] = _mix(raw["mix"], where, source)
        if kind == "program" and isinstance(raw.get("file"), str):
            raw["text"] = _program(raw.pop("file"), where, source)
        try:
            params = parse_params(kind, raw)
        except ValidationError as error:
            raise _explain(error, source, WORKLOADS[kind], ("workloads", i, kind)) from None
        specs.append(WorkloadSpec(kind, name, params.model_dump(mode="json")))
    return tuple(specs)


def _default_name(kind: str, raw: Mapping[str, Any], specs: Sequence[WorkloadSpec]) -> str:
    mix = raw.get("mix")
    name = f"{kind}-{Path(mix).name}" if isinstance(mix, str) else kind
    taken = {s.name for s in specs}
    return next(n for n in [name, *(f"{name}-{k}" for k in range(2, 100))] if n not in taken)


def _mix(name: str, where: str, source: _Source) -> dict[str, float]:
    path = PROJECT / "configs" / "mixes" / name
    if "/" in name or not path.is_file():
        path = _find(name, source)
    if not path.is_file():
        there = sorted(p.name for p in (PROJECT / "configs" / "mixes").iterdir())
        raise UserError(f"no such mix: {name}", where=where, hint=f"there is {', '.join(there)}, or a file's path")
    try:
        return read_mix(path)
    except ValueError as error:
        raise UserError(str(error)) from None


def _program(name: str, where: str, source: _Source) -> str:
    path = _find(name, source)
    if not path.is_file():
        raise UserError(f"no such program: {name}", where=where)
    try:
        return read_program(path).text()
    except ValueError as error:
        raise UserError(str(error)) from None


def _explain(
    error: ValidationError, source: _Source, model: type[BaseModel], base: tuple[str | int, ...]
) -> UserError:
    """pydantic's first complaint as one message; unknown keys with the nearest known one."""
    first = error.errors(include_url=False)[0]
    loc = (*base, *first["loc"])
    key = ".".join(str(p) for p in first["loc"] if p != "[key]")
    text = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        known = _fields(model, first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
        hint = f"nearest: {near[0]}" if near else f"keys here: {', '.join(known)}"
        return UserError(f"unknown key `{key}`", where=source.where(loc), hint=hint)
    if first["type"] == "missing":
        return UserError(f"`{key}` is missing", where=source.where(loc[:-1]), hint="`kit check` lists every key")
    return UserError(f"{key}: {text}", where=source.where(loc))


def _fields(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that the model has at `loc`."""
    here: type[BaseModel] = model
    for part in loc:
        info = here.model_fields.get(str(part))
        inner = inner_model(info.annotation) if info else None
        if inner is not None:
            here = inner
    return list(here.model_fields)


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation, however it is wrapped."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in get_args(annotation) if (m := inner_model(arg)) is not None), None)
