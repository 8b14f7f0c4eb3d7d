"""What real kernels measured, against the model: to the digit, or within the interval where users share a root.

Each file of data/ holds the kernel, the blobs of the sources that decide, the machine, and for each program its text,
the worker's layout (start, end, perms, anonymous KiB, name; or which of the file's) and what /proc/lock_stat showed for
each window; and the shell's layout, from its ELF file. The programs of measured-6.1.192.json are those of
layouts.SCENES, before and after a fork, and 70 random ones; those of the others 21 of one operation each, and 60 random
ones of the whole language (whole.py), with scripts.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kit.model.parse import parse_program
from kit.model.predict import Prediction, Unmodelled, predict
from kit.model.profiles import PROFILES

from .scenes import Line

FILES = sorted((Path(__file__).parent / "data").glob("measured-*.json"))


@cache
def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@cache
def predictions(path: Path) -> list[dict[str, Prediction | Unmodelled]]:
    """What the file's own profile says, program by program."""
    measured = load(path)
    return [predicted(measured, one, measured["profile"]) for one in measured["programs"]]


def predicted(measured: dict[str, Any], one: dict[str, Any], profile: str) -> dict[str, Prediction | Unmodelled]:
    layout = one["layout"] if isinstance(one["layout"], list) else measured["layouts"][one["layout"]]
    shell = [Line(*line) for line in measured["shell"]] if "shell" in measured else None
    return predict(parsed(one["program"]), [Line(*line) for line in layout], profile, shell=shell)


parsed = cache(parse_program)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_model_predicts_what_was_measured(path: Path) -> None:
    measured = load(path)
    assert PROFILES[measured["profile"]].lock_class == measured["lock"]
    wrong, right = [], 0
    for one, windows in zip(measured["programs"], predictions(path), strict=True):
        for name, window in windows.items():
            if isinstance(window, Prediction):
                agrees = window.low <= one["windows"][name] <= window.high
                right += agrees
                wrong += [] if agrees else [(one["program"], name, one["windows"][name], window)]
    assert wrong == []
    assert right > 200


def test_with_the_shell_every_window_is_predicted() -> None:
    assert load(FILES[0])["shell"]
    for windows in predictions(FILES[0]):
        assert not [window for window in windows.values() if isinstance(window, Unmodelled)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_other_profiles_do_not_fit_what_was_measured(path: Path) -> None:
    """A measurement that any profile explains would prove nothing. If no region was written to when it became
    read-only, and none was moved back, 6.12 and 7.0 behave as 6.1."""
    measured = load(path)
    same = {"6.1", "6.12", "7.0"} if path.stem == "measured-6.1.192" else {measured["profile"]}
    for name in set(PROFILES) - same:
        assert not all(fits(measured, one, name) for one in measured["programs"]), name


def fits(measured: dict[str, Any], one: dict[str, Any], profile: str) -> bool:
    try:
        found = predicted(measured, one, profile)
    except ValueError:  # the profile does not know MADV_WIPEONFORK
        return True
    return all(
        window.low <= one["windows"][name] <= window.high
        for name, window in found.items()
        if isinstance(window, Prediction)
    )
