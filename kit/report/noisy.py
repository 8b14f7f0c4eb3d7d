"""Tables of evidence that has intervals (instructions, time): verdict.json's content in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from kit.stats.phrase import signed
from kit.stats.words import rough

Row = Mapping[str, Any]
TITLES = {
    "instructions": "Instructions per job on one vCPU, means over layouts of memory (instructions)",
    "time": "Speed (time)",
    "count": "Counts that differ between boots of one arm, by the statistics of boots (count)",
}
HEADERS = ["arm", "workload", "at", "vCPUs", "unit", "baseline", "arm", "change", "interval", "would see", "n", "says"]
ALIGN = [*["left"] * 5, *["right"] * 6, "left"]


def tables(verdict: Row) -> list[str]:
    """One for each kind whose comparisons have intervals, in the experiment's order."""
    kinds = verdict["evidence"].items()
    return [_table(kind, said) for kind, said in kinds if any(c["said"] is not None for c in said["comparisons"])]


def _table(kind: str, said: Row) -> str:
    rows = [_row(c) for c in said["comparisons"] if c["said"] is not None]
    text = tabulate(rows, headers=HEADERS, tablefmt="simple", disable_numparse=True, colalign=ALIGN)
    title = TITLES.get(kind, kind)
    if not said.get("decides", True):
        title = f"EMULATED {title}: the time of an interpreter, not of hardware; shown, decides nothing"
    return f"{title}\n{text}"


def _row(c: Row) -> list[str]:
    at = c["at"]
    where = " ".join(f"{what} {at[key]}" for key, what in (("depth", "depth"), ("users", "users")) if at[key])
    if at["depth"] == 0:
        where = "depth 0"
    arm = f"{c['arm']} (A/A)" if c["aa"] else c["arm"]
    what = {"instructions": "", "acquisitions": f"{at['lock']} "}.get(c["metric"], f"{c['metric']} ")
    unit = f"{what}{c['unit']}"
    values = [_value(c["baseline_value"]), _value(c["arm_value"])]
    change = signed(c["ratio"])
    interval = f"{signed(c['low'])} to {signed(c['high'])}" if c["low"] or c["high"] else "–"
    limit = rough(c["detectable"]) if c["detectable"] is not None else "–"
    says = "beside" if c["aa"] else str(c["said"])
    boots = str(c["pairs"] if c.get("pairs") is not None else c["n"])
    cells = [arm, at["workload"], where, str(at["cpus"]), unit, *values, change, interval, limit, boots, says]
    return [cell or "" for cell in cells]


def _value(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
