"""Both sides of a patch to mm/rmap.c, as far as the patch shows them: source text with gaps.

A function that the patch shows from head to end is read as if from a file. Of other functions it is only known that
they change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.model.errors import ModelError
from kit.model.reading.blocks import GAP

FILE = "mm/rmap.c"
_HUNK = re.compile(r"^@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@")


@dataclass(frozen=True)
class Sides:
    """mm/rmap.c before and after, with GAP where the patch shows nothing."""

    before: str
    after: str


def applied(source: str, patch: str) -> str:
    """mm/rmap.c with the patch applied. Raises ModelError if a hunk's lines are not found, in order and unchanged."""
    lines, at = source.splitlines(), 0
    both = sides(patch)
    hunks = zip(_hunks(both.before), _hunks(both.after), strict=True)
    for old, new in hunks:
        places = (n for n in range(at, len(lines) - len(old) + 1) if lines[n : n + len(old)] == old)
        place = next(places, None)
        if place is None:
            first = next((line.strip() for line in old if line.strip()), "")
            raise ModelError(f"the patch does not apply to this {FILE}: no place for the hunk that begins {first!r}")
        lines[place : place + len(old)] = new
        at = place + len(new)
    return "\n".join(lines)


def _hunks(side: str) -> list[list[str]]:
    return [part.strip("\n").split("\n") if part.strip("\n") else [] for part in side.split(GAP)[1:]]


def sides(patch: str) -> Sides:
    """The two sides of a patch. Raises ModelError if the patch does not touch mm/rmap.c."""
    before: list[str] = []
    after: list[str] = []
    inside = False
    left = [0, 0]
    for line in patch.splitlines():
        if not any(left) and line.startswith(("--- ", "+++ ")):
            inside = line.split()[1].endswith(FILE) if line.startswith("+++ ") else inside
        elif (hunk := _HUNK.match(line)) and not any(left):
            left = [int(hunk[2] or 1), int(hunk[4] or 1)]
            if inside:
                before.append(GAP)
                after.append(GAP)
        elif any(left):
            mark, text = line[:1] or " ", line[1:]
            left[0] -= mark in " -"
            left[1] -= mark in " +"
            if inside and mark in " -":
                before.append(text)
            if inside and mark in " +":
                after.append(text)
    if not before and not after:
        raise ModelError(f"the patch does not change {FILE}")
    return Sides("\n".join(before), "\n".join(after))
