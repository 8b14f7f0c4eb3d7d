"""A first build of the counting kernel, as it is and with more of the machine: its files, CPU time and wall time.

    .venv/bin/python tests/bench/cold_build.py [TREE]

TREE is as in an experiment (default: debian:6.1, from the user's cache). Each build begins with an empty ccache. The
CPU time is that of make and all that it starts.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kit.experiment.arms import resolve_arms
from kit.experiment.reader import PROJECT, read_experiment
from kit.kernel.build import build
from kit.kernel.toolchain import find_toolchain
from kit.report.progress import PlainProgress
from kit.store.cache import Cache

CONFIGURATIONS = {
    "as kit builds it": "",
    "with ACPI and PCI, and tinyconfig's own defaults": "CONFIG_ACPI=y\nCONFIG_PCI=y\n",
}


def once(tree: str, fragment: str) -> tuple[int, float, float]:
    """(object files, seconds of CPU, seconds of wall) of one build."""
    with tempfile.TemporaryDirectory(prefix="kit-cold-") as name:
        folder = Path(name)
        (folder / "cache").mkdir()
        (folder / "cache" / "trees").symlink_to(Cache().folder("trees"))
        experiment = {"name": "cold", "tree": tree, "baseline": "good", "arms": {"good": {}, "other": {}}}
        if fragment:
            (folder / "more.config").write_text(fragment)
            experiment["config"] = ["more.config"]
        workloads = [{"fork-chain": {}}]
        (folder / "cold.yaml").write_text(yaml.safe_dump({**experiment, "workloads": workloads, "evidence": ["count"]}))
        cache, progress = Cache(folder / "cache"), PlainProgress()
        tools = find_toolchain(progress)
        asked = read_experiment(folder / "cold.yaml")
        arm = resolve_arms(asked, ("counting",), tools, PROJECT / "configs", cache, progress)[0]
        before, start = os.times(), time.monotonic()
        build(arm.builds["counting"], tools, cache, progress)
        after, wall = os.times(), time.monotonic() - start
        objects = [p for p in (folder / "cache" / "objects").rglob("*.o") if "built-in" not in p.name]
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        cache.release()
        return len(objects), cpu, wall


def main() -> None:
    """Prints a line for each configuration, and the ratio of the first to the last."""
    tree = sys.argv[1] if len(sys.argv) > 1 else "debian:6.1"
    found = []
    for name, fragment in CONFIGURATIONS.items():
        found.append(once(tree, fragment))
        objects, cpu, wall = found[-1]
        print(f"{name}: {objects} object files, {cpu:.0f} s of CPU, {wall:.0f} s of wall", flush=True)
    print("ratios: " + ", ".join(f"{a / b:.2f}" for a, b in zip(found[0], found[-1], strict=True)))


if __name__ == "__main__":
    main()
