"""Whose fault a failure is: boots and failed builds in, broken arms or "could not run" out. Pure.

An arm is broken only if it fails repeatably (twice over) where the baseline succeeds. What the baseline shows too is
not the patch's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.records import Boot, Experiment, Outcome, Splat

TWICE = 2


@dataclass(frozen=True)
class Fault:
    """Why an arm is broken, or why nothing can be said."""

    arm: str
    why: str
    console: str = ""
    excerpt: str = ""


@dataclass(frozen=True)
class Attribution:
    """`broken`: arms at fault. `could_not_run`: faults of the baseline, of all arms, or of nobody in particular.
    `once`: seen a single time, told but not held against anybody."""

    broken: tuple[Fault, ...] = ()
    could_not_run: tuple[Fault, ...] = ()
    once: tuple[Fault, ...] = ()


def attribute(exp: Experiment, done: Sequence[Boot], build_faults: Mapping[str, str]) -> Attribution:
    """`build_faults`: arm → what the compiler said, of arms that could not be built."""
    broken: list[Fault] = []
    stuck: list[Fault] = []
    once: list[Fault] = []
    for arm in exp.arms:
        if arm.name in build_faults:
            at_fault = arm.name != exp.baseline and exp.baseline not in build_faults
            said = build_faults[arm.name]
            fault = Fault(arm.name, f"{arm.name} cannot be built: {_first_error(said)}", excerpt=said)
            (broken if at_fault else stuck).append(fault)
    for cpus in exp.cpus:
        base = _failures(done, exp.baseline, cpus)
        for arm in exp.arms:
            for fault, times in _failures(done, arm.name, cpus).values():
                if arm.name == exp.baseline or base or _ran(done, exp.baseline, cpus) == 0:
                    stuck.append(fault)
                elif times >= TWICE:
                    broken.append(fault)
                else:
                    stuck.append(fault)
    seen = _splat_titles(exp, done, exp.baseline)
    for arm in exp.arms:
        if arm.name != exp.baseline:
            for title, boots in _splat_titles(exp, done, arm.name).items():
                if title not in seen:
                    fault = _splat_fault(arm.name, boots)
                    (broken if len(boots) >= TWICE else once).append(fault)
    return Attribution(tuple(_unique(broken)), tuple(_unique(stuck)), tuple(_unique(once)))


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    return next((line for line in lines if re.search(r"\berror\b|undefined reference", line, re.IGNORECASE)), lines[0])


def _failures(done: Sequence[Boot], arm: str, cpus: int) -> dict[str, tuple[Fault, int]]:
    """Per boot that never succeeded: the fault and how often it was tried."""
    keys = dict.fromkeys(b.key for b in done if b.arm == arm and b.cpus == cpus)  # in order: a verdict is repeatable
    out = {}
    for key in keys:
        tries = [b for b in done if b.key == key and b.arm == arm]
        if all(b.outcome is not Outcome.OK for b in tries):
            last = tries[-1]
            excerpt = last.splats[0].excerpt if last.splats else ""
            why = f"{arm} on {cpus} vCPU: {last.outcome}: {last.why} ({len(tries)} of {len(tries)} tries)"
            out[key] = (Fault(arm, why, last.console, excerpt), len(tries))
    return out


def _ran(done: Sequence[Boot], arm: str, cpus: int) -> int:
    return sum(1 for b in done if b.arm == arm and b.cpus == cpus and b.outcome is Outcome.OK)


def _splat_titles(exp: Experiment, done: Sequence[Boot], arm: str) -> dict[str, list[tuple[Boot, Splat]]]:
    """Splats that are not accepted, by what they say without numbers and addresses."""
    out: dict[str, list[tuple[Boot, Splat]]] = {}
    for boot in done:
        if boot.arm == arm:
            for splat in boot.splats:
                if not any(re.search(p, f"{splat.title}\n{splat.excerpt}") for p, _ in exp.accept):
                    out.setdefault(f"{splat.kind}: {_plain(splat.title)}", []).append((boot, splat))
    return out


def _plain(title: str) -> str:
    return re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f]*\b", "N", title)


def _splat_fault(arm: str, seen: Sequence[tuple[Boot, Splat]]) -> Fault:
    boot, splat = seen[0]
    why = f"{arm}: {splat.kind}: {splat.title} (in {len(seen)} boots, never in the baseline)"
    return Fault(arm, why, f"{boot.console}:{splat.line}", splat.excerpt)


def _unique(faults: Sequence[Fault]) -> list[Fault]:
    return list({(f.arm, f.why): f for f in faults}.values())
