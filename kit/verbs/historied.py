"""`kit history`: a folder of runs in; their list, changes and flips as text or JSON, or a static site, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from kit.base.errors import KitError, UserError
from kit.base.words import several
from kit.report.formats import REPORTS
from kit.report.html.page import html
from kit.report.html.site import FLAKES, HISTORY, INDEX, date, flakes_page, history_page, index_page
from kit.report.runhistory import Flip, Series, flips_of, series_of
from kit.report.runindex import Index, Run
from kit.report.style import Style
from kit.store.files import write_atomic
from kit.store.runfiles import read_files

WIDTH = 80
SHOWN = 20  # changes and flips


@dataclass(frozen=True)
class AskedRuns:
    """The command line of `kit history`. `site`: where a static site goes."""

    folder: Path
    metrics: Sequence[str]
    site: Path | None


@dataclass(frozen=True)
class Seen:
    """All that is known of a folder of runs."""

    runs: list[Run]
    series: list[Series]
    flips: list[Flip]


def look(asked: AskedRuns) -> Seen:
    """Reads the folder's index, made up to date. Raises UserError where there is no folder."""
    if not asked.folder.is_dir():
        raise UserError("no such folder", where=str(asked.folder), hint="a folder of runs, as runs/")
    with Index(asked.folder) as index:
        points = index.points()
        return Seen(index.runs(), series_of(points, asked.metrics), flips_of(points))


def as_json(seen: Seen) -> dict[str, Any]:
    """Plain data."""
    series = [{**asdict(s), "points": [asdict(p) for p in s.points]} for s in seen.series]
    flips = [{**asdict(f), "flips": f.flips} for f in seen.flips]
    return {"runs": [asdict(r) for r in seen.runs], "series": series, "flips": flips}


def as_text(seen: Seen) -> str:
    """At most 80 columns."""
    return "\n".join(_lines(seen)) + "\n"


def _lines(seen: Seen) -> Iterator[str]:
    if not seen.runs:
        yield "no run here yet"
        return
    for r in seen.runs:
        kernel = shorten(r.kernel, 12, placeholder="...")
        yield f"{date(r.started) or '–':16}  {r.verdict or 'no verdict':13} {kernel:12}  {r.run}"[:WIDTH]
        yield f"    {shorten(r.fault or r.sentence, WIDTH - 4, placeholder=' ...')}"
    changes = [(s, level, f"since {level.run}") for s in seen.series for level in s.levels]
    changes += [(s, level, f"with Linux {s.by_kernel[level.place].kernel}") for s in seen.series for level in s.steps]
    yield ""
    told = several(len(seen.runs), "run"), several(len(changes), "change"), several(len(seen.flips), "test")
    yield f"{', '.join(told)} that flip{'s' * (len(seen.flips) == 1)}"
    for s, level, where in changes[:SHOWN]:
        size = "" if level.ratio is None else f" {(level.ratio - 1) * 100:+.2f}%"
        yield f"changed {where}:{size} (p = {level.p:.2g})"[:WIDTH]
        yield f"    {shorten(f'{s.title}: {s.name}', WIDTH - 4, placeholder=' ...')}"
    for f in seen.flips[:SHOWN]:
        yield f"flips {several(f.flips, 'time')} in {several(len(f.words), 'run')}: {f.title}"[:WIDTH]
        yield f"    {shorten(f.name, WIDTH - 4, placeholder=' ...')}"


def write_site(seen: Seen, asked: AskedRuns) -> list[Path]:
    """The pages, index first. Raises UserError where the site's place is a file or cannot be made."""
    assert asked.site is not None
    try:
        asked.site.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot be made: {error.strerror}", where=str(asked.site)) from error
    pages = {
        INDEX: html(index_page(seen.runs)),
        HISTORY: html(history_page(seen.runs, seen.series)),
        FLAKES: html(flakes_page(seen.runs, seen.flips)),
    }
    for r in seen.runs:
        try:
            pages[f"{r.run}.html"] = REPORTS["html"].render([read_files(asked.folder / r.run)], Style())
        except KitError:
            continue  # the index says why
    for name, text in pages.items():
        write_atomic(asked.site / name, text)
    return [asked.site / name for name in pages]
