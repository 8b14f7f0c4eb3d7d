"""HTML: runs in, one page out that opens from disk without a network. Of several runs, a page that puts them side by
side."""

from __future__ import annotations

from collections.abc import Sequence

from kit.report.html import beside, ofbisection, ofrun
from kit.report.html.page import html
from kit.report.style import Style
from kit.store.runfiles import Files, RunFiles


def render(files: Sequence[Files], style: Style) -> str:
    """The whole file, a newline at its end."""
    if len(files) > 1:
        return html(beside.page_of(files))
    one = files[0]
    return html(ofrun.page_of(one, style) if isinstance(one, RunFiles) else ofbisection.page_of(one, style))
