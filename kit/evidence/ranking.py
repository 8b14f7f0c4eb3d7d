"""All lock classes ranked by how much an arm differs from the baseline: boots in, rows out.

A class differs *exactly* if there are windows in which, on every machine, all boots of an arm count the same and the
arms differ; if at least half of the difference lies in these windows; and if this is not luck (kit.stats.luck), at SURE
for all classes together. It differs *beyond noise* if the difference is above the limit and larger than the scatter of
counts of that size, estimated from all classes together (kit.stats.classes); the share of such rows that are false is
at most ROWS. Everything else is noise and is omitted. So the effect of a patch on a lock that the experiment does not
name stands first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb, inf, log, prod
from statistics import fmean
from typing import Any

import numpy as np

from kit.evidence.locks import by_class
from kit.records import Boot, Experiment
from kit.stats.classes import Machine, compare
from kit.stats.classes import near as stands_near
from kit.stats.counts import ratio_of
from kit.stats.luck import SURE, luck, windows_by_luck

ROWS = 0.02  # share of false rows among those beyond noise (Benjamini and Hochberg)
REFERENCE = 1000  # acquisitions per boot of the class for which the detection limit is reported
LEAST = 4  # acquisitions per boot: smaller differences of a lock that both arms take are ignored
USUAL_WEIGHT = 0.1  # weight, in groups, of the other classes' scatter for a class that shows none
RANKED = 12  # rows of a kind
EXACT, BEYOND, NOISE = "exact", "beyond noise", "noise"
WHOLE = ""  # stands for all windows of a boot together

Place = tuple[str, int]  # arm, vCPUs
Pair = tuple[list[int], list[int]]  # the boots of the arm and of the baseline on one machine


@dataclass(frozen=True)
class Exactly:
    """A class that differs exactly in an arm, with the window that shows it best. `counts`: vCPUs → the counts of the
    arm's and of the baseline's boots there."""

    name: str
    arm: str
    window: str
    counts: Mapping[int, Pair]


@dataclass(frozen=True)
class Ranked:
    """A class in an arm: acquisitions of a boot (means over boots and machines), their `ratio` (None: the baseline has
    none), the largest `spread` of the boots of one arm on one machine; `kind`: EXACT, BEYOND or NOISE; `window`: the
    one that shows the difference best."""

    name: str
    arm: str
    baseline_mean: float
    arm_mean: float
    difference: float
    ratio: float | None
    spread: int
    kind: str
    window: str

    @property
    def exact(self) -> bool:
        """Whether it differs exactly."""
        return self.kind == EXACT

    @property
    def up(self) -> bool:
        """Whether the arm takes it more often."""
        return self.difference > 0

    @property
    def one_sided(self) -> bool:
        """Whether only one of the two arms takes it, exactly."""
        return self.exact and not (self.arm_mean and self.baseline_mean)

    def as_json(self) -> dict[str, Any]:
        """As a row of verdict.json."""
        fields = vars(self).copy()
        return {"class": fields.pop("name"), **fields, "exact": self.exact}


@dataclass(frozen=True)
class Ranking:
    """`rows`: the classes that differ, exact ones first; the numbers of classes that differ only by noise (`noise`),
    and not at all (`same`)."""

    rows: tuple[Ranked, ...]
    noise: int
    same: int
    exact: tuple[Exactly, ...] = ()
    seen: float | None = None  # the detection limit in a class of REFERENCE acquisitions, as a share

    @property
    def shown(self) -> list[Ranked]:
        """The first rows of each kind."""
        return [r for kind in (EXACT, BEYOND) for r in [r for r in self.rows if r.kind == kind][:RANKED]]


@dataclass(frozen=True)
class _Class:
    """One class in one arm. `windows`: window (or WHOLE) → a pair of counts for each machine that both arms ran on."""

    name: str
    arm: str
    cpus: tuple[int, ...]
    windows: Mapping[str, Sequence[Pair]]

    @property
    def whole(self) -> Sequence[Pair]:
        return self.windows[WHOLE]

    @property
    def inside(self) -> dict[str, Sequence[Pair]]:
        """The windows without WHOLE."""
        return {w: pairs for w, pairs in self.windows.items() if w != WHOLE}


def rank(exp: Experiment, done: Sequence[Boot]) -> Ranking:
    """Ranks all lock classes of every arm against the baseline."""
    found = _found(exp, done)
    exactly = _exactly(exp, found)
    shares, seen = _shares(exp, [c for c, e in zip(found, exactly, strict=True) if not e], done)
    noisy = {pair for pair, q in shares.items() if q <= _level(exp)}
    rows = [_row(c, exp.limit, e, noisy) for c, e in zip(found, exactly, strict=True)]
    told = [r for r in rows if r.kind != NOISE]
    told.sort(key=lambda r: (not r.exact, -abs(r.difference)))
    noise = sum(r.kind == NOISE and r.difference != 0 for r in rows)
    exact = tuple(
        Exactly(c.name, c.arm, r.window, dict(zip(c.cpus, c.windows[r.window], strict=True)))
        for c, r in zip(found, rows, strict=True)
        if r.exact
    )
    return Ranking(tuple(told), noise, sum(r.difference == 0 for r in rows), exact, seen)


def near(exp: Experiment, done: Sequence[Boot]) -> list[str]:
    """The names of the classes that differ by more than the limit and are near the threshold between noise and a row.
    """
    found = _found(exp, done)
    loose = [c for c, e in zip(found, _exactly(exp, found), strict=True) if not e]
    shares, _ = _shares(exp, loose, done)
    at = stands_near(np.array([shares[c.name, c.arm] for c in loose]), _level(exp))
    names = (c.name for c, stands in zip(loose, at, strict=True) if stands and _matters(c, exp.limit))
    return list(dict.fromkeys(names))


def _found(exp: Experiment, done: Sequence[Boot]) -> list[_Class]:
    counts = _counts(done)
    return [c for name in sorted(counts) for c in _classes(exp, name, counts[name], done)]


def _exactly(exp: Experiment, found: Sequence[_Class]) -> list[list[str]]:
    """For each class the windows that differ exactly."""
    usual = _unlike([pair for c in found for pairs in c.inside.values() for pair in pairs])
    return [_exact(c, exp.limit, usual, len(found)) for c in found]


def _level(exp: Experiment) -> float:
    """The level for one arm."""
    return ROWS / (len(exp.arms) - 1)


def _shares(
    exp: Experiment, found: Sequence[_Class], done: Sequence[Boot]
) -> tuple[dict[tuple[str, str], float], float | None]:
    """(class, arm) → the smallest false-discovery rate at which it would be a row (q value); and the largest detection
    limit of any arm."""
    out: dict[tuple[str, str], float] = {}
    seen = 0.0
    for arm in dict.fromkeys(c.arm for c in found):
        mine = [c for c in found if c.arm == arm]
        machines = [_machine(mine, i, n, _slower(done, arm, exp.baseline, n)) for i, n in enumerate(mine[0].cpus)]
        said = compare(machines)
        out |= {(c.name, arm): float(q) for c, q in zip(mine, said.q, strict=True)}
        seen = max(seen, said.detectable(REFERENCE, _level(exp)))
    return out, seen if 0 < seen < inf else None


def _machine(found: Sequence[_Class], place: int, cpus: int, slower: float) -> Machine:
    """The counts of all boots on one machine: its index and number of vCPUs, the same for every class."""
    assert all(c.cpus[place] == cpus for c in found)
    arm, base = (np.array([c.whole[place][i] for c in found], dtype=float) for i in (0, 1))
    return Machine(arm, base, slower)


def _slower(done: Sequence[Boot], arm: str, baseline: str, cpus: int) -> float:
    """The logarithm of the ratio of the windows' times, arm over baseline, on one machine."""
    took = {}
    for name in (arm, baseline):
        boots = [b.results.windows for b in done if (b.arm, b.cpus) == (name, cpus) and b.results]
        took[name] = fmean(sum(w.elapsed for w in windows) for windows in boots)
    return log(took[arm] / took[baseline]) if min(took.values()) > 0 else 0.0


