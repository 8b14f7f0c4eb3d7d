"""What QEMU's plugin costs a boot, as a ratio of CPU time with it to CPU time without:

    .venv/bin/python tests/bench/coverage.py [--experiment configs/quick.yaml] [--rounds 6]

The baseline's counting kernel is built first, where it is not yet. It is booted with the experiment's workloads and its
largest number of vCPUs, with the plugin and without in turn, which of both first by lot. With it, each instruction of
the functions about memory counts by itself (more than a patch has), and each block of the rest. CPU time is QEMU's.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kit.base.project import PROJECT
from kit.experiment.arms import resolve_arms
from kit.experiment.reader import read_experiment
from kit.kernel.build import build
from kit.kernel.functions import Image, read_image
from kit.kernel.toolchain import find_toolchain
from kit.records import Experiment, Kernel, Machine, Outcome
from kit.records.arches import ARCHES
from kit.report.progress import PlainProgress
from kit.run import bootrequest
from kit.run.coverage import merged
from kit.store.cache import Cache
from kit.vm.plugin.found import Plugin, find_plugin
from kit.workload.catalog import make_loads
from kit.workload.guestimage import build_guest
from kit.workload.load import boot_program

WATCHED = "anon_vma", "vma", "mmap", "page", "copy_"  # in the names of functions


def kernel_of(exp: Experiment, cache: Cache, progress: PlainProgress) -> Kernel:
    """The baseline's counting kernel."""
    tools = find_toolchain(progress)
    arms = resolve_arms(exp, ("counting",), tools, PROJECT / "configs", cache, progress)
    return build(next(a for a in arms if a.spec.name == exp.baseline).builds["counting"], tools, cache, progress)


def ranges_of(image: Image) -> list[tuple[int, int]]:
    """The code of the functions that are watched closely."""
    found = [f.range for name, same in image.functions.items() if any(w in name for w in WATCHED) for f in same]
    return merged(found)


class Boots:
    """Boots of one kernel, with the plugin and without."""

    def __init__(self, exp: Experiment, cache: Cache, folder: Path) -> None:
        self.progress, self.folder = PlainProgress(), folder
        self.kernel = kernel_of(exp, cache, self.progress)
        self.base = build_guest(cache.folder("guest")).base_cpio_path
        self.program = boot_program(make_loads(exp.workloads, exp.seed))
        self.machine = Machine(exp.arch, max(exp.cpus), exp.memory, "tcg")
        self.ranges = ranges_of(read_image(Path(self.kernel.vmlinux).read_bytes()))
        self.plugin: Plugin = find_plugin(ARCHES[exp.arch], cache.folder("plugin"))
        assert self.plugin.file, self.plugin.why

    def seconds(self, watched: bool) -> float:
        """CPU seconds of one boot."""
        console = self.folder / "console.log"
        asked = bootrequest.request(self.kernel, self.base, self.program, self.machine, console)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if watched:
            ran = bootrequest.covered(asked, self.plugin, self.ranges, self.progress)
            assert not ran.why, ran.why
        else:
            run = bootrequest.boot(asked, self.progress)
            assert run.outcome is Outcome.OK, run.why
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", default="configs/quick.yaml")
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    exp = read_experiment(PROJECT / options.experiment)
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as name:
        boots = Boots(exp, Cache(), Path(name))
        pairs = []
        for _ in range(options.rounds):
            took = {watched: boots.seconds(watched) for watched in random.sample((False, True), 2)}
            pairs.append((took[False], took[True]))
    ratios = sorted(with_ / without for without, with_ in pairs)
    bytes_ = sum(end - begin for begin, end in boots.ranges)
    print(f"{exp.name}, {boots.machine.cpus} vCPU; {bytes_} bytes of code counted by instruction")
    print("CPU seconds without, with: " + ", ".join(f"{a:.2f} {b:.2f}" for a, b in pairs))
    print(f"ratio: median {statistics.median(ratios):.3f}, from {ratios[0]:.3f} to {ratios[-1]:.3f}")


if __name__ == "__main__":
    main()
