"""Counts that scatter: the counts of all boots in; comparisons by statistics over boots, and when to stop, out.

Two boots of each arm decide a comparison in two cases only. Either it is exact: the boots agree to the digit, and not
by luck (kit.stats.luck). Or the model confirms it: all boots lie within its intervals, and its counts alone give the
same verdict. All other comparisons are treated like `time` (kit.stats.noisy): blocks in balanced order, sequential
looks, one level for all comparisons together.

A block counts as evidence only if its boots were done together. The first PILOT blocks may not be: the baseline boots
while the arm's kernel is still being built, or its boot comes from the cache. They show whether counts are exact. Later
blocks are never taken from the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kit.base.words import percent
from kit.records import Boot, Comparison, Experiment, Verdict
from kit.stats.counts import judge_by_extremes
from kit.stats.design import Design
from kit.stats.luck import SURE, luck
from kit.stats.noisy import Decision, conclude, decide
from kit.stats.paired import Pairs

PILOT = 2  # blocks that show whether counts are exact
HALF = 0.5  # steps: added to all values of a comparison that has a zero, which has no logarithm

Value = Callable[[Boot], float | None]


@dataclass(frozen=True)
class Counts:
    """A comparison by extremes, and its data. `value`: a boot's value, None if it has none; `alike`: all boots of each
    arm give the same; `gap`: the difference of the means in steps; `step`: the smallest difference between two values
    (1 for a count); `model`: the verdict of the model alone, if every boot is as predicted."""

    comparison: Comparison
    value: Value
    alike: bool
    gap: float
    step: float = 1.0
    model: Verdict | None = None
    steady: bool = False  # the model predicts exact counts


def settled(c: Counts, limit: float, of: int) -> bool:
    """Whether a comparison is decided by the extremes of its boots. `of`: the number of comparisons."""
    found, said = c.comparison, judge_by_extremes(c.comparison, limit)
    if c.model is not None and said is c.model:
        return True
    by_luck = luck(found.n, found.baseline_n, round(c.gap, 3)) * of
    return c.alike and (said is Verdict.SAME or c.steady or by_luck <= SURE)


def judged(exp: Experiment, counts: Sequence[Counts], done: Sequence[Boot]) -> list[Comparison]:
    """The comparisons. Those that scatter get an interval, p, a detection limit and a verdict of their own."""
    loose = [c for c in counts if not settled(c, exp.limit, len(counts))]
    pairs = [_pairs(c, exp, done) for c in loose]
    known = [p for p in pairs if p.blocks]
    design = design_of(exp)
    last = not decide(design, known, exp.limit).stop if known else True
    found = iter(conclude(design, known, exp.limit, last=last).comparisons if known else ())
    said = {id(c): _said(c.comparison, next(found) if p.blocks else None) for c, p in zip(loose, pairs, strict=True)}
    return [said.get(id(c), c.comparison) for c in counts]


def _said(c: Comparison, found: Comparison | None) -> Comparison:
    if found is None:  # there are no pairs, or a value is negative and has no ratio
        return replace(c, exact=False, said=Verdict.INCONCLUSIVE, low=None, high=None, p=1.0)
    keep = {name: getattr(found, name) for name in ("ratio", "low", "high", "p", "detectable", "said")}
    return replace(c, exact=False, pairs=found.n, **keep)


def decision(exp: Experiment, counts: Sequence[Counts], done: Sequence[Boot]) -> Decision:
    """Whether more blocks are wanted, and on which machines: those where a comparison scatters."""
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
    """The number of blocks and the level, in a few words."""
    least, most = min(c.pairs or 0 for c in loose), max(c.pairs or 0 for c in loose)
    blocks_done = str(most) if least == most else f"{least} to {most}"
    looks = " and all looks" if exp.sequential else ""
    all_of = f" for all {len(loose)} comparisons (Holm)" if len(loose) > 1 else ""
    return f"{blocks_done} blocks: false alarms at most {percent(exp.alpha)}{all_of}{looks}"


def design_of(exp: Experiment) -> Design:
    """The design: as many blocks as the experiment allows."""
    return Design(exp.blocks, exp.alpha, exp.sequential)


def _pairs(c: Counts, exp: Experiment, done: Sequence[Boot]) -> Pairs:
    """The values by block, shifted by half a step if there is a zero; none if any is negative."""
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
    """For each block that counts as evidence, its boots of the arm and of the baseline, among those in `mine`."""
    by = {(b.arm, b.repeat): b for b in mine}
    numbers = sorted({n for name, n in by if name == arm and (baseline, n) in by})
    both = [(by[arm, n], by[baseline, n]) for n in numbers]
    return [(a, b) for a, b in both if a.repeat >= PILOT or (a.reused == b.reused and _together(a.repeat, done))]


def _together(block: int, done: Sequence[Boot]) -> bool:
    """Whether no boot of another block was done between the boots of this one."""
    places = [i for i, b in enumerate(done) if b.repeat == block]
    return places[-1] - places[0] + 1 == len(places)
