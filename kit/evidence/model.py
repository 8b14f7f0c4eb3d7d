"""`model` evidence: what the reference model predicts for every arm that declares a profile. It needs no boot.

If a boot has shown the VMAs that a process starts with, they are counted too; else only the regions that its program
maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kit.base.words import several
from kit.evidence.locks import classes, named
from kit.evidence.predictions import layouts_of, predict_arm
from kit.evidence.request import Site
from kit.evidence.rules import by_arm, details, notes
from kit.model.predict import Prediction
from kit.records import LESS, Boot, BootSpec, Comparison, Experiment, KindVerdict, Verdict
from kit.stats.counts import judge_all, ratio_of
from kit.workload.catalog import make_loads
from kit.workload.load import WindowInfo

KIND = "model"


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """None: a prediction needs no kernel."""
    return []


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares predicted acquisitions, arm against baseline, where both have a profile and the model covers the window.

    Rules that an arm's profile (declared, or read from its patch) breaks become notes, which decide nothing.
    """
    counted, known = _counts(exp, done), by_arm(exp)
    said = notes(known, exp.baseline)
    return replace(counted, why="; ".join((counted.why, *said)), notes=said, details={"rules": details(known)})


def _counts(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    if exp.arm(exp.baseline).profile is None:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "the baseline declares no profile")
    layouts = layouts_of(done)
    predicted = {a.name: predict_arm(exp, a.profile, layouts.by_worker) for a in exp.arms if a.profile}
    comparisons: list[Comparison] = []
    for load in make_loads(exp.workloads, exp.seed):
        for info in load.windows:
            base = predicted[exp.baseline].get(info.name)
            for arm in predicted:
                mine = predicted[arm].get(info.name)
                if arm != exp.baseline and isinstance(mine, Prediction) and isinstance(base, Prediction):
                    comparisons += _comparisons(exp, info, arm, mine, base)
    if not comparisons:
        why = "no arm beside the baseline has a profile, or no window is covered"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why)
    basis = "the layout of the guest's own processes" if layouts.measured else "the programs' own regions only"
    why = f"{several(len(comparisons), 'comparison')} predicted from {basis}"
    return KindVerdict(KIND, judge_all(comparisons, exp.limit), why, tuple(comparisons))


def _comparisons(exp: Experiment, info: WindowInfo, arm: str, mine: Prediction, base: Prediction) -> list[Comparison]:
    lock = next((n for n in named(exp.locks) if mine.lock_class in classes(n)), None)
    if lock is None:
        return []
    ratio = (ratio_of(mine.low, base.low), ratio_of(mine.low, base.high), ratio_of(mine.high, base.low))
    if exp.arm(arm).profile == exp.arm(exp.baseline).profile:
        ratio = (1.0, 1.0, 1.0)  # an interval comes from scheduling: arms with the same rules do not differ
    return [
        Comparison(
            metric="acquisitions",
            unit=f"per {info.unit}",
            direction=LESS,
            arm=arm,
            baseline=exp.baseline,
            at=replace(info.at, lock=lock),
            ratio=ratio[0],
            low=ratio[1],
            high=ratio[2],
            n=0,
            arm_value=mine.low / info.jobs,
            baseline_value=base.low / info.jobs,
            exact=mine.low == mine.high and base.low == base.high,
            predicted=(mine.low, mine.high),
            baseline_predicted=(base.low, base.high),
        )
    ]
