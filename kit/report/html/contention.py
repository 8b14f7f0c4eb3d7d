"""Contention: how often tasks wait for a lock, how long, and where; rows of verdict.json in, a figure out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.report.html.model import Cell, Figure, Table, number, words
from kit.report.html.svg import WIDTH, Canvas, Names, Scale, labels, legend, ticks

ROW, HEAD, FOOT = 34.0, 34.0, 36.0
TIMES = ("contentions", "wait_us", "longest_wait_us", "hold_us", "longest_hold_us")
HEADS = ("lock class", "arm", "contentions", "waited, µs", "longest", "held, µs", "longest", "who waits", "who holds")
Row = Mapping[str, Any]


def contention(v: Row, names: Names) -> Iterator[Figure]:
    """Nothing where a run has kept none, or no lock was contended."""
    rows = v["evidence"].get("count", {}).get("details", {}).get("contention", ())
    if rows:
        yield _figure(rows, list(v["arms"]), names())


def _figure(rows: Sequence[Row], arms: Sequence[str], name: str) -> Figure:
    shown = [arm for arm in arms if any(arm in r["arms"] for r in rows)]
    canvas = Canvas(name, 0)
    top = HEAD - 16 + legend(canvas, list(enumerate(shown)), 14)
    canvas.height = top + ROW * len(rows) + FOOT
    high = max(its["contentions"] for r in rows for its in r["arms"].values()) * 1.04
    scale = Scale(0, high, 12, WIDTH - 14)
    bottom = top + ROW * len(rows) - 8
    marks = ticks(0, high, 4)
    for value, label in zip(marks, labels(marks), strict=True):
        canvas.rule(scale(value), top - 12, scale(value), bottom, "grid")
        canvas.text(scale(value), bottom + 15, label, "tick", "middle")
    canvas.text(WIDTH / 2, bottom + 31, "contentions in a boot", "name", "middle")
    for i, r in enumerate(rows):
        y = top + ROW * i
        canvas.text(4, y, f"{r['class']}{_first(r)}", "row")
        for series, arm in enumerate(shown):
            if arm in r["arms"]:
                count = r["arms"][arm]["contentions"]
                canvas.dot(scale(count), y + 12, series, f"{arm}: {count:g}")
    title = "The locks that tasks wait for"
    first = rows[0]
    said = ", ".join(f"{arm} {its['contentions']:g}" for arm, its in first["arms"].items())
    about = f"Contentions in a boot of {len(rows)} lock classes; most of {first['class']}: {said}."
    caption = "Means of all boots, with the place that waits most. Times are those of a kernel that counts locks."
    return Figure(name, title, canvas.svg(title, about), _table(rows), caption)


def _first(r: Row) -> str:
    """The place that waits most often in any arm."""
    places = [p for its in r["arms"].values() for p in its["waits"]]
    most = max(places, key=lambda p: p["count"], default=None)
    return f" · {str(most['place']).partition('+')[0]}" if most else ""


def _table(rows: Sequence[Row]) -> Table:
    out = []
    for r in rows:
        for arm, its in r["arms"].items():
            times = [number(its[k]) for k in TIMES]
            cells: list[Cell] = [words(r["class"]), words(arm), *times]
            out.append((*cells, words(_places(its["waits"])), words(_places(its["holds"]))))
    return Table(HEADS, tuple(out))


def _places(places: Sequence[Row]) -> str:
    return ", ".join(f"{p['place']} ({p['count']})" for p in places) or "–"
