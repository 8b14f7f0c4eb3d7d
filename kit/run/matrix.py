"""The job `matrix`: one experiment over several values of some keys, each combination a run of its own.

All cells are read and checked before anything is built. They are run one after the other on one cache, so that what
they have in common is built once. A cell that cannot run is told and left behind; the others go on. The folder of a
matrix has `matrix.json`, and below `cells/` a run folder for each cell.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.base.errors import COULD_NOT_RUN, INCONCLUSIVE, NOT_AS_EXPECTED, OK, KitError, UserError
from kit.base.progress import Progress
from kit.base.project import command
from kit.experiment.reader import read_experiment
from kit.records import Experiment
from kit.run.job import run_experiment, write_experiment
from kit.store.cache import Cache
from kit.store.files import read_json, write_json
from kit.store.runfiles import VERDICT
from kit.store.runfolder import EXPERIMENT, RunFolder
from kit.store.yamltext import BadYamlError, value_of

FILE, CELLS = "matrix.json", "cells"
SCHEMA = 1
MOST = 400  # cells
WORST = (NOT_AS_EXPECTED, COULD_NOT_RUN, INCONCLUSIVE, OK)  # the first that a cell has is the exit code of the whole
Read = Callable[[Sequence[str]], Experiment]  # assignments in, the experiment with them out


@dataclass(frozen=True)
class Axis:
    """A key of the experiment, dotted, and its values as text."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class MatrixResult:
    """The result of a matrix; `found` is the content of matrix.json."""

    folder: Path
    found: dict[str, Any]
    exit_code: int


def axis_of(text: str) -> Axis:
    """`tree=[debian:6.1, debian:6.12]` as an axis. Raises UserError."""
    key, sign, value = text.partition("=")
    where = f"--over {text}"
    try:
        values = value_of(value) if sign else None
    except BadYamlError as error:
        raise UserError(f"not YAML: {error.what}", where=where) from error
    if not isinstance(values, list) or not values or not key:
        raise UserError("not KEY=[VALUE, VALUE …]", where=where, hint="as in --over tree=[debian:6.1,debian:6.12]")
    return Axis(key, tuple(map(_text, values)))


def _text(value: Any) -> str:
    """A value as --set takes it: a text that YAML reads otherwise is quoted."""
    return value if isinstance(value, str) and _as_yaml(value) == value else json.dumps(value)


def _as_yaml(text: str) -> Any:
    try:
        return value_of(text)
    except BadYamlError:
        return None


def begin(axes: Sequence[Axis], read: Read, runs: Path) -> Path:
    """Reads every cell and makes the folder of the matrix. Raises UserError for the first cell that is wrong."""
    if len({axis.key for axis in axes}) < len(axes):
        raise UserError("a key is named twice", where="--over", hint="one --over KEY=[…] has all its values")
    count = 1
    for axis in axes:
        count *= len(axis.values)
    if count > MOST:
        raise UserError(f"{count} cells; {MOST} are the most", where="--over")
    cells = [dict(zip((a.key for a in axes), v, strict=True)) for v in itertools.product(*(a.values for a in axes))]
    read_all = [read([f"{key}={value}" for key, value in cell.items()]) for cell in cells]
    folder = RunFolder.create(runs, f"{read_all[0].name}-matrix", time.strftime("%Y%m%d-%H%M%S")).path
    (folder / "console").rmdir()
    rows = []
    for number, (cell, exp) in enumerate(zip(cells, read_all, strict=True), 1):
        name = _name(number, cell.values())
        place = folder / CELLS / name
        (place / "console").mkdir(parents=True)
        write_experiment(exp, place)
        rows.append({"name": name, "keys": cell, "exit_code": None, "verdict": None, "sentence": ""})
    write_json(folder / FILE, {"schema": SCHEMA, "keys": [a.key for a in axes], "cells": rows})
    return folder


def _name(number: int, values: Iterable[str]) -> str:
    slug = re.sub(r"[^A-Za-z0-9._+]+", "-", "-".join(str(v).rpartition("/")[2] for v in values)).strip("-")
    return f"{number:02d}-{slug}"[:60].rstrip("-")


def go_on(folder: Path, cache: Cache, progress: Progress, *, fresh: bool = False) -> MatrixResult:
    """Runs the cells of a matrix that have no verdict yet. Raises UserError if the folder is none,
    KeyboardInterrupt with the command that goes on."""
    found = read_json(folder / FILE)
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise UserError(f"not a matrix: no {FILE} in it, or it is damaged", where=str(folder))
    for number, row in enumerate(found["cells"], 1):
        place = folder / CELLS / row["name"]
        if row["exit_code"] is None or not (place / VERDICT).exists():
            told = ", ".join(f"{key} {value}" for key, value in row["keys"].items())
            progress.note(f"cell {number} of {len(found['cells'])}: {told}")
            row |= _run(place, cache, progress, folder, fresh=fresh)
            write_json(folder / FILE, found)
            progress.note(f"cell {number} of {len(found['cells'])}: {row['verdict'] or 'could not run'}")
    codes = {row["exit_code"] for row in found["cells"]}
    return MatrixResult(folder, found, next(code for code in WORST if code in codes))


def _run(place: Path, cache: Cache, progress: Progress, folder: Path, *, fresh: bool) -> dict[str, Any]:
    try:
        done = run_experiment(read_experiment(place / EXPERIMENT), cache, progress, place.parent, place, fresh=fresh)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"go on with: {command('matrix', '--resume', str(folder))}") from None
    except KitError as error:
        progress.note(str(error))
        return {"exit_code": COULD_NOT_RUN, "verdict": None, "sentence": f"Could not run: {error}."}
    return {"exit_code": done.exit_code, "verdict": done.verdict["verdict"], "sentence": done.verdict["sentence"]}
