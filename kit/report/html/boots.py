"""The boots of a run: records in; their times in order (drift shows) and by arm (modes show) out.

A boot's time is what its windows took in the guest; as machines with more vCPUs take another, it stands over the median
of the baseline's boots on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from statistics import median
from typing import Any

from kit.base.words import several
from kit.report.html.model import Figure, Table, number, words
from kit.report.html.svg import RADIUS, SMALL, WIDTH, Canvas, Frame, Names, Scale, frame, legend, padded, ticks

FEW = 200  # boots; of more, marks are small
STEADY = (0.95, 1.05)  # an axis shows no less: noise is not to look like a difference
LEAST = 3  # boots of which a picture says more than a table
HEAD = ("boot", "evidence", "arm", "vCPUs", "outcome", "guest s", "over the median", "whole s", "from")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Took:
    """A boot: its place in time, how long its windows took (s), and that over the median; None where it failed."""

    place: int
    arm: str
    cpus: int
    guest: float | None
    relative: float | None
    row: Row


def boots(rows: Sequence[Row], baseline: str, names: Names) -> Iterator[Figure]:
    """Two figures for each kind of evidence with enough boots. `instructions` measures no time."""
    for kind in dict.fromkeys(r["evidence"] for r in rows):
        mine = took([r for r in rows if r["evidence"] == kind], baseline)
        if kind == "instructions" or sum(t.relative is not None for t in mine) < LEAST:
            continue
        arms = sorted({t.arm for t in mine}, key=lambda arm: (arm != baseline, arm))
        yield _in_order(kind, mine, arms, names())
        yield _by_arm(kind, mine, arms, names())


def guest_seconds(row: Row) -> float | None:
    """What the windows of a boot took; None where it has none."""
    windows = (row.get("results") or {}).get("windows") or ()
    return sum(w["elapsed"] for w in windows) / 1e9 if windows else None


def took(rows: Sequence[Row], baseline: str) -> list[Took]:
    """In the order of their records, which is that of time."""
    seconds = [guest_seconds(r) for r in rows]
    middle: dict[int, float] = {}
    for cpus in {r["cpus"] for r in rows}:
        here = [(r["arm"], s) for r, s in zip(rows, seconds, strict=True) if r["cpus"] == cpus and s]
        of_baseline = [s for arm, s in here if arm == baseline]
        middle[cpus] = median(of_baseline or [s for _, s in here]) if here else 0.0
    out = []
    for i, (r, s) in enumerate(zip(rows, seconds, strict=True)):
        over = s / middle[r["cpus"]] if s is not None and middle[r["cpus"]] else None
        out.append(Took(i + 1, r["arm"], r["cpus"], s, over, r))
    return out


def _in_order(kind: str, mine: Sequence[Took], arms: Sequence[str], name: str) -> Figure:
    known = [t.relative for t in mine if t.relative is not None]
    low, high = padded([*known, *STEADY])
    f = frame(name, (1, max(len(mine), 2)), (low, high), 240, top=44)
    height = legend(f.canvas, list(enumerate(arms)), 14)
    f.axes([t for t in ticks(1, len(mine), 6) if t == int(t)], ticks(low, high), "boots in the order of time", "")
    f.canvas.text(4, 14 + height, "time over the baseline's median", "name")
    _one(f)
    size = SMALL if len(mine) > FEW else RADIUS
    for t in mine:
        _mark(f.canvas, f.x(t.place), f.y(t.relative) if t.relative is not None else f.y.end, t, arms, size)
    title = f"{kind}: boots in the order of time"
    halves = known[: len(known) // 2], known[len(known) // 2 :]
    medians = [f"{median(half):.4g}" for half in halves]
    about = f"{several(len(mine), 'boot')}; the median of the first half is {medians[0]}, of the second {medians[1]}."
    caption = "A drift of the machine shows as a slope; a cross is a boot that failed."
    return Figure(name, title, f.canvas.svg(title, about), _table(mine), caption)


def _mark(canvas: Canvas, x: float, y: float, t: Took, arms: Sequence[str], size: float) -> None:
    told = f"{_name(t.row)}: {t.row['outcome']}" + (f", {t.guest:.4g} s" if t.guest is not None else "")
    if t.relative is None:
        canvas.cross(x, y, told)
    else:
        canvas.dot(x, y, arms.index(t.arm), "" if size == SMALL else told, r=size)


def _one(f: Frame) -> None:
    f.canvas.rule(f.x.start, f.y(1.0), f.x.end, f.y(1.0), "one")


def _by_arm(kind: str, mine: Sequence[Took], arms: Sequence[str], name: str) -> Figure:
    """A row an arm; marks that would hide each other are stacked."""
    known = [t.relative for t in mine if t.relative is not None]
    low, high = padded([*known, *STEADY])
    row = 74.0
    canvas = Canvas(name, row * len(arms) + 52)
    scale = Scale(low, high, 14, WIDTH - 14)
    bottom = row * len(arms) + 6
    for value in ticks(low, high, 6):
        canvas.rule(scale(value), 8, scale(value), bottom, "grid")
        canvas.text(scale(value), bottom + 15, f"{value:.10g}", "tick", "middle")
    canvas.text(WIDTH / 2, bottom + 31, "time over the baseline's median", "name", "middle")
    size = SMALL if len(mine) > FEW else 3.0
    for i, arm in enumerate(arms):
        floor = row * (i + 1) - 6
        canvas.text(4, row * i + 15, f"{arm} ({several(sum(t.arm == arm for t in mine), 'boot')})")
        for x, level in stacked(
            [scale(t.relative) for t in mine if t.arm == arm and t.relative is not None], size, row - 32
        ):
            canvas.dot(x, floor - level, i, r=size)
        canvas.rule(14, floor + 5, WIDTH - 14, floor + 5, "axis")
    title = f"{kind}: how boots of each arm are spread"
    spans = []
    for arm in arms:
        its = [t.relative for t in mine if t.arm == arm and t.relative is not None]
        spans += [f"{arm} from {min(its):.4g} to {max(its):.4g}, median {median(its):.4g}"] if its else []
    caption = "Two heaps are two modes: then a mean says little."
    return Figure(name, title, canvas.svg(title, "; ".join(spans) + "."), _summary(mine, arms), caption)


def stacked(xs: Sequence[float], size: float, room: float) -> Iterator[tuple[float, float]]:
    """(x, height) of marks of that size, one above the other where they would touch, no higher than `room`."""
    columns: dict[int, int] = {}
    wide = 2 * size
    highest = max(_heights(xs, wide).values(), default=1)
    step = min(wide, room / highest)
    for x in sorted(xs):
        column = round(x / wide)
        columns[column] = columns.get(column, 0) + 1
        yield column * wide, (columns[column] - 1) * step


def _heights(xs: Sequence[float], wide: float) -> dict[int, int]:
    out: dict[int, int] = {}
    for x in xs:
        out[round(x / wide)] = out.get(round(x / wide), 0) + 1
    return out


def _name(row: Row) -> str:
    return PurePath(str(row.get("console", ""))).stem or str(row.get("order", ""))


def _table(mine: Sequence[Took]) -> Table:
    rows = []
    for t in mine:
        r = t.row
        end = str(r["outcome"]) + (f": {r['why']}" if r.get("why") else "")
        rows.append((words(_name(r)), words(r["evidence"]), words(t.arm), words(t.cpus), words(end), number(t.guest),
                     number(t.relative, 5), number(r.get("seconds")), words(r.get("reused") or "")))  # fmt: skip
    return Table(HEAD, tuple(rows))


def _summary(mine: Sequence[Took], arms: Sequence[str]) -> Table:
    rows = []
    for arm in arms:
        its = [t.relative for t in mine if t.arm == arm and t.relative is not None]
        if its:
            rows.append((words(arm), words(len(its)), number(min(its)), number(median(its)), number(max(its))))
    return Table(("arm", "boots", "least", "median", "most"), tuple(rows))
