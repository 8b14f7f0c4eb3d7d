"""Instructions by layout of memory: comparisons in, the change in each layout out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.base.words import percent
from kit.report.html.model import Figure, Table, change, number, words
from kit.report.html.svg import Names, frame, legend, padded, ticks
from kit.report.numbers import Number

MOST = 6  # windows in a picture


def by_layout(found: Sequence[Number], names: Names) -> Iterator[Figure]:
    """A figure for each arm."""
    mine = [n for n in found if n.kind == "instructions" and len(n.comparison.arm_values) > 1]
    for arm in dict.fromkeys(n.comparison.arm for n in mine):
        yield _figure(arm, [n for n in mine if n.comparison.arm == arm], names())


def _figure(arm: str, mine: Sequence[Number], name: str) -> Figure:
    shown = mine[:MOST]
    ratios = [_ratios(n) for n in shown]
    percents = [(r - 1) * 100 for its in ratios for r in its]
    low, high = padded([*percents, 0.0])
    most = max(map(len, ratios))
    legends = [(i, n.where.removesuffix(", 1 vCPU")) for i, n in enumerate(shown)]
    f = frame(name, (1, most), (low, high), 250 + 16 * len(legends), top=30 + 16 * len(legends))
    height = legend(f.canvas, legends, 14)
    f.axes([float(i + 1) for i in range(most)], ticks(low, high), "layout of memory", "")
    f.canvas.text(4, 16 + height, "change, %", "name")
    f.canvas.rule(f.x.start, f.y(0), f.x.end, f.y(0), "one")
    for i, its in enumerate(ratios):
        for layout, ratio in enumerate(its):
            at = f.x(layout + 1) + 4 * (i - (len(ratios) - 1) / 2)
            f.canvas.dot(at, f.y((ratio - 1) * 100), i, f"layout {layout + 1}: {percent(ratio - 1)}")
    base = shown[0].comparison.baseline
    title = f"Instructions of {arm} against {base}, by layout of memory"
    span = f"from {min(percents):.4g}% to {max(percents):.4g}%"
    about = f"The change in each of {most} layouts, a mark for each window: {span}."
    caption = (
        "Where kernel memory lies moves the number of both arms; what the change itself does is alike in all layouts."
    )
    return Figure(name, title, f.canvas.svg(title, about), _table(mine), caption)


def _ratios(n: Number) -> list[float]:
    c = n.comparison
    return [a / b for a, b in zip(c.arm_values, c.baseline_values, strict=False) if b]


def _table(mine: Sequence[Number]) -> Table:
    rows = []
    for n in mine:
        c = n.comparison
        for i, (a, b) in enumerate(zip(c.arm_values, c.baseline_values, strict=False)):
            rows.append((words(n.where), words(n.what), words(i + 1), number(b, 9), number(a, 9), change(a / b)))
    return Table(("where", "what", "layout", "baseline", "arm", "change"), tuple(rows))
