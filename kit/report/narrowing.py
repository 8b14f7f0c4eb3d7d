"""How a bisection narrows, while it runs: what is known after a test in, a line and a row of bars out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kit.report.bisect import bars, number

WIDTH = 80  # of a terminal: in a longer row the ends have no names


def draw(names: Sequence[str], chances: Sequence[float], seen: Sequence[Mapping[str, Any]], good: str, bad: str) -> str:
    """`names` and `chances` of the commits in order; `seen`: index, value, why of each test so far, the last one is
    told. Plain text, two lines."""
    last = seen[-1]
    name = names[last["index"] - 1] if last["index"] else good
    left = [i for i, chance in enumerate(chances, 1) if chance > max(chances) / 1000]
    told = number(last["value"]) if last["value"] is not None else f"not tested: {last['why']}"
    known = {s["index"] for s in seen if s["value"] is not None}
    skipped = [s["index"] for s in seen if s["value"] is None and s["index"] not in known]
    likely = max(range(len(chances)), key=lambda i: chances[i])
    which = f"{len(left)} left" if len(left) > 1 else f"it is {names[likely]}"
    if len(left) > 1 and max(chances) > 1.5 * min(c for c in chances if c > max(chances) / 1000):
        which += f", {names[likely]} with {chances[likely]:.0%}"
    row = bars(chances, skipped)
    whole = f"  good {good} {row} {bad} bad"
    return f"{name}: {told}; {which}\n{whole if len(whole) <= WIDTH else f'  good {row} bad'}"
