"""What the sandbox costs a build, as a ratio of CPU time in it to CPU time without; whether the objects are the same:

    .venv/bin/python tests/bench/sandbox.py [--files 24] [--rounds 6] [--tree debian:6.1]

The counting kernel is built first, with and without, where it is not yet. Some of its files are compiled again and
again by make as kit calls it, without ccache, in the sandbox and outside in turn. CPU time is what the shell above make
says of its children. What it takes to enter the sandbox is measured by an empty command, for each make of a build.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kit.base import commands
from kit.experiment.arms import resolve_arms
from kit.experiment.reader import PROJECT, read_experiment
from kit.kernel.build import BuildInput, _Build, build
from kit.kernel.sandbox import OFF, find
from kit.kernel.toolchain import Toolchain, find_toolchain
from kit.report.progress import PlainProgress
from kit.store.cache import Cache

CALLS = 6  # of make, for a first kernel: tinyconfig, olddefconfig, prepare, a dry run, vmlinux; and one to spare
TIMED = '"$@" >/dev/null; status=$?; times; exit $status'
SPENT = re.compile(r"(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$")


class Held(_Build):
    """A build without ccache, whose make says what CPU time it took."""

    def _env(self) -> dict[str, str]:
        return {**super()._env(), "CCACHE_DISABLE": "1"}

    def seconds(self, targets: list[str]) -> float:
        """CPU seconds of making these targets anew."""
        for target in targets:
            (self.space.obj / target).unlink(missing_ok=True)
        argv = ["sh", "-c", TIMED, "sh", *self._command(), *targets]
        done = commands.run(argv, progress=self.progress, limit=3600, env=self._env(), within=self._within())
        found = SPENT.search(done.output)
        assert done.status == 0, done.output
        assert found, done.output
        minutes, seconds, more, others = map(float, found.groups())
        return 60 * (minutes + more) + seconds + others


def kernel_of(tree: str, tools: Toolchain, cache: Cache, progress: PlainProgress) -> BuildInput:
    """The counting kernel of a tree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        arms = {"good": {}, "other": {}}
        wanted = {"name": "bench", "tree": tree, "baseline": "good", "arms": arms, "workloads": [{"fork-chain": {}}]}
        path.write_text(yaml.safe_dump({**wanted, "evidence": ["count"]}))
        asked = read_experiment(path)
        return resolve_arms(asked, ("counting",), tools, PROJECT / "configs", cache, progress)[0].builds["counting"]


def entering() -> float:
    """Seconds that it takes to enter the sandbox and leave it, the median of 20."""
    sandbox = find().sandbox
    assert sandbox is not None, find().why
    took = []
    for prefix in (sandbox.prefix({}, {}, {}), []):
        times = []
        for _ in range(20):
            start = time.monotonic()
            commands.run(["true"], progress=PlainProgress(), limit=60, within=commands.Within(prefix))
            times.append(time.monotonic() - start)
        took.append(statistics.median(times))
    return took[0] - took[1]


def main() -> None:
    """Prints the ratio, its range over the rounds, and whether objects differ."""
    parser = argparse.ArgumentParser(description="the cost of the sandbox")
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--tree", default="debian:6.1")
    asked = parser.parse_args()
    cache, progress = Cache(), PlainProgress()
    tools = find_toolchain(progress)
    job = kernel_of(asked.tree, tools, cache, progress)
    kernel = build(job, tools, cache, progress)
    for off in ("1", ""):  # a build without a sandbox has an object folder of its own
        os.environ[OFF] = off
        one = Held(job, tools, cache, progress)
        if not (one.space.obj / "vmlinux").exists():
            one.run()
    obj = one.space.obj
    names = sorted(str(p.relative_to(obj)) for top in ("mm", "kernel", "fs") for p in (obj / top).rglob("*.o"))
    targets = random.Random(1).sample([n for n in names if "built-in" not in n], asked.files)
    enter = entering()
    ratios, sums, least = [], [0.0, 0.0], [1e9, 1e9]
    made: dict[bool, dict[str, bytes]] = {}
    for number in range(asked.rounds):
        took = {}
        for held in (True, False) if number % 2 else (False, True):
            os.environ[OFF] = "" if held else "1"
            one = Held(job, tools, cache, progress)
            one.place.begin()
            took[held] = one.seconds(targets)
            sums[held] += took[held]
            least[held] = min(least[held], took[held])
            made[held] = {name: (one.space.obj / name).read_bytes() for name in targets}
        ratios.append(took[True] / took[False])
        print(f"round {number + 1}: {took[True]:.2f} s in the sandbox, {took[False]:.2f} s without", flush=True)
    os.environ[OFF] = ""
    same = "the same objects" if made[True] == made[False] else "OTHER OBJECTS"
    whole, best = sums[True] / sums[False], least[True] / least[False]
    print(
        f"{asked.files} files, {asked.rounds} rounds each: ratio {whole:.4f} ({min(ratios):.3f} to {max(ratios):.3f}),"
        f" of the quickest {best:.4f}, {same}; to enter: {1000 * enter:.0f} ms, {CALLS * enter:.2f} s for a build"
        f" ({kernel.seconds:.0f} s when it was made)"
    )


if __name__ == "__main__":
    main()
