"""Checked access to fields of a tool's JSON; errors say where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kit.base.errors import UserError


def number(value: Any, where: str) -> float:
    """A finite number. Raises UserError."""
    try:
        if not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
    except OverflowError:  # a whole number beyond what a double holds
        raise UserError("not a finite number: a whole number of more than 308 digits", where=where) from None
    raise UserError(f"not a finite number: {str(value)[:40]!r}", where=where)


def numbers(value: Any, where: str) -> tuple[float, ...]:
    """A list of finite numbers. Raises UserError."""
    if not isinstance(value, list):
        raise UserError(f"not a list of numbers: {str(value)[:40]!r}", where=where)
    return tuple(number(v, f"{where}, value {i}") for i, v in enumerate(value, 1))


def objects(value: Any, where: str) -> list[Mapping[str, Any]]:
    """A list of objects. Raises UserError."""
    if not isinstance(value, list) or not all(isinstance(v, Mapping) for v in value):
        raise UserError("not a list of objects", where=where)
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; empty if the value is none."""
    return value if isinstance(value, Mapping) else {}


def by_process(runs: list[tuple[float, ...]], name: str) -> tuple[tuple[float, ...], str]:
    """The values of several processes, and a note. If there are enough processes, each gives one value, its mean: what
    a process measures depends on its layout of memory."""
    full = [r for r in runs if r]
    if all(len(r) == 1 for r in full):
        return tuple(r[0] for r in full), ""
    if len(full) >= ENOUGH:
        each = f"{name}: {len(full)} processes of several values each, and the mean of a process is one value"
        return tuple(sum(r) / len(r) for r in full), each
    few = f"{name}: {sum(map(len, full))} values of {len(full)} process{'es' if len(full) > 1 else ''}, taken as"
    return tuple(v for r in full for v in r), f"{few} independent: {ENOUGH} processes or more would be better"


ENOUGH = 4  # four against four can show a difference at 5%
