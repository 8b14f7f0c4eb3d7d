"""JMH -rf json: benchmarks with mode, parameters and primaryMetric.rawData (iterations by fork)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.base.errors import UserError
from kit.outside.found import LESS, MORE, NOBODY, Datum, Reading
from kit.outside.jsonfields import by_process, mapping, number, numbers
from kit.outside.source import Source

MODES = {"thrpt": MORE, "avgt": LESS, "sample": LESS, "ss": LESS}


def is_jmh(data: Any) -> bool:
    """Whether it is JSON of JMH."""
    first = mapping(data[0]) if isinstance(data, list) and data else {}
    return "primaryMetric" in first and "benchmark" in first


def read_jmh(data: Any, source: Source) -> Reading:
    """Reads values by benchmark, mode and parameters; secondary metrics (garbage collection) are shown only. Raises
    UserError."""
    out, notes = [], []
    for bench in data:
        name = _name(bench)
        where = f"{source.name}: {name}"
        better = MODES.get(str(bench.get("mode")), NOBODY)
        found = {"": (mapping(bench.get("primaryMetric")), better)}
        found |= {k: (mapping(v), NOBODY) for k, v in mapping(bench.get("secondaryMetrics")).items()}
        for key, (metric, direction) in found.items():
            unit = str(metric.get("scoreUnit", ""))
            values, note = by_process(_forks(metric, where), f"{name} {key}".strip())
            notes += [note] if note and not key else []
            out.append(Datum(" ".join(w for w in (name, key, unit) if w), values, unit, direction))
    return Reading(tuple(out), tuple(notes))


def _name(bench: Mapping[str, Any]) -> str:
    params = ", ".join(f"{k}={v}" for k, v in mapping(bench.get("params")).items())
    threads = bench.get("threads", 1)
    parts = [str(bench.get("benchmark")), f"({params})" if params else "", f"{threads} threads" if threads != 1 else ""]
    return " ".join([*(p for p in parts if p), str(bench.get("mode"))])


def _forks(metric: Mapping[str, Any], where: str) -> list[tuple[float, ...]]:
    if isinstance(raw := metric.get("rawData"), list):
        return [numbers(fork, where) for fork in raw]
    if isinstance(raw := metric.get("rawDataHistogram"), list):
        return [tuple(_mean(iteration, where) for iteration in fork) for fork in raw]
    raise UserError("no rawData in it", where=where, hint="java -jar … -rf json writes it")


def _mean(histogram: list[list[Any]], where: str) -> float:
    """The mean of an iteration in mode `sample`: a histogram of (value, count)."""
    pairs = [(number(v, where), number(c, where)) for v, c in histogram]
    return sum(v * c for v, c in pairs) / sum(c for _, c in pairs)
