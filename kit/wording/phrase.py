"""A noisy comparison in words: how much, how sure, what could have been detected. Comparisons in, clauses out."""

from __future__ import annotations

from kit.base.words import percent, rough
from kit.records import Comparison

LARGE = 10.0  # a ratio from here on is written "N times as high", not in percent


def how_much(c: Comparison) -> str:
    """`jobs per minute 3.2% higher`."""
    of = f" of the {c.at.lock} lock" if c.at.lock else ""
    name = f"{c.metric}{of} {c.unit}".strip()
    if c.ratio is None:
        return f"{name} {c.arm_value:.5g}, where it was {c.baseline_value:.5g}"
    ratio = c.ratio
    if ratio >= LARGE:
        return f"{name} {ratio:.3g} times as high"
    if ratio == 1:
        return f"{name} as high"
    return f"{name} {abs(ratio - 1) * 100:.3g}% {'higher' if ratio > 1 else 'lower'}"


def how_sure(c: Comparison, alpha: float) -> str:
    """`95% interval +1.1% to +5.4%, p = 0.004`."""
    return f"{percent(1 - alpha)} interval {span(c)}, p {p_words(c.p)}"


def span(c: Comparison) -> str:
    """`+1.1% to +5.4%`."""
    return between(c.low, c.high)


def between(low: float | None, high: float | None) -> str:
    """Two bounds of a ratio as changes: `+1.1% to +5.4%`, or `without bounds`."""
    return "without bounds" if low is None and high is None else f"{signed(low)} to {signed(high)}"


def signed(ratio: float | None) -> str:
    """A ratio as a change: `+3.2%`; `?` without a bound."""
    return f"{(ratio - 1) * 100:+.3g}%" if ratio is not None else "?"


def p_words(p: float | None) -> str:
    """`= 0.004`, `< 0.0001`."""
    if p is None:
        return "unknown"
    return "< 0.0001" if p < 1e-4 else f"= {p:.2g}"


def seen(c: Comparison) -> str:
    """The detection limit in words (kit.stats.reach)."""
    if c.detectable is None:
        return "with this noise, no difference is sure to be detected, however large"
    return f"with this noise, nine of ten such runs would have detected a difference of {rough(c.detectable)}"
