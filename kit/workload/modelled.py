"""`kit model`: asks the reference model about programs and profiles, without a kernel. Returns plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kit.base.errors import UserError
from kit.base.project import PROJECT
from kit.model.errors import ModelError
from kit.model.explain import explain as explained
from kit.model.predict import Prediction, Unmodelled, run
from kit.model.profiles import PROFILES, profile
from kit.model.program import Program
from kit.model.smaps import SmapsVma, parse_smaps
from kit.model.steps import Profile
from kit.store.yamltext import BadYamlError, value_of
from kit.workload.catalog import WORKLOADS, parse_params
from kit.workload.custom import read_program, windows
from kit.workload.kind import Place
from kit.workload.load import WindowInfo


def _find(name: str) -> Path | None:
    return next((path for path in (Path(name), PROJECT / name) if path.exists()), None)


def by_name() -> tuple[str, ...]:
    """The workloads that `kit model` takes by name; a program is given as a file."""
    return tuple(name for name, kind in WORKLOADS.items() if kind.modelled and kind.asked)


@dataclass(frozen=True)
class Question:
    """A program for the model. `infos`: the meaning of its windows by name; `layout`: the VMAs that its process starts
    with; `name`: as the user gave it."""

    program: Program
    infos: Mapping[str, WindowInfo]
    layout: tuple[SmapsVma, ...]
    name: str
    said: str = ""  # remarks about the workload, as the tests of a mix that kit lacks


def ask(name: str, params: Mapping[str, Any], smaps: Path | None, seed: int = 1) -> Question:
    """The question for a workload or a program file. `name`: either; `params`: keys of the workload; `smaps`: a file
    with the process's VMAs. Raises UserError."""
    layout = _layout(smaps)
    given = {k: v for k, v in params.items() if v is not None}
    if name in by_name():
        kind = WORKLOADS[name]
        given = dict(kind.prepare(given, Place(_find, "looked for here")))
        try:
            checked = parse_params(name, given)
            load, said = checked.load(name, seed), kind.said(checked.model_dump())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "extra_forbidden":
                others = [w for w in by_name() if first["loc"][0] in WORKLOADS[w].params.model_fields]
                hint = "; ".join(f"--program {w} has it" for w in others)
                raise UserError(f"{name} has no --{first['loc'][0]}", hint=hint) from None
            what = ".".join(map(str, first["loc"]))
            raise UserError(f"{what}: {str(first['msg']).removeprefix('Value error, ')}", where=name) from None
        return Question(load.program, {w.name: w for w in load.windows}, layout, name, said)
    if given:
        raise UserError(f"--{next(iter(given))} is for workloads, but {name} is a file")
    try:
        program = read_program(Path(name))
        if not list(windows(program.ops)):
            raise UserError("it has no window, so nothing would be counted", where=name, hint="window NAME … end")
        return Question(program, {}, layout, name)
    except OSError as error:
        hint = f"a workload ({', '.join(by_name())}) or a file with a program"
        raise UserError(f"cannot read: {error.strerror}", where=name, hint=hint) from error
    except ValueError as error:
        raise UserError(str(error)) from error


def assigned(texts: Sequence[str]) -> dict[str, Any]:
    """Parses `KEY=VALUE` texts, the values as YAML. Raises UserError."""
    out = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not (key and sign):
            raise UserError("not KEY=VALUE", where=f"--set {text}", hint="as in --set users=[1,2]")
        try:
            out[key] = value_of(value)
        except BadYamlError as error:
            raise UserError(f"not YAML: {error.what}", where=f"--set {text}") from None
    return out


def _layout(smaps: Path | None) -> tuple[SmapsVma, ...]:
    if smaps is None:
        return ()
    try:
        return parse_smaps(smaps.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror}", where=str(smaps)) from error
    except ModelError as error:
        raise UserError(str(error), where=str(smaps)) from error


def known_profile(name: str) -> Profile:
    """The profile of that name. Raises UserError."""
    try:
        return profile(name)
    except ModelError as error:
        raise UserError(str(error), hint="`kit model profiles` lists them") from error


def count(question: Question, profiles: Sequence[str | Profile]) -> list[dict[str, Any]]:
    """A row for each profile and window: acquisitions in total (`low` to `high`), by operation and by mode, and the
    window's number of jobs (None for a program file). Raises UserError."""
    rows = []
    for one in profiles:
        kernel = known_profile(one) if isinstance(one, str) else one
        for window, said in _run(question, kernel).items():
            info = question.infos.get(window)
            row: dict[str, Any] = {"profile": kernel.name, "window": window, "jobs": info.jobs if info else None}
            if isinstance(said, Unmodelled):
                rows.append({**row, "low": None, "high": None, "why": said.reason})
            else:
                rows.append({**row, "low": said.low, "high": said.high, **_parts(said)})
    return rows


def _parts(said: Prediction) -> dict[str, Any]:
    return {
        "lock_class": said.lock_class,
        "by_operation": {k: v for k, v in said.by_operation.items() if v},
        "by_mode": {k: v for k, v in said.by_mode.items() if v},
    }


def _run(question: Question, kernel: Profile) -> Mapping[str, Prediction | Unmodelled]:
    try:
        return run(question.program, question.layout, kernel).windows
    except ModelError as error:
        raise UserError(str(error), where=question.name) from error


def explain(question: Question, name: str, window: str | None, every_step: bool) -> list[str]:
    """Explains a window's count, as lines: the acquisitions by operation with their source, then one by one.

    Without `window`, explains all windows in order. Raises UserError.
    """
    known_profile(name)
    wanted = [window] if window else window_names(question)
    try:
        parts = [explained(question.program, question.layout, name, w, every_step=every_step) for w in wanted]
    except ModelError as error:
        raise UserError(str(error), where=question.name) from error
    return [line for part in parts for line in [*part, ""]][:-1]


def profile_table() -> list[dict[str, Any]]:
    """Each profile: its name, what it stands for, its lock class, and its unverified cells."""
    return [
        {
            "profile": p.name,
            "about": p.about,
            "lock_class": p.lock_class,
            "unverified": [name for name, cell in p.cells.items() if not cell.source.verified],
        }
        for p in PROFILES.values()
    ]


def profile_cells(name: str) -> Iterator[str]:
    """The lines of one profile: its steps by kernel function, with their source. Raises UserError."""
    chosen = known_profile(name)
    yield f"{chosen.name}: {chosen.about}"
    yield f"lock class {chosen.lock_class}: {chosen.lock_source}"
    for cell_name, cell in chosen.cells.items():
        yield f"{cell_name}: {cell.source}"
        for one in cell.passes:
            yield f"  {one.over.value}:"
            yield from (f"    {step.value}" for step in one.steps)


def window_names(question: Question) -> list[str]:
    """The names of the program's windows, in order."""
    return list(windows(question.program.ops))
