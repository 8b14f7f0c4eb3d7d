"""When kernel and model disagree: which function of the arm would explain the counts."""

from __future__ import annotations

from collections.abc import Sequence

from kit.evidence.locks import acquisitions
from kit.model.suspects import suspects
from kit.records import Boot, Experiment, Suspected
from kit.workload.catalog import make_loads


def blame(exp: Experiment, done: Sequence[Boot], arm: str, lock: str) -> list[Suspected]:
    """Functions that would explain all counts of a worker if they behaved as in another kernel generation.

    One for each worker and function. `done`: the good boots.
    """
    profile = exp.arm(arm).profile
    boot = min((b for b in done if b.arm == arm and b.results), key=lambda b: (b.cpus, b.order), default=None)
    if profile is None or boot is None or boot.results is None:
        return []
    measured = {w.name: acquisitions(w, lock) for w in boot.results.windows}
    rows: list[Suspected] = []
    for load in make_loads(exp.workloads, exp.seed):
        mine = {w.name: measured[w.name] for w in load.windows if w.name in measured}
        found = suspects(load.program, boot.results.layouts.get(load.name, ()), profile, mine)
        rows += [Suspected(arm, load.name, s.cell, s.like) for s in found]
    return rows
