"""Numbers that were measured elsewhere: a file, a folder or `n,mean,sd` in; a group of values for each metric out.

CSV (a column a metric, a row a run), JSON (metric → number or list; lkp's stats.json and matrix.json are such), Go's
benchmark format as benchstat reads it, lkp's result folders, and summaries. Every mistake is named with file and line.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.errors import UserError
from kit.stats.unpaired import Group

VALUE = "value"  # the metric of numbers without a name
SUMMARY = re.compile(r"(?:(?P<name>[^=,]+)=)?(?P<cells>\d+\s*,[^,]+,[^,]+)$")
SUMMARY_KEYS = ("n", "mean", "sd")
BENCHMARK = re.compile(r"Benchmark\S*\s+\d+\s+\S")
MOST_BYTES = 64 << 20
MORE_UNITS = re.compile(
    r"/s\b|/sec|/min|per[-_ ]?(sec|min|hour)|ops\b|throughput|bandwidth|score|jobs|iops|rate$", re.I
)
LESS_UNITS = re.compile(
    r"(ns|B|allocs|s|ms|us)/op|latency|elapsed|seconds|\btime\b|[._-](ns|us|ms|s|sec)$|\((ns|us|ms|s|sec)\)", re.I
)


@dataclass(frozen=True)
class Outside:
    """What one side of a comparison holds. `name` in messages; metrics in the order in which they were read."""

    name: str
    groups: Mapping[str, Group]
    left_out: tuple[str, ...] = ()  # metrics with values of 0 or less: they have no ratio


def read_outside(text: str) -> Outside:
    """One side, from its argument. Raises UserError."""
    if (said := SUMMARY.match(text)) and not Path(text).exists():
        return Outside(said["name"] or text, {VALUE: summary(said["cells"].split(","), text)})
    path = Path(text)
    if path.is_dir():
        return _of_values(text, _folder(path))
    content = _content(path)
    first = next((line for line in content.splitlines() if line.strip()), "")
    if path.suffix == ".json" or first.lstrip().startswith(("{", "[")):
        return _of_values(text, _json(content, text))
    if any(BENCHMARK.match(line) for line in content.splitlines()):
        return _of_values(text, _benchmarks(content, text))
    return _csv(content, text)


def direction_of(metric: str) -> bool | None:
    """Whether more of it is better, by its unit or name; None where neither tells."""
    if LESS_UNITS.search(metric):
        return False
    return True if MORE_UNITS.search(metric) else None


def summary(cells: Iterable[str], where: str) -> Group:
    """`n`, `mean`, `sd` (a number, or with % a share of the mean). Raises UserError."""
    n, mean, spread = (c.strip() for c in cells)
    if not n.isdigit() or int(n) < 2:
        raise UserError(f"not a number of runs, two or more: {n[:40]}", where=where, hint="as in 10,104.9,14.8%")
    middle = _number(mean, where)
    sd = _number(spread.removesuffix("%"), where) * (middle / 100 if spread.endswith("%") else 1)
    if middle <= 0 or sd < 0:
        raise UserError("a mean above 0 and a standard deviation of 0 or more are wanted", where=where)
    return Group(int(n), middle, sd)


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"larger than {MOST_BYTES >> 20} MiB", where=str(path))
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "a file, a folder, or a summary n,mean,sd as 10,104.9,14.8%"
        raise UserError(f"cannot read: {error.strerror}", where=str(path), hint=hint) from error
    except UnicodeDecodeError as error:
        raise UserError("not text", where=str(path)) from error


def _named(text: str) -> str:
    """A file's or folder's own name."""
    return Path(text).name or text


def _of_values(name: str, values: Mapping[str, list[float]]) -> Outside:
    left_out = tuple(m for m, v in values.items() if any(x <= 0 for x in v))
    groups = {m: Group.of(v) for m, v in values.items() if v and m not in left_out}
    if not groups:
        what = "no metric whose values are all above 0" if left_out else "no numbers in it"
        raise UserError(what, where=name, hint="ratios are compared: they need numbers above 0")
    return Outside(_named(name), groups, left_out)


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UserError(f"not a number: {text[:40]!r}", where=where) from error
    if not math.isfinite(value):
        raise UserError(f"not a finite number: {text[:40]!r}", where=where)
    return value


def _csv(content: str, name: str) -> Outside:
    """With a head or without; columns that hold no number at all are names of runs."""
    sample = next((line for line in content.splitlines() if line.strip() and not line.startswith("#")), "")
    delimiter = next((d for d in ("\t", ";", ",") if d in sample), ",")
    reader = csv.reader(content.splitlines(), delimiter=delimiter, skipinitialspace=True)
    rows = [(reader.line_num, [c.strip() for c in row]) for row in reader if "".join(row).strip()]
    rows = [(number, row) for number, row in rows if not row[0].startswith("#")]
    if not rows:
        raise UserError("no numbers in it", where=name)
    head = None if any(_is_number(c) for c in rows[0][1]) else rows.pop(0)[1]
    width = len(head) if head else len(rows[0][1]) if rows else 0
    for number, row in rows:
        if len(row) != width:
            raise UserError(f"{len(row)} columns, not {width} as in the first line", where=f"{name}:{number}")
    if head and set(SUMMARY_KEYS) <= {c.lower() for c in head}:
        return _summaries(head, rows, name)
    names = head or ([VALUE] if width == 1 else [f"column {i + 1}" for i in range(width)])
    values: dict[str, list[float]] = {}
    for column, metric in enumerate(names):
        cells = [(number, row[column]) for number, row in rows if row[column]]
        if any(_is_number(text) for _, text in cells):
            values[metric] = [_number(text, f"{name}:{number}") for number, text in cells]
    return _of_values(name, values)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _summaries(head: list[str], rows: list[tuple[int, list[str]]], name: str) -> Outside:
    """Rows of n, mean, sd; another column, if there is one, names the metric."""
    places = {c.lower(): i for i, c in enumerate(head)}
    label = next((i for i, c in enumerate(head) if c.lower() not in SUMMARY_KEYS), None)
    groups = {}
    for number, row in rows:
        metric = row[label] if label is not None else VALUE
        if metric in groups:
            raise UserError(f"a second line for {metric}", where=f"{name}:{number}")
        groups[metric] = summary([row[places[k]] for k in SUMMARY_KEYS], f"{name}:{number}")
    if not groups:
        raise UserError("no numbers in it", where=name)
    return Outside(_named(name), groups)


def _benchmarks(content: str, name: str) -> dict[str, list[float]]:
    """Go's benchmark format: a name, a count, then pairs of value and unit; other lines are its surroundings."""
    out: dict[str, list[float]] = {}
    for number, line in enumerate(content.splitlines(), 1):
        if not BENCHMARK.match(line):
            continue
        label, _, *pairs = line.split()
        if len(pairs) % 2:
            raise UserError("a value without a unit", where=f"{name}:{number}")
        for value, unit in zip(pairs[::2], pairs[1::2], strict=True):
            metric = f"{label.removeprefix('Benchmark')} {unit}"
            out.setdefault(metric, []).append(_number(value, f"{name}:{number}"))
    return out


