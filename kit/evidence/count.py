"""`count` evidence: acquisitions per lock class in the counting kernel, arm against baseline and against the model.

Its boots: every arm on every machine in two blocks; if their counts are not exact (kit.evidence.scatter), more blocks
until the statistics decide. Its verdict: one comparison for each named lock, window and number of vCPUs; all lock
classes are ranked by how much the arms differ.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from kit.base.words import several
from kit.evidence.blame import blame
from kit.evidence.contended import contended, shares
from kit.evidence.contention import contention
from kit.evidence.locks import EVERY, acquisitions, classes, named
from kit.evidence.metrics import metric_counts, metric_rows, silent, unprinted
from kit.evidence.moved import moved, one_sided
from kit.evidence.nearline import Near, near_line, with_near
from kit.evidence.predictions import predict_arm
from kit.evidence.ranking import Ranking, rank, summary
from kit.evidence.reading import Asked, Reading, unwanted, windows_of
from kit.evidence.request import Site
from kit.evidence.scatter import PILOT, Counts, decision, judged, scattered
from kit.model.predict import Prediction, Unmodelled
from kit.records import (
    BEYOND,
    Boot,
    BootSpec,
    Comparison,
    Experiment,
    KindVerdict,
    Machine,
    Outcome,
    PredictedCount,
    Suspected,
    Verdict,
)
from kit.stats.blocks import block_order
from kit.stats.counts import Counted, compare, judge_by_extremes, ratio_of
from kit.stats.noisy import Decision
from kit.workload.catalog import make_loads
from kit.workload.load import WindowInfo, boot_program

KIND = "count"
INSTRUMENT = "counting"


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """Every boot that this kind may want, in order. The first PILOT blocks are always done, the others only if counts
    scatter."""
    program = boot_program(make_loads(exp.workloads, exp.seed))
    kernels = {a.name: site.kernels.get((a.name, INSTRUMENT)) for a in exp.arms}
    out: list[BootSpec] = []
    order = 0
    for block in range(exp.blocks):
        machines = list(exp.cpus)
        random.Random(f"{exp.orders}/count/{block}").shuffle(machines)
        for cpus in machines:
            machine = Machine(exp.arch, cpus, exp.memory, site.accel)
            for arm in block_order(list(kernels), exp.orders, block, f"{KIND} {cpus}"):
                place = (exp.orders, block, block, order)
                if (kernel := kernels[arm]) is not None:
                    out.append(BootSpec(arm, kernel, KIND, program, machine, "", *place, site.guest_key))
                    order += 1
    return out


@dataclass(frozen=True)
class _Cell:
    """One arm in one window on one machine: the counts of a lock, and the model's prediction."""

    counted: Counted
    prediction: Prediction | Unmodelled | None


def stop(exp: Experiment, done: Sequence[Boot]) -> Decision:
    """Whether more blocks are wanted, and on which machines; `done`: all boots of the blocks done so far."""
    good = _good(done)
    counts, _ = _lock_counts(exp, good)
    counts += metric_counts(exp, metric_rows(exp, good))
    return _with_least(with_near(decision(exp, counts, good), near_line(exp, good, done)), exp, done)


def _with_least(found: Decision, exp: Experiment, done: Sequence[Boot]) -> Decision:
    """The decision `found`, changed to go on with all machines until as many blocks are done as the experiment wants in
    any case."""
    had = 1 + max((b.repeat for b in done if b.evidence == KIND and b.repeat < BEYOND), default=-1)
    missing = min(exp.least, exp.blocks) - had
    if exp.least <= PILOT or missing <= 0:
        return found
    why = f"{several(missing, 'block')} more, as budget.least asks"
    return replace(found, stop=False, why=why, machines=())


