"""What `b4 review` reads from a check command: runs in, a JSON list of `tool`, `status`, `summary`, `url`, `details`
out. b4 knows `pass`, `warn` and `fail`: what is undecided or could not run is a warning, which says so first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kit.report.cases import VERDICT, Case, Status, cases
from kit.report.style import Style
from kit.store.runfiles import Files

STATUS = {Status.PASS: "pass", Status.FAIL: "fail", Status.SKIP: "warn", Status.ERROR: "warn"}
PREFIX = {Status.SKIP: "skipped: ", Status.ERROR: "could not run: "}
SUMMARY = 160  # characters


def render(files: Sequence[Files], style: Style) -> str:
    """One row for the whole of each run, and one for each kind of its evidence."""
    return dump([row for one in files for row in _rows(one)])


def dump(rows: Sequence[dict[str, str]]) -> str:
    """The text that b4 reads."""
    return json.dumps(rows, indent=2) + "\n"


def row(status: Status, summary: str, details: str, *, tool: str = "kit", url: str = "") -> dict[str, str]:
    """One result. `summary` may be long: what does not fit into one line is then in the details too."""
    short = " ".join(f"{PREFIX.get(status, '')}{summary}".split())
    if len(short) > SUMMARY:
        details = f"{short}\n\n{details}"
        short = f"{short[: SUMMARY - 1]}…"
    return {"tool": tool, "status": STATUS[status], "summary": short, "url": url, "details": details}


def _rows(files: Files) -> list[dict[str, str]]:
    every = cases(files)
    page = files.folder.absolute() / "report.html"
    url = page.as_uri() if page.exists() else ""
    out: list[dict[str, str]] = []
    for case in every:
        if case.group and case.name == VERDICT:
            its = [c for c in every if c.group == case.group and c is not case]
            out.append(_one(case, f"kit {case.group}", its, url))
    rest = [c for c in every if c.group in ("boots", "commits")]
    return [_one(every[0], "kit", rest, url), *out]


def _one(case: Case, tool: str, its: Sequence[Case], url: str) -> dict[str, str]:
    lines: list[Any] = [case.details, *(f"{c.status}: {c.name}: {c.message}" for c in its)]
    return row(case.status, case.message, "\n".join(filter(None, lines)), tool=tool, url=url)
