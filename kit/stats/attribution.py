"""Whose fault a failure is: from boots and failed builds to broken arms, or to "could not run". Pure.

An arm is broken only if it fails repeatably (at least twice) while the baseline succeeds. What the baseline shows too
is not the patch's. A failure that comes by chance now and then (a guest that hangs on a busy host) counts against an
arm only if it comes in every try, or more often than with the baseline's kernel (Fisher's test, A/A boots included).

| in an arm's boots of one kind of evidence on one number of vCPUs | then |
| --- | --- |
| a splat that the kernel's own behaviour causes, in two boots, and never with the baseline | broken |
| no boot finished, in two tries or more (for hangs: `tries_wanted`), while all of the baseline's did | broken |
| a splat of a stall, in every boot, in `tries_wanted` of them | broken |
| failures, or a splat, more often than with the baseline's kernel: p at most alpha over the comparisons | broken |
| half of the planned boots or more never succeeded | could not run |
| other failures and splats | reported only |
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kit.base.words import several
from kit.records import Boot, Experiment, Outcome, Splat
from kit.stats.failures import TWICE, Cell, cells, level, of_baseline, tries_wanted
from kit.stats.fisher import more_often

RARE = 0.25  # a share of an arm's boots: a splat in fewer of them is compared with how often the baseline shows it
STALLS = frozenset({"rcu-stall", "soft-lockup", "hard-lockup", "hung-task", "workqueue-lockup", "csd-lock"})
HANG = "hang"  # the splat that says where a hanging boot hangs: part of the outcome, not judged as a splat
# Parts of a title that are chance: the CPU or task, or which of two places closed a cycle of locks.
PLACE_BY_CHANCE = frozenset(
    {"rcu-stall", "soft-lockup", "hard-lockup", "workqueue-lockup", "hung-task", "csd-lock", "nobody-cared", "oom"}
    | {"lockdep-circular", "lockdep-recursive", "lockdep-irq-inversion", "lockdep-irq-unsafe", "lockdep-inconsistent"}
    | {"page-allocation", "panic"}
)
PLACE = re.compile(r" in [A-Za-z_]\w*$")  # as kit.vm.naming adds it
# Who ran there: in warnings since 6.19, in soft lockups; and which worker of the kernel.
WHO = re.compile(r", CPU#\d+: .{1,16}?/\d+(?=: | in |$)|(?<=s! )\[.{1,16}:\d+\]|(?<=kworker/)[\w:+-]+")


@dataclass(frozen=True)
class Fault:
    """Why an arm is broken, or why nothing can be said. `why` is one line, without a full stop."""

    arm: str
    why: str
    console: str = ""
    excerpt: str = ""


@dataclass(frozen=True)
class Attribution:
    """`broken`: arms at fault. `could_not_run`: faults of the baseline, of all arms, or of no arm in particular.
    `once`: splats seen only once: reported, but counted against no arm."""

    broken: tuple[Fault, ...] = ()
    could_not_run: tuple[Fault, ...] = ()
    once: tuple[Fault, ...] = ()


def attribute(exp: Experiment, done: Sequence[Boot], build_faults: Mapping[str, str]) -> Attribution:
    """Attributes every failure and splat. `build_faults`: arm → the compiler's errors, for arms that could not be
    built."""
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
    told: list[Fault] = []
    for cell in cells(exp, done):
        if cell.arm != exp.baseline and cell.broken(exp):
            repeated = [tries for tries in cell.stuck if len(tries) > 1] or [cell.failed]
            broken += map(_fault, repeated) if cell.never else [_rate_fault(exp, cell)]
        elif cell.stuck and cell.mostly_stuck:
            stuck += [_fault(tries) for tries in cell.stuck]
        elif cell.stuck:
            own = not cell.failed or cell.arm == exp.baseline
            told.append(_fault(cell.stuck[0]) if own else _rate_fault(exp, cell))
    return Attribution(tuple(broken), tuple(stuck), tuple(told))


def _fault(tries: Sequence[Boot]) -> Fault:
    """The fault of one planned boot that never succeeded; `tries`: its boots."""
    last = tries[-1]
    often = f"in each of {len(tries)} tries" if len(tries) > 1 else "tried once"
    why = f"{last.arm} on {several(last.cpus, 'vCPU')}: {last.outcome}: {last.why.rstrip('.')} ({often})"
    return Fault(last.arm, why, last.console, last.splats[0].excerpt if last.splats else "")


def _rate_fault(exp: Experiment, cell: Cell) -> Fault:
    """The fault of an arm whose boots fail now and then."""
    last, bad = cell.failed[-1], cell.base_failed
    often = f"in {len(cell.failed)} of {several(len(cell.mine), 'try', 'tries')}, of {exp.baseline} in {bad} of"
    chance = f"{often} {len(cell.base)}: by chance with p = {cell.p:.2g}"
    why = f"{cell.arm} on {several(last.cpus, 'vCPU')}: {last.outcome}: {last.why.rstrip('.')} ({chance})"
    return Fault(cell.arm, why, last.console, last.splats[0].excerpt if last.splats else "")


def _of_splats(exp: Experiment, done: Sequence[Boot]) -> Attribution:
    broken: list[Fault] = []
    stuck: list[Fault] = []
    once: list[Fault] = []
    base = of_baseline(exp, done)
    ran = any(b.outcome is Outcome.OK for b in base)
    innocent = _splat_titles(exp, base)
    for arm in exp.arms:
        mine = [b for b in done if b.arm == arm.name]
        for title, seen in _splat_titles(exp, mine).items():
            if title not in innocent:
                group = broken if _repeats(exp, seen, mine, base) else once
                group = stuck if group is broken and not ran else group
                group.append(_splat_fault(arm.name, seen, len({id(boot) for boot, _ in seen})))
    return Attribution(tuple(broken), tuple(stuck), tuple(once))


def _repeats(exp: Experiment, seen: Sequence[tuple[Boot, Splat]], mine: Sequence[Boot], base: Sequence[Boot]) -> bool:
    """Whether a splat that no boot of the baseline shows is more than chance."""
    boots = {id(boot): boot for boot, _ in seen}
    kinds = {boot.evidence for boot in boots.values()}
    could, base_could = (sum(b.evidence in kinds for b in group) for group in (mine, base))
    if len(boots) < TWICE:
        return False
    if more_often(len(boots), could, 0, base_could) <= level(exp):
        return True
    if seen[0][1].kind not in STALLS:
        return len(boots) >= RARE * could
    return any(_always(cell, boots, tries_wanted(exp)) for cell in _splat_cells(mine))


def _splat_cells(mine: Sequence[Boot]) -> list[list[Boot]]:
    """The boots of an arm, grouped by kind of evidence and number of vCPUs."""
    out: dict[tuple[str, int], list[Boot]] = {}
    for boot in mine:
        out.setdefault((boot.evidence, boot.cpus), []).append(boot)
    return list(out.values())


def _always(cell: Sequence[Boot], boots: Mapping[int, Boot], times: int) -> bool:
    return len(cell) >= times and all(id(boot) in boots for boot in cell)


def seen_once(exp: Experiment, done: Sequence[Boot]) -> frozenset[tuple[str, str]]:
    """(key, arm) of boots that must be repeated: they have a splat that the baseline does not show, and too few boots
    have shown it to judge."""
    base = of_baseline(exp, done)
    innocent = _splat_titles(exp, base)
    out = set()
    for arm in exp.arms:
        mine = [b for b in done if b.arm == arm.name]
        for title, seen in _splat_titles(exp, mine).items():
            boots = {id(boot): boot for boot, _ in seen}
            wanted = tries_wanted(exp) if seen[0][1].kind in STALLS else TWICE
            if title not in innocent and len(boots) < wanted and not _repeats(exp, seen, mine, base):
                out |= {(boot.key, boot.arm) for boot in boots.values()}
    return frozenset(out)


def _splat_titles(exp: Experiment, boots: Sequence[Boot]) -> dict[str, list[tuple[Boot, Splat]]]:
    """The splats that are not accepted, by their text without numbers and addresses."""
    out: dict[str, list[tuple[Boot, Splat]]] = {}
    for boot in boots:
        for splat in (s for s in boot.splats if s.kind != HANG):
            if not is_accepted(exp, splat):
                out.setdefault(f"{splat.kind}: {_plain(splat)}", []).append((boot, splat))
    return out


def is_accepted(exp: Experiment, splat: Splat) -> bool:
    """Whether the experiment's `accept` covers a splat: one of its patterns is in its title or excerpt."""
    return any(re.search(pattern, f"{splat.title}\n{splat.excerpt}") for pattern, _ in exp.accept)


def _plain(splat: Splat) -> str:
    """The text that identifies the same splat in another boot."""
    title = PLACE.sub("", splat.title) if splat.kind in PLACE_BY_CHANCE else splat.title
    return re.sub(r"\b(0x)?[0-9a-f]*\d[0-9a-f]*s?\b", "N", WHO.sub("", title))


def _splat_fault(arm: str, seen: Sequence[tuple[Boot, Splat]], boots: int) -> Fault:
    boot, splat = seen[0]
    why = f"{arm}: {splat.kind}: {splat.title} (in {several(boots, 'boot')})"
    return Fault(arm, why, f"{boot.console}:{splat.line}", splat.excerpt)


def _unique(faults: Sequence[Fault]) -> tuple[Fault, ...]:
    return tuple({(f.arm, f.why): f for f in faults}.values())
