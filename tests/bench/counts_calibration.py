"""How often verdicts on counts that scatter are right: simulated boots in, the tables of counts_calibration.md out.

`counts_calibration.py [--experiments N] [--runs N]`: N experiments of each row of the ranking, and N whole runs of
counts that scatter, with the functions that `kit run` calls (kit.stats.classes; kit.evidence.scatter, which asks for
blocks and judges). Bounds are those of calibration.py.
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
    """For classes, boots and scatter: the share of runs with a false row, and of those that detect 20% more in a class
    of 1,000."""
    for classes, boots, over in ROWS_OF:
        found = [compare_classes([machine(n, over, boots, classes, 0.2)]) for n in range(experiments)]
        false = sum(bool((f.q[1:] <= ROWS).any()) for f in found)
        seen = sum(bool(f.q[0] <= ROWS) for f in found)
        limit = float(np.median([f.detectable(1000, ROWS) for f in found]))
        shares = percent(false / experiments), percent(at_most(ROWS, experiments)), percent(seen / experiments)
        yield [str(classes), f"{boots} + {boots}", str(over), str(experiments), *shares, percent(limit)]


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


def scattered(experiments: int) -> Iterator[list[str]]:
    """For comparisons, scatter and effect: whole runs judged by the extremes of two boots, and by kit's rule."""
    for comparisons, spread, effect in RUNS_OF:
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
        if block + 1 < scatter.PILOT:
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


def report(experiments: int, runs: int) -> str:
    """The tables."""
    rows = ["classes", "boots", "variance / mean", "experiments", "with a false row", "bound (99.9%)"]
    rows += ["+20% of 1,000 seen", "detection limit"]
    again = ["effect in a class of 1,000", "machines", "experiments", "with a false row: 2 + 2 boots", "kit"]
    again += ["effect seen: 2 + 2 boots", "kit", "booted more"]
    counts = ["comparisons", "scatter", "effect", "runs", "two boots' extremes", "kit", "bound (99.9%)", "blocks"]
    parts = [
        "# How often verdicts on counts that scatter are right",
        "Made by `tests/bench/counts_calibration.py`.",
        f"## Lock classes that nobody named: rows beyond noise (at {percent(ROWS)})",
        table([rows, *ranking(experiments)]),
        "## Boots more where a class stands near the line (100 classes, variance ten times the mean)",
        table([again, *asked_again(experiments)]),
        "## Named counts: a verdict of better or worse (alpha 0.05, at most 40 blocks, limit 1%)",
        table([counts, *scattered(runs)]),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Writes counts_calibration.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=10_000, help="of each row of the ranking")
    parser.add_argument("--runs", type=int, default=1000, help="of each row of named counts")
    options = parser.parse_args()
    text = report(options.experiments, options.runs)
    (Path(__file__).parent / "counts_calibration.md").write_text(text)


if __name__ == "__main__":
    main()
