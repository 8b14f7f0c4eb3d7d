"""How fast the model is: 10,000 forks at depth 8 with 8 written regions, with and without the shortcut for repeats.

Run it as `python tests/bench/model_speed.py`. The bar is 1 s (issue 4). Prints seconds; exit 1 if the bar is missed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from kit.model.predict import Prediction, run
from kit.model.program import Fork, Map, Op, Program, Repeat, Window, Write

BAR = 1.0
FORKS, DEPTH, REGIONS = 10_000, 8, 8


@dataclass(frozen=True)
class Line:
    start: int
    end: int
    perms: str = "rw-p"
    anonymous: int = 4
    name: str = ""


LAYOUT = (Line(0x400000, 0x401000), Line(0x402000, 0x403000), Line(0x7FFF00000000, 0x7FFF00021000))


def program(forks: int) -> Program:
    inside: Op = Window("w", (Repeat(forks, (Fork(),)),))
    for _ in range(DEPTH):
        inside = Fork((inside,))
    written = [op for region in range(REGIONS) for op in (Map(region, 1), Write(region, 0))]
    return Program((*written, inside))


def timed(forks: int, *, shortcut: bool) -> float:
    begin = time.perf_counter()
    window = run(program(forks), LAYOUT, "6.1", shortcut=shortcut).windows["w"]
    seconds = time.perf_counter() - begin
    assert isinstance(window, Prediction)
    assert window.low == forks * 3 * (REGIONS + len(LAYOUT))
    return seconds


def main() -> int:
    short = timed(FORKS, shortcut=True)
    full = timed(FORKS // 10, shortcut=False) * 10
    print(f"{FORKS} forks at depth {DEPTH}: {short:.3f} s; every fork executed: {full:.1f} s (from a tenth of them)")
    return 0 if short < BAR else 1


if __name__ == "__main__":
    sys.exit(main())
