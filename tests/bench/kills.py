"""Kills `kit run` at random moments (N kills, 50 by default; a seed may follow) and resumes it: `kills.py [N] [SEED]`.

A fake kernel tree and a fake QEMU stand for the real ones, so a run takes seconds; kills come in the set-up, in builds,
in boots and while files are written. Each run is killed up to three times, resumed to its end, and its verdict compared
with one that was never killed; no boot may be lost or recorded twice, no process and no temporary file may stay.
"""

from __future__ import annotations

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from test_run import BOOTS, Bench, essence, lay_out  # noqa: E402

from kit.store import Cache, RunFolder  # noqa: E402
from kit.upkeep import sweep  # noqa: E402
from kit.workload.guestimage import build_guest  # noqa: E402

CODE = "import sys; from kit.cli import main; sys.exit(main(sys.argv[1:]))"
AT_MOST = 3  # kills of one run


def start(argv: list[str]) -> subprocess.Popen[bytes]:
    """kit in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", CODE, *argv], env=environment, stdout=quiet, stderr=quiet)


def phase(bench: Bench, run: Path | None, known: int) -> str:
    """What kit was at when it was killed, by what the fakes have been asked for."""
    if run is not None and (run / "verdict.json").exists():
        return "after the verdict"
    did = bench.log.read_text().splitlines()[known:]
    return {"boot": "boot", "make": "build"}.get(did[-1].split()[0] if did else "", "set-up or writing")


def newest(bench: Bench) -> Path | None:
    """The run folder that can be resumed."""
    complete = [r for r in bench.runs() if (r / "experiment.yaml").exists()]
    return complete[-1] if complete else None


def kill_one(bench: Bench, argv: list[str], moments: random.Random, whole: float) -> str | None:
    """Kills kit at a moment of its run; which phase that was, None if it had ended before."""
    known = len(bench.log.read_text().splitlines())
    process = start(argv)
    if moments.random() < 0.5:
        time.sleep(moments.uniform(0, whole))
    else:
        events = moments.randrange(12)
        while process.poll() is None and len(bench.log.read_text().splitlines()) <= known + events:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.06))
    ended = process.poll() is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return None if ended else phase(bench, newest(bench), known)


def round_of_kills(bench: Bench, moments: random.Random, whole: float, left: int) -> tuple[list[str], Path]:
    """One run on an empty cache, killed some times and resumed to its end: the phases, its folder."""
    for kind in ("kernels", "objects", "boots"):
        shutil.rmtree(bench.cache / kind, ignore_errors=True)
    shutil.rmtree(bench.folder / "runs", ignore_errors=True)
    argv = ["run", bench.write()]
    phases: list[str] = []
    for _ in range(min(left, moments.randint(1, AT_MOST))):
        if (hit := kill_one(bench, argv, moments, whole)) is None:
            break
        phases.append(hit)
        if (run := newest(bench)) is not None:
            argv = ["run", "--resume", str(run)]
    process = start(argv)
    if process.wait(120):
        raise SystemExit(f"kit {' '.join(argv)} ended with {process.returncode} after kills in: {', '.join(phases)}")
    found = newest(bench)
    assert found is not None
    return phases, found


def faults(bench: Bench, run: Path, expected: dict[str, object]) -> list[str]:
    """What is not as if the run had never been killed."""
    out = []
    if essence(json.loads((run / "verdict.json").read_text())) != expected:
        out.append("another verdict")
    keys = [(b["key"], b["arm"]) for b in RunFolder(run).read_boots()]
    if len(keys) != BOOTS or len(set(keys)) != BOOTS:
        out.append(f"{len(keys)} boots recorded, {len(set(keys))} different ones")
    if left := [p.name for p in bench.cache.rglob(".new-*")]:
        out.append(f"left in the cache: {left}")
    return out


def processes(folder: Path) -> list[str]:
    """Living processes that name something below a folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line:
            lines.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return lines


def main() -> int:
    """Prints the phases that kills came in and what was wrong afterwards; 0 if nothing was."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    moments = random.Random(seed)
    hits: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        bench = Bench(folder)
        (folder / "temp").mkdir()
        (folder / "answers").mkdir()
        os.environ.update(lay_out(bench, build_guest(folder / "guest"), folder / "answers"))
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "temp")
        os.chdir(folder)
        begun = time.monotonic()
        _, run = round_of_kills(bench, moments, 0, 0)
        whole, runs = time.monotonic() - begun, 0
        expected = essence(json.loads((run / "verdict.json").read_text()))
        while sum(hits.values()) < kills:
            phases, run = round_of_kills(bench, moments, whole, kills - sum(hits.values()))
            hits.update(phases)
            runs += 1
            wrong += [f"{fault} (killed in: {', '.join(phases)})" for fault in faults(bench, run, expected)]
        time.sleep(2.5)
        sweep(Cache())
        wrong += [f"temporary file left: {p.name}" for p in (folder / "temp").iterdir()]
        wrong += [f"process left: {line}" for line in processes(folder)]
    print(f"seed {seed}: {sum(hits.values())} kills of {runs} runs: {dict(hits)}")
    print("\n".join(wrong) or f"every run resumed to the verdict of one never killed ({expected['verdict']})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
