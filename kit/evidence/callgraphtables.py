"""Tables of where instructions are executed (kit.evidence.callgraph): verdict.json's content in, tables out."""

from __future__ import annotations

from collections.abc import Sequence

from kit.evidence.tables import DETAILS, Row, Table

ROWS = 12  # functions of a table; verdict.json has more


def function_tables(verdict: Row, kind: str) -> list[Table]:
    """For each arm the functions that differ, in the window that differs most."""
    found: Sequence[Row] = verdict["evidence"][kind]["details"].get("by_function", ())
    return [_table(arm, [r for r in found if r["arm"] == arm]) for arm in dict.fromkeys(r["arm"] for r in found)]


def most(found: Sequence[Row]) -> str:
    """The window whose functions differ most in all."""
    totals: dict[str, float] = {}
    for row in found:
        totals[row["window"]] = totals.get(row["window"], 0.0) + row["difference"]
    return max(totals, key=lambda window: abs(totals[window]))


def _table(arm: str, found: Sequence[Row]) -> Table:
    window = most(found)
    mine = [r for r in found if r["window"] == window]
    shown, left = mine[:ROWS], mine[ROWS:]
    rows = [_line(r) for r in shown]
    if left:
        rows.append(("the others", *_sums(left), "", ""))
    rows.append(("all", *_sums(mine), "", ""))
    headers = ("function", "baseline", arm, "difference", "floor", "says")
    title = f"Instructions per {mine[0]['unit']} by function in {window}, means over layouts of memory (callgraph)"
    foot = "floor: what the layouts alone may do to the difference, ±; beyond it a function differs"
    return Table(title, headers, "lrrrrl", tuple(rows), foot, DETAILS)


def _line(row: Row) -> tuple[str, ...]:
    floor = "–" if row["low"] is None else f"{(row['high'] - row['low']) / 2:,.2f}"
    values = f"{row['baseline_value']:,.2f}", f"{row['arm_value']:,.2f}", f"{row['difference']:+,.2f}"
    return (row["function"], *values, floor, "differs" if row["beyond"] else "")


def _sums(rows: Sequence[Row]) -> tuple[str, str, str]:
    base, arm, difference = (sum(r[k] for r in rows) for k in ("baseline_value", "arm_value", "difference"))
    return f"{base:,.2f}", f"{arm:,.2f}", f"{difference:+,.2f}"
