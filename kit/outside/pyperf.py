"""pyperf JSON (version 1.0): benchmarks with runs, one process each, whose values are in the metadata's unit."""

from __future__ import annotations

from typing import Any

from kit.outside.found import LESS, Datum, Reading
from kit.outside.jsonfields import by_process, mapping, numbers, objects
from kit.outside.source import Source

UNITS = {"second": "s", "byte": "B", "integer": ""}


def is_pyperf(data: Any) -> bool:
    """Whether it is JSON of pyperf."""
    found = mapping(data).get("benchmarks")
    return isinstance(found, list) and bool(found) and isinstance(mapping(found[0]).get("runs"), list)


def read_pyperf(data: Any, source: Source) -> Reading:
    """Reads values by benchmark; omits warm-ups and calibration, as pyperf does. Raises UserError."""
    common = mapping(data.get("metadata"))
    out, notes = [], []
    for place, bench in enumerate(objects(data["benchmarks"], source.name)):
        own = mapping(bench.get("metadata"))
        name = str(own.get("name") or common.get("name") or f"benchmark {place + 1}")
        unit = str(own.get("unit") or common.get("unit") or "second")
        where = f"{source.name}: {name}"
        runs = [numbers(run.get("values") or [], where) for run in objects(bench["runs"], where)]
        values, note = by_process(runs, name)
        notes += [note] if note else []
        out.append(Datum(name, values, UNITS.get(unit, unit), LESS if unit in ("second", "byte") else ""))
    return Reading(tuple(out), tuple(notes))
