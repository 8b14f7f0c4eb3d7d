"""Metrics that payloads print: boots in; the values of every arm for each metric, and comparisons of those that decide,
out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from kit.base.words import several
from kit.evidence.scatter import Counts
from kit.records import At, Boot, Comparison, Experiment
from kit.stats.counts import ratio_of
from kit.workload.catalog import parse_params
from kit.workload.kind import Printing
from kit.workload.metrics import Metric


@dataclass(frozen=True)
class MetricRow:
    """One metric of one workload on one machine. `values`: arm → one value for each boot; `by_boot`: (arm, repeat) →
    value. `direction` is empty if the experiment gives none."""

    workload: str
    cpus: int
    metric: str
    unit: str
    direction: str
    decides: bool
    values: dict[str, tuple[float, ...]]
    by_boot: Mapping[tuple[str, int], float] = field(default_factory=dict)

    def value(self, boot: Boot) -> float | None:
        """The value that one boot printed; None if it printed none."""
        return self.by_boot.get((boot.arm, boot.repeat))

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        kept = {key: value for key, value in vars(self).items() if key != "by_boot"}
        return {**kept, "values": {arm: list(v) for arm, v in self.values.items()}}


def metric_rows(exp: Experiment, good: Sequence[Boot]) -> list[MetricRow]:
    """Every metric that any boot printed, in the order of workloads, machines and output."""
    out: list[MetricRow] = []
    for name, printing in _printing(exp):
        for cpus in exp.cpus:
            out += _rows(exp, name, printing, cpus, [b for b in good if b.cpus == cpus])
    return out


def _printing(exp: Experiment) -> list[tuple[str, Printing]]:
    """The workloads that print metrics, by name."""
    found = [(spec.name, parse_params(spec.kind, spec.params).printing()) for spec in exp.workloads]
    return [(name, printing) for name, printing in found if printing is not None]


def _rows(exp: Experiment, name: str, printing: Printing, cpus: int, boots: Sequence[Boot]) -> Iterator[MetricRow]:
    seen: dict[str, dict[str, list[float]]] = {}
    by_boot: dict[str, dict[tuple[str, int], float]] = {}
    units: dict[str, str] = {}
    for boot in boots:
        for metric in _printed(boot, name, printing):
            seen.setdefault(metric.name, {}).setdefault(boot.arm, []).append(metric.value)
            by_boot.setdefault(metric.name, {}).setdefault((boot.arm, boot.repeat), metric.value)
            units.setdefault(metric.name, metric.unit)
    for metric_name, by_arm in seen.items():
        unit, direction, decides = printing.meaning(metric_name, units[metric_name])
        values = {a.name: tuple(by_arm.get(a.name, ())) for a in exp.arms}
        yield MetricRow(name, cpus, metric_name, unit, direction, decides, values, by_boot[metric_name])


def _printed(boot: Boot, name: str, printing: Printing) -> tuple[Metric, ...]:
    runs = boot.results.payloads if boot.results else ()
    run = next((r for r in runs if r.name == name), None)
    return printing.read(run.stdout.text, run.stderr.text) if run else ()


def compare_metrics(exp: Experiment, rows: Sequence[MetricRow]) -> list[Comparison]:
    """Comparisons of the metrics that decide, arm against baseline, bounded by the extremes of the boots."""
    return [c.comparison for c in metric_counts(exp, rows)]


def metric_counts(exp: Experiment, rows: Sequence[MetricRow]) -> list[Counts]:
    """The comparisons of `compare_metrics`, with the values of the boots."""
    out = []
    for row in rows:
        base = row.values[exp.baseline]
        for arm, mine in row.values.items():
            if row.decides and arm != exp.baseline and mine and base:
                step = _step((*mine, *base))
                found = _comparison(exp, row, arm, mine, base)
                gap = abs(found.arm_value - found.baseline_value) / step
                out.append(Counts(found, row.value, found.exact, gap, step))
    return out


def _step(values: Sequence[float]) -> float:
    """The unit of the last digit of the value printed with the most decimals."""
    digits = [f"{v:.9f}".rstrip("0").partition(".")[2] for v in values]
    return float(10.0 ** -max(map(len, digits)))


def _comparison(exp: Experiment, row: MetricRow, arm: str, mine: Sequence[float], base: Sequence[float]) -> Comparison:
    ratio, low, high = _ratios(mine, base)
    return Comparison(
        metric=row.metric,
        unit=row.unit,
        direction=row.direction,
        arm=arm,
        baseline=exp.baseline,
        at=At(row.workload, cpus=row.cpus),
        ratio=ratio,
        low=low,
        high=high,
        n=len(mine),
        arm_value=fmean(mine),
        baseline_value=fmean(base),
        exact=all(len(v) > 1 and len(set(v)) == 1 for v in (mine, base)),
        baseline_n=len(base),
        arm_values=tuple(mine),
        baseline_values=tuple(base),
    )


def _ratios(mine: Sequence[float], base: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """The ratio and its bounds. Negative numbers have no ratio that could decide (half of -10 is more, not less),
    unless all are equal."""
    if min(*mine, *base) < 0:
        return (1.0, 1.0, 1.0) if len({*mine, *base}) == 1 else (None, 0.0, None)
    return ratio_of(fmean(mine), fmean(base)), ratio_of(min(mine), max(base)), ratio_of(max(mine), min(base))


def unprinted(exp: Experiment, good: Sequence[Boot], rows: Sequence[MetricRow]) -> list[str]:
    """Remarks on deciding metrics that some boots of an arm did not print. With one, no verdict `same` or `better`
    stands."""
    out = []
    for name, printing in _printing(exp):
        wanted = {r.metric for r in rows if r.workload == name and r.decides} | printing.needed()
        for arm in exp.arms:
            mine = [{m.name for m in _printed(b, name, printing)} for b in good if b.arm == arm.name]
            for metric in sorted(wanted):
                if lost := sum(metric not in names for names in mine):
                    what = f"no {printing.lacking(metric)}"
                    out.append(f"{name} printed {what} in {lost} of {several(len(mine), 'boot')} of {arm.name}")
    return list(dict.fromkeys(out))


def silent(exp: Experiment, good: Sequence[Boot], rows: Sequence[MetricRow]) -> list[str]:
    """Remarks on payloads in whose output no metric was found, and on named metrics that were never printed."""
    out = []
    for name, printing in _printing(exp) if good else ():
        printed = {r.metric for r in rows if r.workload == name}
        if not printed:
            out.append(f"{name}: no metric in what it printed, read as {printing.form()}")
        out += [f"{name}: it never printed the metric {m}" for m in printing.asked() if m not in printed]
    return out