def _counts(done: Sequence[Boot]) -> dict[str, dict[str, dict[int, int]]]:
    """Class → window (or WHOLE) → index of the boot → acquisitions."""
    out: dict[str, dict[str, dict[int, int]]] = {}
    for i, boot in enumerate(done):
        for window in boot.results.windows if boot.results else ():
            for name, count in by_class(window).items():
                for place in (window.name, WHOLE):
                    by_boot = out.setdefault(name, {}).setdefault(place, {})
                    by_boot[i] = by_boot.get(i, 0) + count
    return out


def _classes(
    exp: Experiment, name: str, windows: Mapping[str, Mapping[int, int]], done: Sequence[Boot]
) -> Iterator[_Class]:
    groups = {window: _groups(counts, done) for window, counts in windows.items()}
    base = exp.baseline
    for arm in (a.name for a in exp.arms if a.name != base):
        shared = tuple(cpus for cpus in exp.cpus if {(arm, cpus), (base, cpus)} <= groups[WHOLE].keys())
        if shared:
            yield _Class(name, arm, shared, {w: [(g[arm, n], g[base, n]) for n in shared] for w, g in groups.items()})


def _groups(counts: Mapping[int, int], done: Sequence[Boot]) -> dict[Place, list[int]]:
    """The counts of the boots of each arm on each machine; 0 where lock_stat shows no such class."""
    out: dict[Place, list[int]] = {}
    for i, boot in enumerate(done):
        out.setdefault((boot.arm, boot.cpus), []).append(counts.get(i, 0))
    return out


