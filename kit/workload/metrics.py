"""Reads metrics from a program's output, in one of these formats. Pure.

| format | what is read |
| --- | --- |
| `{regex: PATTERN}` | every match: groups `value`, and optionally `name` (default: `value`) and `unit` |
| `json` | the output as one JSON value, else each line that is one: every number, named by its path (`a.b.0`) |
| `ktap` | results of KTAP or TAP: `passed`, `failed`, `skipped`, `missing`; of kselftests' subtests `inner passed` … |
| `key-value` | lines `key: value unit` or `key = value unit` |

If a name occurs several times, its value is the mean.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from kit.records import LESS, MORE
from kit.workload.ktap import read_ktap

NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?"
PAIR = re.compile(
    rf"\s*(?P<name>[^\s:=][^:=]{{0,79}}?)\s*[:=]\s*(?P<value>{NUMBER})(?!\.|[0-9])\s*(?P<unit>\S{{0,20}})"
)
KTAP_BETTER = {"passed": MORE, "failed": LESS, "missing": LESS}
KTAP_BETTER |= {f"inner {name}": better for name, better in KTAP_BETTER.items()}
MOST_METRICS = 1000

Read = Iterator[tuple[str, float, str]]  # name, value, unit


@dataclass(frozen=True)
class Metric:
    """One metric of one run. `unit` is empty if the output gives none."""

    name: str
    value: float
    unit: str


def read_metrics(text: str, format_: str | Mapping[str, str]) -> tuple[Metric, ...]:
    """The metrics in an output, in order of first occurrence, at most MOST_METRICS. `format_`: a key of FORMATS, or
    {"regex": PATTERN}."""
    found: dict[str, list[tuple[float, str]]] = {}
    read = _regex(text, format_["regex"]) if isinstance(format_, Mapping) else FORMATS[format_](text)
    for name, value, unit in read:
        if not math.isfinite(value):
            continue
        if len(found) == MOST_METRICS and name not in found:
            break
        found.setdefault(name, []).append((value, unit))
    return tuple(Metric(n, fmean(v for v, _ in seen), seen[-1][1]) for n, seen in found.items())


def _regex(text: str, pattern: str) -> Read:
    for match in re.finditer(pattern, text, re.MULTILINE):
        groups = match.groupdict()
        try:
            value = float(groups["value"])
        except (TypeError, ValueError):  # the group did not match, or is not a number
            continue
        yield groups.get("name") or "value", value, groups.get("unit") or ""


def _key_value(text: str) -> Read:
    for line in text.splitlines():
        if match := PAIR.match(line):
            yield match["name"], float(match["value"]), match["unit"].rstrip(",;")


def _json(text: str) -> Read:
    try:
        values = [json.loads(text)]
    except (ValueError, RecursionError):
        values = [v for line in text.splitlines() if (v := _json_line(line)) is not None]
    for value in values:
        yield from _numbers(value, "")


def _json_line(line: str) -> Any:
    try:
        return json.loads(line) if line.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return None


def _numbers(value: Any, path: str) -> Read:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) < 1e300:
            yield path or "value", float(value), ""
    elif isinstance(value, (dict, list)):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in inner:
            yield from _numbers(item, f"{path}.{key}" if path else str(key))


def _ktap(text: str) -> Read:
    if results := read_ktap(text):
        for name, count in vars(results.tests).items():
            yield name, float(count), "tests"
        for name, count in vars(results.inner).items() if results.inner.tests else ():
            yield f"inner {name}", float(count), "tests"


FORMATS: Mapping[str, Callable[[str], Read]] = {"json": _json, "ktap": _ktap, "key-value": _key_value}
