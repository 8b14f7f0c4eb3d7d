"""Results of lkp: a folder with matrix.json, or with a folder for each run that has stats.json.

Metrics of monitors (`time.*`, `perf-stat.*`) have no direction: see kit.outside.lkp_facts.
"""

from __future__ import annotations

from pathlib import Path

from kit.base.words import join, several
from kit.outside.found import Datum, Reading, joined
from kit.outside.plainjson import read_plain
from kit.outside.source import read_source

NAMES = ("stats.json", "stats.json.gz", "stats.json.xz")
MATRICES = ("matrix.json", "matrix.json.gz", "matrix.json.xz")


def is_lkp(path: Path) -> bool:
    """Whether it is a folder of lkp's results: with a matrix, or with runs."""
    return bool(_matrix(path) or _runs(path))


def read_lkp(path: Path) -> Reading:
    """Reads the matrix if there is one, else the runs in numerical order. Raises UserError."""
    if matrix := _matrix(path):
        return read_plain(read_source(str(matrix)))
    runs = _runs(path)
    readings = [_run(file) for file in runs]
    out = joined(readings)
    counts: dict[str, int] = {}
    for datum in out.data:
        counts[datum.metric] = counts.get(datum.metric, 0) + 1
    few = [m for m, n in counts.items() if n < len(runs)]
    lacking = f"not in every one of {several(len(runs), 'run')}: {join(few[:5])}" + (" and others" if few[5:] else "")
    return Reading(out.data, (*out.notes, *((lacking,) if few else ())))


def _matrix(path: Path) -> Path | None:
    return next((path / n for n in MATRICES if (path / n).is_file()), None)


def _runs(path: Path) -> list[Path]:
    found = [p for n in NAMES for p in path.glob(f"*/{n}")]
    return sorted(found, key=lambda p: (len(p.parent.name), p.parent.name))


def _run(file: Path) -> Reading:
    """Reads one run. A list in it is a series of samples, whose mean is the run's value."""
    reading = read_plain(read_source(str(file)))
    data = tuple(Datum(d.metric, (sum(d.values) / len(d.values),), d.unit) for d in reading.data if d.values)
    return Reading(data, reading.notes)
