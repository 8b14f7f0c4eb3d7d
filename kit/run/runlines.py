"""Which lines ran: the code of lines and what ran of the kernel in, the lines by what became of them out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from kit.kernel.linetable import LineCode, Place
from kit.records import ChangedLines
from kit.run.ran import BOOT, OUTSIDE, STAGES, WINDOW, Ran, Range

NEVER = ""
MOST = 1000  # lines of which it is told how often they ran


def lines_that_ran(code: LineCode, ran: Ran, removed: int, untold: Sequence[str]) -> ChangedLines:
    """The lines with code, by the first of window, outside and boot in which any of it ran."""
    by_stage: dict[str, list[Place]] = {stage: [] for stage in (*STAGES, NEVER)}
    often: dict[str, dict[str, int]] = {}
    for place, ranges in sorted(code.ranges.items()):
        by_stage[_stage(ranges, ran)].append(place)
        if windows := ran.often(ranges):
            often[f"{place[0]}:{place[1]}"] = windows
    doubtful = [f"{text}: its functions are not the kernel's byte for byte" for text in shown(code.untold)]
    return ChangedLines(
        coded=len(code.ranges),
        ran=len(by_stage[WINDOW]),
        outside=shown(by_stage[OUTSIDE]),
        booting=shown(by_stage[BOOT]),
        missed=shown(by_stage[NEVER]),
        untold=(*untold, *doubtful),
        removed=removed,
        often=dict(list(often.items())[:MOST]),
        cut=len(often) > MOST,
    )


def _stage(ranges: Sequence[Range], ran: Ran) -> str:
    found = {ran.first(code) for code in ranges}
    return next((stage for stage in STAGES if stage in found), NEVER)


def shown(places: Iterable[Place]) -> tuple[str, ...]:
    """Lines as `mm/rmap.c:301-303`, those that follow each other in one."""
    out = []
    numbered = ((path, line - n, line) for n, (path, line) in enumerate(sorted(places)))
    for (path, _), group in groupby(numbered, key=lambda row: row[:2]):
        lines = [line for *_, line in group]
        out.append(f"{path}:{lines[0]}" + (f"-{lines[-1]}" if len(lines) > 1 else ""))
    return tuple(out)
