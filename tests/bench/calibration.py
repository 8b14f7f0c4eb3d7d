"""How often verdicts on noisy evidence are right: simulated experiments in, tables (markdown, JSON) and a plot out.

`calibration.py [--experiments N] [--out FOLDER]` simulates N experiments for each shape of noise and each effect, with
the very functions that `kit run` calls: block_order draws the orders, decide stops, conclude judges. The rules of other
tools see the first ten blocks of the same boots. The plot needs matplotlib (`pip install .[bench]`).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kit.records import MORE, At, Verdict
from kit.stats import noisy
from kit.stats.blocks import block_order
from kit.stats.design import Design
from kit.stats.fisher import more_often
from kit.stats.paired import Pairs

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
Key = tuple[str, float, float]  # shape, effect, alpha

ARM, BASELINE = "with", "without"
CHANGES = (Verdict.BETTER, Verdict.WORSE)
BLOCKS, LIMIT, NOISE = 40, 0.01, 0.03  # NOISE: standard deviation of a boot, as a fraction
EFFECTS = (0.0, 0.01, 0.02, 0.05, 0.10)
OTHERS = 10  # runs of each arm that the rules of other tools see
SEEDS = 100  # orders of blocks are drawn from so many seeds


def _autocorrelated(rng: np.random.Generator, count: int) -> Floats:
    steps = rng.normal(size=count) * NOISE
    out = np.empty(count)
    last = steps[0]
    for i, step in enumerate(steps):
        last = out[i] = 0.8 * last + 0.6 * step if i else step
    return out


SHAPES: Mapping[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n) * NOISE,
    "skewed": lambda rng, n: -rng.exponential(size=n) * NOISE,
    "bimodal": lambda rng, n: rng.normal(size=n) * NOISE / 3 - 3 * NOISE * (rng.random(n) < 0.3),
    "drifting": lambda rng, n: rng.normal(size=n) * NOISE - np.linspace(0, 4 * NOISE, n),
    "autocorrelated": _autocorrelated,
    "heavy-tailed": lambda rng, n: rng.standard_t(3, size=n) * NOISE / math.sqrt(3),
}
"""Log noise of so many boots, one after the other: exponential; three boots of ten 9% slower; 12% lost over the run;
each boot 0.8 of the last; Student's t with three degrees of freedom."""


@dataclass(frozen=True)
class Cell:
    """The outcomes of the experiments of one shape and one effect: how many there were, and how many ended in each way.
    `boots`: of both arms, in all experiments together."""

    shape: str
    effect: float
    alpha: float
    experiments: int
    better: int
    worse: int
    same: int
    covered: int
    boots: int
    others: Mapping[str, int]  # rule of another tool → in how many it sees a difference

    @property
    def alarms(self) -> int:
        """The number of verdicts of a difference; false ones if the effect is 0."""
        return self.better + self.worse

    def __add__(self, more: Cell) -> Cell:
        """Adds experiments of the same kind."""
        names = ("experiments", "better", "worse", "same", "covered", "boots")
        sums = {name: getattr(self, name) + getattr(more, name) for name in names}
        return replace(self, **sums, others={k: v + more.others[k] for k, v in self.others.items()})


@lru_cache(maxsize=SEEDS * BLOCKS)
def arm_first(seed: int, block: int) -> bool:
    return block_order((ARM, BASELINE), seed, block)[0] == ARM


