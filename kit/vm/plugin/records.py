"""Reads the plugin's records: checks the bytes of its file; out comes how often code of the kernel ran in each stage of
the guest. The file is QEMU's, which a hostile guest may hold: any content ends in records or one error, in bounds."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.frames import FrameError, damaged, frames

PROTOCOL = "1"
JOB = "coverage"
MOST = 32 << 20  # bytes of a file: MOST_BYTES of kit/vm/plugin/frames.c
KEPT = 500_000  # runs of a file that are kept
RUN = re.compile("([0-9a-f]{1,16}),([0-9a-f]{1,16}),([0-9a-f]{1,16})")
STAGES = ("boot", "window", "outside")
TOP = 1 << 64

Run = tuple[int, int, int]


@dataclass(frozen=True)
class Stage:
    """What ran in one stage: `boot` (before init), one `window`, or `outside` of all windows after init. From
    `points[i]` to the next point, code was executed `times[i]` times."""

    name: str
    points: Sequence[int]
    times: Sequence[int]

    def most(self, begin: int, end: int) -> int:
        """How often the most often executed code from `begin` to `end` (excluded) ran; 0 if none did."""
        first = max(bisect_right(self.points, begin) - 1, 0)
        return max(self.times[first : bisect_left(self.points, end)], default=0)


@dataclass(frozen=True)
class Coverage:
    """What ran: before init, in each window in the order of their ends, and outside of windows after init."""

    boot: Stage
    windows: tuple[Stage, ...]
    outside: Stage


def read_file(path: Path, nonce: str, of: Sequence[tuple[int, int]]) -> Coverage:
    """As `read_coverage`, of a boot's file. Raises FrameError for one that is too large, too."""
    with path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise FrameError(f"more than {MOST} bytes")
    return read_coverage(data, nonce, of)


def read_coverage(data: bytes, nonce: str, of: Sequence[tuple[int, int]]) -> Coverage:
    """The records of the boot that was given `nonce`, as far as they are about the ranges `of` (begin, end; in order,
    without overlaps). Raises FrameError if they are damaged, cut, or not complete."""
    stages: list[tuple[str, list[Run]]] = []
    begins, ends = [begin for begin, _ in of], [end for _, end in of]
    begin, kept, greeted = 0, 0, False
    for number, (kind, *rest) in enumerate(frames(data, nonce)):
        if not greeted:
            if [kind, *rest[:2]] != ["hello", PROTOCOL, JOB]:
                raise damaged(number, f"no greeting of {JOB}: {kind[:40]!r}")
            greeted = True
        elif kind == "stage" and len(rest) == 1 and rest[0] in STAGES:
            stages.append((rest[0], []))
            begin = 0
        elif kind == "runs" and stages:
            runs = stages[-1][1]
            for gap, size, times in _numbers(rest, number):
                begin += gap
                if not size or not times or begin + size > TOP:
                    raise damaged(number, "a run of nothing, or beyond all addresses")
                if bisect_left(begins, begin + size) > bisect_right(ends, begin):
                    runs.append((begin, begin + size, times))
                    kept += 1
            if kept > KEPT:
                raise FrameError(f"more than {KEPT} runs")
        elif kind == "full":
            raise FrameError("the kernel ran more code than the plugin can count")
        elif kind != "end":
            raise damaged(number, f"out of place: {kind[:40]!r}")
    return _coverage([_stage(name, runs) for name, runs in stages])


def _numbers(runs: Sequence[str], number: int) -> Iterator[Run]:
    """The numbers of a frame's runs, each `gap,bytes,times` in hexadecimal."""
    for run in runs:
        found = RUN.fullmatch(run)
        if found is None:
            raise damaged(number, f"not a run: {run[:60]!r}")
        yield int(found[1], 16), int(found[2], 16), int(found[3], 16)


def _stage(name: str, runs: Sequence[Run]) -> Stage:
    """Runs that overlap, added up."""
    steps: dict[int, int] = {}
    for begin, end, times in runs:
        steps[begin] = steps.get(begin, 0) + times
        steps[end] = steps.get(end, 0) - times
    points, levels, level = sorted(steps), list[int](), 0
    for point in points:
        level += steps[point]
        levels.append(level)
    return Stage(name, points, levels)


def _coverage(stages: Sequence[Stage]) -> Coverage:
    names = [stage.name for stage in stages]
    windows = tuple(stage for stage in stages if stage.name == "window")
    if names != ["boot", *["window"] * len(windows), "outside"]:
        raise FrameError(f"not the stages of a boot that reached init: {', '.join(names[:8]) or 'none'}")
    return Coverage(stages[0], windows, stages[-1])
