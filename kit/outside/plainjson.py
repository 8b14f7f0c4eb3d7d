"""Metrics in plain JSON: metric → number or list, nested or not; summaries; rows of a table; a bare list.

Null is a run without a value: it is left out and noted. Strings, booleans and NaN among numbers are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.base.errors import UserError
from kit.base.words import join, several
from kit.outside.cells import is_number
from kit.outside.found import VALUE, Datum, Reading
from kit.outside.source import Source
from kit.outside.table import MEAN_WORDS, N_WORDS, SD_WORDS, Row, read_rows, summary


def read_plain(source: Source) -> Reading:
    """Reads all of the text's documents. Raises UserError."""
    data = source.documents
    if source.doubled:
        raise UserError(
            f"{source.doubled[0]} stands twice in one object",
            where=source.line_of(f'"{source.doubled[0]}"'),
            hint="only one would be read: give it another name, or a list",
        )
    if len(data) > 1 or (isinstance(data[0], list) and data[0] and all(isinstance(x, dict) for x in data[0])):
        return _records(data if len(data) > 1 else data[0], source)
    value = {VALUE: data[0]} if isinstance(data[0], list) else data[0]
    if not isinstance(value, dict):
        raise UserError("neither a JSON object of metrics nor a list of numbers", where=source.name)
    if set(value) >= {"columns", "data"} and isinstance(value["data"], list):
        return _records([dict(zip(value["columns"], row, strict=False)) for row in value["data"]], source)
    notes: list[str] = []
    words: list[str] = []
    found = list(_metrics("", value, source, notes, words))
    if words:
        notes.append(f"no numbers, left out: {join(words)}")
    return Reading(tuple(found), tuple(notes))


def _metrics(
    path: str, value: Mapping[str, Any], source: Source, notes: list[str], words: list[str]
) -> Iterator[Datum]:
    for key, item in value.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(item, Mapping):
            if group := _summary_of(item, source.line_of(f'"{key}"')):
                yield group_of(name, group)
            elif _by_number(item):
                yield from _list(name, list(item.values()), source, notes, words)
            else:
                yield from _metrics(name, item, source, notes, words)
        else:
            yield from _list(name, item if isinstance(item, list) else [item], source, notes, words)


def group_of(name: str, cells: list[str]) -> Datum:
    """One metric from a summary (n, mean, sd). Raises UserError if it is not one."""
    return Datum(name, (), summary=summary(cells, name))


def _summary_of(item: Mapping[str, Any], where: str) -> list[str] | None:
    lower = {str(k).lower(): v for k, v in item.items()}
    picked = [next((lower[w] for w in words if w in lower), None) for words in (N_WORDS, MEAN_WORDS, SD_WORDS)]
    return [str(p) for p in picked] if None not in picked and not isinstance(picked[0], list) else None


def _by_number(item: Mapping[str, Any]) -> bool:
    """Whether it is a list as pandas writes it: {"0": 1.5, "1": 1.6}."""
    return len(item) > 0 and [str(k) for k in item] == [str(i) for i in range(len(item))]


def _list(name: str, items: Sequence[Any], source: Source, notes: list[str], words: list[str]) -> Iterator[Datum]:
    where = source.line_of(f'"{name.rpartition(".")[2]}"') if name != VALUE else source.name
    if (items and all(isinstance(x, str) and not is_number(x) for x in items)) or all(
        isinstance(x, bool) for x in items
    ):
        words.append(name)
        return
    values, nulls = [], 0
    for number, item in enumerate(items, 1):
        if item is None:
            nulls += 1
        elif isinstance(item, bool) or not isinstance(item, (int, float)):
            raise UserError(f"{name}, value {number}: not a number: {_shown(item)}", where=where, hint=ADVICE)
        elif not _finite(item):
            raise UserError(f"{name}, value {number}: not a finite number: {_shown(item)}", where=where, hint=ADVICE)
        else:
            values.append(float(item))
    if nulls:
        notes.append(f"{name}: {several(nulls, 'null')} left out, {several(len(values), 'value')} stay")
    if values:
        yield Datum(name, tuple(values))


ADVICE = "null is a run without a value; a string or a NaN may be anything: mend it, or take it out"


def _finite(item: float) -> bool:
    try:
        return math.isfinite(item)
    except OverflowError:
        return False


def _shown(item: Any) -> str:
    return repr(item)[:40]


def _records(rows: Sequence[Any], source: Source) -> Reading:
    """Reads a table whose rows are objects."""
    if not all(isinstance(r, dict) for r in rows):
        raise UserError("neither a JSON object of metrics nor a list of numbers", where=source.name)
    names = list(dict.fromkeys(str(k) for row in rows for k in row))
    made = []
    for number, row in enumerate(rows, 1):
        for key, value in row.items():
            if isinstance(value, (dict, list)):
                raise UserError(f"row {number}, {key}: not a number: {_shown(value)}", where=source.name)
        made.append(Row(f"{source.name}, row {number}", tuple(_cell(row.get(n)) for n in names)))
    return read_rows(names, made, source.name)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
