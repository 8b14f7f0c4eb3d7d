"""A page as HTML: the model of a page in, one file out that needs no other. Everything in it is escaped but the
pictures, which escape what they hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kit import __version__
from kit.base.visible import visible
from kit.report.html.model import Page

HERE = Path(__file__).resolve().parent
MARKS = ("better", "worse", "same", "broken", "inconclusive", "found")
SIGNS = {"better": "▲", "worse": "▼", "same": "=", "broken": "✖", "inconclusive": "?", "found": "▲"}


def html(page: Page) -> str:
    """The whole file, a newline at its end."""
    css = (HERE / "page.css").read_text(encoding="utf-8")
    text = _environment().get_template("page.html.j2").render(page=page, css=_raw(css), version=__version__)
    return visible(text) + "\n"


@cache
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.filters |= {"exact": exact, "mark": mark, "sign": sign}
    return env


def exact(value: float) -> str:
    """All digits: read back, it is the same number."""
    return repr(value)


def mark(word: str) -> str:
    """The class of a verdict's word."""
    return word if word in MARKS else "plain"


def sign(word: str) -> str:
    """What tells a verdict apart beside its colour."""
    return SIGNS.get(word, "●")


def _raw(css: str) -> str:
    from markupsafe import Markup

    return Markup(css)
