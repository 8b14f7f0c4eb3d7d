"""Remarks about the values beside a verdict: drift, outliers and modes, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.base.words import join, place, several
from kit.stats.paired import Pairs
from kit.stats.shape import Modes, drift, outliers

SAID = 8  # lines at most; with many comparisons the first ones suffice


def remarks(pairs: Sequence[Pairs]) -> tuple[str, ...]:
    """A line for each thing that a mean would hide. Those about the baseline are given once."""
    lines = dict.fromkeys(line for p in pairs for line in _of(p))
    kept = list(lines)[:SAID]
    if len(lines) > SAID:
        kept.append(f"and {several(len(lines) - SAID, 'remark')} more of this kind")
    return tuple(kept)


def _of(p: Pairs) -> Iterator[str]:
    where = place(p.at)
    mine, base = p.modes
    for name, values, two in ((p.baseline, p.baseline_values, base), (p.arm, p.arm_values, mine)):
        yield from remarks_on(f"{name} ({where})", values[: p.blocks], "block", two)


def remarks_on(name: str, values: Sequence[float], unit: str, two: Modes | None) -> Iterator[str]:
    """The remarks on one series in order of time. `unit`: what its values are numbered by, from 1; `two`: its modes."""
    if (change := drift(values)) is not None:
        yield f"{name}: drifts by {change * 100:+.1f}% from the first {unit} to the last"
    if far := outliers(values):
        numbers = join([str(i + 1) for i in far])
        yield f"{name}: far from the others in {unit} {numbers}; kept"
    if two is not None:
        upper = round(two.share * len(values))
        yield f"{name}: two modes, {two.low:.5g} ({len(values) - upper} times) and {two.high:.5g} ({upper} times)"
