"""How often `kit compare` is right: made-up values of many shapes in; false alarms and power, beside benchstat's, out.

`compare_calibration.py [--experiments N] [--history N]` draws N pairs of groups for each shape, a tenth as many with
an effect of 5%, and asks the functions that the verb calls. benchstat's rule (Mann and Whitney's U, exact with ties,
p < 0.05) is written again here. A level is within its bound if a binomial of 5% would have so many alarms with a chance
of 0.1% or more. --history: so many series without a change, and as many with one. Exit code 1 where a level or a power
misses its bar.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from tabulate import tabulate

from kit.records import MORE, Verdict
from kit.stats.changes import change_points
from kit.stats.dependence import dependence
from kit.stats.unpaired import Couple, Group, judge_all, tests_of

Floats = NDArray[np.float64]
ALPHA, LIMIT, EFFECT = 0.05, 0.01, 0.05


def _slow(rng: np.random.Generator, size: tuple[int, int]) -> Floats:
    return 0.01 * rng.normal(size=size) + math.log(0.7) * (rng.random(size) < 0.1)


def _depending(rng: np.random.Generator, size: tuple[int, int]) -> Floats:
    steps = 0.03 * rng.normal(size=size)
    out = steps.copy()
    for i in range(1, size[1]):
        out[:, i] = 0.8 * out[:, i - 1] + 0.6 * steps[:, i]
    return out


NOISE: Mapping[str, Callable[[np.random.Generator, tuple[int, int]], Floats]] = {
    "normal, sd 3%": lambda rng, size: 0.03 * rng.normal(size=size),
    "skewed": lambda rng, size: -0.03 * rng.exponential(size=size),
    "heavy-tailed (t, 3)": lambda rng, size: 0.03 * rng.standard_t(3, size=size) / math.sqrt(3),
    "two modes, 1:1": lambda rng, size: 0.005 * rng.normal(size=size) - 0.1 * (rng.random(size) < 0.5),
    "three of ten 9% slower": lambda rng, size: 0.01 * rng.normal(size=size) - 0.09 * (rng.random(size) < 0.3),
    "one in ten 30% slow": _slow,
    "rounded to 5%, sd 2%": lambda rng, size: 0.02 * rng.normal(size=size),
    "drifting 12%": lambda rng, size: 0.03 * rng.normal(size=size) - np.linspace(0, 0.12, size[1]),
    "each 0.8 of the last": _depending,
}
DEPENDING = ("drifting 12%", "each 0.8 of the last")  # no test of groups holds its level there: kit says so instead
ROWS = (
    *((noise, 10, 10) for noise in NOISE),
    *((noise, 3, 30) for noise in ("normal, sd 3%", "one in ten 30% slow")),
    ("rounded to 5%, sd 2%", 2, 2),
    *((noise, 3, 3) for noise in ("normal, sd 3%", "two modes, 1:1", "rounded to 5%, sd 2%", "skewed")),
    *((noise, 2, 7) for noise in ("normal, sd 3%", "one in ten 30% slow")),
    ("normal, sd 3%", 6, 10),
)


@dataclass(frozen=True)
class Row:
    """Shares of experiments: verdicts of a difference without and with an effect, by kit and by benchstat; how many had
    a p of 0; how often dependence was reported."""

    alarms: float
    power: float
    their_alarms: float
    their_power: float
    zeros: int
    said: float


def drawn(noise: str, n: int, m: int, effect: float, rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Values of arms and of baselines, a row for each experiment, in order of time: the baseline comes first."""
    logs = NOISE[noise](rng, (count, n + m))
    values = 100 * np.exp(logs)
    base, arm = values[:, :m], values[:, m:] * (1 + effect)
    if noise.startswith("rounded"):
        base, arm = 5 * np.round(base / 5), 5 * np.round(arm / 5)
    return arm, base


def judged(arm: Floats, base: Floats) -> tuple[bool, float]:
    """Whether kit sees a difference, and p."""
    couples = [Couple("value", "", MORE, Group.of(arm.tolist()), Group.of(base.tolist()))]
    (c,) = judge_all(couples, tests_of(couples, ALPHA), ("new", "old"), LIMIT, ALPHA)
    return c.said in (Verdict.BETTER, Verdict.WORSE), c.p if c.p is not None else 1.0


def benchstat(arm: Floats, base: Floats) -> bool:
    """benchstat's rule, from the permutations of the given ranks."""
    ranks = stats.rankdata(np.concatenate([arm, base]))
    doubled = tuple(sorted(round(2 * float(r)) for r in ranks))
    low, high = _critical(doubled, len(arm))
    return not low < round(2 * float(ranks[: len(arm)].sum())) < high


