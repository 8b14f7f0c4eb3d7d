"""What a reader finds in one text, and how the data of both sides become groups of values by metric.

A datum has a name and labels. Labels with several values in one side (benchmarks of a table, packages of Go) become
part of the metric's name, in both sides alike, so that different things are not pooled. A label that only distinguishes
the sides (the kernel, the command) does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kit.base.errors import UserError
from kit.base.words import join
from kit.outside.units import direction_of
from kit.stats.groups import Group

VALUE = "value"  # the metric of numbers without a name
MORE, LESS, NOBODY = "more", "less", "nobody"
NAMED = 5


@dataclass(frozen=True)
class Label:
    """A part of a datum's name. `loud`: it belongs to the name whenever both sides agree on it."""

    key: str
    value: str
    loud: bool = False


@dataclass(frozen=True)
class Datum:
    """Values of one metric in the order of measurement, or a summary of them. `better`: the direction that the format
    gives: MORE, LESS, NOBODY, or empty if the unit decides."""

    metric: str
    values: tuple[float, ...]
    unit: str = ""
    better: str = ""
    labels: tuple[Label, ...] = ()
    summary: Group | None = None


@dataclass(frozen=True)
class Reading:
    """The data in one text. `notes`: what was left out, and how values were made."""

    data: tuple[Datum, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outside:
    """One side of a comparison. `name`: in messages; metrics are in the order in which they were read. `better`:
    whether more is better, None if nothing says so. `blocks`: for a run of kit, the block of each value."""

    name: str
    groups: Mapping[str, Group]
    better: Mapping[str, bool | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def one(metric: str, value: float, unit: str = "", better: str = "", labels: tuple[Label, ...] = ()) -> Datum:
    """A datum with a single value."""
    return Datum(metric, (value,), unit, better, labels)


def word(more: bool | None) -> str:
    """A direction in the form of a datum's `better`."""
    return NOBODY if more is None else MORE if more else LESS


def joined(readings: Iterable[Reading]) -> Reading:
    """Several texts of one side, joined in order."""
    found = list(readings)
    notes = dict.fromkeys(n for r in found for n in r.notes)
    return Reading(tuple(d for r in found for d in r.data), tuple(notes))


def picked(reading: Reading, choice: str, where: str) -> Reading:
    """Only the data with this label. Raises UserError if there are none."""
    if not choice:
        return reading
    kept = [d for d in reading.data if any(label.value == choice for label in d.labels)]
    if not kept:
        there = list(dict.fromkeys(label.value for d in reading.data for label in d.labels))
        hint = f"there are {join(there[:NAMED])}" if there else "nothing in it has a name to choose by"
        raise UserError(f"nothing in it is called {choice}", where=where, hint=hint)
    return replace(
        reading,
        data=tuple(replace(d, labels=tuple(label for label in d.labels if label.value != choice)) for d in kept),
    )


def settle(sides: Sequence[tuple[str, Reading]]) -> list[Outside]:
    """Names the metrics of both sides (or of one, or of a history) alike. Raises UserError."""
    values = [_values_of(reading.data) for _, reading in sides]
    keys = list(dict.fromkeys(k for v in values for k in v))
    many = {k for k in keys if any(len(v.get(k, ())) > 1 for v in values)}
    loud = {label.key for _, r in sides for d in r.data for label in d.labels if label.loud}
    shared = {k for k in loud if len({tuple(v.get(k, ())) for v in values}) == 1}
    lone = [k for k in keys if k not in many | shared and all(len(v.get(k, ())) == 1 for v in values)]
    apart = [
        f"{key}: " + ", ".join(f"{next(iter(v[key]))} in {name}" for v, (name, _) in zip(values, sides, strict=True))
        for key in lone
        if len({next(iter(v[key])) for v in values}) > 1
    ]
    return [_outside(name, reading, many | shared, apart) for name, reading in sides]


def _values_of(data: Sequence[Datum]) -> dict[str, dict[str, None]]:
    """The values of each label, in order."""
    out: dict[str, dict[str, None]] = {}
    for datum in data:
        for label in datum.labels:
            out.setdefault(label.key, {})[label.value] = None
    return out


def _outside(name: str, reading: Reading, named: set[str], notes: Sequence[str]) -> Outside:
    values: dict[str, list[float]] = {}
    given: dict[str, Group] = {}
    better: dict[str, bool | None] = {}
    for datum in reading.data:
        metric = " ".join([*(label.value for label in datum.labels if label.key in named), datum.metric])
        if (datum.summary is not None and (metric in values or metric in given)) or (metric in given):
            raise UserError(f"{metric}: more than one summary", where=name, hint="summaries cannot be taken together")
        if datum.summary is not None:
            given[metric] = datum.summary
        else:
            values.setdefault(metric, []).extend(datum.values)
        better[metric] = _direction(metric, datum)
    groups = given | {m: Group.of(v) for m, v in values.items() if v}
    order = [m for m in better if m in groups]
    return Outside(name, {m: groups[m] for m in order}, better, (*reading.notes, *notes))


def _direction(metric: str, datum: Datum) -> bool | None:
    if datum.better:
        return {MORE: True, LESS: False}.get(datum.better)
    return direction_of(metric, datum.unit)
