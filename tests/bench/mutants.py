"""Faults planted one by one, and the tests that must fail of each: nothing in, a table of killed and survived out.

Each survived its own test once. The sources are copied; nothing here is changed. Run it by
`python tests/bench/mutants.py [NAME ...]`, some minutes for all; exit code 1 where one survives, 2 where the source has
moved on and a row must be written anew.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 900  # seconds for the tests of one mutant
LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "runs", "__pycache__", ".*_cache", ".hypothesis")
FAILED = 1  # pytest's exit status where a test failed


@dataclass(frozen=True)
class Mutant:
    """A text in a file of kit, which must occur once, and its replacement; `tests`: pytest's arguments."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


BISECT, EVICTION, FAULTS = "tests/bisection/test_bisect.py", "tests/store/test_eviction.py", "tests/run"
DECODE, RUN = "tests/records/test_decode.py", "tests/run/test_run.py"
MUTANTS = {
    "a bisection counts boots with other splats": Mutant(
        "kit/evidence/reading.py", "if strange:", "if False:", (BISECT, "-k", "another_splat")
    ),
    "a sweep removes what a living guest has": Mutant(
        "kit/store/eviction.py", "if os.fsencode(p) not in named", "if os.fsencode(p)", (EVICTION, "-k", "swept")
    ),
    "a sweep removes what is not kit's": Mutant(
        "kit/store/eviction.py", '.glob("kit-boot-*")', '.glob("*-*")', (EVICTION, "-k", "swept")
    ),
    "doctor crashes": Mutant(
        "kit/verbs/doctor.py", "    found = examine(", "    found = 1 / 0 or examine(", (FAULTS, "-k", "only_be_read")
    ),
    "a boot comes back without the host": Mutant(
        "kit/records/decode.py", '_host(value.get("host"))', "None", (DECODE,)
    ),
    "a boot comes back without its payloads": Mutant(
        "kit/records/decode.py", "layouts, windows, payloads)", "layouts, windows)", (DECODE,)
    ),
    "a window comes back without its idle time": Mutant(
        "kit/records/decode.py", 'value.get("idle")', "None", (DECODE,)
    ),
    "git's log lacks the parents that are good": Mutant(
        "kit/report/bisect.py",
        'for parent in culprit.get("parents", ())]',
        "for parent in ()]",
        (BISECT, "-k", "replays"),
    ),
    "a mail is not folded": Mutant(
        "kit/report/bisect.py", "*folded(_mail_proof(found))", "_mail_proof(found)", (BISECT, "-k", "ready_to_send")
    ),
    "a resumed run draws its order anew": Mutant(
        "kit/experiment/writer.py",
        '{} if exp.order_seed is None else {"order_seed": exp.order_seed}',
        "{}",
        (RUN, "-k", "stops_where or draws_its_order"),
    ),
    "the same kernel is booted twice": Mutant(
        "kit/run/schedule.py",
        "if not _same(base, self.kernels[spec.arm, spec.instrument]):",
        "if True:",
        (RUN, "-k", "twice_needs_no_boot"),
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Plants the named mutants, or all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="words of a row: all rows without any")
    words = parser.parse_args(argv).names
    chosen = {n: m for n, m in MUTANTS.items() if not words or any(w in n for w in words)}
    if not chosen:
        parser.error(f"no row has one of these words: {', '.join(words)}")
    stale = [n for n, m in chosen.items() if (ROOT / m.file).read_text().count(m.old) != 1]
    if stale:
        print("rows that the source has left behind:", *stale, sep="\n  ")
        return 2
    with tempfile.TemporaryDirectory(prefix="kit-mutants-") as folder:
        copy = Path(folder, "kit")
        shutil.copytree(ROOT, copy, symlinks=True, ignore=LEFT_OUT)
        rows = [(name, judge(copy, mutant)) for name, mutant in chosen.items()]
    print(tabulate(rows, headers=("mutant", "its tests")))
    return 0 if all(said == "killed" for _, said in rows) else 1


def judge(copy: Path, mutant: Mutant) -> str:
    """Says whether the tests pass without the fault and fail with it."""
    if (status := tested(copy, mutant)) != 0:
        return f"end with {status} without the fault"
    file = copy / mutant.file
    whole = file.read_text()
    file.write_text(whole.replace(mutant.old, mutant.new))
    try:
        status = tested(copy, mutant)
    finally:
        file.write_text(whole)
    return "killed" if status == FAILED else f"SURVIVED (exit status {status})"


def tested(copy: Path, mutant: Mutant) -> int:
    """pytest's exit status on the mutant's tests."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests]
    return subprocess.run(command, cwd=copy, stdout=subprocess.DEVNULL, timeout=LIMIT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
