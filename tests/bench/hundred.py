"""Boots real guests in a row, 100 by default, and says what they leave behind: `hundred.py [BOOTS]`.

One process does whole runs of four boots each, with kernels of the cache (KIT_CACHE; the first run builds them if they
are not there). After each it counts its file descriptors, sockets, threads, children (and QEMUs that nobody owns), its
temporary files and the cache's drafts. Only its memory may grow after the first runs, and that by little.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kit.base.progress import Progress  # noqa: E402
from kit.experiment.reader import read_experiment  # noqa: E402
from kit.run.bootrequest import PROBE_PROGRAM  # noqa: E402
from kit.run.job import run_experiment  # noqa: E402
from kit.store.cache import DRAFT, Cache  # noqa: E402

EACH = 4  # boots of a run: two arms, twice
WARM = 3  # runs after which imports, caches and the allocator have what they need
MOST_KIB = 4096  # that memory may grow by from then on
EXPERIMENT: dict[str, Any] = {
    "name": "hundred",
    "baseline": "without",
    "arms": {"without": {"series": [str(ROOT / "patches/v6.1/unbatch-clone.patch")]}, "with": {"series": []}},
    "guest": {"cpus": [2], "memory": "128M", "accel": "tcg"},
    "workloads": [{"program": {"text": PROBE_PROGRAM.partition("\n")[2]}}],
    "evidence": ["count"],
}


class Left(NamedTuple):
    """What this process has open, and what is left on disk."""

    descriptors: int
    sockets: int
    threads: int
    children: int
    temporary_files: int
    drafts: int
    kib: int


def left(temp: Path, cache: Path) -> Left:
    """The counts now; `kib`: resident memory."""
    open_now = [Path("/proc/self/fd", number) for number in os.listdir("/proc/self/fd")]
    links = [str(link.readlink()) for link in open_now if link.is_symlink()]  # that of the listing is gone
    status = dict(x.split(":\t", 1) for x in Path("/proc/self/status").read_text().splitlines() if ":\t" in x)
    return Left(
        len(links),
        sum(link.startswith("socket:") for link in links),
        int(status["Threads"]),
        len(list(children(os.getpid()))),
        len(list(temp.iterdir())),
        len(list(cache.rglob(f"{DRAFT}*"))),
        int(status["VmRSS"].split()[0]),
    )


def children(parent: int) -> list[str]:
    """Processes below this one, and QEMUs whose parent is gone: by the fourth field of /proc/PID/stat."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, name, _, above = path.read_text().replace("(", "").replace(")", "").split()[:4]
        except (OSError, ValueError):
            continue
        if int(above) == parent or (above == "1" and name.startswith("qemu")):
            found.append(f"{pid} {name}")
    return found


def main() -> int:
    """Prints what was left after the first runs and after the last one; 0 if nothing has grown."""
    boots = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory(prefix="hundred-") as name:
        folder = Path(name)
        temp, config = folder / "temp", folder / "hundred.yaml"
        temp.mkdir()
        config.write_text(yaml.safe_dump(EXPERIMENT))
        tempfile.tempdir = str(temp)
        cache, done, seen, begun = Cache(), 0, [], time.monotonic()
        while done < boots:
            result = run_experiment(read_experiment(config), cache, Progress(), folder / "runs", fresh=True)
            if result.verdict["boots"]["ok"] != EACH:
                print(result.verdict["sentence"])
                return 1
            done += EACH
            seen.append(left(temp, cache.root))
        seconds = time.monotonic() - begun
    first, last = seen[min(WARM, len(seen)) - 1], seen[-1]
    warm = min(WARM * EACH, done)
    print(f"{done} boots of real guests in {seconds:.0f} s")
    for field in Left._fields:
        before, after = getattr(first, field), getattr(last, field)
        print(f"{field.replace('_', ' '):>16}: {before:>7} after {warm} boots, {after:>7} after {done}")
    grown = [f for f in Left._fields if getattr(last, f) > getattr(first, f) + (MOST_KIB if f == "kib" else 0)]
    print(f"grown: {', '.join(grown)}" if grown else "nothing was left behind")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
