"""fio --output-format=json: the jobs of a run, with what they read, wrote and trimmed (fio 2.x and 3.x)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.base.words import several
from kit.outside.found import LESS, MORE, Datum, Reading
from kit.outside.jsonfields import mapping, number, objects
from kit.outside.source import Source

WAYS = ("read", "write", "trim")
LATENCIES = (("lat_ns", 1e-9), ("lat", 1e-6), ("clat_ns", 1e-9), ("clat", 1e-6))  # fio 2 had microseconds


def is_fio(data: Any) -> bool:
    """Whether it is JSON of fio."""
    return "fio version" in mapping(data) and isinstance(mapping(data).get("jobs"), list)


def read_fio(data: Any, source: Source) -> Reading:
    """Reads it. Each JSON document is a run with one value for each metric. Jobs of one name run side by side: their
    rates are added, their latencies averaged, weighted by their number. Raises UserError."""
    out, notes = [], []
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for job in objects(data["jobs"], source.name):
        name = str(job.get("jobname"))
        if job.get("error"):
            notes.append(f"{name}: failed with error {job['error']}, left out ({source.name})")
        else:
            by_name.setdefault(name, []).append(job)
    for name, jobs in by_name.items():
        if len(jobs) > 1:
            notes.append(f"{name}: {several(len(jobs), 'job')} of one name side by side, added up")
        for way in WAYS:
            parts = [mapping(j.get(way)) for j in jobs]
            parts = [p for p in parts if p.get("total_ios", p.get("io_bytes"))]
            out += _way(f"{name} {way}", parts, f"{source.name}: {name}") if parts else []
    return Reading(tuple(out), tuple(notes))


def _way(name: str, parts: list[Mapping[str, Any]], where: str) -> list[Datum]:
    iops = sum(number(p.get("iops"), where) for p in parts)
    rate = sum(number(p.get("bw_bytes", p.get("bw", 0) * 1024), where) for p in parts)
    out = [Datum(f"{name} iops", (iops,), "", MORE), Datum(f"{name} B/s", (rate,), "B/s", MORE)]
    found = next(((k, s) for k, s in LATENCIES if all(mapping(p.get(k)).get("mean") for p in parts)), None)
    if found is None:
        return out
    key, scale = found
    weights = [number(p.get("total_ios", 1), where) for p in parts]
    mean = sum(number(p[key]["mean"], where) * w for p, w in zip(parts, weights, strict=True)) / sum(weights)
    return [*out, Datum(f"{name} latency", (mean * scale,), "s", LESS), *_tail(name, parts, where)]


def _tail(name: str, parts: list[Mapping[str, Any]], where: str) -> list[Datum]:
    """The 99th percentile, only for a single job: percentiles of several cannot be combined."""
    if len(parts) > 1:
        return []
    for key, scale in LATENCIES:
        if (tail := mapping(mapping(parts[0].get(key)).get("percentile")).get("99.000000")) is not None:
            return [Datum(f"{name} p99", (number(tail, where) * scale,), "s", LESS)]
    return []
