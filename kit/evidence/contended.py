"""A named lock under contention: boots of `count` in; acquisitions, contentions, waits and holds per job, and the
shares of the call sites that met contention, out.

Only where it can be met: users who share a root, on several vCPUs. Acquisitions are exact, or in the model's interval;
contentions and times are a sample of what the scheduler does, so each boot is one value, and arms are compared by the
statistics of two groups of boots. Nothing of it decides: a kernel with lock_stat holds its locks longer, and an
emulator's time is no hardware's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kit.evidence.contention import Part, of_window
from kit.evidence.locks import acquisitions, classes, named
from kit.records import LESS, Boot, Experiment, PredictedCount, WindowResult
from kit.stats.alone import plain_interval
from kit.stats.unpaired import Couple, Group, judge_all, tests_of
from kit.workload.catalog import make_loads
from kit.workload.load import WindowInfo

EXACT, INTERVAL, SAMPLE = "exact", "interval", "sample"
ACQUISITIONS, CONTENTIONS, WAIT, HOLD = "acquisitions", "contentions", "wait_us", "hold_us"
SAMPLED = (CONTENTIONS, WAIT, HOLD)
ELSEWHERE = "elsewhere"  # lock_stat keeps four places of a class
PARTS = {
    **{"anon_vma_clone": "clone", "anon_vma_fork": "fork", "unlink_anon_vmas": "unlink"},
    **{"anon_vma_free": "free", "__put_anon_vma": "free", "lock_anon_vma_root": "clone or unlink"},
}
"""The functions of mm/rmap.c by what a process does, as profiles of June 2011 name them."""


@dataclass(frozen=True)
class Measured:
    """One number per job, of one arm at one place. `mark`: EXACT, INTERVAL (`low` and `high` are the model's) or SAMPLE
    (they are those of the boots, None for one boot); times in microseconds. `ratio` and `p`: against the baseline, with
    bounds, of a sample only; `said`: the verdict on it alone."""

    lock: str
    arm: str
    workload: str
    users: int
    cpus: int
    unit: str
    metric: str
    mark: str
    value: float
    low: float | None
    high: float | None
    boots: int
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p: float | None = None
    said: str = ""


@dataclass(frozen=True)
class Share:
    """The share of a function in the contentions of a lock, in all windows of a workload with several users. `low` and
    `high`: over the boots, None for one; `count`: contentions there in all boots; `p`: that the share is the
    baseline's, corrected for the number of functions; None in the baseline."""

    lock: str
    arm: str
    workload: str
    cpus: int
    function: str
    part: str
    share: float
    low: float | None
    high: float | None
    count: int
    boots: int
    p: float | None = None


@dataclass(frozen=True)
class _Place:
    """A window of several users on several vCPUs."""

    lock: str
    info: WindowInfo
    cpus: int

    def results(self, good: Sequence[Boot], arm: str) -> list[WindowResult]:
        """This window of each boot of an arm."""
        mine = (b.results for b in good if (b.arm, b.cpus) == (arm, self.cpus) and b.results)
        return [w for results in mine for w in results.windows if w.name == self.info.name]


def contended(exp: Experiment, good: Sequence[Boot], predicted: Sequence[PredictedCount]) -> list[Measured]:
    """The numbers of each arm at each place where any boot met contention of a named lock."""
    out: list[Measured] = []
    for place in _places(exp):
        base = [_parts(place, w) for w in place.results(good, exp.baseline)]
        for arm in exp.arms:
            windows = place.results(good, arm.name)
            mine = [_parts(place, w) for w in windows]
            if mine and any(p.contentions for p in (*mine, *base)):
                out.append(_acquired(place, arm.name, windows, predicted))
                out += _sampled(exp, place, arm.name, mine, base)
    return out


def _places(exp: Experiment) -> Iterator[_Place]:
    infos = [info for load in make_loads(exp.workloads, exp.seed) for info in load.windows if (info.at.users or 1) > 1]
    for lock in named(exp.locks):
        for info in infos:
            yield from (_Place(lock, info, cpus) for cpus in exp.cpus if cpus > 1)


def _parts(place: _Place, window: WindowResult) -> Part:
    """The lock's own part of a window."""
    into = Part()
    for name, part in of_window(window):
        if name in classes(place.lock):
            into.add(part)
    return into


def _acquired(
    place: _Place, arm: str, windows: Sequence[WindowResult], predicted: Sequence[PredictedCount]
) -> Measured:
    jobs, counts = place.info.jobs, [acquisitions(w, place.lock) for w in windows]
    where = (arm, place.info.name, place.cpus, place.lock)
    row = next((p for p in predicted if (p.arm, p.window, p.cpus, p.lock) == where), None)
    if row is not None and row.predicted is not None and row.agrees and row.predicted[0] < row.predicted[1]:
        mark, (low, high) = INTERVAL, (n / jobs for n in row.predicted)
    elif len(set(counts)) == 1 and (len(counts) > 1 or (row is not None and row.agrees)):
        mark, low, high = EXACT, counts[0] / jobs, counts[0] / jobs
    else:
        return _measured(place, arm, ACQUISITIONS, [n / jobs for n in counts], 0.05)
    return Measured(*_head(place, arm, ACQUISITIONS), mark, sum(counts) / len(counts) / jobs, low, high, len(counts))


def _head(place: _Place, arm: str, metric: str) -> tuple[str, str, str, int, int, str, str]:
    at = place.info.at
    return place.lock, arm, at.workload, at.users or 1, place.cpus, place.info.unit, metric


def _measured(place: _Place, arm: str, metric: str, values: Sequence[float], alpha: float) -> Measured:
    mean, low, high = plain_interval(values, alpha, least=0.0)
    return Measured(*_head(place, arm, metric), SAMPLE, mean, low, high, len(values))


def _sampled(
    exp: Experiment, place: _Place, arm: str, mine: Sequence[Part], base: Sequence[Part]
) -> Iterator[Measured]:
    """What each boot measured; compared with the baseline, corrected for the three metrics."""
    values = {m: ([_per_job(p, m, place) for p in mine], [_per_job(p, m, place) for p in base]) for m in SAMPLED}
    alone = {m: _measured(place, arm, m, its, exp.alpha) for m, (its, _) in values.items()}
    if arm == exp.baseline or not base:
        yield from alone.values()
        return
    couples = [Couple(m, "", LESS, Group.of(its), Group.of(other)) for m, (its, other) in values.items()]
    found = judge_all(couples, tests_of(couples, exp.alpha), (arm, exp.baseline), exp.limit, exp.alpha)
    for c in found:
        row = alone[c.metric]
        yield replace(row, ratio=c.ratio, ratio_low=c.low, ratio_high=c.high, p=c.p, said=str(c.said or ""))


def _per_job(part: Part, metric: str, place: _Place) -> float:
    value = {CONTENTIONS: float(part.contentions), WAIT: part.waited, HOLD: part.held}[metric]
    return value / place.info.jobs


def shares(exp: Experiment, good: Sequence[Boot]) -> list[Share]:
    """The shares of call sites for each named lock, workload, machine and arm; most frequent first."""
    groups: dict[tuple[str, str, int], list[_Place]] = {}
    for place in _places(exp):
        groups.setdefault((place.lock, place.info.at.workload, place.cpus), []).append(place)
    out: list[Share] = []
    for (lock, workload, cpus), places in groups.items():
        by_arm = {arm.name: _by_boot(places, good, arm.name) for arm in exp.arms}
        totals = _totals(boot for boots in by_arm.values() for boot in boots)
        functions = sorted(totals, key=lambda f: (f == ELSEWHERE, -totals[f], f))
        for arm, boots in by_arm.items():
            out += _shares(exp, (lock, arm, workload, cpus), functions, boots, by_arm[exp.baseline])
    return out


def _by_boot(places: Sequence[_Place], good: Sequence[Boot], arm: str) -> list[dict[str, int]]:
    """Function → contentions there, of each boot that met any."""
    out = []
    for boot in (b for b in good if b.arm == arm):
        whole = Part()
        for place in places:
            for window in place.results([boot], arm):
                whole.add(_parts(place, window))
        counts: dict[str, int] = {}
        for (side, at), n in whole.places.items():
            if side == "waits":
                counts[function_of(at)] = counts.get(function_of(at), 0) + n
        if (left := whole.contentions - sum(counts.values())) > 0:
            counts[ELSEWHERE] = left
        if counts:
            out.append(counts)
    return out


def function_of(place: str) -> str:
    """`anon_vma_clone` of `anon_vma_clone.part.0+0x7e/0x1d0`."""
    return place.partition("+")[0].partition(".")[0]


def _totals(boots: Iterator[dict[str, int]]) -> dict[str, int]:
    out: dict[str, int] = {}
    for boot in boots:
        for function, n in boot.items():
            out[function] = out.get(function, 0) + n
    return out


def _shares(
    exp: Experiment,
    where: tuple[str, str, str, int],
    functions: Sequence[str],
    boots: Sequence[dict[str, int]],
    base: Sequence[dict[str, int]],
) -> Iterator[Share]:
    if not boots:
        return
    of = {f: [boot.get(f, 0) / sum(boot.values()) for boot in boots] for f in functions}
    ps: dict[str, float | None] = dict.fromkeys(functions)
    if where[1] != exp.baseline and base:
        other = {f: [boot.get(f, 0) / sum(boot.values()) for boot in base] for f in functions}
        couples = [Couple(f, "", "", Group.of(of[f]), Group.of(other[f])) for f in functions]
        found = judge_all(couples, tests_of(couples, exp.alpha), (where[1], exp.baseline), exp.limit, exp.alpha)
        ps = {c.metric: c.p for c in found}
    for f in functions:
        mean, low, high = plain_interval(of[f], exp.alpha, least=0.0, most=1.0)
        count = sum(boot.get(f, 0) for boot in boots)
        yield Share(*where, f, PARTS.get(f, ""), mean, low, high, count, len(boots), ps[f])
