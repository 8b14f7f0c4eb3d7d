"""Tables on a terminal that is narrower than they are: headers and rows in, lines that fit out.

First cells of words are folded. Where that is not enough, what a row is about stands on a line of its own, above its
numbers. A table that does not fit even so stays as it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from tabulate import MIN_PADDING, tabulate

GAP = 2  # between columns
INTERVAL = re.compile(r"\[[^\s\]]+, [^\s\]]+\]")
HARD = "\u00a0"  # textwrap does not fold at it
Cells = Sequence[str]


def tabled(headers: Cells, rows: Sequence[Cells], align: str, columns: int) -> str:
    """The table's text. `align`: a letter for each column, `l` or `r`. `columns`: 0 where nothing is to be folded."""
    every = [headers, *rows]
    lead = align.find("r")
    if fits(every, columns) or lead < 1:
        return "\n".join(_drawn(folded(every, columns), align))
    told = folded([row[lead:] for row in every], columns)
    lines = _drawn(told, align[lead:])
    return "\n".join(_stacked([row[:lead] for row in every], told, lines, columns))


def fits(rows: Sequence[Cells], columns: int) -> bool:
    """Whether it fits, be it folded. `rows`: the headers first."""
    return not columns or sum(_least(rows)) <= _room(rows, columns)


def folded(rows: Sequence[Cells], columns: int) -> list[Cells]:
    """The same, as wide as there is room. The widest column gives way first, and none more than its longest word."""
    widths, least, room = [_width(*c) for c in zip(*_hard(rows), strict=True)], _least(rows), _room(rows, columns)
    if not fits(rows, columns) or not columns:
        return list(rows)
    while (over := sum(widths) - room) > 0:
        wide = max((i for i in range(len(widths)) if widths[i] > least[i]), key=widths.__getitem__)
        widths[wide] = max(least[wide], widths[wide] - min(over, 1 + (widths[wide] - least[wide]) // 2))
    return [[_fold(cell, width) for cell, width in zip(row, widths, strict=True)] for row in _hard(rows)]


def _hard(rows: Sequence[Cells]) -> list[list[str]]:
    return [[INTERVAL.sub(lambda m: m[0].replace(" ", HARD), cell) for cell in row] for row in rows]


def _least(rows: Sequence[Cells]) -> list[int]:
    return [_width(*(max(cell.split(" "), key=len) for cell in column)) for column in zip(*_hard(rows), strict=True)]


def _width(header: str, *cells: str) -> int:
    """As tabulate makes it."""
    return max(len(header) + MIN_PADDING, *map(len, cells))


def _room(rows: Sequence[Cells], columns: int) -> int:
    return columns - GAP * (len(rows[0]) - 1)


def _fold(cell: str, width: int) -> str:
    lines = textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(lines).replace(HARD, " ")


def _drawn(rows: Sequence[Cells], align: str) -> list[str]:
    sides = ["right" if side == "r" else "left" for side in align]
    headers, *cells = rows
    return tabulate(cells, headers, tablefmt="simple", disable_numparse=True, colalign=sides).splitlines()


def _stacked(about: Sequence[Cells], told: Sequence[Cells], lines: Sequence[str], columns: int) -> Iterator[str]:
    """`told` as it was drawn as `lines`, the rule below the headers among them."""
    at = 0
    for i, (names, cells) in enumerate(zip(about, told, strict=True)):
        words = ", ".join(name for name in names if name)
        yield from textwrap.wrap(words, columns, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        high = max(cell.count("\n") + 1 for cell in cells) + (i == 0)
        yield from lines[at : at + high]
        at += high
