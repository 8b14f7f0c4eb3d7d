"""Every lock class by how much an arm differs from the baseline: boots in, rows out, exact ones told from noise.

A class differs *beyond noise* if on every machine all boots of the arm lie on one side of all of the baseline's, and
the difference is above the limit, more than NOISE_TIMES what boots of one arm differ by, and more than CHANCE standard
deviations of events that come by chance (Poisson): two boots of a class that a timer drives agree by luck now and then.
It differs *exactly* if, besides, at least half of that lies in windows where on every machine the boots of each arm
count the same. All else is noise. For a patch to a lock that nobody has named: what it changes stands first, what
merely moves is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Any

from kit.evidence.locks import by_class
from kit.records import Boot, Experiment
from kit.stats.counts import ratio_of

NOISE_TIMES = 2
CHANCE = 3
RANKED = 12  # rows of a kind
EXACT, BEYOND, NOISE = "exact", "beyond noise", "noise"
WHOLE = ""  # in place of a window: all of a boot

Place = tuple[str, int]  # arm, vCPUs


@dataclass(frozen=True)
class Ranking:
    """`rows`: the classes that differ, exact ones first; how many others moved (`noise`), and did not (`same`)."""

    rows: tuple[dict[str, Any], ...]
    noise: int
    same: int


def rank(exp: Experiment, done: Sequence[Boot]) -> Ranking:
    """All classes of all boots, for every arm but the baseline."""
    counts = _counts(done)
    rows = [r for name in sorted(counts) for r in _rows(exp, name, counts[name], done)]
    told = []
    for kind in (EXACT, BEYOND):
        found = sorted((r for r in rows if r["kind"] == kind), key=lambda r: -abs(r["difference"]))
        told += found[:RANKED]
    noise = sum(r["kind"] == NOISE and r["difference"] != 0 for r in rows)
    return Ranking(tuple(told), noise, sum(r["difference"] == 0 for r in rows))


def _counts(done: Sequence[Boot]) -> dict[str, dict[str, dict[int, int]]]:
    """Class → window, and the whole → index of the boot → acquisitions."""
    out: dict[str, dict[str, dict[int, int]]] = {}
    for i, boot in enumerate(done):
        for window in boot.results.windows if boot.results else ():
            for name, count in by_class(window).items():
                for place in (window.name, WHOLE):
                    by_boot = out.setdefault(name, {}).setdefault(place, {})
                    by_boot[i] = by_boot.get(i, 0) + count
    return out


def _rows(
    exp: Experiment, name: str, windows: Mapping[str, Mapping[int, int]], done: Sequence[Boot]
) -> Iterator[dict[str, Any]]:
    groups = {window: _groups(counts, done) for window, counts in windows.items()}
    for arm in (a.name for a in exp.arms if a.name != exp.baseline):
        shared = [cpus for cpus in exp.cpus if {(arm, cpus), (exp.baseline, cpus)} <= groups[WHOLE].keys()]
        if shared:
            yield _row(exp, name, arm, shared, groups)


def _groups(counts: Mapping[int, int], done: Sequence[Boot]) -> dict[Place, list[int]]:
    """The counts of the boots of each arm on each machine; 0 where lock_stat shows no such class."""
    out: dict[Place, list[int]] = {}
    for i, boot in enumerate(done):
        out.setdefault((boot.arm, boot.cpus), []).append(counts.get(i, 0))
    return out


def _row(
    exp: Experiment, name: str, arm: str, shared: Sequence[int], groups: Mapping[str, Mapping[Place, list[int]]]
) -> dict[str, Any]:
    baseline, limit = exp.baseline, exp.limit
    whole = [(groups[WHOLE][arm, n], groups[WHOLE][baseline, n]) for n in shared]
    spread = max(max(vs) - min(vs) for pair in whole for vs in pair)
    mine, base = (fmean(fmean(pair[i]) for pair in whole) for i in (0, 1))
    inside = {w: [(g[arm, n], g[baseline, n]) for n in shared] for w, g in groups.items() if w != WHOLE}
    exact = [w for w, pairs in inside.items() if _is_exact(pairs)]
    enough = max(1.0, NOISE_TIMES * spread, limit * base, CHANCE * sqrt(mine + base))
    beyond = _is_apart(whole) and abs(mine - base) >= enough and abs(mine - base) > NOISE_TIMES * spread
    mostly = abs(sum(_difference(inside[w]) for w in exact)) >= abs(mine - base) / 2
    kind = NOISE if not beyond else EXACT if exact and mostly else BEYOND
    return {
        "class": name,
        "arm": arm,
        "baseline_mean": round(base, 1),
        "arm_mean": round(mine, 1),
        "difference": round(mine - base, 1),
        "ratio": ratio_of(mine, base),
        "spread": spread,
        "kind": kind,
        "exact": kind == EXACT,
        "window": max(exact if kind == EXACT else inside, key=lambda w: abs(_difference(inside[w])), default=""),
    }


def _is_exact(pairs: Sequence[tuple[list[int], list[int]]]) -> bool:
    alike = all(len(vs) > 1 and len(set(vs)) == 1 for pair in pairs for vs in pair)
    return alike and _is_apart(pairs)


def _is_apart(pairs: Sequence[tuple[list[int], list[int]]]) -> bool:
    """Whether on every machine the arm's counts lie on the same side of all of the baseline's."""
    return all(min(a) > max(b) for a, b in pairs) or all(max(a) < min(b) for a, b in pairs)


def _difference(pairs: Sequence[tuple[list[int], list[int]]]) -> float:
    return fmean(fmean(a) - fmean(b) for a, b in pairs)


def summary(found: Ranking) -> str:
    """What a ranking says, in a few words."""
    exact = [r for r in found.rows if r["kind"] == EXACT]
    beyond = len(found.rows) - len(exact)
    if not found.rows:
        return f"no class differs by more than boots of one arm do ({found.noise} move, {found.same} do not)"
    first = found.rows[0]
    times = f", {first['ratio']:.3g} times" if first["ratio"] else ""
    return (
        f"{len(exact)} differ exactly and {beyond} beyond noise, first {first['class']} of {first['arm']}"
        f" ({first['difference']:+.0f} a boot{times}); {found.noise} merely move"
    )
