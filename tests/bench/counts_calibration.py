"""How often verdicts on counts that scatter are right: simulated boots in, the tables of counts_calibration.md out.

`counts_calibration.py [--experiments N] [--runs N]`: N experiments of each row of the ranking, and N whole runs of
counts that scatter (a fifth for most rows), with the functions that `kit run` calls (kit.stats.classes;
kit.evidence.scatter, which asks for blocks and judges). Bounds are those of calibration.py.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kit.evidence import scatter
from kit.evidence.nearline import MORE
from kit.evidence.ranking import ROWS
from kit.evidence.scatter import PILOT
from kit.records import At, Verdict
from kit.stats.classes import Floats, Machine, near
from kit.stats.classes import compare as compare_classes
from kit.stats.counts import Counted, compare, judge_all
from tests.bench.calibration import at_most, percent, table
from tests.stats.test_classes import machine

CHANGES = (Verdict.BETTER, Verdict.WORSE)
ROWS_OF = [(100, 2, 1), (300, 2, 1), (100, 2, 10), (300, 2, 10), (100, 8, 10), (100, 12, 10), (100, 16, 10)]
NEAR_OF = [(0.0, 1), (0.2, 1), (0.5, 1), (0.0, 3), (0.2, 3)]  # effect, machines
RUNS_OF = [(15, 0.1, 0.0), (15, 0.03, 0.0), (3, 0.1, 0.0), (15, 0.03, 0.1)]


def ranking(experiments: int) -> Iterator[list[str]]:
    """For classes, boots and scatter: the share of runs with a false row where no class differs; and where one of 1,000
    has 20% more, the share of false rows (Benjamini and Hochberg's rate) and of runs that detect it."""
    for classes, boots, over in ROWS_OF:
        equal = [compare_classes([machine(n, over, boots, classes, 0.0)]) for n in range(experiments)]
        false = percent(sum(bool((f.q <= ROWS).any()) for f in equal) / experiments)
        found = [compare_classes([machine(n, over, boots, classes, 0.2)]) for n in range(experiments)]
        wrong = np.array([(f.q[1:] <= ROWS).sum() / max(1, (f.q <= ROWS).sum()) for f in found])
        most = ROWS + 3.09 * float(wrong.std()) / experiments**0.5
        seen = percent(sum(bool(f.q[0] <= ROWS) for f in found) / experiments)
        limit = percent(float(np.median([f.detectable(1000, ROWS) for f in found])))
        bounds = [false, percent(at_most(ROWS, experiments)), percent(float(wrong.mean())), percent(most)]
        yield [str(classes), f"{boots} + {boots}", str(over), str(experiments), *bounds, seen, limit]


def asked_again(experiments: int) -> Iterator[list[str]]:
    """For effect and machines: two boots of each arm, and kit's rule, which boots more if a class is near the line."""
    for effect, machines in NEAR_OF:
        found = [_near(effect, machines, n) for n in range(experiments)]
        once, more = ([f[i] for f in found] for i in (0, 1))
        false = [percent(sum(bool((q[1:] <= ROWS).any()) for q in qs) / experiments) for qs in (once, more)]
        seen = [percent(sum(bool(q[0] <= ROWS) for q in qs) / experiments) if effect else "–" for qs in (once, more)]
        again = percent(sum(f[2] for f in found) / experiments)
        yield [percent(effect), str(machines), str(experiments), *false, *seen, again]


def _near(effect: float, machines: int, seed: int) -> tuple[Floats, Floats, bool]:
    """By class the share of false rows at which it is reported, after two boots of each arm and at the end; and whether
    more boots were done."""
    boots = PILOT + ceil(MORE / machines)
    whole = [machine(seed * machines + n, 10, boots, 100, effect) for n in range(machines)]
    once = compare_classes([Machine(m.arm[:, :PILOT], m.base[:, :PILOT]) for m in whole]).q
    again = bool(near(once, ROWS).any())
    return once, compare_classes(whole).q if again else once, again


def scattered(runs: int) -> Iterator[list[str]]:
    """For comparisons, scatter and effect: whole runs judged by the extremes of two boots, and by kit's rule. The first
    row has so many runs, each other a fifth."""
    for number, (comparisons, spread, effect) in enumerate(RUNS_OF):
        experiments = max(1, runs // 5) if number else runs
        found = [_run(comparisons, spread, effect, n) for n in range(experiments)]
        old, new = (sum(f[i] in CHANGES for f in found) / experiments for i in (0, 1))
        blocks = sum(f[2] for f in found) / experiments
        row = [str(comparisons), percent(spread), percent(effect), str(experiments), percent(old), percent(new)]
        yield [*row, percent(at_most(0.05, experiments)), f"{blocks:.1f}"]


def _run(comparisons: int, spread: float, effect: float, seed: int) -> tuple[Verdict, Verdict, int]:
    """(verdict by the extremes of two boots, by kit, number of blocks) of one run on one machine."""
    draw = np.random.default_rng([seed, comparisons, round(spread * 1000), round(effect * 1000)])
    exp: Any = SimpleNamespace(blocks=40, alpha=0.05, sequential=True, limit=0.01)
    arms = {"base": 1000.0, "new": 1000 * (1 + effect)}
    values = {a: np.round(draw.normal(m, m * spread, (exp.blocks, comparisons))) for a, m in arms.items()}
    boots: list[Any] = []
    for block in range(exp.blocks):
        boots += [SimpleNamespace(arm=arm, cpus=1, repeat=block, reused="") for arm in arms]
        if block + 1 not in (scatter.PILOT, *scatter.design_of(exp).look_at):  # nothing ends between two looks
            continue
        counts = [_counts(values, n, block + 1) for n in range(comparisons)]
        if block + 1 == scatter.PILOT:
            old = judge_all([c.comparison for c in counts], exp.limit)
        if scatter.decision(exp, counts, boots).stop:
            break
    said = scatter.judged(exp, counts, boots)
    return old, judge_all(said, exp.limit), block + 1


def _counts(values: dict[str, Any], place: int, blocks: int) -> scatter.Counts:
    mine, base = (tuple(int(v) for v in values[arm][:blocks, place]) for arm in ("new", "base"))
    found = compare(At("sim", cpus=1, lock="lock"), "new", Counted(mine), "base", Counted(base), 1, "job")
    alike = len(set(mine)) == len(set(base)) == 1
    gap = abs(float(np.mean(mine) - np.mean(base)))
    return scatter.Counts(found, lambda b: float(values[b.arm][b.repeat, place]), alike, gap)


def tables(experiments: int, runs: int) -> Iterator[tuple[str, list[str], Iterator[list[str]]]]:
    """(title, head, rows) of each table."""
    rows = [
        "classes",
        "boots",
        "variance / mean",
        "experiments",
        "runs with a false row, none differs",
        "bound (99.9%)",
    ]
    rows += ["false rows, one differs", "bound (99.9%)", "+20% of 1,000 seen", "detection limit"]
    yield f"Lock classes that nobody named: rows beyond noise (at {percent(ROWS)})", rows, ranking(experiments)
    again = ["effect in a class of 1,000", "machines", "experiments", "with a false row: 2 + 2 boots", "kit"]
    again += ["effect seen: 2 + 2 boots", "kit", "booted more"]
    title = "Boots more where a class stands near the line (100 classes, variance ten times the mean)"
    yield title, again, asked_again(experiments)
    counts = ["comparisons", "scatter", "effect", "runs", "two boots' extremes", "kit", "bound (99.9%)", "blocks"]
    title = "Named counts: a verdict of better or worse (alpha 0.05, at most 40 blocks, limit 1%)"
    yield title, counts, scattered(runs)


def main() -> None:
    """Writes counts_calibration.md, anew after each row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=10_000, help="of each row of the ranking")
    parser.add_argument("--runs", type=int, default=10_000, help="of the first row of named counts")
    options = parser.parse_args()
    text = "# How often verdicts on counts that scatter are right\n\nMade by `tests/bench/counts_calibration.py`.\n"
    for title, head, rows in tables(options.experiments, options.runs):
        done = [head]
        for row in rows:
            done.append(row)
            written = f"{text}\n## {title}\n\n{table(done)}\n"
            (Path(__file__).parent / "counts_calibration.md").write_text(written)
        text = written


if __name__ == "__main__":
    main()
