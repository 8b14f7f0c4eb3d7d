"""perf stat: its text for people (-r N: means with their noise), -x (fields) and -j (JSON lines).

With -r N, perf prints the standard deviation of the mean in per cent; times the root of N it is that of a run. Events
have no direction (fewer cache misses in less work are no gain), but elapsed time has one. Sources: tools/perf/util/
stat-display.c of 6.1 and 7.3.
"""

from __future__ import annotations

import math
import re
from typing import Any

from kit.base.errors import UserError
from kit.base.words import join
from kit.outside.cells import number_in
from kit.outside.found import LESS, NOBODY, Datum, Reading
from kit.outside.jsonfields import mapping, number
from kit.outside.source import Source
from kit.stats.groups import Group

HEAD = re.compile(r"\s*Performance counter stats for (.*?)(?: \(([0-9]{1,9}) runs\))?:\s*$")
NOISE = re.compile(r"\(\s*\+-\s*([\d.,]+)%\s*\)")
NUMBER = r"\d[\d.,'\u202f\u00a0]*"
EVENT = re.compile(rf"\s*({NUMBER})\s+(?:(msec|ns|Joules|MiB|%|[KMG]?B)\s+)?([A-Za-z_][^\s#]*)")
TIMED = re.compile(rf"\s*({NUMBER})\s+(?:\+-\s+{NUMBER}\s+)?seconds (time elapsed|user|sys)")
NOT_COUNTED = re.compile(r"<not (counted|supported)>")
CSV = re.compile(r"(?:[\d.]+|<not (?:counted|supported)>)([,;|\t])[^,;|\t]*\1[A-Za-z_][^,;|\t]*(?:\1|$)")
TIMES = ("time elapsed", "task-clock", "duration_time", "cpu-clock", "user", "sys")


def is_perfstat(source: Source) -> bool:
    """Whether it is text of `perf stat`."""
    return any(HEAD.match(line) for line in source.lines)


def read_perfstat(source: Source) -> Reading:
    """Reads a block for each call of perf: a summary with -r, else a single value. Raises UserError."""
    data, runs, lost, block, commas = [], 1, [], "", _commas(source)
    for at, line in enumerate(source.lines, 1):
        if head := HEAD.match(line):
            runs, block = int(head[2] or 1), line
        elif block and (found := TIMED.match(line) or EVENT.match(line)):
            timed = found.re is TIMED
            name = found[2] if timed else found[3]
            unit = "s" if timed else found[2] or ""
            where = f"{source.name}:{at}"
            value = _local(found[1], where, commas)
            noise = NOISE.search(line)
            data.append(_event(name, unit, value, runs, noise[1] if noise else "", where))
        elif block and NOT_COUNTED.search(line):
            lost.append(line.split(">")[-1].split("#")[0].strip())
    if not data:
        raise UserError("perf counted nothing", where=source.name)
    return Reading(tuple(data), _lost(lost))


def _lost(events: list[str]) -> tuple[str, ...]:
    return (f"not counted or not supported by perf: {join(list(dict.fromkeys(events)))}",) if events else ()


def _event(name: str, unit: str, value: float, runs: int, noise: str, where: str) -> Datum:
    better = LESS if name in TIMES else NOBODY
    if runs == 1:
        return Datum(name, (value,), unit, better)
    if value <= 0:
        return Datum(name, (value,) * runs, unit, better) if not noise else _unlogged(name, where)
    sd = value * number_in(noise.replace(",", "."), where) / 100 * math.sqrt(runs) if noise else 0.0
    return Datum(name, (), unit, better, summary=Group(runs, value, sd))


def _unlogged(name: str, where: str) -> Datum:
    raise UserError(f"{name}: a mean of 0 with noise cannot be compared", where=where, hint="perf stat -j for each run")


def _commas(source: Source) -> bool:
    """Whether the locale has a decimal comma: some number has a comma that cannot separate thousands."""
    return re.search(r"(?<![\d.,])\d+(?:\.\d{3})*,(?:\d{1,2}|\d{4,})(?!\d)", source.content) is not None


def _local(text: str, where: str, commas: bool) -> float:
    plain = re.sub(r"['\u202f\u00a0]", "", text)
    plain = plain.replace(".", "").replace(",", ".") if commas else plain.replace(",", "")
    return number_in(plain, where)


def is_perfcsv(source: Source) -> bool:
    """Whether it is output of `perf stat -x`."""
    lines = [line for line in source.lines if line.strip() and not line.startswith("#")]
    return bool(lines) and all(CSV.match(line) for line in lines)


def read_perfcsv(source: Source) -> Reading:
    """Reads perf stat -x: value, unit, event, noise in per cent (with -r), run time, share. Raises UserError."""
    data, lost = [], []
    for at, line in enumerate(source.lines, 1):
        if not (said := CSV.match(line)):
            continue
        cells = line.split(said[1])
        where = f"{source.name}:{at}"
        if len(cells) > 3 and cells[3].endswith("%"):
            hint = "-x does not say how many runs there were: take the text of perf stat -r, or run it once for each"
            raise UserError("a mean of several runs without the number of runs", where=where, hint=hint)
        if cells[0].startswith("<"):
            lost.append(cells[2])
        else:
            data.append(_event(cells[2], cells[1], _local(cells[0], where, False), 1, "", where))
    if not data:
        raise UserError("perf counted nothing", where=source.name)
    return Reading(tuple(data), _lost(lost))


def is_perfjson(data: Any) -> bool:
    """Whether it is a line of `perf stat -j`."""
    return "counter-value" in mapping(data) and "event" in mapping(data)


def read_perfjson(data: Any, source: Source) -> Reading:
    """Reads one line of perf stat -j. Raises UserError."""
    event, value = str(data["event"]), str(data["counter-value"])
    where = source.line_of(f'"{event}"')
    if number(data.get("variance") or 0, where):
        hint = "-j does not say how many runs there were: take the text of perf stat -r, or run it once for each"
        raise UserError("a mean of several runs without the number of runs", where=where, hint=hint)
    if value.startswith("<"):
        return Reading((), _lost([event]))
    return Reading((_event(event, str(data.get("unit", "")), _local(value, where, False), 1, "", where),))
