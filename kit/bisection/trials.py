"""The tests that a bisection has done: one line each in its run folder, on disk before the next test begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from kit.records import to_json
from kit.search.protocol import Seen
from kit.store.journal import Journal

SEARCH, SAME, AGAIN, REVERTED = "search", "same", "again", "reverted"


@dataclass(frozen=True)
class Trial:
    """One test of the source at a place. `skip`: the place cannot be tested; `image`: a hash that kernels with the same
    code share, "" if it could not be built; `kernel`: its key; `built`: it was not in the cache; `boots`: paths of
    their console logs; `reused`: how many of them came from earlier runs."""

    place: str
    role: str
    value: float | None
    skip: bool
    why: str
    image: str
    kernel: str
    built: bool
    build_seconds: float
    boot_seconds: float
    boots: tuple[str, ...]
    reused: int

    def seen(self, index: int) -> Seen:
        """The test in the form that the searches take."""
        return Seen(index, self.value, self.skip, self.why)


class Trials:
    """The tests of a run; `path` is its tests.jsonl."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: list[Trial] = list(_read(path))

    def add(self, test: Trial) -> None:
        """Adds a test and syncs it to disk. Raises MachineError on a disk error."""
        Journal(self.path).append(to_json(test))
        self.done.append(test)

    def of(self, places: Mapping[str, int]) -> list[Seen]:
        """The tests of these places that count for the search, in order."""
        return [t.seen(places[t.place]) for t in self.done if t.role in (SEARCH, AGAIN) and t.place in places]

    def images(self, places: Mapping[str, int]) -> dict[int, str]:
        """Index → image, for the places whose kernels were built."""
        return {places[t.place]: t.image for t in self.done if t.place in places and t.image and t.role != REVERTED}

    def times(self, place: str, role: str) -> int:
        """How many tests of that place and role were done."""
        return sum(t.place == place and t.role == role for t in self.done)


def _read(path: Path) -> Iterator[Trial]:
    names = {f.name for f in fields(Trial)}
    for _, record in Journal(path).read():
        if isinstance(record, dict) and names == record.keys():
            yield Trial(**{**record, "boots": tuple(record["boots"])})
