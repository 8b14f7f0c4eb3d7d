"""What a bisection has done so far: a line a test in its run folder, on the disk before the next one begins."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kit.records import to_json
from kit.search.protocol import Seen
from kit.store.files import machine_errors

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
        line = json.dumps(to_json(test), separators=(",", ":")) + "\n"
        with machine_errors(self.path), self.path.open("ab") as file:
            file.write(line.encode() if self._whole() else b"\n" + line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.done.append(test)

    def _whole(self) -> bool:
        """Whether the last line is complete: a kill may have cut it off."""
        data = self.path.read_bytes()
        return not data or data.endswith(b"\n")

    def of(self, places: Mapping[str, int]) -> list[Seen]:
        """What the search has seen of these places, in order."""
        return [t.seen(places[t.place]) for t in self.done if t.role in (SEARCH, AGAIN) and t.place in places]

    def images(self, places: Mapping[str, int]) -> dict[int, str]:
        """What is known of the kernels of these places."""
        return {places[t.place]: t.image for t in self.done if t.place in places and t.image and t.role != REVERTED}

    def times(self, place: str, role: str) -> int:
        """How often that was tested so far."""
        return sum(t.place == place and t.role == role for t in self.done)


def _read(path: Path) -> Sequence[Trial]:
    if not path.exists():
        return []
    names = {f.name for f in fields(Trial)}
    out = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record: Any = json.loads(line)
        except ValueError:  # cut off by a kill
            continue
        if isinstance(record, dict) and names == record.keys():
            out.append(Trial(**{**record, "boots": tuple(record["boots"])}))
    return out
