"""A small writer of charts as SVG: numbers in, markup out that takes its colours from the page, light or dark.

A chart is WIDTH units wide and no wider than a phone, so that its text is as readable there as elsewhere. Series are
told apart by shape as well as by colour. (matplotlib draws the same in 1.4 s of CPU a page, half of that its import.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import count

WIDTH = 400.0
SHAPES = ("circle", "square", "diamond", "triangle", "down", "bar")
SERIES = 6  # colours that the page knows
RADIUS = 3.6
SMALL = 2.0  # of a dot among hundreds
GAP = 8.0  # between labels
CHARACTER = 6.5  # units that a character of a label takes, on average
Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """From values to places on the picture, in proportion to the value, or to its logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers within the bounds, about so many."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / wanted))
    step *= next(m for m in (1, 2, 2.5, 5, 10) if (high - low) / (step * m) <= wanted)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, math.floor(high / step + 1e-9) + 1)]


def whole(values: Sequence[float], scale: Scale) -> list[float]:
    """Ticks for what was asked: users, depths, vCPUs. The ends, and of the others those whose labels have room."""
    return [v for v, _ in roomy([(v, short(v)) for v in sorted(set(values))], scale)]


def roomy(known: Sequence[tuple[float, str]], scale: Scale) -> list[tuple[float, str]]:
    """Of places and labels in their order the first, those that have room, and the last."""

    def apart(a: tuple[float, str], b: tuple[float, str]) -> bool:
        return _centre(scale(b[0]), b[1]) - _centre(scale(a[0]), a[1]) >= CHARACTER * (len(a[1]) + len(b[1])) / 2 + GAP

    out = list(known[:1])
    for mark in known[1:-1]:
        if apart(out[-1], mark) and apart(mark, known[-1]):
            out.append(mark)
    return [*out, *(mark for mark in known[1:][-1:] if apart(out[-1], mark))]


def padded(values: Sequence[float], *, zero: bool = False) -> tuple[float, float]:
    """Bounds that hold all values with some air; with `zero`, from 0 if none is below."""
    low, high = min(values), max(values)
    air = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    return (0.0 if zero and low >= 0 else low - air), high + air


def short(value: float) -> str:
    """A label of an axis: `1.5M`, `20k`, `0.25`."""
    for unit, power in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= power * 10 or (abs(value) >= power and value % power == 0):
            return f"{value / power:.4g}{unit}"
    return f"{value:.4g}"


def _centre(x: float, word: str) -> float:
    """Where the middle of a label is: at its place, but inside the picture."""
    half = CHARACTER * len(word) / 2
    return min(max(x, half), WIDTH - half)


def labels(values: Sequence[float]) -> list[str]:
    """Labels of ticks, with as many digits as tell them apart."""
    for digits in range(1, 12):
        out = [short(v) if abs(v) >= 1000 else f"{v:.{digits}g}" for v in values]
        if len(set(out)) == len(set(values)) and all(_near(v, text) for v, text in zip(values, out, strict=True)):
            return out
    return [repr(v) for v in values]


def _near(value: float, text: str) -> bool:
    return text[-1] in "kMG" or ("e" not in text and math.isclose(float(text), value, rel_tol=1e-9, abs_tol=1e-12))