def read(asked: Asked, boots: Sequence[Boot]) -> Reading:
    """Acquisitions of the lock in the windows, summed over all boots of a test. A boot with a splat gives no value: it
    may have turned lock_stat off."""
    if (void := unwanted(asked, boots)) is not None:
        return void
    return Reading(sum(acquisitions(w, asked.wanted.lock) for w in windows_of(asked, boots)))


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares every arm with the baseline and with the model."""
    good = _good(done)
    if not good:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no boot gave counts")
    missing = [lock for lock in named(exp.locks) if not _shows(good, lock)]
    if missing:
        why = f"/proc/lock_stat shows no class {', '.join(classes(missing[0]))} in any window"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why)
    counts, predictions = _lock_counts(exp, good)
    rows = metric_rows(exp, good)
    comparisons = judged(exp, [*counts, *metric_counts(exp, rows)], good)
    details: dict[str, Any] = _contention(exp, good, predictions)
    suspects: tuple[Suspected, ...] | None = None
    if rows:
        details["metrics"] = [row.as_json() for row in rows]
    ranking = rank(exp, good) if EVERY in exp.locks or one_sided(comparisons) else Ranking((), 0, 0)
    stood = near_line(exp, good, done)
    if EVERY in exp.locks:
        details |= _of_classes(exp, ranking, stood)
    others = moved(exp, comparisons, ranking)
    comparisons += others.comparisons
    said = KindVerdict(
        KIND,
        Verdict.INCONCLUSIVE,
        "",
        details=details,
        predictions=tuple(predictions),
        moved=others.said,
        notes=(stood.said,) if stood.names else (),
    )
    lost = "; ".join(unprinted(exp, good, rows))
    if not comparisons:
        none = f"no lock is named that could decide; of all classes {summary(ranking)}"
        why = lost or ("no arm and baseline have counts of the same window" if named(exp.locks) else none)
        return replace(said, why=why)
    if disagree := said.disagreements:
        compared = sum(row.agrees is not None for row in predictions)
        why = f"model and kernel disagree in {len(disagree)} of {several(compared, 'count')}"
        pairs = sorted({(row.arm, row.lock) for row in disagree})
        suspects = tuple(row for arm, lock in pairs for row in blame(exp, good, arm, lock))
    else:
        why = _why(exp, comparisons, len(good))
    notes = (*said.notes, *_notes(predictions), *silent(exp, good, rows))
    verdict = others.verdict
    if lost and verdict in (Verdict.SAME, Verdict.BETTER):
        verdict, why = Verdict.INCONCLUSIVE, f"{lost}; {why}"
    return replace(said, verdict=verdict, why=why, comparisons=tuple(comparisons), notes=notes, suspects=suspects)


def _contention(exp: Experiment, good: Sequence[Boot], predictions: Sequence[PredictedCount]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if every := contention(exp, good):
        out["contention"] = every
    if met := contended(exp, good, predictions):
        out |= {"contended": [vars(row) for row in met], "sites": [vars(row) for row in shares(exp, good)]}
    return out


def _of_classes(exp: Experiment, ranking: Ranking, stood: Near) -> dict[str, Any]:
    own = {name for lock in named(exp.locks) for name in classes(lock)}
    shown = [{**r.as_json(), "named": r.name in own} for r in ranking.shown]
    out = {"classes": shown, "classes_noise": ranking.noise, "classes_same": ranking.same}
    out["classes_seen"] = ranking.seen  # in a class of 1000 acquisitions a boot, as a share
    return out | ({"classes_near": list(stood.names), "classes_more": stood.had} if stood.names else {})


def _good(done: Sequence[Boot]) -> list[Boot]:
    return [b for b in done if b.evidence == KIND and b.outcome is Outcome.OK and b.results]


def _lock_counts(exp: Experiment, good: Sequence[Boot]) -> tuple[list[Counts], list[PredictedCount]]:
    """The comparisons of the named locks, and the rows of the predictions."""
    counts: list[Counts] = []
    predictions: list[PredictedCount] = []
    for lock in named(exp.locks):
        for cpus in exp.cpus:
            for info in _windows(exp):
                cells = {a.name: _cell(exp, a.name, cpus, info, lock, good) for a in exp.arms}
                predictions += _prediction_rows(cells, info, cpus, lock)
                counts += _against_baseline(exp, cells, info, cpus, lock)
    return counts, predictions


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
                prediction = None  # the model predicts another lock
    interval = (prediction.low, prediction.high) if isinstance(prediction, Prediction) else None
    return _Cell(Counted(tuple(values), interval), prediction)


def _against_baseline(
    exp: Experiment, cells: dict[str, _Cell], info: WindowInfo, cpus: int, lock: str
) -> Iterator[Counts]:
    base = cells[exp.baseline].counted
    at = replace(info.at, cpus=cpus, lock=lock)

    def value(boot: Boot) -> float | None:
        windows = boot.results.windows if boot.results else ()
        return next((float(acquisitions(w, lock)) for w in windows if w.name == info.name), None)

    for arm, cell in cells.items():
        if arm != exp.baseline and cell.counted.values and base.values:
            found = compare(at, arm, cell.counted, exp.baseline, base, info.jobs, info.unit)
            gap = abs(fmean(cell.counted.values) - fmean(base.values))
            alike = all(len(set(c.values)) == 1 and len(c.values) > 1 for c in (cell.counted, base))
            known = [p for p in (found.predicted, found.baseline_predicted) if p is not None]
            steady = bool(known) and all(low == high for low, high in known)
            yield Counts(found, value, alike, gap, model=_model_says(found, exp.limit), steady=steady)


def _model_says(c: Comparison, limit: float) -> Verdict | None:
    """The verdict of the model's own counts, if every boot of both arms is as predicted, else None. Of an interval the
    lower end counts: it is the cost of the rules alone, the rest comes from scheduling."""
    if not (c.agrees and c.baseline_agrees and c.predicted and c.baseline_predicted):
        return None
    ratio = ratio_of(c.predicted[0], c.baseline_predicted[0])
    return judge_by_extremes(replace(c, low=ratio, high=ratio), limit)


def _prediction_rows(cells: dict[str, _Cell], info: WindowInfo, cpus: int, lock: str) -> Iterator[PredictedCount]:
    """Predicted and measured counts of each arm, with the prediction by operation."""
    for arm, cell in cells.items():
        if cell.prediction is None or not cell.counted.values:
            continue
        place = (arm, info.name, cpus, lock, info.jobs, cell.counted.values)
        if isinstance(cell.prediction, Unmodelled):
            yield PredictedCount(*place, None, None, why=cell.prediction.reason)
        else:
            interval = (cell.prediction.low, cell.prediction.high)
            yield PredictedCount(*place, interval, cell.counted.agrees, cell.prediction.by_operation)


def _why(exp: Experiment, comparisons: Sequence[Comparison], boots_done: int) -> str:
    exact = sum(c.exact for c in comparisons)
    checked = [c for c in comparisons if c.agrees is not None]
    compared = several(len(comparisons), "comparison")
    text = f"{exact} of {compared} exact to the digit over {several(boots_done, 'boot')}"
    if loose := [c for c in comparisons if c.said is not None]:
        text += f"; {len(loose)} scatter and went through the statistics of boots, {scattered(exp, loose)}"
    if checked:
        text += f"; every count that the model predicts ({len(checked)} of {len(comparisons)}) is as predicted"
    return text


def _notes(predictions: Sequence[PredictedCount]) -> tuple[str, ...]:
    unmodelled = sorted({(row.window.split("/")[0], row.why) for row in predictions if row.predicted is None})
    return tuple(f"{workload}: not predicted, compared between the arms only ({why})" for workload, why in unmodelled)
