"""airspeed velocity (asv): the results of one commit, results/MACHINE/COMMIT-ENV.json.

The unit of a benchmark is in benchmarks.json, which is not read. It is taken from the benchmark's name, as asv does
(asv documentation, "Benchmark types": time and peakmem are seconds and bytes, track may be anything).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from kit.outside.found import LESS, NOBODY, Datum, Reading
from kit.outside.jsonfields import mapping, number, numbers
from kit.outside.source import Source

KINDS = {"time": ("s", LESS), "timeraw": ("s", LESS), "mem": ("B", LESS), "peakmem": ("B", LESS), "track": ("", NOBODY)}


def is_asv(data: Any) -> bool:
    """Whether it is a result file of asv."""
    return {"commit_hash", "env_name", "results"} <= set(mapping(data))


def read_asv(data: Any, source: Source) -> Reading:
    """The samples if they were kept (asv run --record-samples), else the single result. Raises UserError."""
    columns = [str(c) for c in data.get("result_columns") or ["result", "params"]]
    out, failed = [], []
    for name, row in mapping(data["results"]).items():
        cells = dict(zip(columns, row if isinstance(row, list) else [row], strict=False))
        results = cells.get("result")
        if results is None:
            failed.append(name)
            continue
        unit, better = KINDS.get(name.split(".")[-1].partition("_")[0].lower(), ("", NOBODY))
        for case, result, samples in _cases(cells, results):
            where = f"{source.name}: {name}{case}"
            if result is None:
                failed.append(f"{name}{case}")
                continue
            values = numbers(samples, where) if samples else (number(result, where),)
            out.append(Datum(f"{name}{case}", values, unit, better))
    return Reading(tuple(out), tuple(f"{name}: failed, left out" for name in failed))


def _cases(cells: Mapping[str, Any], results: Any) -> list[tuple[str, Any, Any]]:
    """(parameters in words, result, samples) of each case."""
    params = [p for p in cells.get("params") or [] if isinstance(p, Sequence)]
    names = [f"({', '.join(map(str, c))})" if c else "" for c in itertools.product(*params)]
    found = results if isinstance(results, list) else [results]
    samples = cells.get("samples") or []
    return [
        (name, result, samples[i] if i < len(samples) else None)
        for i, (name, result) in enumerate(zip(names, found, strict=False))
    ]
