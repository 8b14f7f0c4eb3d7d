"""What boots beside builds save: `overlap.py [PAIRS]`, 3 by default, with Linux 6.1 in the user's own cache.

Each pair is two runs, alternately the one and the other first: as kit does it, and with every boot told to wait until
nothing is built. Each run has an arm to build that nobody has built before, and four boots. Prints the wall seconds.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from kills import Real

import kit.run.schedule
from kit.base.progress import Progress
from kit.evidence import EVIDENCE
from kit.experiment.reader import read_experiment
from kit.run.job import run_experiment

SERIAL = {name: replace(kind, timed=True) for name, kind in EVIDENCE.items()}


def run_once(bench: Real, *, serial: bool) -> dict[str, Any]:
    """`seconds` of a run's verdict.json."""
    kit.run.schedule.EVIDENCE = SERIAL if serial else EVIDENCE
    config = Path(bench.write())
    result = run_experiment(read_experiment(config), bench.cache, Progress(), bench.folder / "runs", fresh=True)
    if result.exit_code:
        raise SystemExit(result.verdict["sentence"])
    bench.built.add(result.verdict["provenance"]["arms"]["with"]["kernels"]["counting"]["key"])
    seconds: dict[str, Any] = result.verdict["seconds"]
    return seconds


def main() -> None:
    """The runs, and the medians."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    walls: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="overlap-") as name:
        bench = Real(Path(name), random.Random())
        os.chdir(name)
        run_once(bench, serial=True)  # the object folder's first arm may have much to do
        for pair in range(pairs):
            for serial in (True, False) if pair % 2 else (False, True):
                spent = run_once(bench, serial=serial)
                walls[serial].append(spent["total"])
                how = "one after the other" if serial else "side by side"
                parts = ", ".join(f"{part} {spent[part]:.1f} s" for part in ("commands", "guests", "both"))
                print(f"{how}: {spent['total']:.1f} s ({parts})")
        for key in bench.built:  # nobody wants them again
            bench.cache.remove("kernels", key)
    apart, together = median(walls[True]), median(walls[False])
    print(f"medians of {pairs}: {apart:.1f} s and {together:.1f} s side by side, {together / apart:.2f} of it")


if __name__ == "__main__":
    main()
