"""stress-ng: the lines of --metrics or --metrics-brief, or --yaml; bogo operations per second by stressor.

More bogo operations per second of real time is better. Other numbers (times, memory, a stressor's own counts) are shown
without a direction, unless their unit has one. A stressor without a single operation failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from kit.base.errors import UserError
from kit.outside.found import MORE, NOBODY, Datum, Reading
from kit.outside.jsonfields import mapping, number, objects
from kit.outside.source import Source

LINE = re.compile(r"(?:.*\s)?stress-ng: (?:info|metrc):\s+\[\d+\]\s+(.*)$")
MAJOR = re.compile(r"(\S+)\s+(\d+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)(?:\s+[\d.]+)*\s*$")
OWN = re.compile(r"(\S+)\s+([\d.]+) (.+?) \((?:geometr?ic mean|harmonic mean|average|total)\b.*\)\s*$")
YAML = re.compile(r"(?m)^\s*-?\s*stressor: ")
REAL, CPU = "bogo-ops-per-second-real-time", "bogo-ops-per-second-usr-sys-time"
IN_YAML = {
    REAL: ("bogo ops/s", MORE),
    CPU: ("bogo ops/s (usr+sys time)", NOBODY),
    "wall-clock-time": ("real time", NOBODY),
}


def is_stressng(source: Source) -> bool:
    """Whether it is output of stress-ng with `--metrics`."""
    return any((said := LINE.match(line)) and MAJOR.match(said[1]) for line in source.lines)


def read_stressng(source: Source) -> Reading:
    """Reads it. Each table in the text is a run."""
    data, notes = [], []
    for line in source.lines:
        if not (said := LINE.match(line)):
            continue
        if row := MAJOR.match(said[1]):
            name = row[1]
            if float(row[2]) == 0:
                notes.append(f"{name}: not one bogo operation, left out")
                continue
            data.append(Datum(f"{name} bogo ops/s", (float(row[6]),), "bogo ops/s", MORE))
            data.append(Datum(f"{name} bogo ops/s (usr+sys time)", (float(row[7]),), "", NOBODY))
            data.append(Datum(f"{name} real time", (float(row[3]),), "s", NOBODY))
        elif row := OWN.match(said[1]):
            data.append(Datum(f"{row[1]} {row[3]}", (float(row[2]),), "", NOBODY))
    return Reading(tuple(data), tuple(notes))


def is_stressng_yaml(source: Source) -> bool:
    """Whether it is the file of stress-ng's `--yaml`."""
    return "metrics:" in source.content and "bogo-ops" in source.content and YAML.search(source.content) is not None


def read_stressng_yaml(source: Source) -> Reading:
    """Reads it. Each document is a run. Raises UserError."""
    try:
        documents = [mapping(d) for d in yaml.safe_load_all(source.content)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source.name}:{mark.line + 1}" if mark else source.name
        raise UserError("not YAML, though it looks like that of stress-ng", where=where) from error
    data, notes = [], []
    for document in documents:
        for row in objects(document.get("metrics") or [], f"{source.name}: metrics"):
            if not row.get("bogo-ops"):
                notes.append(f"{row.get('stressor')}: not one bogo operation, left out")
            else:
                data += _row(row, source.name)
    return Reading(tuple(data), tuple(notes))


def _row(row: Mapping[str, Any], where: str) -> list[Datum]:
    name = str(row.get("stressor"))
    return [
        Datum(f"{name} {said}", (number(row[key], f"{where}: {name}"),), "", better)
        for key, (said, better) in IN_YAML.items()
        if key in row
    ]
