"""Markdown, as forges show it in a comment or a job's summary: runs in, their verdicts and tables out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.report.bisect import measured, sentence
from kit.report.numbers import Number, numbers
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, Files, RunFiles

SIGNS = {"better": "✅", "same": "✅", "worse": "❌", "broken": "❌", "inconclusive": "❔", "": "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
Row = Mapping[str, Any]


def render(files: Sequence[Files], style: Style) -> str:
    """A section for each run, a newline at its end."""
    parts = [_run(f) if isinstance(f, RunFiles) else _bisection(f) for f in files]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _run(files: RunFiles) -> Iterator[str]:
    v = files.verdict
    word = str(v["verdict"] or "")
    yield f"## {SIGNS[word]} {text(v['name'])}: {word or 'could not run'}"
    yield ""
    yield text(str(v["sentence"]))
    for group, title in (("broken", "Broken"), ("could_not_run", "Could not run"), ("once", "Seen once")):
        for fault in v["splats"][group]:
            yield from ["", f"**{title}:** {text(fault['why'])}", "", *code(fault["excerpt"])]
    found = numbers(v)
    for kind, said in v["evidence"].items():
        shown = "" if said.get("decides", True) else " (shown only)"
        yield from ["", f"**{kind}: {said['verdict']}**{shown}: {text(said['why'])}"]
        yield from (f"- {text(note)}" for note in said["notes"])
        yield from _table([n for n in found if n.kind == kind])
    yield from ["", "Again:", "", *code(str(v["provenance"]["reproduce"]))]


def _table(mine: Sequence[Number]) -> Iterator[str]:
    if not mine:
        return
    yield ""
    yield "| arm | where | what | baseline | arm | change | interval | says |"
    yield "| --- | --- | --- | ---: | ---: | ---: | --- | --- |"
    for n in mine:
        c = n.comparison
        arm = f"{c.arm} (A/A)" if c.aa else c.arm
        low, high = (_percent(x) for x in (c.low, c.high))
        cells = [text(arm), text(n.where), text(n.what), f"{c.baseline_value:.6g}", f"{c.arm_value:.6g}",
                 _percent(c.ratio), f"{low} to {high}", str(n.verdict)]  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{(ratio - 1) * 100:+.2f}%"


def _bisection(files: BisectionFiles) -> Iterator[str]:
    found = files.found
    yield f"## {text(str(found['name']))}: bisection"
    yield ""
    yield text(sentence(found))
    yield ""
    yield f"| commit | subject | {text(measured(found))} | state |"
    yield "| --- | --- | --- | --- |"
    for row in found["commits"]:
        values = ", ".join(f"{value:.6g}" for value in row["values"]) or text(row["why"])
        yield f"| {text(row['name'])} | {text(row['subject'])} | {values} | {row['state']} |"
    yield from ["", "Again:", "", *code(str(found["provenance"]["reproduce"]))]


def text(words: str) -> str:
    """What others wrote, so that none of it is markup; one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))


def code(block: str) -> list[str]:
    """A fenced block whose fence is longer than any inside it."""
    longest = max((len(run) for run in re.findall("`+", block)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *block.splitlines(), fence]
