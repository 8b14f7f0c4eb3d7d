"""What share of a change ran, in words: the lines by what became of them in, clauses out."""

from __future__ import annotations

from collections.abc import Sequence

from kit.base.words import several
from kit.records import ChangedLines

SHOWN = 4  # places that are named


def share(lines: ChangedLines) -> str:
    """`14 of 17 changed lines ran; not: mm/rmap.c:301-303`; only what can be told. Empty if there is nothing to say."""
    out = [f"{lines.ran} of {several(lines.coded, 'changed line')} ran"] if lines.coded else []
    groups = (
        ("only outside of the windows", lines.outside),
        ("only before init", lines.booting),
        ("not", lines.missed),
        ("not told", lines.untold),
    )
    out += [f"{what}: {_some(places)}" for what, places in groups if places]
    return "; ".join(out)


def _some(places: Sequence[str]) -> str:
    rest = [f"{several(len(places) - SHOWN, 'place')} more"] if len(places) > SHOWN else []
    return ", ".join([*places[:SHOWN], *rest])
