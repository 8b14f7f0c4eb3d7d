"""The pages of a history: runs, series and flips in; index, history and flakes out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from kit.base.words import several
from kit.report.html.model import Cell, Figure, Link, Page, Section, Table, change, number, words
from kit.report.html.svg import Names, frame, legend, padded, roomy, ticks
from kit.report.runhistory import Flip, Level, Series
from kit.report.runindex import Point, Run

MOST = 40  # pictures of a page
INDEX, HISTORY, FLAKES = "index.html", "history.html", "flakes.html"
LINKS = (Link(INDEX, "Runs"), Link(HISTORY, "History"), Link(FLAKES, "Flakes"))


def index_page(runs: Sequence[Run]) -> Page:
    """Every run, the newest first, its own page behind its name."""
    rows = tuple(_run(r) for r in reversed(runs))
    table = Table(("run", "begun", "experiment", "verdict", "Linux", ""), rows)
    counts = [
        f"{sum(r.verdict == w for r in runs)} {w}"
        for w in dict.fromkeys(r.verdict or "without a verdict" for r in runs)
    ]
    return Page(
        "Runs",
        several(len(runs), "run"),
        ", ".join(counts) or "No run yet",
        (),
        (Section("runs", "Runs", tables=(table,)),),
        LINKS,
    )


def _run(r: Run) -> tuple[Cell, ...]:
    name = Cell(r.run, href="" if r.fault else f"{r.run}.html")
    return (
        name,
        words(date(r.started)),
        words(r.title),
        words(r.verdict or "–", r.verdict),
        words(r.kernel),
        words(r.fault or r.sentence),
    )


def date(seconds: float) -> str:
    """`2026-11-30 05:47`; empty where it is not known."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else ""


def history_page(runs: Sequence[Run], series: Sequence[Series]) -> Page:
    """A picture a metric, those with changes first."""
    names = Names()
    several_runs = [s for s in series if len(s.points) > 1]
    shown = several_runs[:MOST]
    changed = sum(bool(s.levels or s.steps) for s in series)
    texts = [f"{several(len(several_runs), 'metric')} of several runs, {changed} with a change."]
    if several_runs and not any(s.enough for s in several_runs):
        texts.append("Eight runs of an experiment are the fewest that can show a change.")
    if len(shown) < len(several_runs):
        texts.append(f"Shown: the first {len(shown)}, those with changes first.")
    figures = tuple(f for s in shown for f in _series(s, runs, names))
    sections = (
        Section("metrics", "Metrics over time and kernels", tuple(texts), figures=figures),
        Section("changes", "Changes", tables=_changes(series)),
    )
    sentence = f"{several(changed, 'metric')} changed" if changed else "No change is shown"
    return Page("History", several(len(runs), "run"), sentence, sections=sections, links=LINKS)


def _series(s: Series, runs: Sequence[Run], names: Names) -> Iterator[Figure]:
    when = {r.run: date(r.started) for r in runs}
    days = [when[p.run].partition(" ")[0] for p in s.points]
    firsts = [(i + 1.0, day) for i, day in enumerate(days) if day and day not in days[:i]]
    places = [float(i + 1) for i in range(len(s.points))]
    yield _over(Over("runs in the order of time", "", places, firsts, s.levels), s, s.points, when, names())
    if s.by_kernel:
        kernels = list(dict.fromkeys(p.kernel for p in s.by_kernel))
        at = [kernels.index(p.kernel) + 1.0 for p in s.by_kernel]
        marks = [(i + 1.0, kernel) for i, kernel in enumerate(kernels)]
        yield _over(Over("Linux", ", by kernel", at, marks, s.steps), s, s.by_kernel, when, names())


@dataclass(frozen=True)
class Over:
    """What a metric is drawn over. `places` of its points; `marks`: labels of some of them; `levels`: its changes."""

    axis: str
    title: str
    places: Sequence[float]
    marks: Sequence[tuple[float, str]]
    levels: Sequence[Level]


def _over(over: Over, s: Series, points: Sequence[Point], when: Mapping[str, str], name: str) -> Figure:
    arm, base = points[0].arm, points[0].baseline
    low, high = padded([v for p in points for v in (p.arm_value, p.baseline_value)])
    f = frame(name, (1, max(over.places)), (low, high), 240, top=44)
    height = legend(f.canvas, [(0, base), (1, arm)], 14)
    marks = roomy(over.marks, f.x)
    f.axes([at for at, _ in marks], ticks(low, high), over.axis, "", words=[word for _, word in marks])
    f.canvas.text(4, 14 + height, points[0].what, "name")
    for level in over.levels:
        x = (f.x(over.places[level.place - 1]) + f.x(over.places[level.place])) / 2
        f.canvas.rule(x, f.y.end, x, f.y.start, "change")
    for at, p in zip(over.places, points, strict=True):
        for series, value in ((0, p.baseline_value), (1, p.arm_value)):
            f.canvas.dot(f.x(at), f.y(value), series, f"{p.run}, Linux {p.kernel}: {value:g}", r=2.6)
    title = f"{s.title}: {points[0].what}, {points[0].place}{over.title}"
    said = "; ".join(_told(level, points) for level in over.levels) or "no change is shown"
    about = f"{several(len(points), 'run')} of {arm}, mean {fmean(p.arm_value for p in points):.6g}: {said}."
    rows = tuple(
        (words(p.run), words(when[p.run]), words(p.kernel), number(p.baseline_value), number(p.arm_value),
         change(p.ratio), words(p.verdict, p.verdict))
        for p in points
    )  # fmt: skip
    table = Table(("run", "begun", "Linux", "baseline", "arm", "change", "says"), rows)
    caption = f"{arm} against {base}; a dashed line is a change of {arm}." if over.levels else f"{arm} against {base}."
    return Figure(name, title, f.canvas.svg(title, about), table, caption)


def _told(level: Level, points: Sequence[Point]) -> str:
    p = points[level.place]
    return f"changed at {p.run} (Linux {p.kernel}), p = {level.p:.2g}"


def _changes(series: Sequence[Series]) -> tuple[Table, ...]:
    found = [
        (s, over, points[level.place], level)
        for s in series
        for over, points, levels in (("time", s.points, s.levels), ("kernels", s.by_kernel, s.steps))
        for level in levels
    ]
    rows = tuple(
        (words(s.title), words(s.name), words(over), words(p.run), words(p.kernel), change(level.ratio),
         number(level.p, 2))
        for s, over, p, level in found
    )  # fmt: skip
    return (Table(("experiment", "metric", "over", "since", "Linux", "change", "p"), rows),) if rows else ()


def flakes_page(runs: Sequence[Run], flips: Sequence[Flip]) -> Page:
    """Tests that came and went."""
    rows = tuple(
        (words(f.title), words(f.name), number(f.flips), words(len(f.words)), words(" ".join(f.words))) for f in flips
    )
    tables = (Table(("experiment", "test", "flips", "runs", "verdicts in order"), rows),) if rows else ()
    sentence = (
        f"{several(len(flips), 'test')} flipped" if flips else "No test went from one verdict to another and back"
    )
    return Page(
        "Flakes",
        several(len(runs), "run"),
        sentence,
        sections=(Section("flakes", "Tests that flip", tables=tables),),
        links=LINKS,
    )
