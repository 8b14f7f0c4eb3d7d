"""A page for a terminal: markdown in, text with the terminal's colours out. Without rich, the markdown as it stands."""

from __future__ import annotations

import io
import shutil
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.text import Text

WIDEST = 120  # longer lines of prose are hard to read


class _Heading(Heading):
    """At the left, without a box."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text("")
        yield Text(self.text.plain, style="bold underline" if self.tag == "h1" else "bold")


class _Code(CodeBlock):
    """Lines as they are: a table that kit printed is not folded, and a command can be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().splitlines():
            yield Text(f"  {line}", no_wrap=True, overflow="ignore", style="cyan")


class _Page(Markdown):
    elements: ClassVar = {**Markdown.elements, "heading_open": _Heading, "fence": _Code, "code_block": _Code}


def rendered(page: str) -> str:
    """With escape codes, at the terminal's width."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, legacy_windows=False)
    console.print(_Page(page, hyperlinks=False), crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
