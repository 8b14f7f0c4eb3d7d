"""The text of `kit compare`: its plain data in, a table, remarks and the sentence out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from kit.stats.phrase import signed
from kit.stats.words import rough

SHOWN = 40  # rows; the rest is in --json


def render_compare(shown: Mapping[str, Any]) -> str:
    """Ends with a newline."""
    order = {"worse": 0, "better": 1, "inconclusive": 2, "same": 3}
    rows = sorted(shown["comparisons"], key=lambda c: order.get(c["said"], 4))
    headers = ["metric", "A", "B", "change", "interval", "p", "would have been seen", "runs", ""]
    table = tabulate(
        [_row(c) for c in rows[:SHOWN]],
        headers=headers,
        tablefmt="simple",
        disable_numparse=True,
        colalign=["left", "right", "right", "right", "right", "right", "right", "right", "left"],
    )
    more = [f"and {len(rows) - SHOWN} more (--json)"] if len(rows) > SHOWN else []
    head = f"A {shown['baseline']}, B {shown['arm']}: {shown['method']}, {_level(shown['alpha'])} intervals"
    word, text = str(shown["verdict"]), str(shown["sentence"])
    if text.lower().startswith(f"{word}: "):
        text = text[len(word) + 2 :]
    notes = [f"  {note}" for note in shown["notes"]]
    parts = [head, "\n".join([table, *more]), *(["\n".join(["Remarks", *notes])] if notes else [])]
    return "\n\n".join([*parts, f"{word.upper()}: {text}"]) + "\n"


def _level(alpha: float) -> str:
    return f"{(1 - alpha) * 100:g}%"


def _row(c: Mapping[str, Any]) -> list[str]:
    bounds = f"{signed(c['low'])} to {signed(c['high'])}"
    limit = rough(c["detectable"]) if c["detectable"] is not None else "–"
    p = "<0.0001" if c["p"] < 1e-4 else f"{c['p']:.2g}"
    values = [f"{c['baseline_value']:.5g}", f"{c['arm_value']:.5g}"]
    return [c["metric"], *values, signed(c["ratio"]), bounds, p, limit, f"{c['baseline_n']}+{c['n']}", c["said"]]
