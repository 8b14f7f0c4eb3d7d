"""Reads quilt `series` files: the patches that they name, with their options."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import UserError


@dataclass(frozen=True)
class Entry:
    """One patch of a series: its file, how many leading path components to remove (`-pN`), whether to reverse it."""

    path: Path
    strip: int = 1
    reverse: bool = False


def is_series(path: Path) -> bool:
    """Whether a file is a quilt series, by its name."""
    return path.name == "series" or path.suffix == ".series"


def read_series(path: Path) -> list[Entry]:
    """The patches in order. Raises UserError with file and line for an unknown option or a missing patch."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read: {getattr(error, 'strerror', error)}", where=str(path)) from error
    found = [e for n, line in enumerate(lines, 1) if (e := _entry(line, path, f"{path}:{n}")) is not None]
    if not found:
        raise UserError("names no patch", where=str(path), hint="a quilt series has one patch file a line")
    return found


def own_names(entries: Sequence[Entry]) -> list[str]:
    """A unique name for each patch: its file's name, with its number in front if an earlier patch has that name."""
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
    """Raises UserError for a patch that is applied only if a guard is selected: `name #+guard` (Mercurial queues) or
    `+guard name` (series of distributions). kit selects no guard, so patches that a guard excludes are applied."""
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
    if words[0].startswith("-") and len(words) > 1:  # `-guard name`: the guard is not selected
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
            raise UserError(f"unknown option: {option}", where=where, hint="known: -p0 to -p9, -R")
    path = series.parent / name
    if not os.path.isfile(path):  # False too where the name is too long for any file
        raise UserError(f"no such patch: {name}", where=where, hint="paths are relative to the series file's folder")
    return Entry(path, strip, reverse)
