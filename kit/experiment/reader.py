"""Experiment files: YAML in, a checked `Experiment` out. Errors name file and line, and the nearest key."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from kit.base.errors import UserError
from kit.base.project import PROJECT
from kit.base.words import join
from kit.experiment.change import Change, changed
from kit.experiment.schema import NAME, NAME_RULE, ArmModel, ExperimentModel, mebibytes
from kit.experiment.yamlfile import Source
from kit.kernel.debian import VERSION
from kit.kernel.ownconfig import TARGET
from kit.kernel.quilt import is_series, read_series
from kit.kernel.toolchain import toolchain_of
from kit.kernel.tree import SOURCES, expand, split_git
from kit.model.errors import ModelError
from kit.model.parse import parse_program
from kit.records import ArmSpec, Experiment, InstructionsPlan, PatchRef, TimePlan, Verdict, WorkloadSpec
from kit.workload.catalog import WORKLOADS, parse_params
from kit.workload.kind import Place
from kit.workload.longer import ramping

UNMODELLED = {name for name, kind in WORKLOADS.items() if not kind.modelled}
WORDS = {  # pydantic's types of error
    "string_type": "text is wanted",
    "tuple_type": "a list is wanted, as in [one, two]",
    "dict_type": "a mapping of keys is wanted",
    "model_type": "a mapping of keys is wanted",
    "model_attributes_type": "a mapping of keys is wanted",
    "int_type": "a whole number is wanted",
    "int_parsing": "a whole number is wanted",
    "int_from_float": "a whole number is wanted",
    "float_type": "a number is wanted",
    "float_parsing": "a number is wanted",
    "bool_parsing": "true or false is wanted",
    "bool_type": "true or false is wanted",
    "invalid_key": "a key is a name",
}
BOUNDS = {
    "greater_than_equal": "{ge:,.10g} or more is wanted",
    "greater_than": "more than {gt:,.10g} is wanted",
    "less_than_equal": "at most {le:,.10g} is wanted",
    "less_than": "less than {lt:,.10g} is wanted",
}


def read_experiment(
    path: Path, overrides: Sequence[str] = (), change: Change | None = None, inbox: Path | None = None
) -> Experiment:
    """Reads and checks an experiment file. `overrides`: KEY=VALUE as for --set; `change`: a change from the command
    line that replaces the file's arms (`inbox`: a folder for patches from standard input). Raises UserError."""
    source = Source(path)
    if change is not None:
        source.data = changed(source.data, change, inbox or path.parent)
        source.overridden |= {(key,): said for key, said in change.options().items()}
    for assignment in overrides:
        source.override(assignment)
    return check_source(source)[0]


def check_source(source: Source) -> tuple[Experiment, ExperimentModel]:
    """Checks a file that was read; the experiment, and the model of the file's own keys. Raises UserError."""
    _arms_of_ends(source.data)
    try:
        model = ExperimentModel.model_validate(source.data)
    except ValidationError as error:
        raise _explain(error, source, ExperimentModel, ()) from None
    if model.baseline not in model.arms:
        near = difflib.get_close_matches(model.baseline, model.arms, 1)
        hint = f"nearest: {near[0]}" if near else f"the arms are {', '.join(model.arms)}"
        raise UserError(f"baseline: no arm is called {model.baseline}", where=source.where(("baseline",)), hint=hint)
    for kind in model.expect:
        if kind != "overall" and kind not in _evidence(model):
            raise UserError(f"expect: {kind} is not among the evidence", where=source.where(("expect", kind)))
    return _resolve(model, source), model


def _arms_of_ends(data: dict[str, Any]) -> None:
    """Adds arms `good` and `bad` to the data of a bisection, unless the file has arms."""
    wanted, tree = data.get("bisect"), data.get("tree")
    if not isinstance(wanted, dict) or "arms" in data or "baseline" in data:
        return
    series, ends = wanted.get("series"), {end: wanted.get(end) for end in ("good", "bad")}
    data["baseline"] = "good"
    data["arms"] = {"good": {}, "bad": {"series": [series]} if isinstance(series, str) else {}}
    for end, revision in ends.items():
        if isinstance(tree, str) and tree.startswith("git:") and revision:
            data["arms"][end]["tree"] = f"{tree}@{revision}"


def _evidence(model: ExperimentModel) -> tuple[str, ...]:
    """The kinds of evidence: those of the file, else `count`, and `model` if the baseline and an arm have profiles."""
    if model.evidence:
        return model.evidence
    compares = model.arms[model.baseline].profile and sum(arm.profile is not None for arm in model.arms.values()) > 1
    covered = any(not UNMODELLED & w.keys() for w in model.workloads)
    return ("model", "count") if compares and covered else ("count",)