def _json(content: str, name: str) -> dict[str, list[float]]:
    """metric → number or list of numbers, or a list of numbers alone; what is no number is left out."""
    try:
        data = json.loads(content)
    except json.JSONDecodeError as error:
        raise UserError(f"not JSON: {error.msg}", where=f"{name}:{error.lineno}") from error
    except RecursionError as error:
        raise UserError("not JSON: nested too deep", where=name) from error
    if isinstance(data, list):
        data = {VALUE: data}
    if not isinstance(data, dict):
        raise UserError("a JSON object of metrics, or a list of numbers, is wanted", where=name)
    found = {str(k): _numbers(v) for k, v in data.items()}
    return {k: v for k, v in found.items() if v}


def _numbers(value: Any) -> list[float]:
    """The numbers of a JSON value; empty where it is, or holds, anything else."""
    items = value if isinstance(value, list) else [value]
    fine = all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in items)
    return [float(v) for v in items] if fine else []


def _folder(path: Path) -> dict[str, list[float]]:
    """lkp's results: matrix.json, or the stats.json of each run below it."""
    matrix = path / "matrix.json"
    if matrix.is_file():
        return _json(_content(matrix), str(matrix))
    files = sorted(path.glob("*/stats.json"), key=lambda p: (len(p.parent.name), p.parent.name))
    if not files:
        hint = "a run of kit is named with its arm, as runs/NAME:ARM"
        what = "neither a run of kit nor a result of lkp (matrix.json, */stats.json)"
        raise UserError(what, where=str(path), hint=hint)
    out: dict[str, list[float]] = {}
    for file in files:
        for metric, values in _json(_content(file), str(file)).items():
            out.setdefault(metric, []).extend([sum(values) / len(values)])
    return out
