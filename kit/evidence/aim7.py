"""The columns of AIM suite VII's report, of the boots of `time` evidence: boots in, rows and their table out.

Tasks, jobs per minute, JTI (job timing index), jobs per minute and task, real time, CPU time. By the suite's rules JTI
is (1 - standard deviation / mean of the users' times) * 100, with the deviation of all users, and 100 for one user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

from kit.evidence import ramp
from kit.evidence.tables import BACKGROUND, Row, Table
from kit.records import Boot, WindowResult
from kit.workload.load import Load, WindowInfo
from kit.workload.longer import round_name

COLUMNS = ("jobs_per_minute", "jti", "jobs_per_minute_per_task", "real", "cpu")


def rows(
    arms: Sequence[str], loads: Sequence[Load], kept: Sequence[int], boots: Sequence[Boot]
) -> list[dict[str, Any]]:
    """A row for each arm, window of users and number of vCPUs: means over the boots and the rounds `kept`; times in
    seconds. `cpu` is None where a kernel does not tell its idle time. Of a ramp, `boots` are those with that window."""
    out = []
    every = [info for load in loads for info in (*load.windows, *ramp.windows(load, boots, kept))]
    for info in (info for info in every if info.at.users is not None):
        names = [round_name(info.name, n) for n in kept]
        for arm in arms:
            for cpus in sorted({b.cpus for b in boots}):
                mine = [b for b in boots if (b.arm, b.cpus) == (arm, cpus)]
                by_boot = [its for b in mine if (its := list(_windows(b, names)))]
                if found := [_columns(info, cpus, w) for its in by_boot for w in its]:
                    where = {"arm": arm, "workload": info.at.workload, "cpus": cpus, "tasks": info.at.users}
                    out.append({**where, **{c: _mean([f[c] for f in found]) for c in COLUMNS}, "boots": len(by_boot)})
    return out


def _windows(boot: Boot, names: Sequence[str]) -> Iterator[WindowResult]:
    return (w for w in (boot.results.windows if boot.results else ()) if w.name in names and w.elapsed > 0)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return fmean(known) if len(known) == len(values) else None


def _columns(info: WindowInfo, cpus: int, window: WindowResult) -> dict[str, float | None]:
    """One window's numbers. Processes behind its users, as the clients of a server, are no users."""
    real = window.elapsed / 1e9
    took = [user.elapsed for user in window.users if user.index < (info.at.users or 1)]
    rate = info.jobs * 60 / real
    return {
        "jobs_per_minute": rate,
        "jti": timing_index(took),
        "jobs_per_minute_per_task": rate / max(1, len(took)),
        "real": real,
        "cpu": None if window.idle is None else max(0.0, cpus * window.elapsed - window.idle) / 1e9,
    }


def timing_index(took: Sequence[float]) -> float:
    """The JTI of the users' times: 100 if all took the same, 0 at the least."""
    if len(took) < 2 or not any(took):
        return 100.0
    return max(0.0, (1 - pstdev(took) / fmean(took)) * 100)


def table(verdict: Row, kind: str) -> Sequence[Table]:
    """The rows as AIM7 prints them, and those of ramps; none without users."""
    said = verdict["evidence"][kind]
    found: Sequence[Mapping[str, Any]] = said["details"].get("aim7", ())
    if not found:
        return ()
    emulated = "" if said["decides"] else "EMULATED "
    headers = ("arm", "workload", "vCPUs", "Tasks", "jobs/min", "JTI", "jobs/min/task", "real s", "CPU s", "boots")
    lines = tuple(tuple(_cells(row)) for row in found)
    columns = Table(f"{emulated}AIM7's columns ({kind})", headers, "llrrrrrrrr", lines, place=BACKGROUND)
    return (columns, *ramp.table(verdict, kind))


def _cells(row: Row) -> Iterator[str]:
    yield from (row["arm"], row["workload"], str(row["cpus"]), str(row["tasks"]))
    yield from (f"{row['jobs_per_minute']:,.1f}", f"{row['jti']:.0f}", f"{row['jobs_per_minute_per_task']:,.1f}")
    yield from (f"{row['real']:.2f}", "–" if row["cpu"] is None else f"{row['cpu']:.2f}", str(row["boots"]))
