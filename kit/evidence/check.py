"""`check` evidence: the workloads on the checking kernel, which reports what is wrong itself.

Its boots: every arm once for each number of vCPUs, the baseline first, since its time limits the others; the plan
repeats what fails or shows a splat. Its verdict: `same` if no arm shows more than the baseline, `broken` by the rules
of kit.stats.attribution.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kit.base.words import join, several
from kit.evidence.reading import BAD, GOOD, Asked, Reading, unwanted
from kit.evidence.request import Site
from kit.evidence.rules import explained
from kit.records import Boot, BootSpec, Experiment, KindVerdict, Machine, Outcome, Verdict
from kit.stats.attribution import attribute
from kit.workload.catalog import make_loads
from kit.workload.load import boot_program

KIND = "check"
INSTRUMENT = "checking"
LOCKDEP = "lockdep-"  # kinds of reports after which lockdep turns itself off (debug_locks_off, lib/debug_locks.c)


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """Every boot that this kind wants, in order."""
    program = boot_program(make_loads(exp.workloads, exp.seed))
    arms = sorted((a.name for a in exp.arms), key=lambda name: name != exp.baseline)
    out: list[BootSpec] = []
    for cpus in exp.cpus:
        for arm in arms:
            if (kernel := site.kernels.get((arm, INSTRUMENT))) is None:
                continue
            machine = Machine(exp.arch, cpus, exp.memory, site.accel)
            out.append(BootSpec(arm, kernel, KIND, program, machine, "", exp.orders, 0, 0, len(out), site.guest_key))
    return out


def read(asked: Asked, boots: Sequence[Boot]) -> Reading:
    """BAD if the sought splat shows, however the boot ended; GOOD if all boots end well without any other splat."""
    pattern = re.compile(asked.wanted.pattern or "")
    if any(pattern.search(f"{s.kind}: {s.title}\n{s.excerpt}") for b in boots for s in b.splats):
        return Reading(BAD)
    return unwanted(asked, boots) or Reading(GOOD)


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """`same` if no arm shows a splat that the baseline does not, `broken` if one does, else `inconclusive`."""
    mine = [b for b in done if b.evidence == KIND]
    good = [b for b in mine if b.outcome is Outcome.OK]
    found = attribute(exp, mine, {})
    if found.broken:
        arms = dict.fromkeys(f.arm for f in found.broken)
        told = [
            note for arm in arms for note in explained(exp, arm, (s for b in mine if b.arm == arm for s in b.splats))
        ]
        return KindVerdict(KIND, Verdict.BROKEN, "; ".join((*(f.why for f in found.broken), *told)), notes=tuple(told))
    if found.could_not_run:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, found.could_not_run[0].why)
    if found.once:
        why = f"seen once in {several(len(mine), 'boot')}, neither shown nor excluded: {found.once[0].why}"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why)
    missing = [f"{a.name} on {several(n, 'vCPU')}" for a in exp.arms for n in exp.cpus if not _ran(good, a.name, n)]
    if missing:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, f"no boot of {join(missing)}")
    blind = [b for b in good if any(s.kind.startswith(LOCKDEP) for s in b.splats)]
    if blind:
        why = f"lockdep stops after its first report, and {several(len(blind), 'boot')} had one that is not the patch's"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, f"{why}: {blind[0].splats[0].title}")
    return KindVerdict(KIND, Verdict.SAME, f"no splat in {several(len(good), 'boot')}{_known(good, exp)}")


def _ran(good: Sequence[Boot], arm: str, cpus: int) -> bool:
    return any(b.arm == arm and b.cpus == cpus for b in good)


def _known(good: Sequence[Boot], exp: Experiment) -> str:
    return f" that {exp.baseline} does not show or that is not accepted" if any(b.splats for b in good) else ""
