"""Numbers that were measured elsewhere: files, folders, `-` or `n,mean,sd` in; a group of values for each metric out.

Each tool's format has a module, and formats.py the table of them: a text is known by its content. Every mistake is
named with file and line.
"""

from __future__ import annotations

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
    """One side, from its argument. Raises UserError."""
    return read_sides([text])[0]


def read_sides(texts: Sequence[str]) -> list[Outside]:
    """Sides whose metrics are named alike. Raises UserError."""
    if list(texts).count(STDIN) > 1:
        raise UserError("standard input can be one side only", where=STDIN)
    return settle([(name_of(text), _reading(text)) for text in texts])


def name_of(text: str) -> str:
    """What a side is called: a file's or folder's own name, a summary's, the part that was chosen."""
    if (said := SUMMARY.match(text)) and not Path(text).exists():
        return said["name"] or text
    path, choice = _split(text)
    return choice or ("standard input" if path == STDIN else Path(path).name or path)


def _reading(text: str) -> Reading:
    if (said := SUMMARY.match(text)) and not Path(text).exists():
        return Reading((Datum(VALUE, (), summary=summary(said["cells"].split(","), text)),))
    path, choice = _split(text)
    whole = _folder(Path(path)) if Path(path).is_dir() else read_text(read_source(path))
    reading = _one_system(picked(whole, choice, path), path)
    if not any(d.values or d.summary for d in reading.data):
        raise UserError("no numbers in it", where=path, hint=join([*reading.notes[:2]]) or NOTHING)
    return reading


def _split(text: str) -> tuple[str, str]:
    """A path, and what of it is meant: FILE:NAME where FILE is there and the whole is not."""
    path, colon, choice = text.rpartition(":")
    if colon and path and not Path(text).exists() and Path(path).exists():
        return path, choice
    return text, ""


def _one_system(reading: Reading, path: str) -> Reading:
    """A result file of several systems is no side of its own. Raises UserError."""
    systems = list(dict.fromkeys(x.value for d in reading.data for x in d.labels if x.key == "system"))
    if len(systems) > 1:
        raise UserError(f"{len(systems)} systems in one file", where=path, hint=f"which? as in {path}:{systems[0]}")
    return reading


def _folder(path: Path) -> Reading:
    """lkp's results, or a file a run. Raises UserError."""
    if is_lkp(path):
        return read_lkp(path)
    files = sorted((p for p in path.iterdir() if p.is_file() and p.name[0] != "."), key=lambda p: (len(p.name), p.name))
    if not files:
        hint = "a run of kit is named with its arm, as runs/NAME:ARM"
        what = "neither a run of kit nor a result of lkp (matrix.json, */stats.json), nor a file a run"
        raise UserError(what, where=str(path), hint=hint)
    return joined(_runs(files, path))


def _runs(files: Sequence[Path], path: Path) -> list[Reading]:
    """A file a run. Raises UserError: the first file's, where no file is one that can be read."""
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
