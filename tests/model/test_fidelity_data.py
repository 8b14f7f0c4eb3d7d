"""Records of real kernels by `kit test --record`: every window of every program, checked without a kernel.

Each file holds one boot of one arm: the blob ids of the deciding sources, the programs, the smaps of each worker at its
start and of the shell, and the lock's rows of /proc/lock_stat as the kernel printed them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.model.lockstat import parse_row
from kit.model.parse import parse_program
from kit.model.predict import Prediction, predict

FILES = sorted((Path(__file__).parent / "data").glob("fidelity-*.json"))
SHELL, TOOL = "/bin/sh", "/bin/ls"


@dataclass(frozen=True)
class Line:
    """An entry of smaps, as recorded."""

    start: int
    end: int
    perms: str
    anonymous: int
    name: str


def test_there_is_something_recorded() -> None:
    assert {path.stem.split("-", 2)[2] for path in FILES} >= {"6.1", "6.1-unbatched-clone", "6.1-unbatched"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_recorded_window_is_as_predicted(path: Path) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    layouts = {name: [Line(**line) for line in lines] for name, lines in recorded["layouts"].items()}
    checked = 0
    for name, text in recorded["programs"].items():
        images = {"shell": layouts[SHELL], "tool": layouts.get(TOOL)}
        said = predict(parse_program(text), layouts[name], recorded["profile"], **images)
        for window, prediction in said.items():
            assert isinstance(prediction, Prediction), (window, prediction)
            rows = recorded["lock_stat"][f"{name}/{window}"]
            measured = acquisitions(rows, recorded.get("lock_stat_version", "0.4"))
            assert prediction.low <= measured <= prediction.high, (window, measured, prediction)
            checked += 1
    assert checked == len(recorded["lock_stat"])


def acquisitions(rows: list[Any], version: str) -> int:
    """Read and write rows together; 0 if the class was not taken."""
    return sum(parse_row(row, version).acquisitions for row in rows)
