"""Acquisitions against the depth of the chain: comparisons in, what was measured as dots on the model's lines out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.base.words import join
from kit.report.html.model import Cell, Figure, Table, change, number, words
from kit.report.html.svg import RADIUS, SMALL, Names, frame, legend, padded, ticks, whole
from kit.report.numbers import Number

FEW = 200  # dots; of more, each is small
Row = Mapping[str, Any]
Key = tuple[str, str, str]  # workload, lock, unit


def depths(found: Sequence[Number], names: Names) -> Iterator[Figure]:
    """A figure for each workload and lock that was counted at several depths."""
    groups: dict[Key, list[Number]] = {}
    for n in found:
        at = n.comparison.at
        if n.kind in ("count", "model") and at.depth is not None and at.lock:
            groups.setdefault((at.workload, at.lock, n.comparison.unit), []).append(n)
    for key, group in groups.items():
        if len({n.comparison.at.depth for n in group}) > 2:
            yield _figure(key, group, names())


def _figure(key: Key, group: Sequence[Number], name: str) -> Figure:
    workload, lock, unit = key
    arms = arms_of(group)
    dots = {arm: _dots(group, arm) for arm in arms}
    lines = {arm: _line(group, arm) for arm in arms}
    every = [y for points in (*dots.values(), *lines.values()) for _, y in points]
    xs = [float(n.comparison.at.depth or 0) for n in group]
    low, high = padded(every, zero=True)
    f = frame(name, (min(xs), max(xs)), (low, high), 250, top=44)
    height = legend(f.canvas, list(enumerate(arms)), 14)
    f.axes(whole(xs, f.x), ticks(low, high), "depth of the chain", "")
    f.canvas.text(4, 14 + height, f"{lock} acquisitions {unit}", "name")
    size = SMALL if sum(map(len, dots.values())) > FEW else RADIUS
    for i, arm in enumerate(arms):
        if lines[arm]:
            f.canvas.line([(f.x(x), f.y(y)) for x, y in lines[arm]], f"l{i}")
        for x, y in dots[arm]:
            beside = 4 * (i - (len(arms) - 1) / 2)  # arms that count the same are both seen
            f.canvas.dot(f.x(x) + beside, f.y(y), i, f"{arm}, depth {x:g}: {y:g}", r=size)
    model = "the model's" if any(lines.values()) else "no model's"
    about = f"Of {join(arms)}: {lock} acquisitions {unit} by depth, each boot a mark, {model} lines. " + _ends(dots)
    title = f"{lock} acquisitions {unit} by depth, {workload}"
    caption = "Each mark is a boot" + ("; the lines are the model's, not fitted." if any(lines.values()) else ".")
    return Figure(name, title, f.canvas.svg(title, about), table_of(group), caption)


def arms_of(group: Sequence[Number]) -> list[str]:
    """The baseline first."""
    return list(dict.fromkeys([*(n.comparison.baseline for n in group), *(n.comparison.arm for n in group)]))


def _dots(group: Sequence[Number], arm: str) -> list[tuple[float, float]]:
    out = []
    for n in group:
        c = n.comparison
        if n.kind == "count" and arm in (c.arm, c.baseline):
            values = c.arm_values if arm == c.arm else c.baseline_values
            mean = c.arm_value if arm == c.arm else c.baseline_value
            out += [(float(c.at.depth or 0), v) for v in values or (mean,)]
    return list(dict.fromkeys(out))


def _line(group: Sequence[Number], arm: str) -> list[tuple[float, float]]:
    """What the model says; where it names an interval, its lower end."""
    out = {}
    for n in group:
        c = n.comparison
        if n.kind == "model" and arm in (c.arm, c.baseline):
            out[float(c.at.depth or 0)] = c.arm_value if arm == c.arm else c.baseline_value
    return sorted(out.items())


def _ends(dots: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    said = []
    for arm, points in dots.items():
        if points:
            first, last = min(points), max(points)
            said.append(f"{arm} goes from {first[1]:g} at depth {first[0]:g} to {last[1]:g} at depth {last[0]:g}")
    return "; ".join(said) + "."


HEAD = ("evidence", "arm", "where", "what", "baseline", "arm", "change", "from", "to", "boots", "says")


def table_of(group: Sequence[Number], caption: str = "") -> Table:
    """Every number of these comparisons."""
    rows = []
    for n in group:
        c = n.comparison
        arm = f"{c.arm} (A/A)" if c.aa else c.arm
        cells: list[Cell] = [words(n.kind), words(arm), words(n.where), words(n.what)]
        cells += [number(c.baseline_value), number(c.arm_value), change(c.ratio), change(c.low), change(c.high)]
        rows.append((*cells, words(c.n + c.baseline_n), words(n.verdict, str(n.verdict))))
    return Table(HEAD, tuple(rows), caption)
