"""`count` evidence: acquisitions per lock class in the counting kernel, arm against baseline and against the model.

Which boots: every arm on every machine, `blocks` times, in an order drawn from the seed. What they say: one comparison
per named lock, window and number of vCPUs; every other class ranked by how much the arms differ.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kit.evidence.blame import blame
from kit.evidence.locks import EVERY, acquisitions, classes, named
from kit.evidence.metrics import compare_metrics, metric_rows, silent
from kit.evidence.moved import moved, one_sided
from kit.evidence.predictions import predict_arm
from kit.evidence.ranking import Ranking, rank, summary
from kit.evidence.request import Site
from kit.model.predict import Prediction, Unmodelled
from kit.records import Boot, BootSpec, Comparison, Experiment, KindVerdict, Machine, Outcome, Verdict
from kit.stats.counts import Counted, compare
from kit.stats.words import several
from kit.workload.catalog import make_loads
from kit.workload.load import WindowInfo, boot_program

KIND = "count"
INSTRUMENT = "counting"
REPEATS = 2  # exact: the second boot shows that it is; design.md asks for two that agree


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """Every boot that this kind wants, in the order of the design."""
    program = boot_program(make_loads(exp.workloads, exp.seed))
    out: list[BootSpec] = []
    for block in range(min(REPEATS, exp.blocks)):
        places = [(arm.name, cpus) for arm in exp.arms for cpus in exp.cpus]  # all: the order is that of the seed
        random.Random(f"{exp.orders}/count/{block}").shuffle(places)
        for arm, cpus in places:
            machine = Machine(exp.arch, cpus, exp.memory, site.accel)
            if (kernel := site.kernels.get((arm, INSTRUMENT))) is None:
                continue
            out.append(
                BootSpec(arm, kernel, KIND, program, machine, "", exp.orders, block, block, len(out), site.guest_key)
            )
    return out


@dataclass(frozen=True)
class _Cell:
    """One arm in one window on one machine: the counts of a lock, and what the model says of it."""

    counted: Counted
    prediction: Prediction | Unmodelled | None


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares every arm with the baseline."""
    good = [b for b in done if b.evidence == KIND and b.outcome is Outcome.OK and b.results]
    if not good:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no boot gave counts")
    missing = [lock for lock in named(exp.locks) if not _shows(good, lock)]
    if missing:
        why = f"/proc/lock_stat shows no class {', '.join(classes(missing[0]))} in any window"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why)
    comparisons: list[Comparison] = []
    predictions: list[dict[str, Any]] = []
    for lock in named(exp.locks):
        for cpus in exp.cpus:
            for info in _windows(exp):
                cells = {a.name: _cell(exp, a.name, cpus, info, lock, good) for a in exp.arms}
                predictions += _prediction_rows(cells, info, cpus, lock)
                comparisons += _against_baseline(exp, cells, info, cpus, lock)
    rows = metric_rows(exp, good)
    comparisons += compare_metrics(exp, rows)
    details: dict[str, Any] = {"predictions": predictions}
    if rows:
        details["metrics"] = [row.as_json() for row in rows]
    ranking = rank(exp, good) if EVERY in exp.locks or one_sided(comparisons) else Ranking((), 0, 0)
    named_none = ""
    if EVERY in exp.locks:
        own = {name for lock in named(exp.locks) for name in classes(lock)}
        shown = [{**r, "named": r["class"] in own} for r in ranking.shown]
        details |= {"classes": shown, "classes_noise": ranking.noise, "classes_same": ranking.same}
        named_none = f"no lock is named that could decide; of all classes {summary(ranking)}"
    others = moved(exp, comparisons, ranking)
    comparisons += others.comparisons
    if others.said:
        details["moved"] = others.said
    if not comparisons:
        why = "no arm and baseline have counts of the same window" if named(exp.locks) else named_none
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why, details=details)
    disagree = [row for row in predictions if row["agrees"] is False]
    if disagree:
        compared = sum(row["agrees"] is not None for row in predictions)
        why = f"model and kernel disagree in {len(disagree)} of {several(compared, 'count')}"
        pairs = sorted({(row["arm"], row["lock"]) for row in disagree})
        details["suspects"] = [row for arm, lock in pairs for row in blame(exp, good, arm, lock)]
    else:
        why = _why(comparisons, len(good))
    notes = (*_notes(predictions), *silent(exp, good, rows))
    return KindVerdict(KIND, others.verdict, why, tuple(comparisons), notes, details)


def _shows(done: Sequence[Boot], lock: str) -> bool:
    return any(acquisitions(w, lock) for b in done if b.results for w in b.results.windows)


def _windows(exp: Experiment) -> list[WindowInfo]:
    return [info for load in make_loads(exp.workloads, exp.seed) for info in load.windows]


def _cell(exp: Experiment, arm: str, cpus: int, info: WindowInfo, lock: str, done: Sequence[Boot]) -> _Cell:
    values = []
    prediction: Prediction | Unmodelled | None = None
    profile = exp.arm(arm).profile
    for boot in done:
        if boot.arm != arm or boot.cpus != cpus or boot.results is None:
            continue
        values += [acquisitions(w, lock) for w in boot.results.windows if w.name == info.name]
        if profile and prediction is None:
            prediction = predict_arm(exp, profile, boot.results.layouts).get(info.name)
            if isinstance(prediction, Prediction) and prediction.lock_class not in classes(lock):
                prediction = None  # the model knows one lock; this is another
    interval = (prediction.low, prediction.high) if isinstance(prediction, Prediction) else None
    return _Cell(Counted(tuple(values), interval), prediction)


def _against_baseline(
    exp: Experiment, cells: dict[str, _Cell], info: WindowInfo, cpus: int, lock: str
) -> Iterator[Comparison]:
    base = cells[exp.baseline].counted
    at = replace(info.at, cpus=cpus, lock=lock)
    for arm, cell in cells.items():
        if arm != exp.baseline and cell.counted.values and base.values:
            yield compare(at, arm, cell.counted, exp.baseline, base, info.jobs, info.unit)


def _prediction_rows(cells: dict[str, _Cell], info: WindowInfo, cpus: int, lock: str) -> Iterator[dict[str, Any]]:
    """Predicted and measured of each arm, and the model's operations, so that a difference can be traced."""
    for arm, cell in cells.items():
        if cell.prediction is None or not cell.counted.values:
            continue
        row: dict[str, Any] = {"arm": arm, "window": info.name, "cpus": cpus, "lock": lock, "jobs": info.jobs}
        row["measured"] = list(cell.counted.values)
        if isinstance(cell.prediction, Unmodelled):
            yield {**row, "predicted": None, "agrees": None, "why": cell.prediction.reason}
        else:
            yield {
                **row,
                "predicted": [cell.prediction.low, cell.prediction.high],
                "agrees": cell.counted.agrees,
                "by_operation": dict(cell.prediction.by_operation),
            }


def _why(comparisons: Sequence[Comparison], boots_done: int) -> str:
    exact = sum(c.exact for c in comparisons)
    checked = [c for c in comparisons if c.agrees is not None]
    compared = several(len(comparisons), "comparison")
    text = f"{exact} of {compared} exact to the digit over {several(boots_done, 'boot')}"
    if checked:
        text += f"; every count that the model predicts ({len(checked)} of {len(comparisons)}) is as predicted"
    return text


def _notes(predictions: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    unmodelled = sorted({(r["window"].split("/")[0], r["why"]) for r in predictions if r["predicted"] is None})
    return tuple(f"{workload}: not predicted, compared between the arms only ({why})" for workload, why in unmodelled)
