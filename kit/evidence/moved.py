"""Locks that the experiment does not name: ranked classes in; their comparisons, their effect on the verdict, and a
clause about them, out.

| for one arm, the first that holds | verdict |
| --- | --- |
| a named lock is taken by one of the two arms only, and a class by the other only | inconclusive |
| a named lock is worse | worse |
| classes differ exactly in both directions, or in the other than the named locks do | inconclusive |
| classes are taken more often, exactly | worse |
| classes are taken less often, exactly | better |
| the named locks are the same, and a class differs beyond noise | inconclusive |
| otherwise | what the named locks say |

A class that was renamed, or split in two, shows as one that is gone and one that is new: both directions. For named
locks this is checked even without a ranking (`locks` without "*").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kit.base.words import join, number, several
from kit.evidence.locks import EVERY, classes, named
from kit.evidence.ranking import Exactly, Ranked, Ranking
from kit.records import Comparison, Experiment, Verdict
from kit.stats.combine import combined
from kit.stats.counts import Counted, compare, judge_all
from kit.workload.catalog import make_loads

SAID = 4  # classes named in a sentence


@dataclass(frozen=True)
class Moved:
    """`comparisons`: of classes that differ exactly; `verdict` of the kind; `said`: a clause about what contradicts it,
    or empty."""

    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    said: str


def moved(exp: Experiment, comparisons: Sequence[Comparison], ranking: Ranking) -> Moved:
    """What the ranking adds to the comparisons of the named locks, whose own classes are left out of it."""
    own = {name for lock in named(exp.locks) for name in classes(lock)}
    every = EVERY in exp.locks
    found = tuple(c for e in ranking.exact if every and e.name not in own for c in _compared(exp, e))
    verdicts, against = [], []
    for arm in (a.name for a in exp.arms if a.name != exp.baseline):
        mine = [c for c in comparisons if c.arm == arm]
        rows = [r for r in ranking.rows if r.arm == arm and r.name not in own and (every or r.one_sided)]
        if mine or rows:
            said = judge_all(mine, exp.limit)
            instead = one_sided(mine) and any(r.one_sided and r.up is (said is Verdict.BETTER) for r in rows)
            verdicts.append(Verdict.INCONCLUSIVE if instead else _verdict(said, rows if every else []))
            against.append(_against(arm, said, verdicts[-1], rows) if every or instead else "")
    return Moved(found, combined(verdicts), "; ".join(filter(None, against)))


def one_sided(comparisons: Sequence[Comparison]) -> bool:
    """Whether a named lock is taken by only one of the two arms in all comparisons."""
    taken: dict[tuple[str | None, str], tuple[bool, bool]] = {}
    for c in comparisons:
        if c.at.lock:
            mine, base = taken.get((c.at.lock, c.arm), (False, False))
            taken[c.at.lock, c.arm] = (mine or c.arm_value > 0, base or c.baseline_value > 0)
    return any(mine != base for mine, base in taken.values())


def _compared(exp: Experiment, e: Exactly) -> Iterator[Comparison]:
    """A comparison for each machine, in the window that shows the difference best."""
    info = next((i for load in make_loads(exp.workloads, exp.seed) for i in load.windows if i.name == e.window), None)
    for cpus, (mine, base) in e.counts.items() if info else ():
        at = replace(info.at, cpus=cpus, lock=e.name) if info else None
        if info and at:
            arms = e.arm, Counted(tuple(mine)), exp.baseline, Counted(tuple(base))
            yield compare(at, *arms, info.jobs, info.unit)


def _verdict(said: Verdict, rows: Sequence[Ranked]) -> Verdict:
    """The table above, of one arm."""
    ways = {r.up for r in rows if r.exact}
    if said is Verdict.WORSE:
        return said
    if len(ways) > 1 or (said is Verdict.BETTER and True in ways):
        return Verdict.INCONCLUSIVE
    if ways:
        return Verdict.WORSE if True in ways else Verdict.BETTER
    return Verdict.INCONCLUSIVE if said is Verdict.SAME and rows else said


def _against(arm: str, said: Verdict, verdict: Verdict, rows: Sequence[Ranked]) -> str:
    """What contradicts an arm's verdict: all that moved if it is inconclusive, else what went the other way."""
    wanted = {Verdict.WORSE: True, Verdict.BETTER: False}.get(verdict)
    other = [r for r in rows if r.up is not wanted]
    exact, noisy = [r for r in other if r.exact], [r for r in other if not r.exact]
    parts = [f"{_moves(exact)} (exact)"] if exact else []
    parts += [f"{_moves(noisy)} (beyond noise)"] if noisy else []
    if not parts:
        return ""
    head = f"{arm} is {said} by the named locks, but it" if said in (Verdict.BETTER, Verdict.WORSE) else arm
    return f"{head} moves locks that nobody named: {'; '.join(parts)}{_renamed(exact)}"


def _moves(rows: Sequence[Ranked]) -> str:
    """`a 0 → 100 and b 20 → 10 acquisitions a boot`; a long list is cut."""
    names = [f"{r.name} {number(r.baseline_mean)} → {number(r.arm_mean)}" for r in rows[:SAID]]
    rest = [several(len(rows) - SAID, "class", "classes")] if len(rows) > SAID else []
    return f"{join(names + rest)} acquisitions a boot"


def _renamed(exact: Sequence[Ranked]) -> str:
    gone = [r.name for r in exact if not r.arm_mean]
    new = [r.name for r in exact if not r.baseline_mean]
    return f"; {join(gone)} gone and {join(new)} new may be a lock renamed or split" if gone and new else ""
