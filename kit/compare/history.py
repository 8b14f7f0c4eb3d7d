"""`kit compare --history FILES`: many runs in order in; where each metric changed, by how much and how sure, out.

A file is one run, and its value of a metric is the median of what it holds. Where there are too few files, the values
inside them are taken for runs, which is said. A metric's last change is its verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import pairwise
from typing import Any

import numpy as np

from kit.base.errors import INCONCLUSIVE, NOT_AS_EXPECTED, OK, UserError
from kit.base.words import join, percent, several
from kit.outside import Outside, read_sides
from kit.outside.directions import directions, rules_of
from kit.records import Verdict
from kit.stats.changes import LEAST, Change, Found, best_cuts, change_points
from kit.stats.combine import combined
from kit.stats.dependence import dependence
from kit.stats.paired import finite, log_limits, ratio_of_log
from kit.stats.ranks import shift_interval, shifts
from kit.stats.signflip import Floats
from kit.wording.phrase import p_words, signed

SCHEMA = 1
EXIT = {Verdict.BETTER: OK, Verdict.SAME: OK, Verdict.WORSE: NOT_AS_EXPECTED, Verdict.INCONCLUSIVE: INCONCLUSIVE}


@dataclass(frozen=True)
class AskedHistory:
    """What the command line says: files in their order; the rest as for two sides."""

    files: tuple[str, ...]
    limit: float
    alpha: float
    better: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """One metric in the order of the files. `values` in logs where all are above 0; `file`: which file each is of;
    `more`: whether more is better."""

    metric: str
    values: Floats
    file: tuple[int, ...]
    more: bool | None
    logs: bool

    @property
    def places(self) -> list[int]:
        """Before which values another file begins."""
        return [i for i in range(1, len(self.file)) if self.file[i] != self.file[i - 1]]


def history(asked: AskedHistory) -> tuple[dict[str, Any], int]:
    """What changed, and the exit code. Raises UserError."""
    if len(asked.files) < 3:
        raise UserError("a history is three files or more", where="--history", hint="two are compared without it")
    sides = read_sides(asked.files)
    series = _series(asked, sides)
    changes = _changes([s for s in series if s.more is not None], asked.alpha)
    changes |= _changes([s for s in series if s.more is None], asked.alpha)
    said = {s.metric: _said(s, changes[s.metric], asked) for s in series if s.more is not None}
    verdict = combined(said.values())
    rows = [_row(s, c, asked) for s in series for c in changes[s.metric]]
    out = {
        "schema": SCHEMA,
        "verdict": verdict,
        "sentence": _sentence(verdict, series, rows, said, asked),
        "files": list(asked.files),
        "alpha": asked.alpha,
        "limit": asked.limit,
        "metrics": {m: str(v) for m, v in said.items()},
        "changes": rows,
        "notes": _notes(asked, sides, series, changes),
    }
    return out, EXIT[verdict]


def _series(asked: AskedHistory, sides: Sequence[Outside]) -> list[Series]:
    names = list(dict.fromkeys(m for s in sides for m in s.groups))
    wanted = [m for m in names if not asked.metrics or any(fnmatch(m, p) for p in asked.metrics)]
    if not wanted:
        raise UserError(
            f"no metric is like {join(asked.metrics)}", where="--metric", hint=f"there are {join(names[:5])}"
        )
    more = directions(rules_of(asked.better), wanted, sides)
    if all(m is None for m in more.values()):
        hint = f"--better '{wanted[0]}=more', or =less; --better more for all of them"
        raise UserError(f"is higher or lower better? {join(wanted[:5])}: nothing says", where="--history", hint=hint)
    return [_one(m, more[m], sides) for m in wanted]


def _one(metric: str, more: bool | None, sides: Sequence[Outside]) -> Series:
    """A file's median is its value; where that leaves too few, each value is."""
    groups = [(i, s.groups[metric]) for i, s in enumerate(sides) if metric in s.groups]
    if any(not g.values for _, g in groups):
        raise UserError(f"{metric}: a summary is no run of a history", where="--history")
    if len(groups) >= LEAST:
        pairs = [(i, float(np.median(g.values))) for i, g in groups]
    else:
        pairs = [(i, v) for i, g in groups for v in g.values]
    values = np.array([v for _, v in pairs])
    logs = bool(np.all(values > 0))
    return Series(metric, np.log(values) if logs else values, tuple(i for i, _ in pairs), more, logs)


def _changes(series: Sequence[Series], alpha: float) -> dict[str, list[Change]]:
    """By Holm's rule over the metrics; inside a metric each search has its share."""
    first = [best_cuts(s.values, s.places or [0]) for s in series]
    order = sorted(range(len(series)), key=lambda i: first[i].p)
    out: dict[str, list[Change]] = {s.metric: [] for s in series}
    most = 0.0
    for rank, i in enumerate(order):
        left = len(order) - rank
        if first[i].p > alpha / left:
            break
        most = max(most, min(1.0, first[i].p * left))
        found = change_points(series[i].values, alpha / left, series[i].places, Found(first[i].cuts, first[i].p))
        out[series[i].metric] = [_adjusted(c, left) for c in found]
    return out


def _adjusted(change: Change, left: int) -> Change:
    return Change(
        change.at, min(1.0, change.p * left), *(change.shift, change.low, change.high), change.before, change.after
    )