@dataclass
class Canvas:
    """A picture while it is drawn. `name` is unique in its page."""

    name: str
    height: float
    parts: list[str] = field(default_factory=list)

    def line(self, points: Sequence[Point], cls: str) -> None:
        """A line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline class="{cls}" points="{path}"/>')

    def rule(self, x1: float, y1: float, x2: float, y2: float, cls: str) -> None:
        """A straight line."""
        self.parts.append(f'<line class="{cls}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def box(self, x: float, y: float, width: float, height: float, cls: str) -> None:
        """A rectangle."""
        size = f'width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
        self.parts.append(f'<rect class="{cls}" x="{x:.1f}" y="{y:.1f}" {size}/>')

    def text(self, x: float, y: float, words: str, cls: str = "", anchor: str = "start") -> None:
        """Words whose baseline is at y."""
        end = f' text-anchor="{anchor}"' if anchor != "start" else ""
        kind = f' class="{cls}"' if cls else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}"{kind}{end}>{escape(words)}</text>')

    def dot(self, x: float, y: float, series: int, told: str = "", r: float = RADIUS) -> None:
        """A mark of a series; `told` is shown where a pointer rests on it."""
        shape = f'<path class="s{series % SERIES}" d="{_mark(x, y, SHAPES[series % len(SHAPES)], r)}"'
        self.parts.append(f"{shape}><title>{escape(told)}</title></path>" if told else f"{shape}/>")

    def cross(self, x: float, y: float, told: str) -> None:
        """A mark for what failed."""
        r = RADIUS
        self.parts.append(
            f'<path class="fault" d="M{x - r:.1f},{y - r:.1f}l{2 * r},{2 * r}m0,{-2 * r}l{-2 * r},{2 * r}">'
            f"<title>{escape(told)}</title></path>"
        )

    def svg(self, title: str, about: str) -> str:
        """The whole picture; `title` and `about` are what it says to who does not see it."""
        return (
            f'<svg viewBox="0 0 {WIDTH:.0f} {self.height:.0f}" role="img"'
            f' aria-labelledby="{self.name}-t {self.name}-d">'
            f'<title id="{self.name}-t">{escape(title)}</title><desc id="{self.name}-d">{escape(about)}</desc>'
            f"{''.join(self.parts)}</svg>"
        )


def _mark(x: float, y: float, shape: str, r: float) -> str:
    if shape == "circle":
        return f"M{x - r:.1f},{y:.1f}a{r},{r} 0 1,0 {2 * r},0a{r},{r} 0 1,0 {-2 * r},0z"
    if shape == "square":
        half = r * 0.9
        return f"M{x - half:.1f},{y - half:.1f}h{2 * half:.1f}v{2 * half:.1f}h{-2 * half:.1f}z"
    tip = r * 1.25
    if shape == "diamond":
        return f"M{x:.1f},{y - tip:.1f}l{tip},{tip}l{-tip},{tip}l{-tip},{-tip}z"
    if shape == "bar":
        return f"M{x - r * 0.4:.1f},{y - tip:.1f}h{r * 0.8}v{2 * tip}h{-r * 0.8}z"
    if shape == "down":
        return f"M{x:.1f},{y + tip:.1f}l{tip},{-2 * tip}h{-2 * tip}z"
    return f"M{x:.1f},{y - tip:.1f}l{tip},{2 * tip}h{-2 * tip}z"


@dataclass(frozen=True)
class Frame:
    """The area of a chart, inside its axes."""

    canvas: Canvas
    x: Scale
    y: Scale

    def axes(
        self, xs: Sequence[float], ys: Sequence[float], x_name: str, y_name: str, *, words: Sequence[str] = ()
    ) -> None:
        """Both axes: lines and labels at `xs` and `ys`, `words` in place of the numbers of xs."""
        c = self.canvas
        left, right, bottom, top = LEFT, WIDTH - RIGHT, self.y.start, self.y.end
        for value, word in zip(ys, labels(ys), strict=True):
            c.rule(left, self.y(value), right, self.y(value), "grid")
            c.text(left - 6, self.y(value) + 4, word, "tick", "end")
        c.rule(left, bottom, right, bottom, "axis")
        for value, word in zip(xs, words or labels(xs), strict=True):
            c.text(_centre(self.x(value), word), bottom + 15, word, "tick", "middle")
        c.text((left + right) / 2, bottom + 31, x_name, "name", "middle")
        c.text(4, top - 10, y_name, "name")


LEFT, RIGHT, TOP, BOTTOM = 46.0, 8.0, 24.0, 38.0


def frame(
    name: str,
    xs: tuple[float, float],
    ys: tuple[float, float],
    height: float = 230.0,
    *,
    log: bool = False,
    top: float = TOP,
) -> Frame:
    """An empty chart with these bounds; `log` of x."""
    x = Scale(*xs, LEFT + 10, WIDTH - RIGHT - 10, log)
    y = Scale(*ys, height - BOTTOM, top)
    return Frame(Canvas(name, height), x, y)


def legend(canvas: Canvas, names: Sequence[tuple[int, str]], y: float) -> float:
    """The marks and the names of the series, in as many rows as they need; how high they are."""
    x, rows = 4.0, 1
    for series, name in names:
        long = 18 + CHARACTER * len(name)
        if x > 4 and x + long > WIDTH:
            x, y, rows = 4.0, y + 16, rows + 1
        canvas.dot(x + 5, y - 4, series)
        canvas.text(x + 13, y, name, "legend")
        x += long + 10
    return rows * 16.0


class Names:
    """Gives each picture of a page a name of its own."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        return f"f{next(self._numbers)}"
