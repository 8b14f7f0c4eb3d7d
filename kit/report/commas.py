"""CSV (RFC 4180): runs in, a line for each comparison or each commit out, every number with all its digits."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from kit.base.visible import visible
from kit.report.numbers import Number, numbers
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, Files, RunFiles

HEAD = (
    *("run", "evidence", "decides", "verdict", "metric", "unit", "direction", "arm", "baseline"),
    *("workload", "cpus", "users", "depth", "lock", "layout"),
    *("baseline_value", "arm_value", "ratio", "low", "high", "p", "detectable", "n", "baseline_n", "exact", "aa"),
    *("predicted_low", "predicted_high", "agrees", "baseline_values", "arm_values"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBERS = re.compile(r"[-+.;\dainfe]*")  # values joined by semicolons
COMMITS = ("run", "search", "index", "sha", "name", "subject", "state", "same_code", "unit", "values", "why")


def render(files: Sequence[Files], style: Style) -> str:
    """Runs first; bisections have a head of their own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    runs = [f for f in files if isinstance(f, RunFiles)]
    if runs:
        writer.writerow(HEAD)
        writer.writerows(map(_safe, row) for one in runs for row in _rows(one))
    if others := [f for f in files if isinstance(f, BisectionFiles)]:
        writer.writerow(COMMITS)
        writer.writerows(map(_safe, row) for one in others for row in _commits(one))
    return out.getvalue()


def _safe(cell: Any) -> Any:
    """Text without control characters, and none that a spreadsheet would take for a formula (OWASP: CSV injection)."""
    if not isinstance(cell, str):
        return cell
    return f"'{visible(cell)}" if cell.startswith(FORMULA) and not NUMBERS.fullmatch(cell) else visible(cell)


def _rows(files: RunFiles) -> Iterator[list[Any]]:
    for n in numbers(files.verdict):
        yield [files.name, *_cells(n)]


def _cells(n: Number) -> list[Any]:
    c, at = n.comparison, n.comparison.at
    low, high = c.predicted or (None, None)
    return [
        *(n.kind, n.decides, n.verdict, c.metric, c.unit, c.direction, c.arm, c.baseline),
        *(at.workload, at.cpus, at.users, at.depth, at.lock, at.layout),
        *(c.baseline_value, c.arm_value, c.ratio, c.low, c.high, c.p, c.detectable, c.n, c.baseline_n, c.exact, c.aa),
        *(low, high, c.agrees, _joined(c.baseline_values), _joined(c.arm_values)),
    ]


def _commits(files: BisectionFiles) -> Iterator[list[Any]]:
    unit = files.found["metric"]["unit"]
    for r in files.found["commits"]:
        known = [r[k] for k in ("search", "index", "sha", "name", "subject", "state", "same_code")]
        yield [files.name, *known, unit, _joined(r["values"]), r["why"]]


def _joined(values: Sequence[float]) -> str:
    return ";".join(map(repr, values))