def _resolve(model: ExperimentModel, source: Source) -> Experiment:
    arms = tuple(
        ArmSpec(name, _tree(name, model, source), _series(name, arm, source), arm.profile)
        for name, arm in model.arms.items()
    )
    exp = Experiment(
        name=model.name,
        baseline=model.baseline,
        arms=arms,
        cpus=model.guest.cpus,
        memory=mebibytes(model.guest.memory),
        accel=model.guest.accel,
        workloads=_workloads(model, source),
        evidence=_evidence(model),
        locks=model.locks,
        limit=model.limit,
        expect=dict(model.expect),
        blocks=model.budget.blocks,
        least=model.budget.least,
        minutes=model.budget.minutes,
        seed=model.workload_seed,
        order_seed=model.seed if model.order_seed is None else model.order_seed,
        accept=tuple((a.pattern, a.why) for a in model.accept),
        boot_limit=model.guest.limit,
        config=_config(model, source),
        toolchain=model.toolchain or toolchain_of(os.environ),
        alpha=model.alpha,
        sequential=model.budget.stopping == "sequential",
        instructions=InstructionsPlan(**model.instructions.model_dump()),
        time=TimePlan(**model.time.model_dump()),
        root=model.guest.root,
        steps=model.steps,
    )
    return as_aa(exp) if model.aa else exp


def as_aa(exp: Experiment) -> Experiment:
    """The experiment as an A/A experiment: every arm has the baseline's kernel, and `same` is expected."""
    base = exp.arm(exp.baseline)
    arms = tuple(replace(base, name=arm.name) for arm in exp.arms)
    return replace(exp, arms=arms, expect={"overall": Verdict.SAME}, aa=True)


def _tree(arm: str, model: ExperimentModel, source: Source) -> str:
    own = model.arms[arm].tree
    ref = model.tree if own is None else own
    where = source.where(("tree",) if own is None else ("arms", arm, "tree"))
    scheme, _, rest = expand(ref, where).partition(":")
    if scheme not in SOURCES or not rest:
        hint = "a tree is debian:6.1, git:REPO@REV, dir:PATH or tarball:FILE"
        raise UserError(f"not a tree: {ref!r}", where=where, hint=hint)
    if scheme == "debian" and not re.fullmatch(VERSION, rest):
        raise UserError(f"not a version: {ref}", where=where, hint="for example debian:6.1")
    if scheme == "debian":
        return f"{scheme}:{rest}"
    if scheme == "git":
        return _commit(rest, where, source)
    path = find_path(rest, source)
    wanted = Path.is_dir if scheme == "dir" else Path.is_file
    if path is None or not wanted(path):
        what, hint = ("folder", "a kernel source tree") if scheme == "dir" else ("file", "a tar file of kernel source")
        raise UserError(f"no such {what}: {rest}", where=where, hint=f"name {hint}")
    return f"{scheme}:{path}"


def _commit(name: str, where: str, source: Source) -> str:
    """A git tree with its revision resolved to a commit id, so that a branch that moves does not change the run."""
    for base in (source.path.resolve().parent, Path.cwd(), PROJECT):
        place = str(base / Path(name).expanduser())
        if any(find_path("@".join(place.split("@")[:n]), source) for n in range(1, place.count("@") + 2)):
            repository, commit = split_git(place, where)
            return f"git:{repository.root}@{commit.id}"
    hint = "for example git:/path/to/linux@v6.1"
    raise UserError(f"no such folder: {name.partition('@')[0]}", where=where, hint=hint)


def _config(model: ExperimentModel, source: Source) -> tuple[str, ...]:
    """The parts of the user's configuration, files with absolute paths."""
    parts = []
    for i, part in enumerate(model.config):
        path = find_path(expand(part, source.where(("config", i))), source)
        file = path is not None and path.is_file()
        if not file and (i or not TARGET.fullmatch(part)):
            raise UserError(f"no such file: {part}", where=source.where(("config", i)), hint="a .config, or defconfig")
        parts.append(str(path) if file else part)
    return tuple(parts)


def _series(arm: str, model: ArmModel, source: Source) -> tuple[PatchRef, ...]:
    refs: list[PatchRef] = []
    for i, item in enumerate(model.series):
        path = find_path(item.patch, source)
        if path is None or not path.is_file():
            where = source.where(("arms", arm, "series", i))
            raise UserError(f"no such patch: {item.patch}", where=where, hint=_looked(source))
        if is_series(path):
            found = [PatchRef(str(e.path.resolve()), e.reverse != item.reverse, e.strip) for e in read_series(path)]
            refs += reversed(found) if item.reverse else found
        else:
            refs.append(PatchRef(str(path), item.reverse, item.strip))
    return tuple(refs)


def find_path(name: str, source: Source) -> Path | None:
    """Finds a path relative to the experiment's folder, the current folder, or kit's own. None if it is in none."""
    try:
        path = Path(name).expanduser()
        bases = [source.path.resolve().parent, Path.cwd(), PROJECT]
        return next(((base / path).resolve() for base in bases if (base / path).exists()), None)
    except (OSError, RuntimeError, ValueError):  # too long, an unknown ~user, a NUL
        return None


def _looked(source: Source) -> str:
    """The hint that names the folders where find_path looked."""
    places = dict.fromkeys((str(source.path.resolve().parent), str(Path.cwd()), str(PROJECT)))
    return f"looked for in {join(list(places))}"


