"""Evidence as tables that any report can draw: verdict.json's content in, titles and cells of text out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.base.words import rough
from kit.wording.phrase import signed

Row = Mapping[str, Any]
COMPARED, WITH_INTERVALS, DETAILS, BACKGROUND = range(4)  # the order of tables in a report


@dataclass(frozen=True)
class Table:
    """`align`: a letter for each column, `l` or `r`. `foot`: a line below. `place`: COMPARED … BACKGROUND."""

    title: str
    headers: tuple[str, ...]
    align: str
    rows: tuple[tuple[str, ...], ...]
    foot: str = ""
    place: int = DETAILS


HEADERS = ("arm", "workload", "at", "vCPUs", "unit", "baseline", "arm", "change", "interval", "would see", "n", "says")
ALIGN = "lllllrrrrrrl"


def intervals(said: Row, title: str, metric: str) -> list[Table]:
    """The table of a kind's comparisons with intervals; none if there are none. `metric`: named by the title already.
    """
    rows = tuple(_row(c, metric) for c in said["comparisons"] if c["said"] is not None)
    return [Table(title, HEADERS, ALIGN, rows, place=WITH_INTERVALS)] if rows else []


def _row(c: Row, metric: str) -> tuple[str, ...]:
    at = c["at"]
    where = " ".join(f"{what} {at[key]}" for key, what in (("depth", "depth"), ("users", "users")) if at[key])
    if at["depth"] == 0:
        where = "depth 0"
    arm = f"{c['arm']} (A/A)" if c["aa"] else c["arm"]
    what = {metric: "", "acquisitions": f"{at['lock']} "}.get(c["metric"], f"{c['metric']} ")
    unit = f"{what}{c['unit']}"
    values = [_value(c["baseline_value"]), _value(c["arm_value"])]
    change = signed(c["ratio"])
    interval = f"{signed(c['low'])} to {signed(c['high'])}" if c["low"] or c["high"] else "–"
    limit = rough(c["detectable"]) if c["detectable"] is not None else "–"
    says = "beside" if c["aa"] else str(c["said"])
    boots = str(c["pairs"] if c.get("pairs") is not None else c["n"])
    cells = [arm, at["workload"], where, str(at["cpus"]), unit, *values, change, interval, limit, boots, says]
    return tuple(cell or "" for cell in cells)


def _value(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
