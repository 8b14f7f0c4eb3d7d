"""Makes the folders `real-*` of tests/report/recorded: `python tests/report/make_real.py [NAME…]`.

What `kit run` and `kit bisect` left of real kernels, Debian's Linux 6.1 in real guests. It takes some minutes with
kernels cached, and half an hour without.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "report")]

from keep import RECORDED, keep  # noqa: E402

from kit.cli import main  # noqa: E402

BROKEN = ROOT / "tests" / "boot" / "broken" / "warn-in-clone.patch"
WORSE = ROOT / "patches" / "v6.1" / "unbatch-clone.patch"
SERIES = ROOT / "patches" / "v6.1-series" / "series"
CHAIN = {"fork-chain": {"depth": [0, 1, 2, 4, 8], "forks": 50, "vmas": 4}}

RUNS: dict[str, dict[str, Any]] = {
    "real-worse": {
        "guest": {"cpus": [1, 2], "memory": "512M"},
        "arms": {
            "before": {"series": [], "profile": "6.1"},
            "after": {"series": [str(WORSE)], "profile": "6.1-unbatched-clone"},
        },
        "workloads": [CHAIN, {"aim7": {"mix": "exec", "users": [1, 2], "jobs": 4}}],
        "evidence": ["model", "count"],
        "locks": ["anon_vma", "*"],
    },
    "real-broken": {
        "guest": {"cpus": 1, "memory": "512M"},
        "arms": {"before": {"series": []}, "after": {"series": [str(BROKEN)]}},
        "workloads": [CHAIN],
        "evidence": ["count", "check"],
        "locks": ["anon_vma"],
    },
}
BISECTION = {
    "name": "real-bisected",
    "tree": "debian:6.1",
    "guest": {"cpus": 1, "memory": "256M"},
    "workloads": [{"fork-chain": {"depth": [0, 4, 8], "forks": 50, "vmas": 4}}],
    "bisect": {"series": str(SERIES), "evidence": "count", "lock": "anon_vma"},
}


def asked(name: str) -> tuple[str, dict[str, Any]]:
    """The verb and the experiment of one folder."""
    if name == BISECTION["name"]:
        return "bisect", BISECTION
    return "run", {"name": name, "tree": "debian:6.1", "baseline": "before", **RUNS[name]}


def make(name: str, target: Path) -> None:
    """Makes one folder, with kernels of the user's cache."""
    verb, experiment = asked(name)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        Path("experiment.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False))
        with contextlib.redirect_stdout(io.StringIO()):
            code = main([verb, "experiment.yaml"])
        os.chdir(here)
        print(f"{name}: exit code {code}")
        (run,) = (p for p in Path(place, "runs").iterdir() if p.is_dir() and not p.is_symlink())
        keep(run, target, place)


if __name__ == "__main__":
    for number, wanted in enumerate([*RUNS, str(BISECTION["name"])]):
        if len(sys.argv) == 1 or wanted in sys.argv[1:]:
            for old in RECORDED.glob(f"{wanted}-*"):
                shutil.rmtree(old)
            make(wanted, RECORDED / f"{wanted}-20261130-13{number:02d}00")
