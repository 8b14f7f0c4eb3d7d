"""The ratio of each comparison with its interval, a row each (a forest plot): comparisons in, a figure a kind out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit.base.words import join, percent, several
from kit.records import MORE
from kit.report.html.depth import table_of
from kit.report.html.model import Figure
from kit.report.html.svg import WIDTH, Canvas, Names, Scale, legend, ticks
from kit.report.numbers import Number

ROWS = 30  # shown of a kind: those that differ most; the table has all
ROW, GROUP, TOP, FOOT = 31.0, 20.0, 6.0, 40.0
CLOSE = 0.25  # as logarithm: nearer to 1, an axis has percents
FAR = 20.0  # as logarithm: where there is no bound
LOG2 = math.log(2)
FACTORS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
SERIES = {"better": 2, "worse": 1, "same": 0, "inconclusive": 5, "A/A": 4}


@dataclass(frozen=True)
class Row:
    """One line of the plot: comparisons that say the same on several machines share it. `verdict`: `A/A` where it is
    the baseline against itself."""

    label: str
    group: str
    ratio: float
    low: float
    high: float
    series: int
    verdict: str

    @property
    def bounded(self) -> bool:
        """Whether there is an interval at all."""
        return abs(math.log(self.low / self.ratio)) < FAR - 1 or abs(math.log(self.high / self.ratio)) < FAR - 1


def forests(found: Sequence[Number], limits: Mapping[str, float], names: Names) -> Iterator[Figure]:
    """A figure for each kind of evidence, of those that have a ratio. `limits`: by kind, `difference` for the rest."""
    for kind in dict.fromkeys(n.kind for n in found):
        mine = [n for n in found if n.kind == kind and n.comparison.ratio and kind != "model"]
        if mine:
            yield _figure(kind, mine, float(limits.get(kind, limits["difference"])), names())


def _figure(kind: str, mine: Sequence[Number], limit: float, name: str) -> Figure:
    rows = rows_of(mine)
    shown = sorted(sorted(rows, key=lambda r: -abs(math.log(r.ratio)))[:ROWS], key=rows.index)
    shown.sort(key=lambda r: [x.group for x in rows].index(r.group))
    canvas = Canvas(name, 0)
    head = legend(canvas, list(dict.fromkeys((r.series, r.verdict) for r in shown)), 14)
    canvas.height = head + height_of(shown)
    scale, marks = axis(shown, limit)
    draw(canvas, shown, scale, marks, limit, head)
    _direction(canvas, mine)
    caption = f"Within the band (±{percent(limit)}) a difference does not matter."
    if any(r.high > r.low for r in shown):
        caption = f"Lines are intervals. {caption}"
    if len(shown) < len(rows):
        caption += f" The {len(shown)} largest of {len(rows)}."
    title = f"{kind}: each arm over the baseline"
    return Figure(name, title, canvas.svg(title, _about(rows, len(shown), limit)), table_of(mine), caption)


def _about(rows: Sequence[Row], shown: int, limit: float) -> str:
    counts = [f"{sum(r.verdict == word for r in rows)} {word}" for word in dict.fromkeys(r.verdict for r in rows)]
    far = max(rows, key=lambda r: abs(math.log(r.ratio)))
    return (
        f"{several(len(rows), 'row')}, {shown} shown: {join(counts)}, against a limit of {percent(limit)}."
        f" Farthest from 1: {far.label}, {far.ratio:.4g}."
    )


def rows_of(mine: Sequence[Number]) -> list[Row]:
    """Machines that gave the same share a row."""
    groups: dict[tuple[object, ...], list[Number]] = {}
    arms = len({n.comparison.arm for n in mine}) > 1
    for n in mine:
        c, at = n.comparison, n.comparison.at
        key = (c.arm, c.aa, n.what, at.workload, at.depth, at.users, at.layout, c.ratio, c.low, c.high, n.verdict)
        groups.setdefault(key, []).append(n)
    return [_row(group, arms=arms) for group in groups.values()]


def _row(group: Sequence[Number], *, arms: bool) -> Row:
    n = group[0]
    c, at = n.comparison, n.comparison.at
    cpus = [str(x.comparison.at.cpus) for x in group if x.comparison.at.cpus is not None]
    parts = [f"{c.arm}{' (A/A)' if c.aa else ''}:"] if arms or c.aa else []
    parts.append(at.workload)
    parts += [f"depth {at.depth}"] if at.depth is not None else []
    parts += [several(at.users, "user")] if at.users is not None else []
    parts += [f"{', '.join(cpus)} {'vCPU' if cpus == ['1'] else 'vCPUs'}"] if cpus else []
    label = " · ".join(parts).replace(": · ", ": ")
    ratio = c.ratio or 1.0
    verdict = "A/A" if c.aa else str(n.verdict)
    series = SERIES[verdict]
    return Row(label, n.what, ratio, c.low or ratio * math.exp(-FAR), c.high or ratio * math.exp(FAR), series, verdict)


def axis(shown: Sequence[Row], limit: float) -> tuple[Scale, list[tuple[float, str]]]:
    """Where ratios lie, and what stands beneath: percents where all are near to 1, else factors."""
    band = 2 * math.log1p(limit)
    logs = [math.log(r.ratio) for r in shown]
    room = 1.2 * max(band, *map(abs, logs))  # an interval that goes on farther is cut
    low = max(min(-band, *(math.log(r.low) for r in shown)), -room) - 0.04 * room
    high = min(max(band, *(math.log(r.high) for r in shown)), room) + 0.04 * room
    scale = Scale(math.exp(low), math.exp(high), 12, WIDTH - 12, log=True)
    if max(-low, high) < CLOSE:
        steps = ticks((scale.low - 1) * 100, (scale.high - 1) * 100, 6)
        return scale, [(1 + t / 100, f"{t:+g}%".replace("-", "−") if t else "0") for t in steps]
    if max(-low, high) < math.log(10):
        return scale, [(r, _percent(r)) for r in FACTORS if scale.low <= r <= scale.high]
    powers = range(math.ceil(low / LOG2), math.floor(high / LOG2) + 1)
    step = max(1, math.ceil(len(powers) / 6))
    return scale, [(2.0**p, f"×{2**p}" if p > 0 else f"÷{2**-p}" if p else "1") for p in powers if p % step == 0]


def _percent(ratio: float) -> str:
    return f"×{ratio:g}" if ratio >= 2 else f"{(ratio - 1) * 100:+.0f}%".replace("-", "−") if ratio != 1 else "0"


def height_of(shown: Sequence[Row]) -> float:
    """Of a picture of these rows: a heading for each group of them."""
    return TOP + ROW * len(shown) + GROUP * len({r.group for r in shown}) + FOOT


def draw(
    canvas: Canvas,
    shown: Sequence[Row],
    scale: Scale,
    marks: Sequence[tuple[float, str]],
    limit: float,
    head: float,
) -> None:
    """Rows below what stands at the head, the axis beneath."""
    bottom = head + height_of(shown) - FOOT
    left, right = scale(max(1 / (1 + limit), scale.low)), scale(min(1 + limit, scale.high))
    canvas.box(left, head + 2, right - left, bottom - head - 2, "band")
    for value, word in marks:
        canvas.rule(scale(value), head + 2, scale(value), bottom, "one" if value == 1 else "grid")
        canvas.text(scale(value), bottom + 14, word, "tick", "middle")
    y, group = head + TOP, ""
    for r in shown:
        if r.group != group:
            group = r.group
            canvas.text(4, y + 12, group, "group")
            y += GROUP
        canvas.text(4, y + 11, r.label, "row")
        _interval(canvas, r, scale, y + 22)
        y += ROW


def _interval(canvas: Canvas, r: Row, scale: Scale, y: float) -> None:
    low, high, at = (min(max(v, scale.low), scale.high) for v in (r.low, r.high, r.ratio))
    if high > low and r.bounded:
        canvas.rule(scale(low), y, scale(high), y, f"span l{r.series}")
    canvas.dot(scale(at), y, r.series, f"{r.label}: {r.ratio:.6g} [{r.low:.6g}, {r.high:.6g}], {r.verdict}")


def _direction(canvas: Canvas, mine: Sequence[Number]) -> None:
    """Which side is the good one, where all agree on it."""
    ways = {n.comparison.direction for n in mine}
    if len(ways) != 1:
        return
    more = ways == {MORE}
    y = canvas.height - 6
    canvas.text(4, y, "← worse" if more else "← better", "name")
    canvas.text(WIDTH - 4, y, "better →" if more else "worse →", "name", "end")
