"""pytest-benchmark --benchmark-json: benchmarks with every round's seconds, or with mean, stddev and rounds."""

from __future__ import annotations

from typing import Any

from kit.base.words import join
from kit.outside.found import LESS, Datum, Reading
from kit.outside.jsonfields import mapping, number, numbers, objects
from kit.outside.source import Source
from kit.stats.groups import Group


def is_pytestbench(data: Any) -> bool:
    """Whether it is JSON of pytest-benchmark."""
    found = mapping(data).get("benchmarks")
    return isinstance(found, list) and bool(found) and "rounds" in mapping(mapping(found[0]).get("stats"))


def read_pytestbench(data: Any, source: Source) -> Reading:
    """Reads the seconds of each round, by benchmark. Raises UserError."""
    out, means = [], []
    for bench in objects(data["benchmarks"], source.name):
        name = str(bench.get("fullname") or bench.get("name"))
        where, stats = f"{source.name}: {name}", mapping(bench.get("stats"))
        if stats.get("data"):
            out.append(Datum(name, numbers(stats["data"], where), "s", LESS))
        else:
            parts = [number(stats.get(k), f"{where}: {k}") for k in ("rounds", "mean", "stddev")]
            out.append(Datum(name, (), "s", LESS, summary=Group(int(parts[0]), parts[1], parts[2])))
            means.append(name)
    hint = f"{join(means)}: only mean and stddev (--benchmark-save-data keeps the rounds)"
    return Reading(tuple(out), (hint,) if means else ())
