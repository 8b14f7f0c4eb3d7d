"""Jobs per minute of kit's AIM7 and of a public driver, in the same guests: ratios by mix and number of users.

    .venv/bin/python tests/bench/aim7_driver.py FOLDER [MIX ...]

FOLDER has the driver, built elsewhere: `reaim` (osdl-aim-7's, static), what it looks for at run time, and an empty
folder `d` for its files; it must find its scripts and data in FOLDER. Each mix is run by both, one after the other,
`BOOTS` boots of an arm of configs/aim7.yaml, two vCPUs, the host's files below the guest's. The driver runs with -y:
without, it forks and executes `sync` around disk tests, where kit makes the system call. Emulated or not, both had the
same machine: only the ratio tells something.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import geometric_mean

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kit.evidence.aim7 import rows  # noqa: E402
from kit.evidence.time import loads_of  # noqa: E402
from kit.experiment.reader import read_experiment  # noqa: E402
from kit.records import Boot, Outcome  # noqa: E402
from kit.store.runfolder import RunFolder  # noqa: E402

MIXES = ("fork", "exec", "shared")
USERS, CPUS, JOBS, KIB = (1, 2), 2, 50, 10
LINE = re.compile(r"^(\d+)(?: +[\d.]+){3} +([\d.]+) +([\d.]+)(?: +[\d.]+){3} *$", re.MULTILINE)


def experiment(folder: Path, mix: str, jobs: int) -> dict[str, object]:
    """Both drivers in each boot of `time` evidence; the driver's users one number after the other."""
    tests = (ROOT / "configs" / "mixes" / mix).read_text()
    lines = [line for line in tests.splitlines() if line and not line.startswith("#")]
    (folder / f"work.{mix}").write_text("\n".join([f"FILESIZE: {KIB}K", "POOLSIZE: 0K", *lines]) + "\n")
    (folder / "config").write_text(f"DISKDIR {folder}/d\n")
    counts = f"-s{USERS[0]} -e{USERS[-1]} -i1 -j{jobs}"
    command = f"{folder}/reaim -y {counts} -f{folder}/work.{mix} -c{folder}/config -l/tmp/log"
    driver = {"name": "driver", "command": command, "limit": 1200, "root": "host", "left_behind": "kill"}
    return {
        "name": f"driver-{mix}",
        "tree": "debian:6.1",
        "baseline": "without",
        "arms": {"without": {"series": [str(ROOT / "patches/v6.1/unbatch-clone.patch")]}, "with": {"series": []}},
        "guest": {"cpus": [CPUS], "memory": "512M"},
        "workloads": [{"payload": driver}, {"aim7": {"mix": mix, "users": list(USERS), "jobs": jobs}}],
        "evidence": ["time"],
        "time": {"rounds": 1, "warmup": 0, "times": 1},
        "budget": {"blocks": 2},
    }


def of_driver(boots: list[Boot]) -> dict[int, list[float]]:
    """Users → jobs per minute, as the driver printed them in each boot of the arm `with`."""
    out: dict[int, list[float]] = {}
    for boot in (b for b in boots if b.arm == "with"):
        for ran in boot.results.payloads if boot.results else ():
            for users, rate, _ in LINE.findall(ran.stdout.text):
                out.setdefault(int(users), []).append(float(rate))
    return out


def main() -> None:
    """Prints a row for each mix and number of users."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("mixes", nargs="*", default=MIXES)
    parser.add_argument("--jobs", type=int, default=JOBS)
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        for mix in asked.mixes:
            config = Path(temporary) / f"{mix}.yaml"
            config.write_text(yaml.safe_dump(experiment(folder, mix, asked.jobs)))
            runs = Path(temporary) / mix
            argv = [sys.executable, "-m", "kit", "run", str(config), "--runs", str(runs), "--fresh"]
            subprocess.run(argv, cwd=ROOT, timeout=7200, stdout=sys.stderr)
            (run,) = (path for path in runs.iterdir() if (path / "boots.jsonl").exists())
            done = [b for b in RunFolder(run).read_boots() if b.outcome is Outcome.OK]
            theirs = of_driver(done)
            mine = {row["tasks"]: row for row in rows(["with"], loads_of(read_experiment(config)), [0], done)}
            for users in USERS:
                one, other = mine[users]["jobs_per_minute"], geometric_mean(theirs[users])
                print(f"| {mix} | {users} | {len(theirs[users])} | {other:.0f} | {one:.0f} | {one / other:.2f} |")


if __name__ == "__main__":
    main()
