"""Reads /proc/lock_stat, versions 0.3 (2.6.38, 3.0) and 0.4 (6.1): a row for each lock class and mode.

The format is that of seq_stats() in kernel/locking/lockdep_proc.c (kernel/lockdep_proc.c in 3.0).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from kit.model.errors import ModelError

NUMBERS = {"0.3": 10, "0.4": 12}  # 0.4 also has waittime-avg and holdtime-avg

_VERSION = re.compile(r"lock_stat version (\S+)\s*$")
_TIME = r"-?\d+\.-?\d+"  # "%lld.%02d"; both parts are negative if a clock ran backwards
_ROW = re.compile(rf"\s*(?P<name>\S.*?)(?:-(?P<mode>[WR]))?:(?P<numbers>(?:\s+(?:{_TIME}|[0-9]{{1,20}}))+)\s*$")
_CALL_SITE = re.compile(r"\[<\S+>\]\s")  # below a class: where it was contended
_SITE = re.compile(r"\s*(?P<name>\S.*?)\s+(?P<count>[0-9]{1,20})\s+\[<\S+>\]\s+(?P<place>\S.*?)\s*$")
_RULE = re.compile(r"\s*(?:-+|\.+|class name\s+con-bounces.*)?\s*$")


@dataclass(frozen=True)
class Row:
    """One class. `mode` is "W" or "R" if the kernel shows writers and readers separately, else "". Times in
    microseconds.

    `name`: the kernel cuts it to 37 characters; it keeps its `#version` and `/subclass`. Averages are None in 0.3.
    """

    name: str
    mode: str
    con_bounces: int
    contentions: int
    wait_min: float
    wait_max: float
    wait_total: float
    wait_avg: float | None
    acq_bounces: int
    acquisitions: int
    hold_min: float
    hold_max: float
    hold_total: float
    hold_avg: float | None


def parse_lock_stat(text: str) -> tuple[Row, ...]:
    """All class rows, in the kernel's order (most contended first), without rows of call sites.

    Raises ModelError if the text is not lock_stat of a known version, if a line is damaged, or if lockdep has turned
    itself off: then counting stopped at some point, and the counts mean nothing.
    """
    lines = text.splitlines()
    found = _VERSION.match(lines[0]) if lines else None
    if found is None:
        raise ModelError("line 1: this is not /proc/lock_stat: it does not begin with its version")
    version = found[1]
    _numbers(version)
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if "lock debugging disabled" in line:
            raise ModelError(f"line {number}: lock debugging is disabled (after a lockdep report): the counts are void")
        if _CALL_SITE.search(line) or _RULE.match(line):
            continue
        try:
            rows.append(parse_row(line, version))
        except ModelError as error:
            raise ModelError(f"line {number}: {error}") from None
    return tuple(rows)


@functools.lru_cache(maxsize=4096)  # a run that is shown, compared and reported is read again and again
def parse_row(line: str, version: str) -> Row:
    """Parses one class row of lock_stat "0.3" or "0.4". Raises ModelError if it is not one."""
    found = _ROW.match(line)
    numbers = found["numbers"].split() if found else []
    if found is None or len(numbers) != _numbers(version):
        raise ModelError(f"no row of lock_stat {version}: {line.strip()!r}")
    half = len(numbers) // 2
    wait, hold = (_half(numbers[:half], line), _half(numbers[half:], line))
    return Row(found["name"], found["mode"] or "", *wait, *hold)


def parse_site(line: str) -> tuple[str, int, str]:
    """(class, how often, `function+0x1/0x2`) of a place where a lock was contended. Raises ModelError otherwise."""
    found = _SITE.match(line)
    if found is None:
        raise ModelError(f"no call site of lock_stat: {line.strip()!r}")
    return found["name"], int(found["count"]), found["place"]


def _numbers(version: str) -> int:
    if version not in NUMBERS:
        raise ModelError(f"lock_stat version {version} is not known; {' and '.join(NUMBERS)} are")
    return NUMBERS[version]


def _half(numbers: list[str], line: str) -> tuple[int, int, float, float, float, float | None]:
    """(bounces, count, min, max, total, average); the average is None in 0.3."""
    bounces, count, *times = numbers
    if "." in bounces + count or not all("." in time for time in times):
        raise ModelError(f"columns are shifted: {line.strip()!r}")
    least, most, total, *average = (_microseconds(time) for time in times)
    return int(bounces), int(count), least, most, total, average[0] if average else None


def _microseconds(time: str) -> float:
    return -float(time.replace("-", "")) if "-" in time else float(time)