def _of(series: Series, change: Change, asked: AskedHistory) -> Verdict:
    """What one change is: better or worse, if it lies beyond the limit; else the same."""
    low, high = log_limits(asked.limit) if series.logs else (0.0, 0.0)
    if low <= change.shift <= high:
        return Verdict.SAME
    return Verdict.BETTER if (change.shift > 0) == series.more else Verdict.WORSE


def _said(series: Series, changes: Sequence[Change], asked: AskedHistory) -> Verdict:
    """The last change's verdict; without one, `same` where the later half is shown to be within the limit."""
    if changes:
        return _of(series, changes[-1], asked)
    half = len(series.values) // 2
    later, earlier = series.values[half:], series.values[:half]
    if not len(earlier) or not series.logs:
        flat = len(series.values) > 1 and len(set(series.values.tolist())) == 1
        return Verdict.SAME if flat else Verdict.INCONCLUSIVE
    low, high = shift_interval(shifts(later, earlier), len(later), len(earlier), asked.alpha)
    down, up = log_limits(asked.limit)
    return Verdict.SAME if down <= low and high <= up else Verdict.INCONCLUSIVE


def _row(series: Series, change: Change, asked: AskedHistory) -> dict[str, Any]:
    ratio, low, high = (
        (finite(ratio_of_log(v)) for v in (change.shift, change.low, change.high)) if series.logs else (None,) * 3
    )
    scaled = np.exp(series.values) if series.logs else series.values
    return {
        "metric": series.metric,
        "direction": "" if series.more is None else "more is better" if series.more else "less is better",
        "after": asked.files[series.file[change.at - 1]],
        "before": asked.files[series.file[change.at]],
        "at": series.file[change.at],
        "ratio": ratio,
        "low": low or None,
        "high": high,
        "was": float(np.median(scaled[change.at - change.before : change.at])),
        "is": float(np.median(scaled[change.at : change.at + change.after])),
        "p": change.p,
        "runs_before": change.before,
        "runs_after": change.after,
        "said": None if series.more is None else str(_of(series, change, asked)),
    }


def _sentence(
    verdict: Verdict,
    series: Sequence[Series],
    rows: Sequence[dict[str, Any]],
    said: dict[str, Verdict],
    asked: AskedHistory,
) -> str:
    last = {r["metric"]: r for r in rows}
    telling = [last[m] for m, v in said.items() if v is verdict and m in last]
    runs = max(len(s.values) for s in series)
    over = f"{several(len(asked.files), 'file')}, {several(len(said), 'metric')}"
    if telling:
        far = max(telling, key=lambda r: abs(math.log(r["ratio"])) if r["ratio"] else math.inf)
        of = (
            f" in {len(telling)} of {len(said)} metrics, most of all {far['metric']}"
            if len(said) > 1
            else f": {far['metric']}"
        )
        return f"{verdict} since {far['before']}{of} {change_words(far, asked.alpha)}; {over}."
    if verdict is Verdict.SAME:
        return (
            f"no change: the later half lies within {percent(asked.limit)} of the earlier one in every metric; {over}."
        )
    if runs < LEAST:
        return f"Inconclusive: {several(runs, 'run')}, and {LEAST} are the fewest that can show a change; {over}."
    return f"Inconclusive: no change is shown, nor sameness within {percent(asked.limit)}; {over}."


def change_words(row: dict[str, Any], alpha: float) -> str:
    """By how much, and how sure: `5.1% higher (95% interval +4% to +6.2%, p = 0.0002; 12 runs after 20)`."""
    runs = f"{several(row['runs_after'], 'run')} after {row['runs_before']}"
    if row["ratio"] is None:
        return f"{row['is']:.5g}, where it was {row['was']:.5g} (p {p_words(row['p'])}; {runs})"
    change = (row["ratio"] - 1) * 100
    span = f"{signed(row['low'])} to {signed(row['high'])}"
    size = f"{abs(change):.3g}% {'higher' if change > 0 else 'lower'}"
    return f"{size} ({percent(1 - alpha)} interval {span}, p {p_words(row['p'])}; {runs})"


def _notes(
    asked: AskedHistory, sides: Sequence[Outside], series: Sequence[Series], changes: dict[str, list[Change]]
) -> list[str]:
    out = []
    open_ = [s.metric for s in series if s.more is None]
    if open_:
        out.append(f"{join(open_[:5])}: shown only, nobody says whether more is better (--better METRIC=more)")
    for s in series:
        lacking = [f for i, f in enumerate(asked.files) if i not in s.file]
        if lacking:
            out.append(f"{s.metric}: not in {join(lacking[:5])}")
        if len(set(s.file)) < LEAST and len(s.values) > len(set(s.file)):
            trusted = "their single values count as runs: that files do not differ by themselves is trusted"
            out.append(f"{s.metric}: fewer than {LEAST} files, so {trusted}")
        if said := dependence(_residuals(s, changes[s.metric]).tolist()):
            out.append(f"{s.metric}: between changes, {said}; creeping may look like steps")
    return list(dict.fromkeys([*out, *(f"{s.name}: {n}" for s in sides for n in s.notes)]))


def _residuals(series: Series, changes: Sequence[Change]) -> Floats:
    """What is left of the values when each level is taken out."""
    borders = [0, *(c.at for c in changes), len(series.values)]
    parts = [series.values[a:b] - np.median(series.values[a:b]) for a, b in pairwise(borders)]
    return np.concatenate(parts) if parts else series.values
