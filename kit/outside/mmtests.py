"""mmtests: the output of extract-mmtests.pl, as JSON (--print-json) or as a table; values by operation.

The output of compare-mmtests.pl has means without their runs, and is refused.
"""

from __future__ import annotations

import re
from typing import Any

from kit.base.errors import UserError
from kit.outside.cells import number_in
from kit.outside.found import LESS, MORE, Datum, Label, Reading
from kit.outside.jsonfields import by_process, mapping, numbers, objects
from kit.outside.source import Source

BETTER = {"Lower": LESS, "Higher": MORE}
ROW = re.compile(r"(\S.*?)\s+(\d+)\s+(-?\d+(?:\.\d+)?)\s+(-?\d+\.\d+)$")
COMPARED = re.compile(
    r"(?:Min|Max|[AHG]mean|Stddev|CoeffVar|BAmean-\d+|[123](?:st|nd|rd)-qrtle|Max-\d+)\s+\S+\s.*\d\s+[(*]\s*-?[\d.]+%[)*]"
)


def is_mmtests_json(data: Any) -> bool:
    """Whether it is JSON of mmtests' `extract-mmtests.pl`."""
    first = mapping(data[0]) if isinstance(data, list) and data else mapping(data)
    return "_ResultData" in first or "_ExtractModules" in first


def read_mmtests_json(data: Any, source: Source) -> Reading:
    """Reads the JSON. Raises UserError."""
    if "_ExtractModules" in mapping(data):
        data = data["_ExtractModules"]
        if len(data) > 1:
            hint = "extract-mmtests.pl -d work/log -n KERNEL -b BENCHMARK --print-json writes one of them"
            raise UserError(f"{len(data)} kernels in one file", where=source.name, hint=hint)
    out, notes = [], []
    for module in objects(data if isinstance(data, list) else [data], source.name):
        better = BETTER.get(str(module.get("_PreferredVal")), "")
        unit = str(module.get("_PlotYaxis") or "")
        for name, iterations in mapping(module.get("_ResultData")).items():
            where = f"{source.name}: {name}"
            values, note = by_process([numbers(i.get("Values"), where) for i in objects(iterations, where)], name)
            notes += [note] if note else []
            module_name = Label("module", str(module.get("_ModuleName")))
            out.append(Datum(name, values, unit, better, (module_name,)))
    return Reading(tuple(out), tuple(dict.fromkeys(notes)))


def is_mmtests(source: Source) -> bool:
    """Whether it is text of mmtests' `extract-mmtests.pl`."""
    lines = [line for line in source.lines if line.strip() and not line.startswith("Operation")]
    return len(lines) > 1 and all(ROW.match(line) for line in lines)


def read_mmtests(source: Source) -> Reading:
    """Reads rows of operation, iteration, sample and value; they have no direction. Raises UserError."""
    runs: dict[str, dict[str, list[float]]] = {}
    for number, line in enumerate(source.lines, 1):
        if row := ROW.match(line):
            runs.setdefault(row[1], {}).setdefault(row[2], []).append(number_in(row[4], f"{source.name}:{number}"))
    out, notes = [], []
    for name, iterations in runs.items():
        values, note = by_process([tuple(v) for v in iterations.values()], name)
        notes += [note] if note else []
        out.append(Datum(name, values))
    return Reading(tuple(out), tuple(notes))


def is_compared(source: Source) -> bool:
    """Whether it is a comparison of mmtests, which has no single values."""
    return any(COMPARED.match(line) for line in source.lines)


def refuse_compared(source: Source) -> Reading:
    """Always raises UserError."""
    number = next(i for i, line in enumerate(source.lines, 1) if COMPARED.match(line))
    hint = "extract-mmtests.pl -d work/log -n KERNEL -b BENCHMARK --print-json, for each kernel"
    raise UserError("a comparison of mmtests: means without their runs", where=f"{source.name}:{number}", hint=hint)
