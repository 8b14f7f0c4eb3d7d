"""What a page is made of, before it is markup: a page has sections, a section figures, tables, texts and excerpts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cell:
    """A cell of a table. `value`: the number with all its digits that `text` is short for. `mark`: how it is shown."""

    text: str
    value: float | None = None
    mark: str = ""
    href: str = ""  # a page beside this one


@dataclass(frozen=True)
class Table:
    """`head` names the columns; those in `right` hold numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    folded: bool = False  # shown when it is asked for


@dataclass(frozen=True)
class Figure:
    """A picture with one idea, which `title` says; what it was drawn from stands in the table."""

    name: str
    title: str
    svg: str
    table: Table
    caption: str = ""


@dataclass(frozen=True)
class Excerpt:
    """What a console or a compiler said. `where`: its file."""

    title: str
    text: str
    where: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page, left out where it is empty."""

    name: str
    title: str
    texts: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    excerpts: tuple[Excerpt, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.texts or self.pairs or self.figures or self.tables or self.excerpts)


@dataclass(frozen=True)
class Link:
    """A page or a file beside this one."""

    href: str
    text: str


@dataclass(frozen=True)
class Page:
    """`word`: the verdict, or what the page is; `sentence` says it. `facts`: short lines beneath."""

    title: str
    word: str
    sentence: str
    facts: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    links: tuple[Link, ...] = field(default=())
    command: str = ""


def words(text: object, mark: str = "") -> Cell:
    """A cell without a number."""
    return Cell("–" if text is None else str(text), None, mark)


def number(value: float | None, digits: int = 6) -> Cell:
    """A number cut to some digits."""
    if value is None:
        return Cell("–")
    text = f"{value:,.0f}" if abs(value) >= 1000 and float(value).is_integer() else f"{value:.{digits}g}"
    return Cell(text, float(value))


def change(ratio: float | None) -> Cell:
    """A ratio as the change that it is: `−12.34%`; a large one as `3.48×`."""
    if ratio is None:
        return Cell("–")
    text = f"{ratio:.2f}×" if ratio >= 3 else f"{(ratio - 1) * 100:+.2f}%".replace("-", "−")
    return Cell(text, ratio)