def _row(c: _Class, limit: float, exact: Sequence[str], noisy: Collection[tuple[str, str]]) -> Ranked:
    """`exact`: the windows that differ exactly; `noisy`: the classes that differ beyond noise."""
    spread = max(max(vs) - min(vs) for pair in c.whole for vs in pair)
    mine, base = _means(c)
    beyond = (c.name, c.arm) in noisy and _matters(c, limit)
    return Ranked(
        name=c.name,
        arm=c.arm,
        baseline_mean=round(base, 1),
        arm_mean=round(mine, 1),
        difference=round(mine - base, 1),
        ratio=ratio_of(mine, base),
        spread=spread,
        kind=EXACT if exact else BEYOND if beyond else NOISE,
        window=max(exact or c.inside, key=lambda w: _weight(c.windows[w], limit if exact else 0.0), default=""),
    )


def _means(c: _Class) -> tuple[float, float]:
    """Of the arm's and of the baseline's boots, all of a boot."""
    mine, base = (fmean(fmean(pair[i]) for pair in c.whole) for i in (0, 1))
    return mine, base


def _matters(c: _Class, limit: float) -> bool:
    """Whether the difference is above the limit, and at least one acquisition."""
    mine, base = _means(c)
    return abs(mine - base) >= max(1.0, limit * base)


def _exact(c: _Class, limit: float, usual: float, classes: int) -> list[str]:
    """The windows that differ exactly; none if the class does not. `usual`: the share of all groups in which boots of
    one arm differ; `classes`: the number of classes."""
    found = [w for w, pairs in c.inside.items() if _is_exact(pairs)]
    total = sum(_difference(c.windows[w]) for w in found)
    mine, base = _means(c)
    least = max(LEAST if mine and base else 1, limit * base)
    if not found or abs(total) < abs(mine - base) / 2 or abs(mine - base) < least:
        return []
    return found if _by_luck(c, found, usual) * classes <= SURE else []


def _by_luck(c: _Class, exact: Sequence[str], usual: float) -> float:
    """The chance that these windows look exact by luck, by the worse of two models of scatter. A class that shows no
    scatter is assumed to have a little of the other classes' (`usual`)."""
    windows, pairs = len(c.inside), [pair for w in exact for pair in c.windows[w]]
    smooth = comb(windows, len(exact)) * prod(luck(len(a), len(b), abs(a[0] - b[0])) for a, b in pairs)
    every = [pair for ps in c.inside.values() for pair in ps]
    groups = 2 * len(every)
    unlike = (_unlike(every) * groups + usual * USUAL_WEIGHT) / (groups + USUAL_WEIGHT)
    boots = min(len(vs) for pair in pairs for vs in pair)
    return max(smooth, windows_by_luck(len(exact), windows, len(c.cpus), boots, unlike))


def _unlike(pairs: Sequence[Pair]) -> float:
    """The share of groups (boots of one arm on one machine) that do not all count the same."""
    return fmean(len(set(vs)) > 1 for pair in pairs for vs in pair) if pairs else 0.0


def _is_exact(pairs: Sequence[Pair]) -> bool:
    alike = all(len(vs) > 1 and len(set(vs)) == 1 for pair in pairs for vs in pair)
    return alike and _is_apart(pairs)


def _is_apart(pairs: Sequence[Pair]) -> bool:
    """Whether on every machine the arm's counts lie on the same side of all of the baseline's."""
    return all(min(a) > max(b) for a, b in pairs) or all(max(a) < min(b) for a, b in pairs)


def _weight(pairs: Sequence[Pair], limit: float) -> tuple[bool, float]:
    """Sort key for how well a window shows a difference: first whether it is above the limit on every machine."""
    above = all(abs(fmean(a) - fmean(b)) > limit * fmean(b) for a, b in pairs)
    return above, abs(_difference(pairs))


def _difference(pairs: Sequence[Pair]) -> float:
    return fmean(fmean(a) - fmean(b) for a, b in pairs)


def summary(found: Ranking) -> str:
    """A ranking in a few words."""
    exact = [r for r in found.rows if r.exact]
    beyond = len(found.rows) - len(exact)
    if not found.rows:
        return f"no class differs by more than boots of one arm do ({found.noise} move, {found.same} do not)"
    first = found.rows[0]
    times = f", {first.ratio:.3g} times" if first.ratio else ""
    return (
        f"{len(exact)} differ exactly and {beyond} beyond noise, first {first.name} of {first.arm}"
        f" ({first.difference:+.0f} a boot{times}); {found.noise} only fluctuate"
    )