def _workloads(model: ExperimentModel, source: Source) -> tuple[WorkloadSpec, ...]:
    specs: list[WorkloadSpec] = []
    for i, entry in enumerate(model.workloads):
        specs.append(_workload(i, entry, specs, model, source))
    return tuple(specs)


def _workload(
    i: int, entry: Mapping[str, Any], before: Sequence[WorkloadSpec], model: ExperimentModel, source: Source
) -> WorkloadSpec:
    where = source.where(("workloads", i))
    hint = "for example - fork-chain: {depth: 0..8}"
    if len(entry) != 1:
        raise UserError("a workload is one name with its parameters", where=where, hint=hint)
    kind, given = next(iter(entry.items()))
    if kind not in WORKLOADS:
        near = difflib.get_close_matches(kind, WORKLOADS, 1)
        there = f"nearest: {near[0]}" if near else f"there is {', '.join(WORKLOADS)}"
        raise UserError(f"no such workload: {kind}", where=where, hint=there)
    if not isinstance(given, (dict, type(None))):
        raise UserError(f"the parameters of {kind} are a mapping of keys", where=where, hint=hint)
    raw = dict(given or {})
    given_name = raw.pop("name", None)
    name = str(given_name) if given_name is not None else _default_name(kind, raw, before)
    if any(s.name == name for s in before):
        raise UserError(f"two workloads have the name {name}", where=where)
    if not re.fullmatch(NAME, name):
        raise UserError(f"not a name for a workload: {name[:50]!r}; {NAME_RULE}", where=where)
    place = Place(lambda name: find_path(name, source), _looked(source), model.guest.root)
    try:
        ready = WORKLOADS[kind].prepare(raw, place)
    except UserError as error:
        raise UserError(error.what, where=where, hint=error.hint) from None
    try:
        params = parse_params(kind, ready)
        load = params.load(name, model.workload_seed)
        for one in (load, ramping(load)):
            parse_program(one.program.text())  # the guest's own bounds
        params.require_room(mebibytes(model.guest.memory))
    except ValidationError as error:
        raise _explain(error, source, WORKLOADS[kind].params, ("workloads", i, kind)) from None
    except ModelError as error:
        raise UserError(f"{name} is too large for a guest: {error}", where=where) from None
    except UserError as error:
        what = f"{error.where}: {error.what}" if error.where else error.what
        raise UserError(f"{name}: {what}", where=where, hint=error.hint) from None
    return WorkloadSpec(kind, name, params.model_dump(mode="json"))


def _default_name(kind: str, raw: Mapping[str, Any], specs: Sequence[WorkloadSpec]) -> str:
    suffix = WORKLOADS[kind].suffix(raw)
    name = f"{kind}-{suffix}" if suffix else kind
    name = re.sub(r"[^A-Za-z0-9._+-]", "-", name)[:36]
    taken = {s.name for s in specs}
    return next(n for n in [name, *(f"{name}-{k}" for k in range(2, 1000))] if n not in taken)


def _explain(error: ValidationError, source: Source, model: type[BaseModel], base: tuple[str | int, ...]) -> UserError:
    """pydantic's first error as one message; for an unknown key with the nearest known one."""
    errors = error.errors(include_url=False)
    # A misspelt key may also be reported as missing: then report the misspelling.
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    parts = [p for p in first["loc"] if p != "[key]"]
    where = source.where((*base, *parts))
    key = ".".join(map(str, parts))
    if first["type"] == "extra_forbidden":
        known = _fields(model, parts[:-1])
        near = difflib.get_close_matches(str(parts[-1]), known, 1)
        hint = f"nearest: {near[0]}" if near else f"keys here: {', '.join(known)}"
        return UserError(f"unknown key `{key}`", where=where, hint=hint)
    if first["type"] == "missing":
        return UserError(f"`{key}` is missing", where=where, hint="`kit check --keys` lists every key")
    given, hint = first["input"], ""
    if first["type"] == "string_type" and isinstance(given, (bool, int, float)):
        hint = f"YAML reads it as {'yes or no' if isinstance(given, bool) else 'a number'}: put it in quotes"
        if where.startswith("--set "):
            hint += f""", as in --set '{where.removeprefix("--set ").partition("=")[0]}="{given}"'"""
    return UserError(": ".join(p for p in (key, _words(first)) if p), where=where, hint=hint)


def _words(first: Mapping[str, Any]) -> str:
    """pydantic's error in the terms of experiment files."""
    if first["type"] == "string_pattern_mismatch":
        return f"not a name: {NAME_RULE}"
    if first["type"] == "too_short":
        return f"at least {first['ctx']['min_length']} needed"
    context = first.get("ctx", {})
    if first["type"] in BOUNDS:
        return BOUNDS[first["type"]].format(**context)
    if first["type"] == "literal_error":
        return f"{str(first['input'])[:40]!r} is none of {context['expected']}"
    return WORDS.get(first["type"], str(first["msg"]).removeprefix("Value error, "))


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
    """The first pydantic model inside an annotation; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in get_args(annotation) if (m := inner_model(arg)) is not None), None)
