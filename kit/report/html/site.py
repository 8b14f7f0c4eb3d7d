"""The pages of a history: runs, series and flips in; index, history and flakes out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import fmean

from kit.base.words import several
from kit.report.html.model import Cell, Figure, Link, Page, Section, Table, change, number, words
from kit.report.html.svg import Names, frame, legend, padded, ticks
from kit.report.runhistory import Flip, Series
from kit.report.runindex import Run

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
    changed = sum(bool(s.levels) for s in series)
    texts = [f"{several(len(several_runs), 'metric')} of several runs, {changed} with a change."]
    if several_runs and not any(s.enough for s in several_runs):
        texts.append("Eight runs of an experiment are the fewest that can show a change.")
    if len(shown) < len(several_runs):
        texts.append(f"Shown: the first {len(shown)}, those with changes first.")
    figures = tuple(f for s in shown for f in _series(s, runs, names))
    sections = (
        Section("metrics", "Metrics over runs", tuple(texts), figures=figures),
        Section("changes", "Changes", tables=_changes(series)),
    )
    sentence = f"{several(changed, 'metric')} changed" if changed else "No change is shown"
    return Page("History", several(len(runs), "run"), sentence, sections=sections, links=LINKS)


def _series(s: Series, runs: Sequence[Run], names: Names) -> Iterator[Figure]:
    arm, base = s.points[0].arm, s.points[0].baseline
    values = [p.arm_value for p in s.points]
    others = [p.baseline_value for p in s.points]
    low, high = padded([*values, *others])
    name = names()
    f = frame(name, (1, len(values)), (low, high), 240, top=44)
    height = legend(f.canvas, [(0, base), (1, arm)], 14)
    f.axes([t for t in ticks(1, len(values), 6) if t == int(t)], ticks(low, high), "runs in the order of time", "")
    f.canvas.text(4, 14 + height, s.points[0].what, "name")
    for level in s.levels:
        x = f.x(level.place + 0.5)
        f.canvas.rule(x, f.y.end, x, f.y.start, "change")
    for i, p in enumerate(s.points):
        f.canvas.dot(f.x(i + 1), f.y(p.baseline_value), 0, f"{p.run}, Linux {p.kernel}: {p.baseline_value:g}", r=2.6)
        f.canvas.dot(f.x(i + 1), f.y(p.arm_value), 1, f"{p.run}, Linux {p.kernel}: {p.arm_value:g}")
    when = {r.run: r.started for r in runs}
    title = f"{s.title}: {s.points[0].what}, {s.points[0].place}"
    said = "; ".join(f"changed at {level.run}, p = {level.p:.2g}" for level in s.levels) or "no change is shown"
    about = f"{several(len(values), 'run')} of {arm}, mean {fmean(values):.6g}: {said}."
    rows = tuple(
        (words(p.run), words(date(when[p.run])), words(p.kernel), number(p.baseline_value), number(p.arm_value),
         change(p.ratio), words(p.verdict, p.verdict))
        for p in s.points
    )  # fmt: skip
    table = Table(("run", "begun", "Linux", "baseline", "arm", "change", "says"), rows)
    caption = f"{arm} against {base}; a dashed line is a change of {arm}." if s.levels else f"{arm} against {base}."
    yield Figure(name, title, f.canvas.svg(title, about), table, caption)


def _changes(series: Sequence[Series]) -> tuple[Table, ...]:
    rows = tuple(
        (
            words(s.title),
            words(s.name),
            words(level.run),
            words(s.points[level.place].kernel),
            change(level.ratio),
            number(level.p, 2),
        )
        for s in series
        for level in s.levels
    )
    return (Table(("experiment", "metric", "since", "Linux", "change", "p"), rows),) if rows else ()


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
