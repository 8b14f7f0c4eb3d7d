"""Quilt's `series` files: a file in, the patches that it names with their options out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One patch of a series: its file, how many leading parts of its paths go (`-pN`), and whether it is taken out."""

    path: Path
    strip: int = 1
    reverse: bool = False


def is_series(path: Path) -> bool:
    """Whether a file is a quilt series by its name."""
    return path.name == "series" or path.suffix == ".series"


def read_series(path: Path) -> list[Entry]:
    """The patches in their order. Raises UserError with file and line for an option that is not known, and for a patch
    that is not there."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read: {getattr(error, 'strerror', error)}", where=str(path)) from error
    found = [e for n, line in enumerate(lines, 1) if (e := _entry(line, path, f"{path}:{n}")) is not None]
    if not found:
        raise UserError("names no patch", where=str(path), hint="a quilt series has one patch file a line")
    return found


def own_names(entries: Sequence[Entry]) -> list[str]:
    """A name of its own for each patch: its file's, with its number before it where an earlier one is called so."""
    files = {"series", *(e.path.name for e in entries)}
    out: list[str] = []
    for number, entry in enumerate(entries, 1):
        name = entry.path.name
        if name in out or name == "series":
            while name in out or name in files:
                name = f"{number:03d}-{name}"
        out.append(name)
    return out


def _refuse_guard(line: str, words: Sequence[str], where: str) -> None:
    """Raises UserError for a patch that is only applied where a guard is selected: `name #+guard` (Mercurial's queues)
    or `+guard name` (guards of distributions' series). Those that a guard takes out are in: none is selected."""
    match = re.search(r"\s#\+(\S+)", line)
    guard = match[1] if match else words[0][1:] if words[0].startswith("+") and len(words) > 1 else ""
    if guard:
        hint = f"kit selects no guards: take away +{guard} to have the patch applied, or the line"
        raise UserError(f"a patch for the guard {guard}", where=where, hint=hint)


def _entry(line: str, series: Path, where: str) -> Entry | None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise UserError(f"not a line of a quilt series: {error}", where=where) from error
    if not words:
        return None
    _refuse_guard(line, words, where)
    if words[0].startswith("-") and len(words) > 1:  # a guard that nobody selects
        words = words[1:]
    name, *options = words
    strip, reverse = 1, False
    given = iter(options)
    for option in given:
        value = next(given, "") if option == "-p" else option[2:]
        if option.startswith("-p") and (value == "ab" or re.fullmatch("[0-9]", value)):
            strip = 1 if value == "ab" else int(value)  # quilt's ab: a/ and b/, so one part goes
        elif option == "-R":
            reverse = True
        else:
            raise UserError(f"an option that kit does not know: {option}", where=where, hint="known: -p0 to -p9, -R")
    path = series.parent / name
    if not path.is_file():
        raise UserError(f"no such patch: {name}", where=where, hint="its path is taken from the series file's folder")
    return Entry(path, strip, reverse)
