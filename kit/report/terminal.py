"""Plain text: runs in, what `kit run` and `kit bisect` print at their end out."""

from __future__ import annotations

from collections.abc import Sequence

from kit.report.bisect import render_bisect
from kit.report.style import Style
from kit.report.text import render as render_run
from kit.store.runfiles import Files, RunFiles


def render(files: Sequence[Files], style: Style) -> str:
    """One below the other, under their names where there are several."""
    parts = [
        render_run(f.verdict, f.folder, style.columns)
        if isinstance(f, RunFiles)
        else render_bisect(f.found, str(f.folder), style.columns)
        for f in files
    ]
    if len(parts) > 1:
        parts = [f"{f.name}\n{'=' * len(f.name)}\n{part}" for f, part in zip(files, parts, strict=True)]
    return "\n".join(parts)
