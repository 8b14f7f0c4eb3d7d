"""Whose fault a failure is: boots and failed builds in, broken arms or "could not run" out. Pure.

An arm is broken only if it fails repeatably (twice over) where the baseline succeeds. What the baseline shows too is
not the patch's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.records import Boot, Experiment, Outcome, Splat
from kit.stats.words import several

TWICE = 2
HANG = "hang"  # where a boot that hangs stands: told with its outcome, no splat of its own
# Where such a report says that a CPU or a task was, or which of two places closed a circle of locks, is chance.
PLACE_BY_CHANCE = frozenset(
    {"rcu-stall", "soft-lockup", "hard-lockup", "workqueue-lockup", "hung-task", "csd-lock", "nobody-cared", "oom"}
    | {"lockdep-circular", "lockdep-recursive", "lockdep-irq-inversion", "lockdep-irq-unsafe", "lockdep-inconsistent"}
    | {"page-allocation", "panic"}
)
PLACE = re.compile(r" in [A-Za-z_]\w*$")  # as kit.vm.naming adds it
# Who ran there: of a warning since 6.19, of a soft lockup; and which of the kernel's workers.
WHO = re.compile(r", CPU#\d+: .{1,16}?/\d+(?=: |$)|(?<=s! )\[.{1,16}:\d+\]|(?<=kworker/)[\w:+-]+")
INFRASTRUCTURE = (Outcome.QEMU_DIED, Outcome.QEMU_REFUSED)  # the machine's failures are nobody's regression


@dataclass(frozen=True)
class Fault:
    """Why an arm is broken, or why nothing can be said. `why` is one line, without a full stop."""

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
    found = Attribution((), (), ())
    for part in (_of_builds(exp, build_faults), _of_boots(exp, done), _of_splats(exp, done)):
        found = Attribution(
            found.broken + part.broken, found.could_not_run + part.could_not_run, found.once + part.once
        )
    return Attribution(_unique(found.broken), _unique(found.could_not_run), _unique(found.once))


def _of_builds(exp: Experiment, build_faults: Mapping[str, str]) -> Attribution:
    faults = []
    for arm in exp.arms:
        if arm.name in build_faults:
            said = build_faults[arm.name]
            faults.append(Fault(arm.name, f"{arm.name} cannot be built: {_first_error(said)}", excerpt=said))
    return Attribution(could_not_run=tuple(faults)) if exp.baseline in build_faults else Attribution(tuple(faults))


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    return next((line for line in lines if re.search(r"\berror\b|undefined reference", line, re.IGNORECASE)), lines[0])


def _of_boots(exp: Experiment, done: Sequence[Boot]) -> Attribution:
    broken: list[Fault] = []
    stuck: list[Fault] = []
    for cpus in exp.cpus:
        ran = any(b.arm == exp.baseline and b.cpus == cpus and b.outcome is Outcome.OK for b in done)
        sound = ran and not _failures(done, exp.baseline, cpus)
        for arm in exp.arms:
            for fault, times in _failures(done, arm.name, cpus):
                (broken if sound and times >= TWICE else stuck).append(fault)
    return Attribution(tuple(broken), tuple(stuck))


def _of_splats(exp: Experiment, done: Sequence[Boot]) -> Attribution:
    broken: list[Fault] = []
    stuck: list[Fault] = []
    once: list[Fault] = []
    ran = any(b.arm == exp.baseline and b.outcome is Outcome.OK for b in done)
    innocent = _splat_titles(exp, done, exp.baseline)
    for arm in exp.arms:
        for title, seen in _splat_titles(exp, done, arm.name).items():
            if title not in innocent:
                boots = len({id(boot) for boot, _ in seen})
                group = once if boots < TWICE else broken if ran else stuck
                group.append(_splat_fault(arm.name, seen, boots))
    return Attribution(tuple(broken), tuple(stuck), tuple(once))


def seen_once(exp: Experiment, done: Sequence[Boot]) -> frozenset[tuple[str, str]]:
    """(key, arm) of the boots with a splat that no other boot of the arm and none of the baseline shows: they are to be
    repeated."""
    innocent = _splat_titles(exp, done, exp.baseline)
    out = set()
    for arm in exp.arms:
        for title, seen in _splat_titles(exp, done, arm.name).items():
            boots = {id(boot): boot for boot, _ in seen}
            if title not in innocent and len(boots) < TWICE:
                out |= {(boot.key, boot.arm) for boot in boots.values()}
    return frozenset(out)


def _failures(done: Sequence[Boot], arm: str, cpus: int) -> list[tuple[Fault, int]]:
    """Per boot that never succeeded, in the order of the first tries: the fault, and how often the guest failed."""
    tried: dict[str, list[Boot]] = {}
    for boot in done:
        if boot.arm == arm and boot.cpus == cpus:
            tried.setdefault(boot.key, []).append(boot)
    out = []
    for tries in tried.values():
        if all(b.outcome is not Outcome.OK for b in tries):
            last = tries[-1]
            excerpt = last.splats[0].excerpt if last.splats else ""
            often = f"in each of {len(tries)} tries" if len(tries) > 1 else "tried once"
            why = f"{arm} on {several(cpus, 'vCPU')}: {last.outcome}: {last.why.rstrip('.')} ({often})"
            guests = sum(b.outcome not in INFRASTRUCTURE for b in tries)
            out.append((Fault(arm, why, last.console, excerpt), guests))
    return out


def _splat_titles(exp: Experiment, done: Sequence[Boot], arm: str) -> dict[str, list[tuple[Boot, Splat]]]:
    """Splats that are not accepted, by what they say without numbers and addresses."""
    out: dict[str, list[tuple[Boot, Splat]]] = {}
    for boot in done:
        if boot.arm == arm:
            for splat in (s for s in boot.splats if s.kind != HANG):
                if not any(re.search(p, f"{splat.title}\n{splat.excerpt}") for p, _ in exp.accept):
                    out.setdefault(f"{splat.kind}: {_plain(splat)}", []).append((boot, splat))
    return out


def _plain(splat: Splat) -> str:
    """What makes it the same splat in another boot."""
    title = PLACE.sub("", splat.title) if splat.kind in PLACE_BY_CHANCE else splat.title
    return re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f]*s?\b", "N", WHO.sub("", title))


def _splat_fault(arm: str, seen: Sequence[tuple[Boot, Splat]], boots: int) -> Fault:
    boot, splat = seen[0]
    why = f"{arm}: {splat.kind}: {splat.title} (in {several(boots, 'boot')})"
    return Fault(arm, why, f"{boot.console}:{splat.line}", splat.excerpt)


def _unique(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    return tuple({(f.arm, f.why): f for f in faults}.values())
