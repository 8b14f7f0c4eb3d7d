"""Boots that did not finish: whether an arm has more of them than chance explains, by place. Pure.

The rule is in kit.stats.attribution.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.records import Boot, Experiment, Outcome
from kit.stats.fisher import more_often

TWICE = 2
OFTEN = 0.1  # the highest rate of chance failures: two hangs in a row then come by chance in 1% of cases
MOST = 10  # tries of an arm, and of the baseline, for a failure that does not come every time
INFRASTRUCTURE = (Outcome.QEMU_DIED, Outcome.QEMU_REFUSED)  # the machine's failures are nobody's regression


def comparisons_of(exp: Experiment) -> int:
    """The number of comparisons of failures (arms times places), at most: each could be broken by chance."""
    kinds = sum(kind != "model" for kind in exp.evidence)
    return max(1, (len(exp.arms) - 1) * len(exp.cpus) * kinds)


def tries_wanted(exp: Experiment) -> int:
    """How many hangs in a row break an arm, so that chance hangs do so in fewer than alpha of all runs."""
    return max(TWICE, math.ceil(math.log(exp.alpha / comparisons_of(exp), OFTEN) - 1e-9))


@dataclass(frozen=True)
class Cell:
    """The boots of an arm in one kind of evidence on one number of vCPUs, and those of the baseline's kernel there."""

    arm: str
    mine: tuple[Boot, ...]
    base: tuple[Boot, ...]

    @property
    def stuck(self) -> list[list[Boot]]:
        """The tries of each planned boot that never succeeded, in the order of the first tries."""
        return [tries for tries in _planned(self.mine) if all(b.outcome is not Outcome.OK for b in tries)]

    @property
    def mostly_stuck(self) -> bool:
        """Whether half of the planned boots or more never succeeded."""
        return 2 * len(self.stuck) >= len(_planned(self.mine))

    @property
    def failed(self) -> list[Boot]:
        """The tries that failed in the guest."""
        return [b for b in self.mine if _failed(b)]

    @property
    def base_failed(self) -> int:
        """The number of tries of the baseline's kernel that failed."""
        return sum(map(_failed, self.base))

    @property
    def never(self) -> bool:
        """Whether every try failed while every try of the baseline succeeded."""
        sound = any(b.outcome is Outcome.OK for b in self.base) and not self.base_failed
        return sound and len(self.failed) == len(self.mine)

    @property
    def p(self) -> float:
        """The p of Fisher's test that the arm fails more often."""
        return more_often(len(self.failed), len(self.mine), self.base_failed, len(self.base))

    def broken(self, exp: Experiment) -> bool:
        """Whether the arm is broken, by the rule's rows about boots that did not finish."""
        hangs = all(b.outcome is Outcome.HANG for b in self.failed)
        if self.never and len(self.failed) >= (tries_wanted(exp) if hangs else TWICE):
            return True
        return len(self.failed) >= TWICE and self.p <= level(exp)


def level(exp: Experiment) -> float:
    """The level of each comparison of failures."""
    return exp.alpha / comparisons_of(exp)


def _failed(boot: Boot) -> bool:
    return boot.outcome is not Outcome.OK and boot.outcome not in INFRASTRUCTURE


def _planned(boots: Sequence[Boot]) -> list[list[Boot]]:
    """The tries, grouped by planned boot."""
    tried: dict[tuple[str, str], list[Boot]] = {}
    for boot in boots:
        tried.setdefault((boot.key, boot.arm), []).append(boot)
    return list(tried.values())


def of_baseline(exp: Experiment, done: Sequence[Boot], arm: str = "") -> list[Boot]:
    """The boots of the baseline's kernel under any arm's name, but without those of `arm`."""
    keys = {b.kernel_key for b in done if b.arm == exp.baseline}
    return [b for b in done if b.arm == exp.baseline or (b.arm != arm and b.kernel_key in keys)]


def cells(exp: Experiment, done: Sequence[Boot]) -> Iterator[Cell]:
    """The cells of every arm: for each kind of evidence and number of vCPUs with any boot."""
    for cpus in exp.cpus:
        here = [b for b in done if b.cpus == cpus]
        for kind in dict.fromkeys(b.evidence for b in here):
            boots = [b for b in here if b.evidence == kind]
            for arm in exp.arms:
                mine = tuple(b for b in boots if b.arm == arm.name)
                yield Cell(arm.name, mine, tuple(of_baseline(exp, boots, arm.name)))


def undecided(exp: Experiment, done: Sequence[Boot]) -> list[tuple[str, Boot]]:
    """(arm, boot) for each failure that came in every try of one planned boot but not in others. Repeating that boot,
    for the arm and the baseline, can still decide. Empty if many boots are planned anyway."""
    out = []
    for cell in cells(exp, done):
        few = len(_planned(cell.mine)) <= MOST and len(cell.mine) < MOST
        if cell.arm == exp.baseline or not (cell.stuck and few and len(cell.failed) < len(cell.mine)):
            continue
        failed, base_failed = len(cell.failed), cell.base_failed
        hope = more_often(failed + MOST - len(cell.mine), MOST, base_failed, max(MOST, len(cell.base)))
        if failed and cell.p > level(exp) >= hope:
            out.append((cell.arm, cell.stuck[0][0]))
    return out


def given_up(exp: Experiment, done: Sequence[Boot]) -> frozenset[tuple[str, int, str]]:
    """(arm, vCPUs, kind of evidence) where the arm is broken and never finished: more boots would tell nothing."""
    found = (c for c in cells(exp, done) if c.arm != exp.baseline and c.never and c.broken(exp))
    return frozenset((c.arm, c.mine[0].cpus, c.mine[0].evidence) for c in found)
