"""What a bisection has done so far: a line a test in its run folder, on the disk before the next one begins."""

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
    """One test of the source at a place. `seconds`: of build and boots; `boots`: names of their console logs;
    `reused`: how many of them were taken from earlier runs; `built`: not from the cache; `image`: what the kernel does,
    "" where it could not be built; `kernel`: its key."""

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
        """As the searches have it."""
        return Seen(index, self.value, self.skip, self.why)


class Trials:
    """The tests of a run; `path` is its tests.jsonl."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: list[Trial] = list(_read(path))

    def add(self, test: Trial) -> None:
        """On the disk before this returns."""
        Journal(self.path).append(to_json(test))
        self.done.append(test)

    def of(self, places: Mapping[str, int]) -> list[Seen]:
        """What the search has seen of these places, in order."""
        return [t.seen(places[t.place]) for t in self.done if t.role in (SEARCH, AGAIN) and t.place in places]

    def images(self, places: Mapping[str, int]) -> dict[int, str]:
        """What is known of the kernels of these places."""
        return {places[t.place]: t.image for t in self.done if t.place in places and t.image and t.role != REVERTED}

    def times(self, place: str, role: str) -> int:
        """How often that was tested so far."""
        return sum(t.place == place and t.role == role for t in self.done)


def _read(path: Path) -> Iterator[Trial]:
    names = {f.name for f in fields(Trial)}
    for _, record in Journal(path).read():
        if isinstance(record, dict) and names == record.keys():
            yield Trial(**{**record, "boots": tuple(record["boots"])})
