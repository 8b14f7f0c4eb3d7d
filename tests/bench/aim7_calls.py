"""System calls of one job of each test: kit's beside those of a public AIM7 driver, counted by strace on this host.

    python3 tests/bench/aim7_calls.py REAIM      # REAIM: the program, built elsewhere (osdl-aim-7's)

Each side runs a test 10 and 20 times; the difference, divided by ten, is a job. Of reaim, which may run another number
of jobs than it was told, two calls of times() tell a job. It runs with -y: without, it forks
and executes `sync` around disk tests, where kit makes the system call. Tests that only compute are left out, and so are
those that are operations of programs (fork, exec, shell scripts, the break): what they do is in
kit/workload/aim7jobs.py, call by call.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from kit.model.jobs import DIRECT, FILES, FOLDERS, MESSAGES, PROCESS  # noqa: E402
from kit.model.program import Job  # noqa: E402
from kit.workload.aim7jobs import TESTS, Size  # noqa: E402
from kit.workload.guestimage import COMPILER, FLAGS, SOURCES  # noqa: E402

KIB = 10
ROW = re.compile(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$")
SAME = {"creat": "open", "openat": "open", "newfstatat": "stat", "clone": "fork", "vfork": "fork", "clone3": "fork"}
FEW, JOBS = 10, 10
LIMIT = 120  # seconds of one run


def calls(argv: list[str], folder: Path) -> Counter[str]:
    """The system calls of a program and its children, by name."""
    out = folder / "strace"
    subprocess.run(
        ["strace", "-f", "-c", "-o", str(out), *argv],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LIMIT,
        check=True,
    )
    found: Counter[str] = Counter()
    for line in out.read_text().splitlines():
        if (match := ROW.match(line)) and match[2] != "total":
            found[SAME.get(match[2], match[2])] += int(match[1])
    return found


def of_reaim(reaim: Path, test: str, jobs: int, folder: Path) -> Counter[str]:
    """Of a run of that many jobs of one test, for one user."""
    (folder / "work").write_text(f"FILESIZE: {KIB}K\nPOOLSIZE: 0K\n10 {test}\n")
    (folder / "config").write_text(f"DISKDIR {folder}\n")
    return calls([str(reaim), "-y", "-s1", "-e1", f"-j{jobs}", "-fwork", "-cconfig", "-llog"], folder)


def of_kit(alone: Path, test: str, jobs: int, folder: Path) -> Counter[str]:
    """The same of kit's."""
    (job,) = (op for op in TESTS[test].ops(Size(0.01, KIB)) if isinstance(op, Job))
    return calls([str(alone), str(folder), str(KIB), *[test, str(job.amount)] * jobs], folder)


def main() -> int:
    """Prints a row for each test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("reaim", type=Path)
    parser.add_argument("tests", nargs="*", help="default: all")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        alone = Path(name) / "alone"
        sources = [str(path) for path in sorted((SOURCES / "aim7").glob("*.c"))]
        subprocess.run([COMPILER, *FLAGS, "-o", str(alone), *sources], check=True)
        print("| test | calls a job, reaim | kit | ratio | where they differ (reaim → kit) |")
        print("| --- | --- | --- | --- | --- |")
        every = [t for t in (*FILES, *FOLDERS, *MESSAGES, *PROCESS) if t not in DIRECT]
        for test in options.tests or every:
            sides: list[Counter[str]] = []
            for count, program in ((of_kit, alone), (of_reaim, options.reaim.resolve())):
                folder = Path(name) / f"{test}-{count.__name__}"
                folder.mkdir()
                count(program, test, 1, folder)  # makes what later runs find
                few, many = (count(program, test, n, folder) for n in (FEW, FEW + JOBS))
                more = {call: many[call] - few[call] for call in {*few, *many}}
                jobs = more["times"] / (2 + sides[0]["times"]) if sides else JOBS
                sides.append(Counter({call: n / jobs for call, n in more.items()} if jobs else {}))
            mine, theirs = sides
            if not theirs:
                print(f"| {test} | – | {sum(mine.values()):g} | – | reaim did as many jobs when told to do more |")
                continue
            del theirs["times"], mine["times"]  # the driver calls it, too
            totals = [sum(side.values()) for side in (theirs, mine)]
            other = [c for c in sorted({*theirs, *mine}) if abs(theirs[c] - mine[c]) >= 1]
            apart = [f"{c} {theirs[c]:g} → {mine[c]:g}" for c in other]
            ratio = f"{totals[1] / totals[0]:.2f}" if totals[0] else "–"
            print(f"| {test} | {totals[0]:g} | {totals[1]:g} | {ratio} | {', '.join(apart)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
