"""Tables: CSV with any separator, or rows of JSON. Each column of numbers is a metric; columns of names give labels.

A column of words that repeat, or that do not number the runs, names what a row is about: fork and exec are two metrics.
So does a column of parameters (`threads`). A column that numbers the rows is ignored. Rows of `n, mean, sd` are
summaries. What cannot be read is refused with line and column.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from kit.base.errors import UserError
from kit.base.words import join, several
from kit.outside.cells import MISSING, Number, is_number, read_cell
from kit.outside.found import VALUE, Datum, Label, Reading
from kit.outside.source import Source
from kit.outside.words import words
from kit.stats.groups import Group

SEPARATORS = ("\t", ";", ",", "|")
# Heads of columns that number the runs.
RUNS = words(
    "run runs iteration iter rep repeat repetition trial sample seq index idx id no nr num number # round seed boot"
    " date time_of_day timestamp datetime when row lauf"
)
# Heads of columns of parameters.
PARAMETERS = words(
    "threads thread nthreads n_threads num_threads users clients nclients procs processes nproc cpus vcpus cores"
    " nr_cpus size sizes block_size blocksize bs depth iodepth qd queue_depth concurrency workers scale numjobs"
    " tasks batch connections conns level stride length len"
)
N_WORDS = ("n", "count", "runs", "samples", "rounds", "repetitions")
MEAN_WORDS = ("mean", "avg", "average")
SD_WORDS = ("sd", "std", "stddev", "std_dev", "stdev", "std dev", "standard deviation", "standard_deviation")
ERROR_WORDS = ("se", "sem", "stderr", "std_err", "std error", "standard error", "ci", "ci95", "error")


@dataclass(frozen=True)
class Row:
    """The cells of one row, and its place (a line of a file, or a place in JSON)."""

    where: str
    cells: tuple[str, ...]


def read_table(source: Source) -> Reading:
    """Reads a table in a text. Raises UserError."""
    rows = _rows(source)
    if not rows:
        raise UserError("no numbers in it", where=source.name)
    head = None if any(is_number(c) for c in rows[0].cells) else [c.strip() for c in rows.pop(0).cells]
    width = len(head) if head else len(rows[0].cells) if rows else 0
    for row in rows:
        if len(row.cells) != width:
            hint = "a cell with a separator in it needs quotes"
            raise UserError(f"{len(row.cells)} columns, not {width} as in the first line", where=row.where, hint=hint)
    names = head or ([VALUE] if width == 1 else [f"column {i + 1}" for i in range(width)])
    return read_rows(names, rows, f"{source.name}:1" if head else source.name)


def _rows(source: Source) -> list[Row]:
    text = source.content
    sample = next((line for line in source.lines if line.strip() and not line.startswith("#")), "")
    separator = next((s for s in SEPARATORS if s in sample), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        found = [Row(f"{source.name}:{reader.line_num}", tuple(c.strip() for c in row)) for row in reader]
    except csv.Error as error:
        raise UserError(f"not a table: {error}", where=f"{source.name}:{reader.line_num}") from error
    return [r for r in found if "".join(r.cells) and not r.cells[0].startswith("#")]


def read_rows(names: Sequence[str], rows: Sequence[Row], where: str) -> Reading:
    """Reads rows below a head. Raises UserError."""
    if twice := [n for i, n in enumerate(names) if n and n in names[:i]]:
        raise UserError(f"two columns are called {twice[0]}", where=where, hint="which is meant? rename one")
    lower = [n.lower() for n in names]
    if any(w in lower for w in MEAN_WORDS) and any(w in lower for w in (*SD_WORDS, *N_WORDS, *ERROR_WORDS)):
        return _summaries(names, rows, where)
    columns = {name: [row.cells[i] for row in rows] for i, name in enumerate(names)}
    numeric = [n for n in names if any(is_number(c) for c in columns[n])]
    ignored = [n for n in names if _numbers_rows(n, columns[n], n in numeric)]
    asked = [n for n in numeric if n.lower() in PARAMETERS and n not in ignored and len(numeric) > 1]
    named = [n for n in names if n not in numeric and n not in ignored and any(columns[n])]
    metrics = [n for n in numeric if n not in ignored and n not in asked]
    if not metrics and ignored and set(ignored) & set(numeric):  # a single column that counts up is the data itself
        metrics = [n for n in ignored if n in numeric]
        ignored = [n for n in ignored if n not in metrics]
    if not metrics and asked:
        metrics, asked = asked, []
    labels = [*((n, True) for n in named), *((n, False) for n in asked)]
    notes: list[str] = []
    if told := [n or "the first column" for n in ignored if n in numeric]:
        notes.append(f"{join(told)}: counts the runs, no metric")
    data = []
    for metric in metrics:
        found, missing = _column(names, rows, metric, labels)
        data += found
        if missing:
            notes.append(f"{metric}: {several(len(missing), 'cell')} without a value left out ({_places(missing)})")
    return Reading(tuple(data), tuple(notes))


def _places(places: Sequence[str]) -> str:
    return join([*places[:3], *([f"{len(places) - 3} more"] if len(places) > 3 else [])])


def _column(
    names: Sequence[str], rows: Sequence[Row], metric: str, labels: Sequence[tuple[str, bool]]
) -> tuple[list[Datum], list[str]]:
    """A datum for each cell; and notes about cells without a value."""
    place, found, missing = names.index(metric), [], []
    units: dict[str, str] = {}
    for row in rows:
        try:
            cell = read_cell(row.cells[place])
        except ValueError as error:
            raise UserError(f"{error} in column {metric}", where=row.where, hint=_advice(row.cells[place])) from error
        if cell is MISSING:
            missing.append(row.where)
            continue
        if not isinstance(cell, Number):
            raise UserError(f"not a number: {row.cells[place][:40]!r} in column {metric}", where=row.where)
        units.setdefault(cell.unit, row.where)
        if len(units) > 1:
            both = join([u or "none" for u in units])
            raise UserError(f"units differ in column {metric}: {both}", where=row.where, hint="give all cells one unit")
        named = tuple(
            Label(n, _named(n, row.cells[names.index(n)], word), word)
            for n, word in labels
            if row.cells[names.index(n)]
        )
        found.append(Datum(metric, (cell.value,), cell.unit, labels=named))
    return found, missing


def _named(column: str, cell: str, is_word: bool) -> str:
    return cell if is_word else f"{column}={cell}"


def _advice(cell: str) -> str:
    if "," in cell:
        return "a comma is no decimal point here, and 1,234 may be either: write 12.3, or 1234"
    return "leave the cell empty where a run has no value; a line that starts with # is not read"


def _numbers_rows(name: str, cells: Sequence[str], numeric: bool) -> bool:
    """Whether a column only numbers the runs: by its head, or because it counts up by one, or because its words all
    differ only in a number."""
    full = [c for c in cells if c]
    word = name.lower().strip()
    if word in RUNS or word.startswith("unnamed:"):
        return True
    if numeric:
        return len(full) > 2 and not word and _counts_up(full)
    stems = {re.sub(r"\d+", "0", c) for c in full}
    return len(full) > 1 and len(set(full)) == len(full) and len(stems) == 1 and any(c.isdigit() for c in full[0])


def _counts_up(cells: Sequence[str]) -> bool:
    try:
        numbers = [int(c) for c in cells]
    except ValueError:
        return False
    return numbers[0] in (0, 1) and all(b - a == 1 for a, b in itertools.pairwise(numbers))


def _summaries(names: Sequence[str], rows: Sequence[Row], where: str) -> Reading:
    """Reads rows of n, mean and standard deviation; columns of words name the metric."""
    lower = [n.lower() for n in names]
    n, mean, sd = (next((w for w in words if w in lower), "") for words in (N_WORDS, MEAN_WORDS, SD_WORDS))
    if not n or not sd:
        lacks = "the number of runs" if not n else "the standard deviation"
        hint = "columns n, mean, sd are wanted, or better every run's own value (hyperfine: --export-json)"
        raise UserError(f"a mean without {lacks} cannot be compared", where=where, hint=hint)
    places = [lower.index(w) for w in (n, mean, sd)]
    labels = [i for i in range(len(names)) if i not in places and not any(is_number(r.cells[i]) for r in rows)]
    data, seen = [], set()
    for row in rows:
        key = tuple(row.cells[i] for i in labels)
        if key in seen:
            raise UserError(f"a second line for {' '.join(key) or VALUE}", where=row.where)
        seen.add(key)
        named = tuple(Label(names[i], row.cells[i], True) for i in labels)
        group = summary([row.cells[i] for i in places], row.where)
        data.append(_of_summary(named, group))
    if not data:
        raise UserError("no numbers in it", where=where)
    left = [names[i] for i in range(len(names)) if i not in places and i not in labels]
    return Reading(tuple(data), (f"{join(left)}: not used, n, mean and sd are",) if left else ())


def _of_summary(named: tuple[Label, ...], group: Group) -> Datum:
    """A datum from a summary. A single column of names is the metric's name; of several, the others are labels."""
    metric = named[0].value if named else VALUE
    return Datum(metric, (), labels=named[1:], summary=group)


def summary(cells: Sequence[str], where: str) -> Group:
    """Reads `n`, `mean`, `sd` (a number, or with % a share of the mean). Raises UserError."""
    n, mean, spread = (c.strip() for c in cells)
    if not re.fullmatch("[0-9]{1,9}", n) or int(n) < 2:
        raise UserError(f"not a number of runs, two or more: {n[:40]}", where=where, hint="as in 10,104.9,14.8%")
    middle = _plain(mean, where)
    sd = _plain(spread.removesuffix("%"), where) * (middle / 100 if spread.endswith("%") else 1)
    if middle <= 0 or sd < 0:
        raise UserError("the mean must be above 0, and the standard deviation not below 0", where=where)
    return Group(int(n), middle, sd)


def _plain(text: str, where: str) -> float:
    try:
        cell = read_cell(text)
    except ValueError as error:
        raise UserError(str(error), where=where, hint=_advice(text)) from error
    if not isinstance(cell, Number):
        raise UserError(f"not a number: {text[:40]!r}", where=where)
    return cell.value
