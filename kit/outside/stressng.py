"""stress-ng: the lines of --metrics or --metrics-brief, or --yaml; bogo operations per second by stressor.

More bogo operations per second of real time is better. Other numbers (times, memory, a stressor's own counts) are shown
without a direction, unless their unit has one. A stressor without a single operation failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kit.base.errors import UserError
from kit.outside.cells import number_in
from kit.outside.found import MORE, NOBODY, Datum, Reading
from kit.outside.jsonfields import mapping, number, objects
from kit.outside.source import Source
from kit.store.yamltext import BadYamlError, documents

LINE = re.compile(r"(?:.*\s)?stress-ng: (?:info|metrc):\s+\[\d+\]\s+(.*)$")
MAJOR = re.compile(r"(\S+)\s+(\d+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)(?:\s+[\d.]+)*\s*$")
OWN = re.compile(r"(\S+)\s+([\d.]+) (.+?) \((?:geometr?ic mean|harmonic mean|average|total)\b.*\)\s*$")
YAML = re.compile(r"(?m)^\s*-?\s*stressor: ")
REAL, CPU = "bogo-ops-per-second-real-time", "bogo-ops-per-second-usr-sys-time"
MOST_BYTES, MOST_VALUES = 16 << 20, 1_000_000
IN_YAML = {
    REAL: ("bogo ops/s", MORE),
    CPU: ("bogo ops/s (usr+sys time)", NOBODY),
    "wall-clock-time": ("real time", NOBODY),
}


def is_stressng(source: Source) -> bool:
    """Whether it is output of stress-ng with `--metrics`."""
    return any((said := LINE.match(line)) and MAJOR.match(said[1]) for line in source.lines)


def read_stressng(source: Source) -> Reading:
    """Reads it. Each table in the text is a run. Raises UserError."""
    data, notes = [], []
    for at, line in enumerate(source.lines, 1):
        where = f"{source.name}:{at}"
        if not (said := LINE.match(line)):
            continue
        if row := MAJOR.match(said[1]):
            name = row[1]
            if number_in(row[2], where) == 0:
                notes.append(f"{name}: not one bogo operation, left out")
                continue
            data.append(Datum(f"{name} bogo ops/s", (number_in(row[6], where),), "bogo ops/s", MORE))
            data.append(Datum(f"{name} bogo ops/s (usr+sys time)", (number_in(row[7], where),), "", NOBODY))
            data.append(Datum(f"{name} real time", (number_in(row[3], where),), "s", NOBODY))
        elif row := OWN.match(said[1]):
            data.append(Datum(f"{row[1]} {row[3]}", (number_in(row[2], where),), "", NOBODY))
    return Reading(tuple(data), tuple(notes))


def is_stressng_yaml(source: Source) -> bool:
    """Whether it is the file of stress-ng's `--yaml`."""
    return "metrics:" in source.content and "bogo-ops" in source.content and YAML.search(source.content) is not None


def read_stressng_yaml(source: Source) -> Reading:
    """Reads it. Each document is a run. Raises UserError."""
    try:
        found = [mapping(one.value) for one in documents(source.content, size=MOST_BYTES, values=MOST_VALUES)]
    except BadYamlError as error:
        where = f"{source.name}:{error.line}" if error.line else source.name
        raise UserError("not YAML, though it looks like that of stress-ng", where=where) from error
    data, notes = [], []
    for document in found:
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
