"""The model's locking rules checked for each arm: which ones its profile (declared, or read from its patch) breaks.

An experiment in; findings by arm, notes, and the splats that a finding explains, out. No kernel or boot is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kit.model.errors import ModelError
from kit.model.explore.findings import Finding
from kit.model.explore.hunt import QUICK, hunt
from kit.model.explore.told import data
from kit.model.profiles import PROFILES
from kit.model.reading.compared import read_patch
from kit.model.steps import Profile
from kit.records import ArmSpec, Experiment, Splat

RECLAIM = "no allocation that may reclaim under a root's lock"
AGAIN = "no lock is taken twice by its holder"
FREED = "no anon_vma is freed before one that reads it"

# Rule → the kinds of splats (kit/vm/patterns.py) that show it is broken. The splat must also mention anon_vma.
SHOWS: Mapping[str, tuple[str, ...]] = {
    RECLAIM: ("lockdep-inconsistent", "lockdep-circular"),
    AGAIN: ("lockdep-recursive", "hung-task", "hang"),
    "somebody can always go on": ("lockdep-circular", "hung-task", "hang"),
    "no two roots are locked at once": ("lockdep-recursive", "warning"),
    "one root per walk of same_vma": ("warning",),
    "the mmap lock comes before a root's": ("lockdep-circular",),
    "every lock is released on every path": ("lockdep-held-in-user", "lockdep-circular", "hung-task"),
    "only the holder releases a lock": ("lockdep-unbalanced",),
    "nobody sleeps in an RCU read-side section": ("sleep-in-atomic", "lockdep-rcu"),
    FREED: ("kasan", "lockdep-held-freed", "slab"),
    "no anon_vma is freed while it can be reached": ("kasan", "slab", "panic"),
    "what nobody uses has no children or VMAs": ("warning", "panic"),
    "counters say what is so": ("warning", "panic"),
    "only what is no VMA's own is reused": ("kasan", "warning", "panic"),
    "nothing is leaked": ("kmemleak",),
}
SPEAKS = ("anon_vma",)


@dataclass(frozen=True)
class Kernel:
    """The profile of an arm; `read`: it was read from the arm's patch."""

    profile: Profile
    read: bool = False


def kernel_of(arm: ArmSpec) -> Kernel | None:
    """The arm's declared profile, or one read from its patch, if exactly one of its patches can be read; else None."""
    if arm.profile is not None:
        return Kernel(PROFILES[arm.profile])
    found: list[Profile] = []
    for ref in arm.series:
        try:
            if not ref.reverse:
                found.append(read_patch(Path(ref.path).read_text(encoding="utf-8", errors="replace"), ref.path).profile)
        except (ModelError, OSError):  # the patch changes other files, or shows no whole function
            continue
    return Kernel(found[0], read=True) if len(found) == 1 else None


@lru_cache(maxsize=64)
def broken(profile: Profile) -> tuple[Finding, ...]:
    """The rules that a profile breaks, each with its counterexample."""
    return tuple(hunt(profile, QUICK).findings.values())


ByArm = Mapping[str, tuple[Kernel, tuple[Finding, ...]]]


def by_arm(exp: Experiment) -> ByArm:
    """Arm → its profile and the rules that it breaks, for the arms with a profile."""
    kernels = {arm.name: kernel_of(arm) for arm in exp.arms}
    return {name: (kernel, broken(kernel.profile)) for name, kernel in kernels.items() if kernel is not None}


def details(known: ByArm) -> dict[str, Any]:
    """`rules` of verdict.json: arm → its profile, whether it was read, and the rules that it breaks."""
    return {
        name: {"profile": kernel.profile.name, "read": kernel.read, "broken": [data(one) for one in found]}
        for name, (kernel, found) in known.items()
    }


def notes(known: ByArm, baseline: str) -> tuple[str, ...]:
    """The rules that an arm breaks and the baseline does not, a line each."""
    base = {one.rule for one in known[baseline][1]} if baseline in known else set()
    return tuple(
        f"{name}: the model breaks a rule ({one.rule}): {one.said} ({_start(one)}; profile {kernel.profile.name})"
        for name, (kernel, found) in known.items()
        for one in found
        if name != baseline and one.rule not in base
    )


def _start(finding: Finding) -> str:
    ops = [*finding.scene.history, *(op for task in finding.scene.tasks for op in task)]
    return ", ".join(map(str, ops))


def explained(exp: Experiment, arm: str, splats: Iterable[Splat]) -> tuple[str, ...]:
    """The splats of an arm that a finding of its profile explains, a line each."""
    speaking = [s for s in splats if any(word in f"{s.title}\n{s.excerpt}" for word in SPEAKS)]
    kernel = kernel_of(exp.arm(arm)) if speaking else None
    found = broken(kernel.profile) if kernel is not None else ()
    said: dict[str, None] = {}
    for splat in speaking:
        for finding in found:
            if splat.kind in SHOWS.get(finding.rule, ()):
                said[f"{arm}: the model explains {splat.kind}: {finding.said} ({_start(finding)})"] = None
    return tuple(said)
