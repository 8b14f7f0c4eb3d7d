"""Counts that scatter: what every boot counted in, the comparisons with the statistics of boots out; when to stop.

Two boots of each arm decide only what is exact: they agree to the digit, and not by luck (kit.stats.luck); or what the
model says too: all boots lie within its intervals, and its counts alone say the same. All else goes the way of `time`
(kit.stats.noisy): blocks in balanced order, looks on the way, one level for all comparisons.

A block is evidence if its boots were done together. The first PILOT blocks may not be: the baseline boots while the
arm's kernel is still built, or comes from the cache. Their values show whether counts are exact; blocks after them are
never taken from the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kit.base.words import percent
from kit.records import Boot, Comparison, Experiment, Verdict
from kit.stats.counts import judge_by_extremes
from kit.stats.design import Design
from kit.stats.luck import luck
from kit.stats.noisy import Decision, conclude, decide
from kit.stats.paired import Pairs

PILOT = 2  # blocks that show whether counts are exact
SURE = 0.01  # the chance that agreement by luck makes any comparison of a run look exact
HALF = 0.5  # of a count: added to all boots of a comparison in which one counts none, whose logarithm there is not

Value = Callable[[Boot], float | None]


@dataclass(frozen=True)
class Counts:
    """A comparison by extremes, and what it is made of: the value of a boot (None where it has none), the smallest
    `step` between two values (1 of a count), whether the boots of each arm are `alike`, by how many steps the means
    differ, and what the model alone says, where every boot is as it predicts."""

    comparison: Comparison
    value: Value
    alike: bool
    gap: float
    step: float = 1.0
    model: Verdict | None = None
    steady: bool = False  # the model knows nothing there that could scatter


def settled(c: Counts, limit: float, of: int) -> bool:
    """Whether the extremes of its boots decide a comparison, one `of` so many."""
    found, said = c.comparison, judge_by_extremes(c.comparison, limit)
    if c.model is not None and said is c.model:
        return True
    by_luck = luck(found.n, found.baseline_n, round(c.gap, 3)) * of
    return c.alike and (said is Verdict.SAME or c.steady or by_luck <= SURE)


def judged(exp: Experiment, counts: Sequence[Counts], done: Sequence[Boot]) -> list[Comparison]:
    """The comparisons; of those that scatter with interval, p, detection limit and a verdict of their own."""
    loose = [c for c in counts if not settled(c, exp.limit, len(counts))]
    pairs = [_pairs(c, exp, done) for c in loose]
    known = [p for p in pairs if p.blocks]
    design = design_of(exp)
    last = not decide(design, known, exp.limit).stop if known else True
    found = iter(conclude(design, known, exp.limit, last=last).comparisons if known else ())
    said = {id(c): _said(c.comparison, next(found) if p.blocks else None) for c, p in zip(loose, pairs, strict=True)}
    return [said.get(id(c), c.comparison) for c in counts]


def _said(c: Comparison, found: Comparison | None) -> Comparison:
    if found is None:  # nothing that can be paired, or below zero, where there are no ratios
        return replace(c, exact=False, said=Verdict.INCONCLUSIVE, low=None, high=None, p=1.0)
    keep = {name: getattr(found, name) for name in ("ratio", "low", "high", "p", "detectable", "said")}
    return replace(c, exact=False, pairs=found.n, **keep)


def decision(exp: Experiment, counts: Sequence[Counts], done: Sequence[Boot]) -> Decision:
    """Whether more blocks are wanted, and on which machines: those where anything scatters."""
    loose = [c for c in counts if not settled(c, exp.limit, len(counts))]
    exact = [judge_by_extremes(c.comparison, exp.limit) for c in counts if c not in loose]
    if not loose:
        return Decision(True, "every count is exact, or as predicted", len(counts), len(counts))
    if Verdict.WORSE in exact:
        return Decision(True, "decided by counts that are exact", len(exact), len(counts))
    pairs = [_pairs(c, exp, done) for c in loose]
    machines = tuple(sorted({c.comparison.at.cpus for c in loose if c.comparison.at.cpus is not None}))
    found = decide(design_of(exp), pairs, exp.limit)
    why = f"{found.why} ({len(loose)} of {len(counts)} comparisons scatter)"
    return replace(found, why=why, machines=machines)


def scattered(exp: Experiment, loose: Sequence[Comparison]) -> str:
    """How many blocks, and how sure, in a few words."""
    least, most = min(c.pairs or 0 for c in loose), max(c.pairs or 0 for c in loose)
    blocks_done = str(most) if least == most else f"{least} to {most}"
    looks = " and all looks" if exp.sequential else ""
    all_of = f" for all {len(loose)} comparisons (Holm)" if len(loose) > 1 else ""
    return f"{blocks_done} blocks: false alarms at most {percent(exp.alpha)}{all_of}{looks}"


def design_of(exp: Experiment) -> Design:
    """As many blocks as the experiment allows."""
    return Design(exp.blocks, exp.alpha, exp.sequential)


def _pairs(c: Counts, exp: Experiment, done: Sequence[Boot]) -> Pairs:
    """The values by block, those above 0; none where any is below."""
    found = c.comparison
    mine = [b for b in done if b.cpus == found.at.cpus and b.arm in (found.arm, found.baseline)]
    both = [(c.value(a), c.value(b)) for a, b in blocks(mine, done, found.arm, found.baseline)]
    values = [(a, b) for a, b in both if a is not None and b is not None]
    least = min((v for pair in values for v in pair), default=0.0)
    shift = 0.0 if least > 0 else HALF * c.step
    arm, base = ([v[i] + shift for v in values] if least >= 0 else [] for i in (0, 1))
    return Pairs(
        found.metric, found.unit, found.direction, found.arm, found.baseline, found.at, tuple(arm), tuple(base)
    )


def blocks(mine: Sequence[Boot], done: Sequence[Boot], arm: str, baseline: str) -> list[tuple[Boot, Boot]]:
    """The boots of the arm and of the baseline in each block that is evidence, of those in `mine`."""
    by = {(b.arm, b.repeat): b for b in mine}
    numbers = sorted({n for name, n in by if name == arm and (baseline, n) in by})
    both = [(by[arm, n], by[baseline, n]) for n in numbers]
    return [(a, b) for a, b in both if a.repeat >= PILOT or (a.reused == b.reused and _together(a.repeat, done))]


def _together(block: int, done: Sequence[Boot]) -> bool:
    """Whether nothing of another block was booted between the boots of a block."""
    places = [i for i, b in enumerate(done) if b.repeat == block]
    return places[-1] - places[0] + 1 == len(places)
