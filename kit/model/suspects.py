"""Which kernel function is most likely responsible if measured counts differ from the model's predictions.

Searches the single changes of the profile that explain the measurement.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kit.model.errors import ModelError
from kit.model.predict import Prediction, Unmodelled, run
from kit.model.profiles import PROFILES, profile
from kit.model.program import Program
from kit.model.state import LayoutVma
from kit.model.steps import CELLS, Profile


@dataclasses.dataclass(frozen=True)
class Suspect:
    """If `cell` did what it does in kernel `like`, the model would predict `prediction`, as measured."""

    cell: str
    like: str
    prediction: Prediction


def suspects(
    program: Program, layout: Iterable[LayoutVma], profile_name: str, measured: dict[str, int]
) -> tuple[Suspect, ...]:
    """The functions that, taken from another kernel's profile, make every measured window agree; nearest kernels first.

    `measured`: acquisitions by window; windows without a prediction are ignored. Empty if the profile itself agrees, or
    if no single function explains the difference. Raises ModelError as `predict` does.
    """
    row, vmas = profile(profile_name), tuple(layout)
    if _explains(program, vmas, row, measured):
        return ()
    found: list[Suspect] = []
    for cell, like, changed in _changed(row):
        if any(one.cell == cell for one in found):
            continue
        prediction = _explains(program, vmas, changed, measured)
        if prediction is not None:
            found.append(Suspect(cell, like, prediction))
    return tuple(found)


def _changed(row: Profile) -> Iterator[tuple[str, str, Profile]]:
    """The profile with one cell of another profile, for each that does something else; neighbours in the table come
    first, and stand for those that do the same."""
    names = list(PROFILES)
    at = names.index(row.name)
    tried = {cell: [row.cells[cell].passes] for cell in CELLS}
    for like in sorted(names, key=lambda name: abs(names.index(name) - at)):
        for cell in CELLS:
            other = PROFILES[like].cells[cell]
            if other.passes not in tried[cell]:
                tried[cell].append(other.passes)
                fields: dict[str, Any] = {cell: other}
                yield cell, like, dataclasses.replace(row, **fields)


def _explains(
    program: Program, layout: tuple[LayoutVma, ...], row: Profile, measured: dict[str, int]
) -> Prediction | None:
    """The first window's prediction if all predictions agree with the measurement, else None."""
    windows = _windows(program, layout, row)
    if windows is None:
        return None
    predicted = {name: one for name, one in windows.items() if isinstance(one, Prediction) and name in measured}
    if not all(one.low <= measured[name] <= one.high for name, one in predicted.items()):
        return None
    return next(iter(predicted.values()), None)


@functools.lru_cache(maxsize=1024)  # the same program is run for each kernel that differs
def _windows(
    program: Program, layout: tuple[LayoutVma, ...], row: Profile
) -> Mapping[str, Prediction | Unmodelled] | None:
    """The predictions by window; None if a mixture of two kernels breaks a rule."""
    try:
        return run(program, layout, row).windows
    except ModelError:
        return None
