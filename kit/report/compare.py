"""The text of `kit compare`: its plain data in, a table, remarks and the sentence out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate

from kit.base.words import rough
from kit.wording.phrase import signed

SHOWN = 40  # rows; the rest is in --json
WIDTH = 80
OPEN = "no direction"
HEADERS = ["metric", "A", "B", "change", "interval", "p", "would see", "runs", ""]
ALIGNED = ["left", *["right"] * 7, "left"]


def render_compare(shown: Mapping[str, Any]) -> str:
    """Ends with a newline."""
    order = {"worse": 0, "better": 1, "inconclusive": 2, "same": 3}
    rows = sorted(shown["comparisons"], key=lambda c: order.get(c["said"], 4)) + list(shown.get("shown", ()))
    more = [f"and {len(rows) - SHOWN} more (--json)"] if len(rows) > SHOWN else []
    head = f"A {shown['baseline']}, B {shown['arm']}: {shown['method']}, {_level(shown['alpha'])} intervals"
    word, text = str(shown["verdict"]), str(shown["sentence"])
    if text.lower().startswith(f"{word}: "):
        text = text[len(word) + 2 :]
    notes = [f"  {note}" for note in shown["notes"]]
    table = _table(rows[:SHOWN])
    parts = [head, "\n".join([table, *more]), *(["\n".join(["Remarks", *notes])] if notes else [])]
    return "\n\n".join([*parts, f"{word.upper()}: {text}"]) + "\n"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """At most WIDTH columns: where names are long, each stands in a line of its own above its numbers."""
    cells = [_row(c) for c in rows]
    table = drawn([HEADERS, *cells], ALIGNED)
    if max(map(len, table)) <= WIDTH:
        return "\n".join(table)
    head, rule, *numbers = drawn([HEADERS[1:], *(row[1:] for row in cells)], ALIGNED[1:])
    return "\n".join([head, rule, *(line for row, its in zip(cells, numbers, strict=True) for line in (row[0], its))])


def drawn(cells: Sequence[Sequence[str]], aligned: Sequence[str]) -> list[str]:
    """Lines; the first row is the head. (As a head, tabulate would give each column two more.)"""
    rule = ["-" * max(map(len, column)) for column in zip(*cells, strict=True)]
    table = tabulate([cells[0], rule, *cells[1:]], tablefmt="plain", disable_numparse=True, colalign=aligned)
    return [line.rstrip() for line in table.splitlines()]


def _level(alpha: float) -> str:
    return f"{(1 - alpha) * 100:g}%"


def _row(c: Mapping[str, Any]) -> list[str]:
    bounds = f"{signed(c['low'])} to {signed(c['high'])}" if (c["low"], c["high"]) != (None, None) else "none"
    limit = rough(c["detectable"]) if c["detectable"] is not None else "–"
    p = "<0.0001" if c["p"] < 1e-4 else f"{c['p']:.2g}"
    values = [f"{c['baseline_value']:.5g}", f"{c['arm_value']:.5g}"]
    change = signed(c["ratio"]) if c["ratio"] is not None else "–"
    runs = f"{c['baseline_n']}+{c['n']}"
    return [c["metric"], *values, change, bounds, p, limit, runs, c["said"] or OPEN]
