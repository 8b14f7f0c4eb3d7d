"""The reference model's predictions for the windows of an experiment: a profile and the workers' layouts in, counts
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kit.model.predict import Prediction, Unmodelled, predict
from kit.records import Boot, Experiment, GuestVma, Outcome
from kit.workload.catalog import make_loads
from kit.workload.load import Load

SHELL, TOOL = "/bin/sh", "/bin/ls"  # the guest's names for the layouts of the shell and of what its scripts run
Layout = tuple[GuestVma, ...]


@dataclass(frozen=True)
class Layouts:
    """Worker → the VMAs that it starts with; `measured`: a boot showed them, else there are none."""

    by_worker: Mapping[str, tuple[GuestVma, ...]]
    measured: bool


def layouts_of(boots: Sequence[Boot]) -> Layouts:
    """The layouts of the first boot that has results."""
    for boot in boots:
        if boot.outcome is Outcome.OK and boot.results:
            return Layouts(boot.results.layouts, measured=True)
    return Layouts({}, measured=False)


def predict_arm(
    exp: Experiment, profile: str, layouts: Mapping[str, tuple[GuestVma, ...]]
) -> dict[str, Prediction | Unmodelled]:
    """Window → the model's prediction, for an arm of that profile. `layouts`: worker → its VMAs at the start."""
    out: dict[str, Prediction | Unmodelled] = {}
    images = tuple(tuple(layouts[name]) if name in layouts else None for name in (SHELL, TOOL))
    for load in make_loads(exp.workloads, exp.seed):
        out.update(_predict(load, profile, tuple(layouts.get(load.name, ())), *images))
    return out


@lru_cache(maxsize=256)
def _predict(
    load: Load, profile: str, layout: Layout, shell: Layout | None, tool: Layout | None
) -> Mapping[str, Prediction | Unmodelled]:
    return predict(load.program, layout, profile, shell=shell, tool=tool)
