"""What the reference model says, for a terminal: rows of kit.workload.modelled in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tabulate import tabulate


def counts(rows: Sequence[Mapping[str, Any]], regions_only: bool, said: str = "") -> str:
    """A table of acquisitions, explained by operation, a row per window and profile. `said`: remarks on it."""
    operations = list(dict.fromkeys(op for r in rows for op in r.get("by_operation", {})))
    table = [[r["window"], r["profile"], *_numbers(r), *_operations(r, operations)] for r in rows]
    headers = ["window", "profile", "acquisitions", "per job", *operations]
    align = ["left", "left", *["right"] * (2 + len(operations))]
    text = tabulate(table, headers=headers, tablefmt="simple", disable_numparse=True, colalign=align)
    notes = sorted({f"{r['window']}: not modelled ({r['why']})" for r in rows if r["low"] is None})
    locks = ", ".join(sorted({r["lock_class"] for r in rows if r["low"] is not None}))
    if locks:
        notes.insert(0, f"lock class {locks}")
    if regions_only:
        notes.append("of the program's own regions only: a process has more VMAs (--smaps FILE counts them too)")
    if said:
        notes.append(said)
    return "\n".join([text, "", *notes])


def _operations(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [str(row.get("by_operation", {}).get(name, "")) for name in names]


def _numbers(row: Mapping[str, Any]) -> tuple[str, str]:
    if row["low"] is None:
        return "–", "–"
    exact = row["low"] == row["high"]
    whole = str(row["low"]) if exact else f"{row['low']}..{row['high']}"
    per_job = f"{row['low'] / row['jobs']:g}" if row["jobs"] else "–"
    return whole, per_job


def profiles(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of kernel generations."""
    table = [[r["profile"], r["lock_class"], r["about"], ", ".join(r["unverified"]) or "–"] for r in rows]
    return tabulate(table, headers=["profile", "lock class", "what it is", "unverified"], tablefmt="simple")