def boots_of(noise: Floats, effect: float, seed: int) -> tuple[Floats, Floats]:
    """The values of arm and baseline, by block. `noise`: of all boots, in order of time."""
    first = np.array([arm_first(seed, b) for b in range(len(noise) // 2)])
    in_blocks = noise.reshape(-1, 2)
    arm = np.where(first, in_blocks[:, 0], in_blocks[:, 1])
    base = np.where(first, in_blocks[:, 1], in_blocks[:, 0])
    return 100 * (1 + effect) * np.exp(arm), 100 * np.exp(base)


def run_one(
    design: Design,
    arm: Sequence[float],
    base: Sequence[float],
    limit: float = LIMIT,
    beside: Sequence[tuple[float, ...]] = (),
) -> noisy.Conclusion:
    """One experiment as `kit run` does it: blocks and decisions until one says stop (only at a look); then the
    conclusion. `beside`: by block, the differences of covariates that are adjusted for."""
    for done in design.look_at:
        values, x = (tuple(arm[:done]), tuple(base[:done])), tuple(beside[:done])
        pairs = [Pairs("jobs", "per minute", MORE, ARM, BASELINE, At("sim"), *values, beside=x)]
        if noisy.decide(design, pairs, limit).stop:
            break
    return noisy.conclude(design, pairs, limit)


def cell(shape: str, effect: float, design: Design, experiments: int, seed: int = 1) -> Cell:
    """Simulates the experiments of one shape and effect; the same seed gives the same boots."""
    rng = np.random.default_rng([seed, list(SHAPES).index(shape), round(effect * 1000)])
    verdicts: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
    covered = boots = 0
    others = dict.fromkeys((*RULES, IN_TURN), 0)
    for number in range(experiments):
        noise = SHAPES[shape](rng, 2 * design.blocks)
        arm, base = boots_of(noise, effect, number % SEEDS)
        found = run_one(design, arm.tolist(), base.tolist())
        verdicts[found.verdict] += 1
        comparison = found.comparisons[0]
        low, high = comparison.low or 0.0, comparison.high or math.inf
        covered += int(low <= 1 + effect <= high)
        boots += 2 * found.blocks
        for name, rule in RULES.items():
            others[name] += rule(arm[:OTHERS], base[:OTHERS])
        in_turn = 100 * np.exp(noise[: 2 * OTHERS])  # all runs of one, then all of the other
        others[IN_TURN] += mann_whitney(in_turn[OTHERS:] * (1 + effect), in_turn[:OTHERS])
    decided = (verdicts[Verdict.BETTER], verdicts[Verdict.WORSE], verdicts[Verdict.SAME])
    return Cell(shape, effect, design.alpha, experiments, *decided, covered, boots, others)


def mann_whitney(arm: Floats, base: Floats) -> bool:
    """benchstat's rule: Mann-Whitney's U test, exact, p < 0.05."""
    u = int(np.sum(arm[:, None] > base[None, :]))
    return min(u, arm.size * base.size - u) <= _largest_u(arm.size, base.size)


@lru_cache
def _largest_u(m: int, n: int) -> int:
    """The largest of the smaller U that is significant at 0.05, from the distribution of U without ties."""
    ways = np.zeros(m * n + 1)
    ways[0] = 1
    for i in range(1, m + 1):  # the Gaussian binomial coefficient, factor by factor
        for j in range(m * n, n + i - 1, -1):
            ways[j] -= ways[j - n - i]
        for j in range(i, m * n + 1):
            ways[j] += ways[j - i]
    below = 2 * np.cumsum(ways) / ways.sum()
    return int(np.flatnonzero(below < 0.05).max(initial=-1))


def students_t(arm: Floats, base: Floats) -> bool:
    """pyperf's rule (pyperf/_utils.py, is_significant): Student's t with the variances pooled, 95%."""
    n = len(arm)
    score = (arm.mean() - base.mean()) / math.sqrt((arm.var(ddof=1) + base.var(ddof=1)) / n)
    return bool(abs(score) >= _t_edge(2 * n - 2))


@lru_cache
def _t_edge(freedom: int) -> float:
    return float(stats.t.isf(0.025, freedom))


def gap_of_medians(arm: Floats, base: Floats) -> bool:
    """lkp's rule (lkp-tests 2409d6a, lib/changed_stat.rb, without options): each arm lies wholly on its side of the
    other's median, and so do the medians."""
    a, b = np.sort(base), np.sort(arm)
    median_a, median_b = a[len(a) // 2], b[len(b) // 2]
    up = b[0] > median_a and median_b > a[-1]
    down = a[0] > median_b and median_a > b[-1]
    return bool(up or down)


IN_TURN = "benchstat, 10 then 10"
RULES: Mapping[str, Callable[[Floats, Floats], bool]] = {
    "benchstat, 10 + 10 in blocks": mann_whitney,
    "pyperf, 10 + 10 in blocks": students_t,
    "lkp, 10 + 10 in blocks": gap_of_medians,
}


def at_most(share: float, experiments: int, confidence: float = 0.999) -> float:
    """The share that is exceeded with a chance of 0.1% in so many experiments, if the true share is `share`."""
    return float(stats.binom.ppf(confidence, experiments, share)) / experiments


def at_least(share: float, experiments: int) -> float:
    """The share that is missed with a chance of 0.1% in so many experiments, if the true share is `share`."""
    return at_most(share, experiments, 0.001)


def designed_for(blocks: int, alpha: float, power: float = 0.9) -> float:
    """The difference, in standard deviations of a block's difference, that so many blocks detect with this power
    (paired t, no looks)."""
    low, high = 0.0, 10.0
    edge = stats.t.isf(alpha / 2, blocks - 1)
    for _ in range(60):
        middle = (low + high) / 2
        shown = stats.nct.sf(edge, blocks - 1, middle * math.sqrt(blocks))
        low, high = (middle, high) if shown < power else (low, middle)
    return high


@dataclass(frozen=True)
class Saving:
    """The boots of the sequential design, and of the fixed one with the same power at the effect it is designed for."""

    effect: str
    experiments: int
    difference: float
    power: float
    sequential: float
    fixed: float

    @property
    def share(self) -> float:
        return self.sequential / self.fixed


def savings(experiments: int, blocks: int = BLOCKS, alpha: float = 0.05, seed: int = 2) -> list[Saving]:
    """With normal noise: no effect, the effect designed for, and twice that. Both designs use the same functions."""
    design = Design(blocks, alpha)
    spread = NOISE * math.sqrt(2)
    effect = math.expm1(designed_for(round(blocks / 1.08), alpha) * spread)
    rows = []
    for name, difference in (("designed for", effect), ("twice that", 2 * effect), ("none", 0.0)):
        rng = np.random.default_rng([seed, round(difference * 1e6)])
        drawn = [boots_of(SHAPES["normal"](rng, 2 * blocks), difference, i % SEEDS) for i in range(experiments)]
        found = [run_one(design, a.tolist(), b.tolist(), TINY) for a, b in drawn]
        power = sum(c.verdict is Verdict.BETTER for c in found) / experiments
        boots = sum(2 * c.blocks for c in found) / experiments
        if name == "designed for":
            fixed = 2 * _fixed_blocks(power, drawn, blocks, alpha)
        rows.append(Saving(name, experiments, difference, power, boots, fixed))
    return rows


TINY = 0.001  # a limit that plays no part: neither `same` nor an estimate within it


def _fixed_blocks(power: float, drawn: Sequence[tuple[Floats, Floats]], blocks: int, alpha: float) -> float:
    """The number of blocks that a fixed design needs for this power, interpolated linearly between whole numbers."""

    def shown(n: int) -> float:
        design = Design(n, alpha, sequential=False)
        return sum(run_fixed(design, a[:n].tolist(), b[:n].tolist()) for a, b in drawn) / len(drawn)

    low, high = blocks // 3, blocks  # of these, low has less power, high has enough
    powers = {low: shown(low), high: shown(high)}
    while high - low > 1:
        middle = (low + high) // 2
        powers[middle] = shown(middle)
        low, high = (middle, high) if powers[middle] < power else (low, middle)
    missing = max(0.0, powers[high] - power)
    return high - missing / max(powers[high] - powers[low], 1e-9)


def run_fixed(design: Design, arm: Sequence[float], base: Sequence[float]) -> bool:
    """Whether the fixed design's verdict is better."""
    pairs = [Pairs("jobs", "per minute", MORE, ARM, BASELINE, At("sim"), tuple(arm), tuple(base))]
    return noisy.measure_all(design, pairs, TINY)[0].verdict is Verdict.BETTER


@dataclass(frozen=True)
class Row:
    """A shape of noise that the design was not made for: how often an outcome occurred in the experiments, and the
    share that is allowed (`most` or `least`)."""

    shape: str
    counted: str
    experiments: int
    count: int
    most: float | None = None
    least: float | None = None

    @property
    def held(self) -> bool:
        """Whether the count is within a binomial bound of 99.9%."""
        share = self.count / self.experiments
        above = self.most is not None and share > at_most(self.most, self.experiments)
        return not above and (self.least is None or share >= at_least(self.least, self.experiments))


THREE = (ARM, BASELINE, f"{BASELINE}-again")  # as `time` boots them


def slow_start(slow: int, experiments: int) -> Row:
    """The first boots of a run, after those for warm-up, are 4% slower; each run draws its own order."""
    rng = np.random.default_rng([5, slow])
    alarms = 0
    for seed in range(experiments):
        noise = rng.normal(size=(BLOCKS, 3)) * NOISE
        noise.flat[:slow] -= 0.04
        orders = [block_order(THREE, seed, block, "8 cpus") for block in range(BLOCKS)]
        arm, base = (np.array([noise[b, o.index(name)] for b, o in enumerate(orders)]) for name in (ARM, BASELINE))
        found = run_one(Design(BLOCKS), np.exp(arm).tolist(), np.exp(base).tolist())
        alarms += found.verdict in CHANGES
    return Row(f"the first {slow} boots 4% slower", "false alarms", experiments, alarms, most=0.05)


def slow_ones_fail(alpha: float, experiments: int) -> Row:
    """In one arm the slowest tenth of the boots fail, and are missing."""
    rng = np.random.default_rng([6, round(1 / alpha)])
    alarms = 0
    for _ in range(experiments):
        arm, base = rng.normal(size=(2, BLOCKS)) * NOISE
        gone = np.flatnonzero(arm < NOISE * stats.norm.ppf(0.1))
        design = Design(BLOCKS, alpha)
        for done in design.look_at:
            kept = np.setdiff1d(np.arange(done), gone)
            values = tuple(np.exp(arm[kept]).tolist()), tuple(np.exp(base[kept]).tolist())
            lost = tuple(int(i) for i in gone if i < done)
            pairs = [Pairs("jobs", "per minute", MORE, ARM, BASELINE, At("sim"), *values, lost=lost)]
            if noisy.decide(design, pairs, LIMIT).stop:
                break
        alarms += noisy.conclude(design, pairs, LIMIT).verdict in CHANGES
    shape = f"the slowest tenth of one arm's boots fails, at {alpha:g}"
    return Row(shape, "false alarms", experiments, alarms, most=alpha)


def many_comparisons(comparisons: int, alpha: float, experiments: int) -> Row:
    """Several comparisons, all 20% better."""
    rng = np.random.default_rng([7, comparisons])
    shown = 0
    for _ in range(experiments):
        values = np.exp(rng.normal(size=(comparisons, 2, BLOCKS)) * NOISE)
        pairs = [
            Pairs("jobs", "", MORE, ARM, BASELINE, At(f"w{i}"), tuple(1.2 * v[0]), tuple(v[1]))
            for i, v in enumerate(values)
        ]
        shown += noisy.conclude(Design(BLOCKS, alpha), pairs, LIMIT).verdict is Verdict.BETTER
    return Row(f"{comparisons} comparisons at {alpha:g}, 20% better", "better", experiments, shown, least=0.9)


def busy_host(explains: bool, effect: float, adjust: bool, experiments: int) -> Row:
    """A host whose load wanders from boot to boot, and makes a boot slower by 2% a unit of load, or not. Two more
    covariates explain nothing."""
    rng = np.random.default_rng([10, explains, round(1000 * effect)])
    seen = 0
    for seed in range(experiments):
        load = 4 * np.abs(rng.normal(size=2 * BLOCKS).cumsum() / 3 % 2 - 1) + rng.exponential(size=2 * BLOCKS)
        noise = rng.normal(size=2 * BLOCKS) * NOISE / 2 - 0.02 * load * explains
        arm, base = boots_of(noise, effect, seed % SEEDS)
        sign = np.array([1 if arm_first(seed % SEEDS, b) else -1 for b in range(BLOCKS)])
        x = np.stack([(load[::2] - load[1::2]) * sign, rng.exponential(size=BLOCKS) * sign, -sign], axis=1)
        beside = tuple(map(tuple, x.tolist())) if adjust else ()
        seen += run_one(Design(BLOCKS), arm.tolist(), base.tolist(), beside=beside).verdict in CHANGES
    shape = f"time {'follows' if explains else 'ignores'} the host's load, {'' if adjust else 'not '}adjusted for it"
    if effect:
        return Row(shape, f"+{percent(effect)} seen", experiments, seen)
    return Row(shape, "false alarms", experiments, seen, most=0.05)


def detection_limit(blocks: int, experiments: int) -> Row:
    """Runs with so many blocks, whose true difference is the detection limit that another such run reported."""
    rng = np.random.default_rng([8, blocks])
    design = Design(blocks, sequential=False)
    told = seen = 0
    for _ in range(experiments):
        drawn = np.exp(rng.normal(size=(4, blocks)) * NOISE)
        limit = run_one(design, drawn[0].tolist(), drawn[1].tolist()).comparisons[0].detectable
        if limit is not None:
            told += 1
            again = run_one(design, ((1 + limit) * drawn[2]).tolist(), drawn[3].tolist())
            seen += again.verdict is Verdict.BETTER
    return Row(f"the detection limit that {blocks} blocks tell", "seen", max(told, 1), seen, least=0.9)


def hangs(rate: float, experiments: int) -> Row:
    """Equal kernels in 40 blocks of three boots; a boot that hangs is tried again."""
    rng = np.random.default_rng([9, round(1000 * rate)])
    broken = sum(_broken(rng.random((BLOCKS, 3, 2)) < rate) for _ in range(experiments))
    return Row(f"equal kernels that hang in {percent(rate)} of boots", "broken", experiments, broken, most=0.05)


def _broken(hung: NDArray[np.bool_]) -> bool:
    """Whether an arm is broken by chance, by kit.stats.failures on its boots and the baseline's."""
    tries = [[(h[0], h[1]) if h[0] else (h[0],) for h in hung[:, i]] for i in range(3)]
    mine, base = ([h for t in part for h in t] for part in (tries[0], tries[1] + tries[2]))
    never = all(mine) and not any(base)
    return bool(never or (sum(mine) >= 2 and more_often(sum(mine), len(mine), sum(base), len(base)) <= 0.05))


def unplanned(experiments: int) -> Iterator[Row]:
    """All such rows, one after the other, with so many experiments each; a twentieth where each takes a second."""
    yield from (hangs(rate, experiments) for rate in (0.05, 0.1))
    yield from (detection_limit(blocks, experiments) for blocks in (6, 8, 12))
    yield from (slow_start(slow, experiments) for slow in (2, 4, 8))
    yield from (slow_ones_fail(alpha, experiments) for alpha in (0.05, 0.001))
    yield from (busy_host(explains, 0.0, True, experiments) for explains in (True, False))
    yield from (
        busy_host(explains, 0.01, adjust, experiments // 5) for explains in (True, False) for adjust in (True, False)
    )
    yield many_comparisons(9, 0.001, max(10, experiments // 20))


def unplanned_table(rows: Sequence[Row]) -> str:
    """The table of these rows."""
    head = ["shape", "counted", "experiments", "share", "bound", "held"]
    body = [
        [
            *(r.shape, r.counted, f"{r.experiments}", percent(r.count / r.experiments)),
            f"at most {percent(r.most)}" if r.most is not None else f"at least {percent(r.least)}" if r.least else "",
            ("yes" if r.held else "no") if r.most or r.least else "",
        ]
        for r in rows
    ]
    return table([head, *body])


def percent(share: float) -> str:
    return f"{share * 100:.4g}%" if share < 0.001 and share else f"{share * 100:.2f}%".replace(".00%", "%")


def table(rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first row is the head."""
    head, *body = rows
    lines = ["| " + " | ".join(r) + " |" for r in (head, ["---"] * len(head), *body)]
    return "\n".join(lines)


def report(cells: Sequence[Cell], saved: Sequence[Saving], rows: Sequence[Row] = (), note: str = "") -> str:
    """The tables of calibration.md."""
    parts = [
        "# How often verdicts on noisy evidence are right",
        f"Made by `tests/bench/calibration.py`: at most {BLOCKS} blocks, limit"
        f" {percent(LIMIT)}, a boot varies by {percent(NOISE)}; shapes of noise as in its SHAPES. Boots are"
        " those of both arms together.",
        *([note] if note else []),
        "## False alarms: a verdict of better or worse without an effect",
        false_alarms([c for c in cells if c.effect == 0]),
        "## Verdicts, coverage and boots (alpha 0.05)",
        verdicts(cells),
        "The other tools' rules see a difference in so many of the experiments, on 20 boots.",
        "## Shapes that nobody planned for",
        unplanned_table(rows),
        "## Boots saved by looking early (normal noise, alpha 0.05)",
        savings_table(saved),
    ]
    return "\n\n".join(parts) + "\n"


def shares(cell: Cell, counts: Iterable[int]) -> list[str]:
    """Counts of a cell's experiments as percentages."""
    return [percent(count / cell.experiments) for count in counts]


def false_alarms(nulls: Sequence[Cell]) -> str:
    """A row for each cell without an effect."""
    head = ["noise", "alpha", "experiments", "kit", "bound (99.9%)", *nulls[0].others]
    rows = [
        [
            *(c.shape, f"{c.alpha:g}", f"{c.experiments}", *shares(c, [c.alarms])),
            *(percent(at_most(c.alpha, c.experiments)), *shares(c, c.others.values())),
        ]
        for c in nulls
    ]
    return table([head, *rows])


def verdicts(cells: Sequence[Cell]) -> str:
    """A row for each cell at alpha 0.05, by shape and effect."""
    head = ["noise", "effect", "experiments", "better", "worse", "same", "coverage", "boots", *cells[0].others]
    rows = [
        [
            *(c.shape, percent(c.effect), f"{c.experiments}"),
            *shares(c, (c.better, c.worse, c.same, c.covered)),
            *(f"{c.boots / c.experiments:.1f}", *shares(c, c.others.values())),
        ]
        for s in SHAPES
        for c in sorted(cells, key=lambda c: c.effect)
        if c.shape == s and c.alpha == 0.05
    ]
    return table([head, *rows])


def savings_table(saved: Sequence[Saving]) -> str:
    """A row for each effect."""
    head = ["effect", "experiments", "difference", "better", "boots", "fixed design of the same power", "share"]
    rows = [
        [
            *(s.effect, f"{s.experiments}", percent(s.difference), percent(s.power)),
            *(f"{s.sequential:.1f}", f"{s.fixed:.1f}", percent(s.share)),
        ]
        for s in saved
    ]
    return table([head, *rows])


def plot(cells: Sequence[Cell], path: Path) -> None:
    """False alarms, power and boots by shape. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, middle, right) = pyplot.subplots(1, 3, figsize=(15, 4.5))
    shapes = list(dict.fromkeys(c.shape for c in cells))
    nulls = [next(c for c in cells if (c.shape, c.effect, c.alpha) == (s, 0, 0.05)) for s in shapes]
    places = np.arange(len(shapes))
    series = {"kit": [c.alarms / c.experiments for c in nulls]}
    series |= {n: [c.others[n] / c.experiments for c in nulls] for n in nulls[0].others}
    for i, (name, values) in enumerate(series.items()):
        left.bar(places + (i - 2) * 0.16, [100 * v for v in values], 0.16, label=name)
    left.axhline(5, color="black", linewidth=0.8, linestyle="--")
    left.set_xticks(places, shapes, rotation=30, ha="right")
    left.set(title="false alarms, no effect", ylabel="% of experiments", ylim=(0, 50))
    left.legend(fontsize=7)
    for shape in shapes:
        mine = sorted((c for c in cells if c.shape == shape and c.alpha == 0.05), key=lambda c: c.effect)
        effects = [100 * c.effect for c in mine]
        middle.plot(effects, [100 * c.better / c.experiments for c in mine], marker="o", label=shape)
        right.plot(effects, [c.boots / c.experiments for c in mine], marker="o", label=shape)
    middle.set(title="verdict better", xlabel="effect, %", ylabel="% of experiments")
    right.set(title="boots needed", xlabel="effect, %", ylabel="boots of both arms", ylim=(0, None))
    middle.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    """Simulates in portions and keeps what is done: calibration.json is added to until each cell has its experiments;
    then calibration.md and .png are written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=10_000, help="of each cell (default: 10000)")
    parser.add_argument("--portion", type=int, default=1000, help="experiments between two writes (default: 1000)")
    parser.add_argument("--rows", type=int, default=0, help="only the shapes that nobody planned for, so many of each")
    parser.add_argument("--report", action="store_true", help="only write the report of what is done")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    record = options.out / "calibration.json"
    known = json.loads(record.read_text()) if record.exists() else {"cells": [], "savings": []}
    cells = {(c.shape, c.effect, c.alpha): c for c in (Cell(**c) for c in known["cells"])}
    if options.rows:
        before = {(r["shape"], r["counted"]): r for r in known.get("rows", ())}
        for new in unplanned(options.rows):
            before[new.shape, new.counted] = asdict(new)
            known["rows"] = list(before.values())
            _write(record, cells, known)
    elif not options.report:
        simulate(cells, options.experiments, options.portion, lambda: _write(record, cells, known))
        known["savings"] = known["savings"] or [asdict(s) for s in savings(options.experiments)]
        _write(record, cells, known)
    saved = [Saving(**s) for s in known["savings"]]
    rows = [Row(**r) for r in known.get("rows", ())]
    (options.out / "calibration.md").write_text(report(list(cells.values()), saved, rows, known.get("note", "")))
    plot(list(cells.values()), options.out / "calibration.png")


def simulate(cells: dict[Key, Cell], experiments: int, portion: int, keep: Callable[[], None]) -> None:
    """Adds portions in turn until every cell has its experiments, those of false alarms first."""
    alarms = [[(s, 0.0, a) for s in SHAPES] for a in (0.05, 0.001)]
    for group in (*alarms, [(s, e, 0.05) for e in EFFECTS[1:] for s in SHAPES]):
        for done in range(0, experiments, portion):
            for key in (k for k in group if k not in cells or cells[k].experiments <= done):
                shape, effect, alpha = key
                new = cell(shape, effect, Design(BLOCKS, alpha), min(portion, experiments - done), seed=done)
                cells[key] = cells[key] + new if key in cells else new
                keep()


def _write(record: Path, cells: Mapping[Key, Cell], known: Mapping[str, Any]) -> None:
    written = {**known, "cells": [asdict(c) for c in cells.values()]}
    record.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
