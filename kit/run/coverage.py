"""Whether changed code was executed: two built kernels and an experiment in; the functions that differ, and those of
them that ran, out.

It takes one boot of the arm's kernel with the experiment's program and its largest number of vCPUs. The result is kept
beside the kernel. Nothing here makes a run fail: what cannot be found out is reported, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kit.base.errors import MachineError
from kit.base.progress import Progress
from kit.kernel.functions import Difference, Function, compare, read_image
from kit.records import Exercised, Experiment, Kernel, Machine, digest, to_json
from kit.records.arches import ARCHES
from kit.run.runner import Runner
from kit.store.files import read_json, write_json
from kit.vm.coverage import MOST, Reached
from kit.workload.catalog import make_loads
from kit.workload.load import boot_program, own_limit

VERSION = 1  # of the kept result
LIMIT = 600.0  # seconds


def exercised(
    exp: Experiment, arm: str, kernel: Kernel, baseline: Kernel, runner: Runner, progress: Progress
) -> Exercised:
    """Which changed functions of an arm ran. `kernel` and `baseline` are built for the same instrument."""
    if kernel.image_sha256 == baseline.image_sha256:
        return Exercised(arm, identical=True)
    program = boot_program(make_loads(exp.workloads, exp.seed))
    machine = Machine(exp.arch, max(exp.cpus), exp.memory, "tcg")
    key = digest([VERSION, kernel.image_sha256, baseline.image_sha256, program, to_json(machine), runner.guest_key])
    kept = Path(kernel.image).parent / f"exercised-{key}.json"
    if isinstance(record := read_json(kept), dict):
        return _from_json(arm, record)
    try:
        found = _find(arm, kernel, baseline, machine, program, runner, progress)
    except MachineError as error:
        return Exercised(arm, why=str(error).partition("\n")[0])
    if not found.why:
        write_json(kept, to_json(found))
    return found


def _from_json(arm: str, record: dict[str, object]) -> Exercised:
    def names(key: str) -> tuple[str, ...]:
        value = record.get(key)
        return tuple(map(str, value)) if isinstance(value, list) else ()

    asked = record.get("asked")
    return Exercised(
        arm, changed=names("changed"), ran=names("ran"), booting=names("booting"), asked=int(str(asked or 0))
    )


def _find(
    arm: str,
    kernel: Kernel,
    baseline: Kernel,
    machine: Machine,
    program: str,
    runner: Runner,
    progress: Progress,
) -> Exercised:
    with progress.task(f"{arm}: which functions differ"):
        difference = _difference(kernel, baseline, machine.arch)
    if not difference.changed:
        return Exercised(arm)
    later = [f for f in difference.changed if not f.init]
    chosen = _some(later)
    reached = Reached(frozenset(), frozenset(), True, "", 0)
    if chosen:
        seconds = LIMIT + own_limit(program)
        addresses = [f.address for f in chosen]
        with progress.task(f"{arm}: do the {len(chosen)} functions that differ run? A boot with breakpoints"):
            reached = runner.reached(f"exercised-{arm}", kernel, program, machine, addresses, seconds)
    booting = [*_at(chosen, reached.booting), *(f.name for f in difference.changed if f.init)]
    ran = _at(chosen, reached.running)
    why = "" if reached.whole or ran else f"the boot with breakpoints: {reached.why}"
    return Exercised(arm, False, difference.names, _unique(ran), _unique(booting), len(chosen), why)


def _difference(kernel: Kernel, baseline: Kernel, arch: str) -> Difference:
    old, new = (read_image(Path(k.vmlinux).read_bytes(), k.vmlinux, ARCHES[arch]) for k in (baseline, kernel))
    return compare(old, new)


def _some(functions: list[Function]) -> list[Function]:
    """At most MOST functions (the breakpoints that one boot can have), spread evenly over the kernel."""
    ordered = sorted(functions, key=lambda f: f.address)
    step = max(1.0, len(ordered) / MOST)
    return [ordered[int(i * step)] for i in range(min(len(ordered), MOST))]


def _at(functions: Iterable[Function], addresses: frozenset[int]) -> list[str]:
    return [f.name for f in functions if f.address in addresses]


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
