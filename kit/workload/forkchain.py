"""The workload `fork-chain`: each process forks the next and stays alive, so that anon_vma chains grow by one a level.

At every requested depth, a window measures `forks` times fork, _exit, wait. Depth 0 is the worker itself.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator, model_validator

from kit.model.program import MAX_REGIONS, Fork, Map, Op, Program, Repeat, Window, Write
from kit.records import At
from kit.workload.kind import Parameters
from kit.workload.load import Load, WindowInfo

PAGES = 4


def depths(value: object) -> tuple[int, ...]:
    """`3`, `[0, 2]` or `0..8` as a sorted tuple of depths (0 to 64). Raises ValueError."""
    if isinstance(value, str):
        first, dots, last = value.partition("..")
        if not all(re.fullmatch(r" *[0-9]{1,3} *", n) for n in ((first, last) if dots else (first,))):
            raise ValueError("a depth is a number, a list, or a range as in 0..8")
        value = list(range(int(first), int(last or first) + 1))
    values: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    if not values or not all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 64 for v in values):
        raise ValueError("depths are whole numbers from 0 to 64, as in 0..8")
    return tuple(sorted(set(values)))


class ForkChain(Parameters):
    """Parameters of `fork-chain`."""

    depth: tuple[int, ...] = Field(default=tuple(range(9)), description="depths to measure: 0..8, a list, a number")
    forks: int = Field(default=200, ge=1, le=1_000_000, strict=True, description="forks in each window")
    vmas: int = Field(
        default=4, ge=0, le=MAX_REGIONS, strict=True, description="private anonymous VMAs beside the program's own"
    )
    written: dict[int, tuple[int, ...]] | None = Field(
        default=None, description="level → those of them first written to at that level; default: all at level 0"
    )

    @field_validator("depth", mode="before")
    @classmethod
    def _depth(cls, value: object) -> tuple[int, ...]:
        return depths(value)

    @model_validator(mode="after")
    def _regions(self) -> ForkChain:
        for level, regions in (self.written or {}).items():
            if not 0 <= level <= max(self.depth):
                raise ValueError(f"written: there is no level {level}, the chain has 0 to {max(self.depth)}")
            if any(not 0 <= r < self.vmas for r in regions):
                raise ValueError(f"written: level {level} names a VMA that is not there: it has {self.vmas}, from 0")
        return self

    def load(self, name: str, seed: int) -> Load:
        """The program, with one nested fork for each level and one window for each depth."""
        written = self.written if self.written is not None else {0: tuple(range(self.vmas))}
        at = [WindowInfo(f"{name}/d{d}", At(name, depth=d), self.forks, "fork") for d in self.depth]
        maps: tuple[Op, ...] = tuple(Map(r, PAGES) for r in range(self.vmas))
        return Load(name, Program(maps + self._level(name, 0, written)), tuple(at))

    def _level(self, name: str, depth: int, written: dict[int, tuple[int, ...]]) -> tuple[Op, ...]:
        ops: list[Op] = [Write(region, 0) for region in written.get(depth, ())]
        if depth in self.depth:
            ops.append(Window(f"{name}/d{depth}", (Repeat(self.forks, (Fork(),)),)))
        if depth < max(self.depth):
            ops.append(Fork(self._level(name, depth + 1, written)))
        return tuple(ops)
