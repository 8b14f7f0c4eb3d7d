"""The text of `kit compare --history`: its plain data in, a table of changes, remarks and the sentence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.report.compare import SHOWN, drawn
from kit.stats.phrase import signed
from kit.stats.words import several

HEADERS = ["since", "was", "is", "change", "interval", "p", "runs", ""]
ALIGNED = ["left", *["right"] * 6, "left"]


def render_history(shown: Mapping[str, Any]) -> str:
    """Ends with a newline."""
    rows = shown["changes"]
    head = f"{several(len(shown['files']), 'file')} in order: {several(len(rows), 'change')}"
    word, text = str(shown["verdict"]), str(shown["sentence"])
    text = text.removeprefix("Inconclusive: ")
    more = [f"and {len(rows) - SHOWN} more (--json)"] if len(rows) > SHOWN else []
    table = [*_table(rows[:SHOWN]), *more] if rows else []
    notes = ["Remarks", *(f"  {note}" for note in shown["notes"])] if shown["notes"] else []
    parts = [part for part in (table, notes) if part]
    return "\n\n".join([head, *("\n".join(p) for p in parts), f"{word.upper()}: {text}"]) + "\n"


def _table(rows: list[Mapping[str, Any]]) -> list[str]:
    """The changes of a metric below its name."""
    head, rule, *lines = drawn([HEADERS, *(_row(r) for r in rows)], ALIGNED)
    out, last = [head, rule], None
    for row, line in zip(rows, lines, strict=True):
        out += [row["metric"]] if row["metric"] != last else []
        out.append(line)
        last = row["metric"]
    return out


def _row(r: Mapping[str, Any]) -> list[str]:
    p = "<0.0001" if r["p"] < 1e-4 else f"{r['p']:.2g}"
    bounds = f"{signed(r['low'])} to {signed(r['high'])}" if r["ratio"] is not None else "–"
    change = signed(r["ratio"]) if r["ratio"] is not None else "–"
    runs = f"{r['runs_before']}+{r['runs_after']}"
    return [
        f"  {r['before']}",
        f"{r['was']:.5g}",
        f"{r['is']:.5g}",
        change,
        bounds,
        p,
        runs,
        r["said"] or "no direction",
    ]
