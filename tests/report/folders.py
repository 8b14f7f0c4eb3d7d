"""The recorded run folders for tests of reports (by make.py and make_real.py), and verdicts derived from them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from kit.report.formats import REPORTS
from kit.report.style import Style
from kit.store.runfiles import BisectionFiles, Files, RunFiles, read_files

HERE = Path(__file__).resolve().parent / "recorded"
NAMES = ("better", "worse", "broken", "nothing", "timed", "bisected")
RUNS = NAMES[:-1]
REAL = ("real-worse", "real-broken", "real-bisected")
"""What real kernels left in real guests."""
NOBODY = Style()
ADA = Style(lambda: "Ada Example <ada@example.org>")


def folder(name: str) -> Path:
    """The one run folder of that name."""
    (found,) = HERE.glob(f"{name}-*")
    return found


def run(name: str, **changes: Any) -> RunFiles:
    """A run, with some fields of its verdict replaced."""
    files = read_files(folder(name))
    assert isinstance(files, RunFiles)
    return RunFiles(files.folder, {**copy.deepcopy(dict(files.verdict)), **changes})


def bisection() -> BisectionFiles:
    """The bisection."""
    files = read_files(folder("bisected"))
    assert isinstance(files, BisectionFiles)
    return files


def every() -> list[Files]:
    """All of them."""
    return [read_files(folder(name)) for name in NAMES]


def told(form: str, *files: Files, style: Style = NOBODY) -> str:
    """A report."""
    return REPORTS[form].render(files, style)


def grid(users: int, cpus: int) -> RunFiles:
    """Rates for each number of users on each number of vCPUs, five boots each; the arm's differ a little."""
    files = run("timed")
    said = copy.deepcopy(files.verdict["evidence"]["time"])
    model = next(c for c in said["comparisons"] if c["at"]["users"] and not c["aa"])
    said["comparisons"] = [
        {
            **model,
            "at": {**model["at"], "users": u, "cpus": c},
            "baseline_values": [6000.0 * min(u, c) + i for i in range(5)],
            "arm_values": [(6000.0 * min(u, c) + i) * (1 + u / 1000) for i in range(5)],
            "baseline_value": 6000.0 * min(u, c) + 2,
            "arm_value": (6000.0 * min(u, c) + 2) * (1 + u / 1000),
            "ratio": 1 + u / 1000,
            "low": 0.99 + u / 1000,
            "high": 1.01 + u / 1000,
        }
        for c in range(1, cpus + 1)
        for u in range(1, users + 1)
    ]
    return RunFiles(files.folder, {**files.verdict, "evidence": {"time": said}})


def comparisons(files: RunFiles) -> list[dict[str, Any]]:
    """All comparisons in its verdict.json as written, with their kind."""
    verdict = json.loads((files.folder / "verdict.json").read_text())
    return [{**c, "kind": kind} for kind, said in verdict["evidence"].items() for c in said["comparisons"]]
