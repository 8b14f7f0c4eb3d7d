"""Reads numbers that were measured elsewhere: files, folders, `-` or `n,mean,sd`. Gives a group of values for each
metric.

Each tool's format has a module, and formats.py has the table of them. A text's format is found from its content. Every
error names file and line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from kit.base.errors import UserError
from kit.base.words import join
from kit.outside.formats import read_text
from kit.outside.found import LESS, MORE, VALUE, Datum, Outside, Reading, joined, picked, settle
from kit.outside.lkp import is_lkp, read_lkp
from kit.outside.lkp_facts import is_monitor
from kit.outside.source import STDIN, read_source
from kit.outside.table import summary
from kit.outside.units import direction_of

__all__ = ["LESS", "MORE", "VALUE", "Outside", "direction_of", "is_monitor", "read_outside", "read_sides", "summary"]

NOTHING = "a table has a column a metric and a row a run; README lists the tools whose results are read"
SUMMARY = re.compile(r"(?:(?P<name>[^=,]+)=)?(?P<cells>\d+\s*,[^,]+,[^,]+)$")


def read_outside(text: str) -> Outside:
    """Reads one side of a comparison from its argument. Raises UserError."""
    return read_sides([text])[0]


def read_sides(texts: Sequence[str]) -> list[Outside]:
    """Reads several sides, and names their metrics alike. Raises UserError."""
    if list(texts).count(STDIN) > 1:
        raise UserError("standard input can be one side only", where=STDIN)
    return settle([(name_of(text), _reading(text)) for text in texts])


def name_of(text: str) -> str:
    """The name of a side: that of its file or folder, of a summary, or of the chosen part of a file."""
    if (said := SUMMARY.match(text)) and not os.path.exists(text):
        return said["name"] or text
    path, choice = _split(text)
    return choice or ("standard input" if path == STDIN else Path(path).name or path)


def _reading(text: str) -> Reading:
    if (said := SUMMARY.match(text)) and not os.path.exists(text):
        return Reading((Datum(VALUE, (), summary=summary(said["cells"].split(","), text)),))
    path, choice = _split(text)
    whole = _folder(Path(path)) if os.path.isdir(path) else read_text(read_source(path))
    reading = _one_system(picked(whole, choice, path), path)
    if not any(d.values or d.summary for d in reading.data):
        raise UserError("no numbers in it", where=path, hint=join([*reading.notes[:2]]) or NOTHING)
    return reading


def _split(text: str) -> tuple[str, str]:
    """The path, and the chosen part: `FILE:NAME` if FILE exists and the whole argument does not."""
    path, colon, choice = text.rpartition(":")
    if colon and path and not os.path.exists(text) and os.path.exists(path):
        return path, choice
    return text, ""


def _one_system(reading: Reading, path: str) -> Reading:
    """The reading of a file with one system. Raises UserError if a result file holds several, and none was chosen."""
    systems = list(dict.fromkeys(x.value for d in reading.data for x in d.labels if x.key == "system"))
    if len(systems) > 1:
        raise UserError(f"{len(systems)} systems in one file", where=path, hint=f"which? as in {path}:{systems[0]}")
    return reading


def _folder(path: Path) -> Reading:
    """The reading of a folder: results of lkp, or one file for each run. Raises UserError."""
    if is_lkp(path):
        return read_lkp(path)
    files = sorted((p for p in path.iterdir() if p.is_file() and p.name[0] != "."), key=lambda p: (len(p.name), p.name))
    if not files:
        hint = "a run of kit is named with its arm, as runs/NAME:ARM"
        what = "neither a run of kit nor a result of lkp (matrix.json, */stats.json), nor a file a run"
        raise UserError(what, where=str(path), hint=hint)
    return joined(_runs(files, path))


def _runs(files: Sequence[Path], path: Path) -> list[Reading]:
    """Reads one file for each run. If no file can be read, raises the first one's UserError."""
    found: list[Reading] = []
    for file in files:
        try:
            found.append(_one_system(read_text(read_source(str(file))), str(file)))
        except UserError as error:
            if found:
                raise
            what = "neither a run of kit nor a result of lkp (matrix.json, */stats.json), nor a file a run"
            raise UserError(what, where=str(path), hint=str(error)) from error
    return found
