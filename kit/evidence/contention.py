"""Lock contention: boots in; a row for each contended class, with how long and where tasks waited, out.

It is shown, never judged: the times are those of a kernel with lock_stat, and under emulation those of an interpreter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from kit.records import Boot, Experiment, WindowResult

CLASSES = 12  # rows: those with the most contentions in any arm
PLACES = 4  # of each side; lock_stat itself keeps four a class
LEAST = 1.0  # contentions per boot in at least one arm


@dataclass
class Part:
    """A lock class in a window or a boot; times in microseconds; `places`: (side, place) → contentions."""

    contentions: int = 0
    waited: float = 0.0
    held: float = 0.0
    longest_wait: float = 0.0
    longest_hold: float = 0.0
    places: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, other: Part) -> None:
        """Adds another window's part."""
        self.contentions += other.contentions
        self.waited += other.waited
        self.held += other.held
        self.longest_wait = max(self.longest_wait, other.longest_wait)
        self.longest_hold = max(self.longest_hold, other.longest_hold)
        for key, count in other.places.items():
            self.places[key] = self.places.get(key, 0) + count


def contention(exp: Experiment, good: Sequence[Boot]) -> list[dict[str, Any]]:
    """A row for each class, most contended first: for each arm the means over its boots of all machines. Empty if no
    boot recorded times (boots of earlier versions of kit did not)."""
    boots = {a.name: [_of_boot(b) for b in good if b.arm == a.name] for a in exp.arms}
    names = {name for its in boots.values() for boot in its for name in boot}
    most = {name: max(_mean(its, name) for its in boots.values() if its) for name in names}
    shown = sorted((n for n in names if most[n] >= LEAST), key=lambda n: (-most[n], n))[:CLASSES]
    return [{"class": name, "arms": {arm: _row(its, name) for arm, its in boots.items() if its}} for name in shown]


def _of_boot(boot: Boot) -> dict[str, Part]:
    out: dict[str, Part] = {}
    for window in boot.results.windows if boot.results else ():
        for name, part in of_window(window):
            out.setdefault(name, Part()).add(part)
    return out


def of_window(window: WindowResult) -> Iterator[tuple[str, Part]]:
    """(class, part) of each row that has times, and of each call site."""
    for row in window.rows:
        if row.times:
            waited, longest_wait, held, longest_hold = row.times
            yield row.name, Part(row.contentions, waited, held, longest_wait, longest_hold)
    for site in window.sites:
        yield site.name, Part(places={(site.side, site.place): site.count})


def _mean(boots: Sequence[dict[str, Part]], name: str) -> float:
    return fmean(boot[name].contentions if name in boot else 0 for boot in boots)


def _row(boots: Sequence[dict[str, Part]], name: str) -> dict[str, Any]:
    """Means over the boots, the longest times of all boots, and for each place the sum over all boots."""
    its = [boot.get(name, Part()) for boot in boots]
    return {
        "contentions": round(fmean(s.contentions for s in its), 1),
        "wait_us": round(fmean(s.waited for s in its), 2),
        "longest_wait_us": max(s.longest_wait for s in its),
        "hold_us": round(fmean(s.held for s in its), 2),
        "longest_hold_us": max(s.longest_hold for s in its),
        "waits": _places(its, "waits"),
        "holds": _places(its, "holds"),
    }


def _places(its: Sequence[Part], side: str) -> list[dict[str, Any]]:
    counts: dict[str, int] = {}
    for s in its:
        for (of, place), count in s.places.items():
            if of == side:
                counts[place] = counts.get(place, 0) + count
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:PLACES]
    return [{"place": place, "count": count} for place, count in most]
