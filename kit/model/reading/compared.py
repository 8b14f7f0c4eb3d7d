"""Compares functions read from mm/rmap.c with the profiles, and makes a profile that has what was read.

What was read is marked as such, and as unverified.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kit.model.errors import ModelError
from kit.model.profiles import PROFILES
from kit.model.reading.patch import applied, sides
from kit.model.reading.steps import FUNCTIONS, Read, cells
from kit.model.steps import Cell, Over, Profile, Step

MARK = "read from source, not verified"
_PRIMITIVES = (
    ("mutex", re.compile(r"mutex_(un)?lock\(|->mutex")),
    ("rwsem", re.compile(r"rwsem|(down|up)_(read|write)")),
)
SPIN = re.compile(r"spin_(un)?lock\(&\w*anon_vma->(root->)?lock")


@dataclasses.dataclass(frozen=True)
class Reading:
    """`read`: the functions by cell; `base`: the profile that fits them best; `profile`: that with what was read."""

    read: Mapping[str, Read]
    base: str
    profile: Profile

    @property
    def changed(self) -> tuple[str, ...]:
        """The cells that differ from the base's."""
        return tuple(cell for cell, one in self.read.items() if not same(one.cell, PROFILES[self.base].cells[cell]))

    @property
    def unknown(self) -> dict[str, list[str]]:
        """By function, the statements that may lock, allocate, link or free, and that no rule knows."""
        return {one.name: one.unknown for one in self.read.values() if one.unknown}


def same(one: Cell, other: Cell) -> bool:
    """Whether two cells do the same, whatever their source."""
    return (_plain(one), one.failure) == (_plain(other), other.failure)


def _plain(cell: Cell) -> list[tuple[Over, tuple[Step, ...]]]:
    """The cell's passes in a comparable form. Stable 6.12 assigns an entry just before the lock: that equals linking it
    under the lock, since same_vma needs only the mm's lock."""
    return [(one.over, _linked(one.steps)) for one in cell.passes]


def _linked(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for at in range(len(steps) - 2):
        if steps[at : at + 3] == (Step.ASSIGN, Step.LOCK, Step.INSERT):
            return (*steps[:at], Step.LOCK, Step.LINK, *steps[at + 3 :])
    return steps


def like(cell: str, read: Read) -> list[str]:
    """The profiles whose cell does what was read."""
    return [name for name, row in PROFILES.items() if same(read.cell, row.cells[cell])]


def read_source(source: str, kernel: str, version: str = "") -> Reading:
    """Reads mm/rmap.c as a whole. `version` ("6.1"): of profiles that fit alike, the one to name. Raises ModelError if
    the source has none of the functions."""
    found = dict(cells(source, kernel))
    if not found:
        names = ", ".join(name for names in FUNCTIONS.values() for name in names)
        raise ModelError(f"{kernel}: none of the functions of mm/rmap.c is in it: {names}")
    return _reading(found, found, source, kernel, version)


def read_patch(patch: str, name: str, source: str | None = None, version: str = "") -> Reading:
    """Reads a patch to `source`, on the profile that fits it best; `version` as in `read_source`. Raises ModelError if
    it does not apply.

    Without a source: reads only the functions that the patch shows completely.
    """
    if source is not None:
        old, new = source, applied(source, patch)
    else:
        both = sides(patch)
        old, new = both.before, both.after
    before, after = dict(cells(old, name)), dict(cells(new, name))
    if not after:
        raise ModelError(f"{name}: it shows none of the functions from head to end; name the tree that it is for")
    return _reading(after, before, f"{old}\n{new}", name, version)


def _reading(found: Mapping[str, Read], fits: Mapping[str, Read], source: str, kernel: str, version: str) -> Reading:
    base = _nearest(fits, source, version)
    fields: dict[str, Any] = {cell: read.cell for cell, read in found.items() if not same(read.cell, base.cells[cell])}
    name = f"{kernel} ({MARK})"
    return Reading(found, base.name, dataclasses.replace(base, name=name, about=f"{base.name}, {MARK}", **fields))


def _nearest(read: Mapping[str, Read], source: str, version: str) -> Profile:
    """The profile that agrees with most of the functions read, among those with the source's kind of lock; the one of
    this version rather than one that is the same."""
    kind = "rlock" if SPIN.search(source) else ""
    for name, pattern in _PRIMITIVES:
        kind = kind or (name if pattern.search(source) else "")
    rows = [row for row in PROFILES.values() if kind in row.lock_class] or list(PROFILES.values())
    alike = {cell: like(cell, one) for cell, one in read.items()}
    return max(rows, key=lambda row: (sum(row.name in names for names in alike.values()), row.name == version))


def told(reading: Reading) -> Iterator[str]:
    """A line for each function: which profiles do the same, or what it does differently from the base."""
    yield f"nearest profile: {reading.base}; what differs is {MARK}"
    for cell, names in FUNCTIONS.items():
        one = reading.read.get(cell)
        if one is None:
            yield f"{names[0]}: not there as a whole; taken from profile {reading.base}"
        elif same(one.cell, PROFILES[reading.base].cells[cell]):
            yield f"{one.name}: as profile {reading.base}"
        else:
            others = like(cell, one)
            yield f"{one.name}: not as profile {reading.base}" + (f", but as {', '.join(others)}" if others else "")
            yield from _beside(one.cell, PROFILES[reading.base].cells[cell], reading.base)
        for statement in one.unknown if one else ():
            yield f"  not understood: {statement}"


def data(reading: Reading) -> dict[str, Any]:
    """A reading as plain data for JSON."""
    return {
        "base": reading.base,
        "mark": MARK,
        "functions": {
            one.name: {
                "as": like(cell, one),
                "passes": [{"over": p.over.value, "steps": [step.name for step in p.steps]} for p in one.cell.passes],
                "failure": [step.name for step in one.cell.failure],
                "unknown": one.unknown,
            }
            for cell, one in reading.read.items()
        },
    }


def _beside(read: Cell, profile: Cell, base: str) -> Iterator[str]:
    for title, cell in (("read", read), (base, profile)):
        yield f"  {title}:"
        for one in cell.passes:
            yield f"    {one.over.value}: {'; '.join(step.name for step in one.steps)}"
        if cell.failure:
            yield f"    if an allocation fails: {'; '.join(step.name for step in cell.failure)}"
