"""What changed over many runs: points of an index in; a series for each metric with its change points, over time and
over kernels, and the tests that flip, out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from kit.report.runindex import Point
from kit.stats.changes import LEAST, change_points

ALPHA = 0.05
RELEASED = 1 << 30  # after every -rc
Key = tuple[str, str]  # experiment, comparison


@dataclass(frozen=True)
class Level:
    """Before which run the level changed, by what factor (None where a value is not above 0), and p."""

    run: str
    place: int
    ratio: float | None
    p: float


@dataclass(frozen=True)
class Series:
    """One comparison in the order of the runs that have it. `levels`: where the arm's value changed. `by_kernel`: the
    points in the order of their kernels, empty where there is one kernel only; `steps`: between which it changed."""

    title: str
    name: str
    points: tuple[Point, ...]
    levels: tuple[Level, ...]
    by_kernel: tuple[Point, ...] = ()
    steps: tuple[Level, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether a change could be shown at all."""
        return len(self.points) >= LEAST


@dataclass(frozen=True)
class Flip:
    """A comparison whose verdict came and went. `words` in the order of the runs."""

    title: str
    name: str
    words: tuple[str, ...]

    @property
    def flips(self) -> int:
        """How often one run and the next differ."""
        return sum(a != b for a, b in zip(self.words, self.words[1:], strict=False))


def series_of(points: Sequence[Point], metrics: Sequence[str] = (), alpha: float = ALPHA) -> list[Series]:
    """Those with changes first, then those with most runs. `metrics`: patterns of names; predictions are left out."""
    groups: dict[Key, list[Point]] = {}
    for p in points:
        if p.evidence != "model" and (not metrics or any(fnmatch(p.name, m) for m in metrics)):
            groups.setdefault((p.title, p.name), []).append(p)
    out = [_series(title, name, its, alpha) for (title, name), its in groups.items()]
    return sorted(out, key=lambda s: (-len(s.levels) - len(s.steps), -len(s.points)))


def _series(title: str, name: str, its: Sequence[Point], alpha: float) -> Series:
    by_kernel = sorted(its, key=lambda p: kernel_order(p.kernel))  # sorted() keeps the order of time
    borders = [i for i in range(1, len(its)) if by_kernel[i - 1].kernel != by_kernel[i].kernel]
    levels = tuple(_levels(its, alpha))
    if not borders:
        return Series(title, name, tuple(its), levels)
    return Series(title, name, tuple(its), levels, tuple(by_kernel), tuple(_levels(by_kernel, alpha, borders)))


def kernel_order(version: str) -> tuple[tuple[int, ...], int, str]:
    """2.6.38, 3.0, 6.1-rc2, 6.1 (and 6.1.0), 6.1.5, 6.12."""
    found = re.match(r"(\d{1,9}(?:\.\d{1,9})*)(?:-rc(\d{1,9}))?", version)
    if found is None:
        return (), 0, version
    numbers = tuple(map(int, found[1].split(".")))
    while numbers[-1:] == (0,):
        numbers = numbers[:-1]
    return numbers, int(found[2]) if found[2] else RELEASED, version


def _levels(its: Sequence[Point], alpha: float, places: Sequence[int] | None = None) -> list[Level]:
    values = [p.arm_value for p in its]
    if len(values) < LEAST:
        return []
    logs = min(values) > 0
    found = change_points([math.log(v) for v in values] if logs else values, alpha, places)
    return [Level(its[c.at].run, c.at, math.exp(c.shift) if logs else None, c.p) for c in found]


def flips_of(points: Sequence[Point]) -> list[Flip]:
    """Comparisons that went from one verdict to another and back, most flips first."""
    groups: dict[Key, list[str]] = {}
    for p in points:
        if p.evidence != "model":
            groups.setdefault((p.title, p.name), []).append(p.verdict)
    found = [Flip(title, name, tuple(words)) for (title, name), words in groups.items()]
    return sorted((f for f in found if f.flips > 1), key=lambda f: -f.flips)
