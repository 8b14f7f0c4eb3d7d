"""perf bench: the results below each `# Running 'collection/name' benchmark:` (tools/perf/bench of 7.3)."""

from __future__ import annotations

import re

from kit.outside.cells import number_in
from kit.outside.found import LESS, MORE, Datum, Reading
from kit.outside.source import Source

HEAD = re.compile(r"# Running '?([\w/-]+)'? benchmark:")
PART = re.compile(r"# function '([^']+)'")
TOTAL = re.compile(r"\s*Total time:\s*([\d.]+) \[sec\]")
RATE = re.compile(r"\s*([\d.,]+)\s+((?:[KMGT]?B|bytes|ops|events|\w+)/sec(?:ond)?)\s*$")
PRICE = re.compile(r"\s*([\d.,]+)\s+((?:n|u|m)secs?/op|cycles/byte)\s*$")
AVERAGED = re.compile(r".*Averaged ([\d.,]+) operations/sec")
RUN = re.compile(r"\[Run \d+\]: .* in ([\d.]+) (ms|usecs?)")


def is_perfbench(source: Source) -> bool:
    """Whether it is output of `perf bench`."""
    return any(HEAD.match(line) for line in source.lines)


def read_perfbench(source: Source) -> Reading:
    """Reads it. A benchmark that occurs several times was run as often."""
    name = part = ""
    data = []
    for number, line in enumerate(source.lines, 1):
        if head := HEAD.match(line):
            name, part = head[1], ""
        elif inner := PART.match(line):
            part = inner[1]
        elif name and (datum := _line(" ".join(w for w in (name, part) if w), line, f"{source.name}:{number}")):
            data.append(datum)
    return Reading(tuple(data))


def _line(name: str, line: str, where: str) -> Datum | None:
    for pattern, unit, better in ((TOTAL, "s", LESS), (AVERAGED, "operations/s", MORE)):
        if found := pattern.match(line):
            return Datum(f"{name} {'total time' if unit == 's' else unit}", (_value(found[1], where),), unit, better)
    for pattern, better in ((RATE, MORE), (PRICE, LESS), (RUN, LESS)):
        if found := pattern.match(line):
            return Datum(f"{name} {found[2]}", (_value(found[1], where),), found[2], better)
    return None


def _value(text: str, where: str) -> float:
    return number_in(text.replace(",", ""), where)
