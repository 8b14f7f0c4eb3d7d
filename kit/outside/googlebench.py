"""Google Benchmark, --benchmark_format=json: real_time, cpu_time, rates and counters of each benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.base.errors import UserError
from kit.outside.found import LESS, MORE, NOBODY, Datum, Reading
from kit.outside.jsonfields import mapping, number, objects
from kit.outside.source import Source
from kit.outside.words import words
from kit.stats.groups import Group

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
TIMES = ("real_time", "cpu_time")
RATES = ("items_per_second", "bytes_per_second")
NOT_COUNTERS = words("family_index per_family_instance_index repetitions repetition_index threads iterations big_o rms")


def is_googlebench(data: Any) -> bool:
    """Whether it is JSON of Google Benchmark."""
    found = mapping(data).get("benchmarks")
    first = mapping(found[0]) if isinstance(found, list) and found else {}
    return "context" in mapping(data) and ("real_time" in first or "run_name" in first or "error_occurred" in first)


def read_googlebench(data: Any, source: Source) -> Reading:
    """Reads one value for each repetition; if only aggregates were kept, their mean and standard deviation. Raises
    UserError."""
    rows = objects(data["benchmarks"], source.name)
    failed = [r for r in rows if r.get("error_occurred") or r.get("skipped")]
    notes = [f"{r.get('name')}: failed, left out: {r.get('error_message') or r.get('skip_message')}" for r in failed]
    single = [r for r in rows if r not in failed and r.get("run_type", "iteration") == "iteration"]
    alone = {str(r.get("run_name", r.get("name"))) for r in single}
    parts = [r for r in rows if r not in failed and r.get("run_type") == "aggregate" and r.get("run_name") not in alone]
    out = [datum for row in single for datum in _row(row, source.name)]
    return Reading((*out, *_aggregates(parts, source.name)), tuple(notes))


def _row(row: Mapping[str, Any], where: str) -> list[Datum]:
    name = str(row.get("run_name") or row.get("name"))
    where = f"{where}: {name}"
    scale = _scale(row, where)
    out = [Datum(f"{name} {t}", (number(row[t], where) * scale,), "s", LESS) for t in TIMES if t in row]
    out += [Datum(f"{name} {r}", (number(row[r], where),), "", MORE) for r in RATES if r in row]
    own = [k for k, v in row.items() if k not in (*TIMES, *RATES, *NOT_COUNTERS) and isinstance(v, (int, float))]
    return out + [
        Datum(f"{name} {k}", (number(row[k], where),), "", NOBODY) for k in own if not isinstance(row[k], bool)
    ]


def _scale(row: Mapping[str, Any], where: str) -> float:
    unit = str(row.get("time_unit", "ns"))
    if unit not in SECONDS:
        raise UserError(f"unknown unit of time: {unit}", where=where)
    return SECONDS[unit]


def _aggregates(rows: list[Mapping[str, Any]], where: str) -> list[Datum]:
    by_name: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_name.setdefault(str(row.get("run_name")), {})[str(row.get("aggregate_name"))] = row
    out = []
    for name, parts in by_name.items():
        if not {"mean", "stddev"} <= set(parts):
            raise UserError("only aggregates, without mean and stddev", where=f"{where}: {name}")
        count, scale = int(number(parts["mean"].get("repetitions"), where)), _scale(parts["mean"], where)
        for time in TIMES:
            mean, sd = (number(parts[p].get(time), f"{where}: {name}") * scale for p in ("mean", "stddev"))
            out.append(Datum(f"{name} {time}", (), "s", LESS, summary=Group(count, mean, sd)))
    return out
