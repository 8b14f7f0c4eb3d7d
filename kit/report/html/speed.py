"""Rates against users or vCPUs for each arm: comparisons of time in, figures out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from kit.base.words import join, several
from kit.report.html.depth import FEW, arms_of, table_of
from kit.report.html.model import Figure
from kit.report.html.svg import RADIUS, SMALL, Names, frame, legend, padded, ticks, whole
from kit.report.numbers import Number

Points = list[tuple[float, float]]


def speeds(found: Sequence[Number], names: Names) -> Iterator[Figure]:
    """By users, a figure for each number of vCPUs; where only these vary, by vCPUs."""
    groups: dict[tuple[str, str], list[Number]] = {}
    for n in found:
        if n.kind == "time" and n.comparison.at.users is not None:
            groups.setdefault((n.comparison.at.workload, n.what), []).append(n)
    for (workload, unit), group in groups.items():
        cpus = sorted({n.comparison.at.cpus or 0 for n in group})
        if len({n.comparison.at.users for n in group}) > 1:
            for count in cpus:
                mine = [n for n in group if n.comparison.at.cpus == count]
                yield _figure(f"{unit} by users, {workload} on {several(count, 'vCPU')}", "users", unit, mine, names())
        elif len(cpus) > 1:
            yield _figure(f"{unit} by vCPUs, {workload}", "vCPUs", unit, group, names())


def _figure(title: str, axis: str, unit: str, group: Sequence[Number], name: str) -> Figure:
    asked = [n for n in group if not n.comparison.aa]
    arms = arms_of(asked)
    points = {arm: _points(asked, arm, axis) for arm in arms}
    ys = [y for its in points.values() for _, y in its]
    xs = [x for its in points.values() for x, _ in its]
    low, high = padded(ys, zero=True)
    f = frame(name, (min(xs), max(xs)), (low, high), 250, log=min(xs) > 0, top=44)
    height = legend(f.canvas, list(enumerate(arms)), 14)
    f.axes(whole(xs, f.x), ticks(low, high), axis, "")
    f.canvas.text(4, 14 + height, unit, "name")
    size = SMALL if len(ys) > FEW else RADIUS
    for i, arm in enumerate(arms):
        by: dict[float, list[float]] = {}
        for x, y in points[arm]:
            by.setdefault(x, []).append(y)
        f.canvas.line([(f.x(x), f.y(fmean(by[x]))) for x in sorted(by)], f"l{i}")
        for x, y in points[arm]:
            f.canvas.dot(f.x(x) + 3 * (i - (len(arms) - 1) / 2), f.y(y), i, r=size)
    about = (
        f"{unit} of {join(arms)} by {axis}: each boot a mark, lines through the means. The axis of rates begins at 0."
    )
    caption = "Each mark is a boot, the lines join the means. More is better."
    if not all(n.decides for n in group):
        caption += " Emulated: the time of an interpreter, no evidence of hardware."
    return Figure(name, title, f.canvas.svg(title, about), table_of(group), caption)


def _points(group: Sequence[Number], arm: str, axis: str) -> Points:
    out: Points = []
    for n in group:
        c = n.comparison
        x = float((c.at.users if axis == "users" else c.at.cpus) or 0)
        if arm in (c.arm, c.baseline):
            values = c.arm_values if arm == c.arm else c.baseline_values
            out += [(x, v) for v in values or ((c.arm_value if arm == c.arm else c.baseline_value),)]
    return list(dict.fromkeys(out))
