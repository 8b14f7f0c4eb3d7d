"""A number as the cell of a table has it: its value and unit.

It reads 12.3, 1e-3, 1,234,567, 1,234.5, `12.3 ms`, `4 KiB`, 12%. Times become seconds, sizes bytes. What can be read in
two ways (`12,3`, `1,234`) and what is not finite is refused: the user must decide.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from kit.base.errors import UserError

MISSING_WORDS = frozenset(("", "-", "–", "na", "n/a", "null", "none", "nil", "missing", "<na>"))
NOT_FINITE = frozenset(["nan", "inf", "infinity"])
PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$", re.A)
GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3}){2,}(?:\.\d+)?$|[+-]?\d{1,3}(?:,\d{3})+\.\d+$", re.A)
WITH_UNIT = re.compile(r"([+-]?[\d.,]*\d\.?(?:[eE][+-]?\d+)?)\s*([^\W\d_][\w/]*|%)$", re.U)
LOOKS = re.compile(r"[+-]?\d*(?:[.,' \u00a0\u202f_]\d+)*[.,]?$", re.A)
SECONDS = {
    **dict.fromkeys(("ns", "nsec", "nsecs"), 1e-9),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs"), 1e-6),
    **dict.fromkeys(("ms", "msec", "msecs"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minutes"), 60.0),
    "h": 3600.0,
}
BYTES = (
    {"B": 1.0}
    | {
        f"{letter}{mark}": float(base**power)
        for power, letter in enumerate("KMGT", 1)
        for mark, base in (("B", 1000), ("iB", 1024))
    }
    | {"kB": 1000.0}
)


@dataclass(frozen=True)
class Number:
    """A value in its base unit: `s` or `B`, another unit as written, or none."""

    value: float
    unit: str = ""


class _Missing:
    """A cell that says that there is no value."""


MISSING = _Missing()


def read_cell(text: str) -> Number | _Missing | None:
    """Reads a cell; None if its text is not a number. Raises ValueError, with the reason, if it is ambiguous."""
    text = text.strip()
    if text.lower() in MISSING_WORDS:
        return MISSING
    if text.lower().lstrip("+-") in NOT_FINITE:
        raise ValueError(f"not a finite number: {text[:40]!r}")
    if PLAIN.match(text):
        return _finite(text, text)
    if GROUPED.match(text):
        return _finite(text.replace(",", ""), text)
    if (parts := WITH_UNIT.match(text)) and _is_unit(parts[2]):
        number = read_cell(parts[1])
        return _scaled(number.value, parts[2]) if isinstance(number, Number) else None
    if LOOKS.match(text) and any(c.isdigit() for c in text) and text.count(".") < 2:
        raise ValueError(f"not a number: {text[:40]!r}")
    return None


def number_in(text: str, where: str) -> float:
    """The number in a cell that must hold one. Raises UserError with its place."""
    try:
        cell = read_cell(text)
    except ValueError as error:
        raise UserError(str(error), where=where) from error
    if not isinstance(cell, Number):
        raise UserError(f"not a number: {text[:40]!r}", where=where)
    return cell.value


def _is_unit(text: str) -> bool:
    return text in SECONDS or text in BYTES or text == "%" or "/" in text


def _scaled(value: float, unit: str) -> Number:
    if unit in SECONDS:
        return Number(value * SECONDS[unit], "s")
    return Number(value * BYTES[unit], "B") if unit in BYTES else Number(value, unit)


def _finite(text: str, shown: str) -> Number:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"not a finite number: {shown[:40]!r}")
    return Number(value)


def is_number(text: str) -> bool:
    """Whether the text is a number, or looks so much like one that it has to be refused."""
    try:
        return isinstance(read_cell(text), Number)
    except ValueError:
        return True
