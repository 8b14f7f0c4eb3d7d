"""What real kernels measured, against the model: to the digit, or within the interval where users share a root.

Each file of data/ holds the kernel, the blobs of the sources that decide, the machine, and for each program its text,
the worker's layout (start, end, perms, anonymous KiB, name) and what /proc/lock_stat showed for each window.
The programs of measured-6.1.192.json are those of layouts.SCENES, before and after a fork, and 70 random ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.model.parse import parse_program
from kit.model.predict import Prediction, predict
from kit.model.profiles import PROFILES

from .scenes import Line

FILES = sorted((Path(__file__).parent / "data").glob("measured-*.json"))


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_model_predicts_what_was_measured(path: Path) -> None:
    measured = load(path)
    assert PROFILES[measured["profile"]].lock_class == measured["lock"]
    wrong, right = [], 0
    for one in measured["programs"]:
        layout = [Line(*line) for line in one["layout"]]
        for name, window in predict(parse_program(one["program"]), layout, measured["profile"]).items():
            if isinstance(window, Prediction):
                agrees = window.low <= one["windows"][name] <= window.high
                right += agrees
                wrong += [] if agrees else [(one["program"], name, one["windows"][name], window)]
    assert wrong == []
    assert right > 200


def test_other_profiles_do_not_fit_what_was_measured() -> None:
    """A measurement that any profile could explain would prove nothing; 6.0 differs where VMAs merge, 3.19 in reuse."""
    measured = load(FILES[0])
    same = {"6.1", "6.12", "7.0"}
    for name in set(PROFILES) - same:
        assert not all(fits(one, name) for one in measured["programs"]), name


def fits(one: dict[str, Any], profile: str) -> bool:
    layout = [Line(*line) for line in one["layout"]]
    try:
        found = predict(parse_program(one["program"]), layout, profile)
    except ValueError:  # the profile does not know MADV_WIPEONFORK
        return True
    return all(
        window.low <= one["windows"][name] <= window.high
        for name, window in found.items()
        if isinstance(window, Prediction)
    )
