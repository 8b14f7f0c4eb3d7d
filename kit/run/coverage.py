"""Whether changed code was executed: two built kernels and an experiment in; the functions that differ, the lines that
were added or changed, and which of both ran, out.

It takes one boot of the arm's kernel with the experiment's program and its largest number of vCPUs, in a QEMU with
kit's plugin. The result is kept beside the kernel. Nothing here makes a run fail: what cannot be found out is reported,
and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kit.base.errors import KitError, MachineError
from kit.base.progress import Progress
from kit.kernel.build import BuildInput
from kit.kernel.changedlines import changed_lines
from kit.kernel.functions import Difference, Function, Image, compare, read_image
from kit.kernel.linetable import LineCode
from kit.records import ChangedLines, Exercised, Experiment, Kernel, Machine, digest, to_json
from kit.records.arches import ARCHES
from kit.records.decode import exercised_from_json
from kit.run.ran import BOOT, OUTSIDE, STAGES, WINDOW, Ran
from kit.run.runlines import lines_that_ran
from kit.run.runner import Runner
from kit.store.files import read_json, write_json
from kit.workload.catalog import make_loads
from kit.workload.load import boot_program, own_limit

VERSION = 3  # of the kept result
LIMIT = 600.0  # seconds


@dataclass(frozen=True)
class Pair:
    """The kernels of an arm and of the baseline, built for one instrument, and what they were built from."""

    kernel: Kernel
    job: BuildInput
    baseline: Kernel
    base_job: BuildInput


@dataclass(frozen=True)
class _Asked:
    """What is looked for: the functions and lines that differ, and why some lines cannot be."""

    difference: Difference
    lines: LineCode
    removed: int
    untold: tuple[str, ...]

    @property
    def later(self) -> list[Function]:
        """The functions that do not run only while the kernel boots."""
        return [f for f in self.difference.changed if not f.init]

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The addresses to watch instruction by instruction, in order, without overlaps."""
        return merged([*(f.range for f in self.later), *(r for rs in self.lines.ranges.values() for r in rs)])


def exercised(exp: Experiment, arm: str, pair: Pair, runner: Runner, progress: Progress) -> Exercised:
    """Which of an arm's changes ran."""
    kernel, baseline = pair.kernel, pair.baseline
    if kernel.image_sha256 == baseline.image_sha256:
        return Exercised(arm, identical=True)
    program = boot_program(make_loads(exp.workloads, exp.seed))
    machine = Machine(exp.arch, max(exp.cpus), exp.memory, "tcg")
    kernels = [(k.key, k.image_sha256) for k in (kernel, baseline)]
    key = digest([VERSION, kernels, program, to_json(machine), runner.guest_key])
    kept = Path(kernel.image).parent / f"exercised-{key}.json"
    if (known := exercised_from_json(read_json(kept))) is not None:
        return replace(known, arm=arm)
    try:
        found = _find(arm, pair, machine, program, runner, progress)
    except MachineError as error:
        return Exercised(arm, why=error.what.partition("\n")[0])
    if not found.why:
        write_json(kept, to_json(found))
    return found


def _find(
    arm: str, pair: Pair, machine: Machine, program: str, runner: Runner, progress: Progress
) -> Exercised:
    with progress.task(f"{arm}: which functions differ"):
        old, new = (_image(kernel, machine.arch) for kernel in (pair.baseline, pair.kernel))
        difference = compare(old, new)
    if not difference.changed:
        return Exercised(arm)
    asked = _asked(pair, difference, new, runner)
    ran = Ran()
    if asked.ranges:
        seconds = LIMIT + own_limit(program)
        with progress.task(f"{arm}: which of its changes run? A boot with QEMU's plugin"):
            ran = runner.covered(f"exercised-{arm}", pair.kernel, program, machine, asked.ranges, seconds)
    return _told(arm, asked, ran)


def _image(kernel: Kernel, arch: str) -> Image:
    return read_image(Path(kernel.vmlinux).read_bytes(), kernel.vmlinux, ARCHES[arch])


def _asked(pair: Pair, difference: Difference, image: Image, runner: Runner) -> _Asked:
    """What to look for. What cannot be told by lines is told by functions alone."""
    try:
        changed = changed_lines(pair.base_job, pair.job)
        found = runner.line_code(pair.job, changed.added, frozenset(difference.names), image)
    except KitError as error:
        return _Asked(difference, LineCode(), 0, (str(error).partition("\n")[0],))
    untold = (*([changed.why] if changed.why else []), *(f"{path}: {why}" for path, why in found.why.items()))
    return _Asked(difference, found.code, changed.removed, untold)


def _told(arm: str, asked: _Asked, ran: Ran) -> Exercised:
    names = asked.difference.names
    if ran.why:
        return Exercised(arm, changed=names, why=ran.why)
    early = [f.name for f in asked.difference.changed if f.init]
    by_stage: dict[str, list[str]] = {stage: [] for stage in STAGES}
    for function in asked.later:
        if stage := ran.first(function.range):
            by_stage[stage].append(function.name)
    in_windows, outside, booting = (_unique(by_stage[s]) for s in (WINDOW, OUTSIDE, BOOT))
    lines = lines_that_ran(asked.lines, ran, asked.removed, asked.untold)
    return Exercised(
        arm,
        changed=names,
        ran=in_windows,
        booting=_unique([*booting, *early]),
        asked=len(asked.later),
        outside=outside,
        lines=lines if lines != ChangedLines() else None,
    )


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch or overlap made one."""
    out: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
