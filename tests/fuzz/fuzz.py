"""Reads mutated texts with every reader of kit (targets.py), and tells each case that is neither read nor refused.

    python tests/fuzz/fuzz.py --cases 1000000 --jobs 2          # in all, shared out among the targets
    python tests/fuzz/fuzz.py --only verdict --cases 1000 --seed 7
    python tests/fuzz/fuzz.py --again verdict-7-123             # one case: what was read, and what came of it
    python tests/fuzz/fuzz.py --atheris smaps --seconds 60      # guided by coverage, where atheris is installed

Each case has 10 s of CPU and 300 MB. The exit code is 1 if there is a finding; its text is kept below --keep.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.guard import Finding, bound_memory, checked
from tests.fuzz.mutate import mutated

GUIDED = "--atheris" in sys.argv
if GUIDED:  # it counts the branches of what is imported here
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["kit"]):
        from tests.fuzz.targets import TARGETS
else:
    from tests.fuzz.targets import TARGETS

FOUND = Path(tempfile.gettempdir()) / "kit-fuzz-found"
STEP = 20  # cases of a target for each unit of its share, one after the other


def case_of(name: str, texts: list[bytes], seed: int, number: int) -> bytes:
    """The bytes of one case."""
    return mutated(random.Random(f"{name} {seed} {number}"), texts)


@dataclass
class Done:
    """What became of some cases of a target."""

    name: str
    cases: int = 0
    seconds: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    found: list[Finding] = field(default_factory=list)


def _work(job: tuple[str, int, range]) -> Done:
    name, seed, numbers = job
    target, done = TARGETS[name], Done(name, len(numbers))
    texts = target.texts(name)
    for number in numbers:
        data, said, begin = case_of(name, texts, seed, number), f"{name}-{seed}-{number}", time.process_time()
        finding = checked(name, target.read, target.refusals, data, said)
        took = time.process_time() - begin
        done.seconds += took
        done.slowest = max(done.slowest, (took, said))
        done.found += [finding] if finding else []
    return done


def jobs_of(names: list[str], cases: int, seed: int) -> Iterator[tuple[str, int, range]]:
    """The cases of all targets by their shares, until there are as many as were asked for."""
    at, left = Counter[str](), cases
    while left > 0:
        for name in names:
            count = min(left, TARGETS[name].share * STEP)
            if count:
                yield name, seed, range(at[name], at[name] + count)
            at[name] += count
            left -= count


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", choices=TARGETS, action="append")
    parser.add_argument("--keep", type=Path, default=FOUND)
    parser.add_argument("--again", metavar="TARGET-SEED-NUMBER")
    parser.add_argument("--atheris", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60, help="of --atheris")
    options = parser.parse_args()
    if options.again:
        return _again(options.again)
    if options.atheris:
        return _guided(options.atheris, options.seconds)
    names, begin = options.only or list(TARGETS), time.monotonic()
    total, known = {name: Done(name) for name in names}, dict[str, Finding]()
    with multiprocessing.Pool(options.jobs, initializer=bound_memory, maxtasksperchild=200) as pool:
        for done in pool.imap_unordered(_work, jobs_of(names, options.cases, options.seed)):
            so_far = total[done.name]
            so_far.cases += done.cases
            so_far.seconds += done.seconds
            so_far.slowest = max(so_far.slowest, done.slowest)
            for finding in done.found:
                if finding.key not in known:
                    known[finding.key] = finding
                    _tell(finding, options.keep)
    for done in total.values():
        took, case = done.slowest
        print(f"{done.name:12} {done.cases:9,} cases {done.seconds:8.1f} s of CPU, at most {took:6.3f} s: {case}")
    cases = sum(done.cases for done in total.values())
    print(f"{cases:,} cases, seed {options.seed}, {time.monotonic() - begin:.0f} s: {len(known)} findings")
    return 1 if known else 0


def _tell(finding: Finding, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    path = keep / f"{finding.case}.txt"
    path.write_bytes(finding.data)
    print(f"{finding.case}: {finding.key} ({len(finding.data)} bytes: {path})\n{finding.said}", flush=True)


def _again(case: str) -> int:
    name, seed, number = case.rsplit("-", 2)
    data = case_of(name, TARGETS[name].texts(name), int(seed), int(number))
    sys.stdout.buffer.write(data + b"\n")
    finding = checked(name, TARGETS[name].read, TARGETS[name].refusals, data, case)
    print(finding.said if finding else "read, or refused")
    return 1 if finding else 0


def _guided(name: str, seconds: int) -> int:
    target, known, cases = TARGETS[name], set[str](), 0

    def one(data: bytes) -> None:
        nonlocal cases
        cases += 1
        finding = checked(name, target.read, target.refusals, data, f"{name}-atheris-{cases}")
        if finding and finding.key not in known:
            known.add(finding.key)
            _tell(finding, FOUND)

    seeds = FOUND / f"seeds-{name}"
    seeds.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(target.texts(name)):
        (seeds / str(number)).write_bytes(text)
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds}", str(seeds)], one)
    atheris.Fuzz()
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main())
