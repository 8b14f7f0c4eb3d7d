"""The user ramp of AIM7's kind: boots of `time` evidence in; each boot's peak and crossover, and their table, out.

A ramp is windows of one boot, one for each number of users, which are not independent of each other. So a boot gives
one value of each: the peak (jobs per minute at its fastest number of users) and the crossover (the number of users at
which each does `level` jobs per minute, on the straight line between the two windows around it). Rounds are averaged
first. A boot whose ramp ended at a bound has no crossover, and its arm then none that could be compared: to leave the
boot out would distort it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, geometric_mean
from typing import Any

from kit.base.words import percent, several
from kit.evidence.tables import BACKGROUND, Row, Table
from kit.records import At, Boot
from kit.stats.alone import interval
from kit.workload.load import Load, Ramping, WindowInfo
from kit.workload.longer import round_name

PEAK, CROSSOVER = "peak", "crossover"
UNITS = {PEAK: "jobs per minute", CROSSOVER: "users"}
DIGITS = {PEAK: 1, CROSSOVER: 2}
Curve = Sequence[tuple[int, float]]
"""(users, jobs per minute) of a ramp's windows, in order."""


def infos(load: Load) -> list[WindowInfo]:
    """What of a load's ramp is compared, in the form of windows: empty if it has none."""
    return [WindowInfo(f"{load.name}/{what}", At(load.name), 1, what) for what in UNITS] if load.ramp else []


def windows(load: Load, boots: Sequence[Boot], kept: Sequence[int]) -> list[WindowInfo]:
    """One for each number of users that a ramp of any of these boots had."""
    ramp = load.ramp
    if ramp is None:
        return []
    reached = sorted({users for boot in boots for n in kept for users, _ in _elapsed(ramp, boot, n)})
    return [WindowInfo(f"{ramp.window}{n}", At(load.name, users=n), n * ramp.jobs, "job") for n in reached]


def values(load: Load, boot: Boot, kept: Sequence[int]) -> dict[str, float]:
    """The boot's peak, and its crossover if the ramps of all rounds `kept` reached it, by the names of `infos`."""
    if load.ramp is None:
        return {}
    curves = [curve(load.ramp, boot, n) for n in kept]
    if not all(curves):
        return {}
    out = {f"{load.name}/{PEAK}": geometric_mean([max(rate for _, rate in points) for points in curves])}
    found = [crossing(points, load.ramp.level) for points in curves]
    reached = [users for users in found if users is not None]
    return out | ({f"{load.name}/{CROSSOVER}": fmean(reached)} if len(reached) == len(found) else {})


def curve(ramp: Ramping, boot: Boot, number: int) -> Curve:
    """The ramp of one round; empty if the boot has none."""
    return [(users, users * ramp.jobs * 60e9 / ns) for users, ns in _elapsed(ramp, boot, number) if ns > 0]


def _elapsed(ramp: Ramping, boot: Boot, number: int) -> Iterator[tuple[int, int]]:
    """(users, nanoseconds) of the windows of a round."""
    end = round_name("", number)
    for window in boot.results.windows if boot.results else ():
        users = window.name.removeprefix(ramp.window).removesuffix(end)
        if users.isdecimal() and window.name == f"{ramp.window}{users}{end}":
            yield int(users), window.elapsed


def crossing(points: Curve, level: float) -> float | None:
    """The users at which jobs per minute are `level` times the users, on straight lines between windows; None if the
    last window is still above. Below one user if even one is slower."""
    users, rate = points[-1]
    if rate > level * users:
        return None
    for (before, faster), (after, slower) in pairwise(points):
        above, below = faster - level * before, slower - level * after
        if above > 0 >= below:
            return before + (after - before) * above / (above - below)
    return points[0][1] / level


@dataclass(frozen=True)
class Ramped:
    """One number of one arm on one machine. `value`: the geometric mean over its boots, with the interval; None if a
    boot has none. `reached`: how many of `boots` have one; `users`: the most that each boot ran."""

    arm: str
    workload: str
    cpus: int
    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    reached: int
    boots: int
    users: int
    level: float


def rows(
    arms: Sequence[str], loads: Sequence[Load], kept: Sequence[int], boots: Sequence[Boot], alpha: float
) -> list[Ramped]:
    """Peak and crossover of each arm, with intervals at level `alpha` over its boots."""
    return [
        _ramped(arm, load, load.ramp, cpus, metric, kept, mine, alpha)
        for load in loads
        if load.ramp is not None
        for metric in UNITS
        for cpus in sorted({b.cpus for b in boots})
        for arm in arms
        if (mine := [b for b in boots if (b.arm, b.cpus) == (arm, cpus)])
    ]


def _ramped(
    arm: str, load: Load, ramp: Ramping, cpus: int, metric: str, kept: Sequence[int], mine: Sequence[Boot], alpha: float
) -> Ramped:
    key = f"{load.name}/{metric}"
    found = [v[key] for b in mine if key in (v := values(load, b, kept))]
    users = min(max((n for n, _ in curve(ramp, b, k)), default=0) for b in mine for k in kept)
    mean, low, high = interval(found, alpha) if len(found) == len(mine) else (None, None, None)
    place = (arm, load.name, cpus, metric, UNITS[metric])
    return Ramped(*place, mean, low, high, len(found), len(mine), users, ramp.level)


def uncrossed(found: Sequence[Ramped]) -> list[str]:
    """A note for each workload and machine where a crossover was not reached, so that none is compared."""
    out: dict[tuple[str, int], list[str]] = {}
    for row in found:
        if row.metric == CROSSOVER and row.reached < row.boots:
            said = f"{row.arm} in {row.reached} of {row.boots} boots, within {row.users} users"
            out.setdefault((row.workload, row.cpus), []).append(said)
    told = ((f"{name}, {several(cpus, 'vCPU')}", "; ".join(of)) for (name, cpus), of in out.items())
    return [f"{where}: crossover reached by {of}: not compared" for where, of in told]


def table(verdict: Row, kind: str) -> Sequence[Table]:
    """Each arm's peak and crossover; none without a ramp."""
    said = verdict["evidence"][kind]
    found: Sequence[Mapping[str, Any]] = said["details"].get("ramps", ())
    if not found:
        return ()
    emulated = "" if said["decides"] else "EMULATED "
    sure = percent(1 - said["details"]["design"]["alpha"])
    headers = ("arm", "workload", "vCPUs", "of the ramp", "mean", f"{sure} interval (t)", "boots")
    title = f"{emulated}AIM7's ramp: the fastest number of users, and the crossover ({kind})"
    return (Table(title, headers, "lrrlrrr", tuple(map(_cells, found)), place=BACKGROUND),)


def _cells(row: Row) -> tuple[str, ...]:
    metric, digits = row["metric"], DIGITS[row["metric"]]
    what = f"{metric}, {row['unit']}" + (f" at {row['level']:g} jobs/min/task" if metric == CROSSOVER else "")
    mean = f"{row['value']:,.{digits}f}" if row["value"] is not None else f"above {row['users']}"
    known = row["low"] is not None
    span = f"{row['low']:,.{digits}f} to {row['high']:,.{digits}f}" if known else "–"
    boots = str(row["boots"]) if row["reached"] == row["boots"] else f"{row['reached']} of {row['boots']}"
    return (row["arm"], row["workload"], str(row["cpus"]), what, mean, span, boots)
