"""Go's benchmark format (golang.org/design/14313-benchmark-format), read as benchstat does.

`key: value` lines configure the benchmarks below them. A benchmark's line has a name, a count, then pairs of value and
unit; `Unit` lines say what is better. If two packages or settings have a benchmark of one name, it gives two metrics.
"""

from __future__ import annotations

import re

from kit.base.errors import UserError
from kit.outside.cells import number_in
from kit.outside.found import LESS, MORE, Datum, Label, Reading, word
from kit.outside.source import Source
from kit.outside.units import direction_of

BENCHMARK = re.compile(r"Benchmark\S*\s+\d+\s+\S")
SETTING = re.compile(r"([a-z][^\s:A-Z]*):(?:\s+(.*))?$")
UNIT = re.compile(r"Unit\s+(\S+)\s+(.*)$")
BETTER = {"lower": LESS, "higher": MORE}


def is_gobench(source: Source) -> bool:
    """Whether some line is a benchmark's."""
    return any(BENCHMARK.match(line) for line in source.lines)


def read_gobench(source: Source) -> Reading:
    """Reads a datum for each value. Raises UserError."""
    settings: dict[str, str] = {}
    better: dict[str, str] = {}
    data: list[Datum] = []
    for number, line in enumerate(source.lines, 1):
        if said := UNIT.match(line):
            words = dict(w.partition("=")[::2] for w in said[2].split())
            better[said[1]] = BETTER.get(words.get("better", ""), "")
        elif BENCHMARK.match(line):
            data += _line(line, f"{source.name}:{number}", settings)
        elif (said := SETTING.match(line)) and not line.startswith(("ok ", "PASS")):
            settings[said[1]] = (said[2] or "").strip()
    units = {d.metric: d.unit for d in data}
    chosen = {m: better.get(u) or word(direction_of("", u)) for m, u in units.items()}
    return Reading(tuple(Datum(d.metric, d.values, d.unit, chosen[d.metric], d.labels) for d in data))


def _line(line: str, where: str, settings: dict[str, str]) -> list[Datum]:
    label, _, *pairs = line.split()
    if len(pairs) % 2:
        raise UserError("a value without a unit", where=where)
    name = label.removeprefix("Benchmark")
    labels = tuple(Label(k, v) for k, v in settings.items())
    return [
        Datum(f"{name} {unit}", (number_in(value, where),), unit, labels=labels)
        for value, unit in zip(pairs[::2], pairs[1::2], strict=True)
    ]
