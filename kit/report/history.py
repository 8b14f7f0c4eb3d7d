"""The text of `kit compare --history`: its plain data in, a table of changes, remarks and the sentence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.base.words import several
from kit.report.compare import SHOWN, drawn
from kit.wording.phrase import signed

HEADERS = ["was", "is", "change", "interval", "p", "runs", ""]
ALIGNED = [*["right"] * 6, "left"]
LONGEST = 40  # characters of a path


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
    """Each change below its metric and the file that it begins with."""
    head, rule, *lines = drawn([HEADERS, *(_row(r) for r in rows)], ALIGNED)
    named = [f"{r['metric']}, since {_short(r['before'])}" for r in rows]
    return [head, rule, *(line for pair in zip(named, lines, strict=True) for line in pair)]


def _row(r: Mapping[str, Any]) -> list[str]:
    p = "<0.0001" if r["p"] < 1e-4 else f"{r['p']:.2g}"
    bounds = f"{signed(r['low'])} to {signed(r['high'])}" if r["ratio"] is not None else "–"
    change = signed(r["ratio"]) if r["ratio"] is not None else "–"
    runs = f"{r['runs_before']}+{r['runs_after']}"
    return [
        f"{r['was']:.5g}",
        f"{r['is']:.5g}",
        change,
        bounds,
        p,
        runs,
        r["said"] or "no direction",
    ]


def _short(path: str) -> str:
    """The end of a path, which is what tells runs apart."""
    return path if len(path) <= LONGEST else f"…{path[-LONGEST + 1 :]}"