@lru_cache(maxsize=1 << 14)
def _critical(doubled: tuple[int, ...], n: int) -> tuple[int, int]:
    """Sums of ranks at or beyond which p < 0.05."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(n))]
    for rank in doubled:
        for taken in range(n, 0, -1):
            for total, number in ways[taken - 1].items():
                ways[taken][total + rank] = ways[taken].get(total + rank, 0) + number
    sums = sorted(ways[n].items())
    every, below, low, high = sum(w for _, w in sums), 0, -1, 1 << 30
    for total, number in sums:
        below += number
        low = total if 2 * below < ALPHA * every else low
    above = 0
    for total, number in reversed(sums):
        above += number
        high = total if 2 * above < ALPHA * every else high
    return low, high


def row(noise: str, n: int, m: int, experiments: int) -> Row:
    rng = np.random.default_rng([n, m, list(NOISE).index(noise)])
    found: list[int] = []
    shares: list[float] = []
    said = 0.0
    for effect, count in ((0.0, experiments), (EFFECT, max(100, experiments // 10))):
        arms, bases = drawn(noise, n, m, effect, rng, count)
        asked = np.flatnonzero(near(arms, bases))
        kit = [judged(arms[i], bases[i]) for i in asked]
        theirs = [benchstat(arms[i], bases[i]) for i in asked]
        shares += [sum(seen for seen, _ in kit) / count, sum(theirs) / count]
        found.append(sum(p == 0 for _, p in kit))
        if not effect:
            some = range(min(count, 200))
            said = sum(any(dependence(side[i].tolist()) for side in (arms, bases)) for i in some) / len(some)
    return Row(shares[0], shares[2], shares[1], shares[3], zeros=sum(found), said=said)


def near(arms: Floats, bases: Floats) -> NDArray[np.bool_]:
    """The experiments that must be judged. With ten or more values: those whose rank sum is off by 1.7 standard errors
    (with ties) or more, since nearer ones do not differ at 5%. With fewer values: all."""
    n, m = arms.shape[1], bases.shape[1]
    if n * m < 60:
        return np.ones(len(arms), dtype=bool)
    off = stats.rankdata(np.concatenate([arms, bases], axis=1), axis=1) - (n + m + 1) / 2
    error = np.sqrt(n * m / ((n + m) * (n + m - 1)) * (off**2).sum(axis=1))
    out: NDArray[np.bool_] = np.abs(off[:, :n].sum(axis=1)) >= (1.7 if n == m else 1.0) * error
    return out


def history(count: int) -> list[list[str]]:
    """For series of 30 runs with noise of 3%: the shares in which a change was found, without one and with one of 5%
    after run 18."""
    out = []
    for noise in ("normal, sd 3%", "one in ten 30% slow", "skewed", "rounded to 5%, sd 2%"):
        rng = np.random.default_rng(list(NOISE).index(noise))
        arms = drawn(noise, 30, 0, 0.0, rng, 2 * count)[0]
        level = sum(bool(change_points(np.log(x), ALPHA)) for x in arms[:count]) / count
        places = []
        for x in arms[count:]:
            x[18:] = 5 * np.round(x[18:] * 1.05 / 5) if noise.startswith("rounded") else x[18:] * 1.05
            places.append([c.at for c in change_points(np.log(x), ALPHA)])
        right = sum(len(p) == 1 and abs(p[0] - 18) <= 2 for p in places) / count
        out.append([noise, f"{level:.1%}", f"{sum(map(bool, places)) / count:.1%}", f"{right:.1%}"])
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--history", type=int, default=0)
    options = parser.parse_args()
    most = float(stats.binom.isf(0.001, options.experiments, ALPHA)) / options.experiments
    lines, missed = [], 0
    for noise, n, m in ROWS:
        r = row(noise, n, m, options.experiments)
        spread = 2 * max(r.their_power * (1 - r.their_power), 1e-6)
        slack = 3.1 * math.sqrt(spread / max(100, options.experiments // 10))
        fine = (r.alarms <= most or noise in DEPENDING) and r.power >= r.their_power - slack and not r.zeros
        missed += not fine
        shares = [f"{s:.2%}" for s in (r.alarms, r.their_alarms, r.power, r.their_power, r.said)]
        lines.append([noise, f"{m}+{n}", *shares, "" if fine else "MISSED"])
        print(" | ".join(lines[-1]), flush=True)
    heads = ["noise", "runs", "kit, alarms", "benchstat", "kit, sees +5%", "benchstat", "dependence said", ""]
    print(tabulate(lines, headers=heads, tablefmt="github", disable_numparse=True))
    print(f"bound of a level of 5%: {most:.2%}")
    if options.history:
        found = history(options.history)
        heads = ["noise", "none there", "+5% found", "one, within two runs"]
        print(tabulate(found, headers=heads, tablefmt="github", disable_numparse=True))
        bound = float(stats.binom.isf(0.001, options.history, ALPHA)) / options.history
        missed += sum(float(f[1].rstrip("%")) / 100 > bound for f in found)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
