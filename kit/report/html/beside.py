"""Runs side by side: their files in, one Page out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from kit.base.words import several
from kit.report.bisect import sentence
from kit.report.html.forest import Row, axis, draw, height_of
from kit.report.html.model import Figure, Link, Page, Section, Table, change, words
from kit.report.html.svg import Canvas, Names, legend
from kit.report.numbers import Number, limit_of, numbers
from kit.store.runfiles import BisectionFiles, Files, RunFiles

MOST = 16  # comparisons in the picture: those that differ most between the runs
Found = dict[str, dict[int, Number]]  # name → number of the run → comparison


def page_of(files: Sequence[Files]) -> Page:
    """What they share stands in one row."""
    runs = [f for f in files if isinstance(f, RunFiles)]
    names = Names()
    shared = _shared(runs)
    figures = tuple(_figure(runs, shared, names)) if len(runs) > 1 else ()
    sections = (
        Section("verdicts", "Verdicts", tables=(_verdicts(files),)),
        Section("ratios", "Where they differ", figures=figures),
        Section("all", "Every comparison", tables=(_all(runs, shared),) if shared else ()),
    )
    titles = ", ".join(f.name for f in files)
    links = tuple(Link(_href(f), f.name) for f in files if (f.folder / "report.html").exists())
    return Page(titles, several(len(files), "run"), "Runs side by side", sections=sections, links=links)


def _href(files: Files) -> str:
    return (
        (files.folder.absolute() / "report.html").as_uri()
        if os.sep in str(files.folder)
        else f"{files.folder}/report.html"
    )


def _shared(runs: Sequence[RunFiles]) -> Found:
    out: Found = {}
    for i, run in enumerate(runs):
        for n in numbers(run.verdict):
            out.setdefault(n.name, {})[i] = n
    return out


def _verdicts(files: Sequence[Files]) -> Table:
    rows = []
    for f in files:
        if isinstance(f, BisectionFiles):
            rows.append(
                (
                    words(f.name),
                    words("found" if f.found["culprit"] else f.found["end"]),
                    words(sentence(f.found)),
                    words(""),
                )
            )
        else:
            word = str(f.verdict["verdict"] or "could not run")
            trees = {a["tree"]["version"] for a in f.verdict["provenance"]["arms"].values()}
            rows.append(
                (words(f.name), words(word, word), words(f.verdict["sentence"]), words(", ".join(sorted(trees))))
            )
    return Table(("run", "verdict", "", "Linux"), tuple(rows))


def _figure(runs: Sequence[RunFiles], shared: Found, names: Names) -> Iterator[Figure]:
    """The ratios of the comparisons that several runs have."""
    both = [
        (name, its) for name, its in shared.items() if len(its) > 1 and all(n.comparison.ratio for n in its.values())
    ]
    both = sorted(both, key=lambda pair: -_apart(pair[1]))[:MOST]
    both = [pair for pair in both if not pair[0].startswith("model/")]
    if not both:
        return
    rows = [_row(name, i, n) for name, its in both for i, n in sorted(its.items())]
    groups = list(dict.fromkeys(r.group for r in rows))
    rows.sort(key=lambda r: groups.index(r.group))
    name = names()
    canvas = Canvas(name, 0)
    head = legend(canvas, [(i, run.name) for i, run in enumerate(runs)], 14)
    limit = limit_of(runs[0].verdict)
    scale, marks = axis(rows, limit)
    canvas.height = head + height_of(rows)
    draw(canvas, rows, scale, marks, limit, head)
    title = "The same comparisons in each run"
    about = f"The arm over the baseline in {several(len(both), 'comparison')}, a row for each run."
    yield Figure(
        name,
        title,
        canvas.svg(title, about),
        _all(runs, dict(both)),
        "Those that differ most between runs stand first.",
    )


def _apart(its: dict[int, Number]) -> float:
    ratios = [n.comparison.ratio or 1.0 for n in its.values()]
    return max(ratios) / min(ratios)


def _row(name: str, i: int, n: Number) -> Row:
    c = n.comparison
    ratio = c.ratio or 1.0
    return Row(n.where, n.what, ratio, c.low or ratio, c.high or ratio, i, str(n.verdict))


def _all(runs: Sequence[RunFiles], shared: Found) -> Table:
    rows = []
    for name, its in shared.items():
        cells = [words(name)]
        for i in range(len(runs)):
            n = its.get(i)
            cells += [
                change(n.comparison.ratio) if n else words(None),
                words(n.verdict if n else None, str(n.verdict) if n else ""),
            ]
        rows.append(tuple(cells))
    head = ["comparison"]
    for run in runs:
        head += [run.name, "says"]
    return Table(tuple(head), tuple(rows))
