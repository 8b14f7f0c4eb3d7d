"""A page for a terminal: markdown in, text with colours out."""

from __future__ import annotations

import io
import shutil
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, TableElement
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

THEME = Theme({"markdown.code": "bold cyan"})  # rich's default has a dark background, wrong on a light terminal
WIDEST = 120  # longer lines of prose are hard to read


class _Heading(Heading):
    """A heading at the left, without a box."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("")
        yield Text(self.text.plain, style="bold underline" if self.tag == "h1" else "bold")


class _Code(CodeBlock):
    """Code without folding, so that tables stay whole and commands can be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().splitlines():
            yield Text(f"  {line}", no_wrap=True, overflow="ignore", style="cyan")


class _Table(TableElement):
    """A table that folds long names and does not cut them."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            assert isinstance(table, Table)
            for column in table.columns:
                column.overflow = "fold"
            yield table


class _Page(Markdown):
    own: ClassVar = {"heading_open": _Heading, "fence": _Code, "code_block": _Code, "table_open": _Table}
    elements: ClassVar = {**Markdown.elements, **own}


def rendered(page: str) -> str:
    """The page with escape codes, at the terminal's width, at most WIDEST columns."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, legacy_windows=False, theme=THEME)
    console.print(_Page(page, hyperlinks=False), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
