"""Kills `kit run` at random moments (N kills, 50 by default; a seed may follow) and resumes it: `kills.py [N] [SEED]`.

A fake kernel tree and a fake QEMU stand for the real ones, so a run takes seconds; kills come in the set-up, in builds,
in boots and while files are written. Each run is killed up to three times, resumed to its end, and its verdict compared
with one that was never killed; no boot may be lost or recorded twice, no process and no temporary file may stay.

`kills.py --real N [SEED]` does the same with Linux 6.1 and QEMU, in the user's own cache: in one of four runs an arm
differs by an instruction without effect that nobody has built before, so that kills come into an incremental build; the
others have their kernels, so that kills come into boots.
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
from collections.abc import Iterator
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from rig import BOOTS, Bench, essence, lay_out  # noqa: E402

from kit.base.progress import Progress  # noqa: E402
from kit.kernel.tree import resolve_tree  # noqa: E402
from kit.run.bootrequest import PROBE_PROGRAM  # noqa: E402
from kit.store.cache import Cache  # noqa: E402
from kit.store.eviction import sweep  # noqa: E402
from kit.store.runfolder import RunFolder  # noqa: E402
from kit.workload.guestimage import build_guest  # noqa: E402

CODE = "import sys; from kit.cli import main; sys.exit(main(sys.argv[1:]))"
AT_MOST = 3  # kills of one run


def start(argv: list[str]) -> subprocess.Popen[bytes]:
    """kit in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", CODE, *argv], env=environment, stdout=quiet, stderr=quiet)


def phase(bench: Bench, run: Path | None, known: int) -> str:
    """What kit was doing when it was killed, from the calls of the fakes."""
    if run is not None and (run / "verdict.json").exists():
        return "after the verdict"
    did = bench.log.read_text().splitlines()[known:]
    return {"boot": "boot", "make": "build"}.get(did[-1].split()[0] if did else "", "set-up or writing")


def newest(bench: Bench) -> Path | None:
    """The run folder that can be resumed."""
    complete = [r for r in bench.runs() if (r / "experiment.yaml").exists()]
    return complete[-1] if complete else None


def kill_one(bench: Bench, argv: list[str], moments: random.Random, whole: float) -> str | None:
    """Kills kit at some moment of its run; returns the phase, None if it had already ended."""
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
    """One run on an empty cache, killed a few times and resumed to its end; returns the phases and its folder."""
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


def different(one: object, other: object, at: str = "") -> Iterator[str]:
    """Where two JSON values differ, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from different(one.get(key), other.get(key), f"{at}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from different(*pair, f"{at}[{number}]")
    elif one != other:
        yield f"{at}: {one!r} and {other!r}"


def recorded_faults(run: Path, expected: dict[str, object]) -> list[str]:
    """What differs in a run's folder from that of a run that was never killed."""
    out = []
    if differs := list(different(expected, essence(json.loads((run / "verdict.json").read_text())))):
        out.append(f"another verdict: {'; '.join(differs)[:600]}")
    keys = [(b["key"], b["arm"]) for b in RunFolder(run).read_boots()]
    if len(keys) != BOOTS or len(set(keys)) != BOOTS:
        out.append(f"{len(keys)} boots recorded, {len(set(keys))} different ones")
    return out


def faults(bench: Bench, run: Path, expected: dict[str, object]) -> list[str]:
    """What differs from a run that was never killed, processes and temporary files included."""
    out = recorded_faults(run, expected)
    if left := [p.name for p in bench.cache.rglob(".new-*")]:
        out.append(f"left in the cache: {left}")
    return out


def processes(folder: Path) -> list[str]:
    """Living processes that name something below a folder, or were started with it: root's QEMU names no file."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line, environment = path.read_bytes(), path.with_name("environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line + environment and path.parent.name != str(os.getpid()):
            lines.append(line.replace(b"\0", b" ").decode(errors="replace"))
    return lines


class Real:
    """Runs of Linux 6.1 in real guests, each with an arm of its own to build."""

    def __init__(self, folder: Path, moments: random.Random) -> None:
        self.folder, self.moments = folder, moments
        self.cache = Cache()
        self.built: set[str] = set()
        source = resolve_tree("debian:6.1", self.cache, Progress()).read("mm/rmap.c")
        assert source is not None
        self.source = source.decode()

    def round(self, whole: float, kills: int, *, new: bool) -> tuple[list[str], Path]:
        """One run, killed a few times and resumed to its end; returns the phases and its folder. `new`: of a kernel
        that was never built."""
        argv = ["run", self.write(new=new), "--fresh", "--runs", str(self.folder / "runs")]
        phases: list[str] = []
        for _ in range(kills):
            process = start(argv)
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.moments.uniform(0, whole))
            ended = process.poll() is not None
            if not ended:
                phases.append(at_work(process.pid))
                process.kill()
                process.wait()
            if begun := [p.parent for p in (self.folder / "runs").glob("*/experiment.yaml")]:
                argv = ["run", "--resume", str(begun[0]), "--fresh"]
            if ended:
                break
        if start(argv).wait(1800):
            raise SystemExit(f"kit {' '.join(argv)} failed after kills in: {', '.join(phases)}")
        [run] = [path.parent for path in (self.folder / "runs").glob("*/experiment.yaml")]
        arms = json.loads((run / "provenance.json").read_text())["arms"]
        self.built.add(arms["with"]["kernels"]["counting"]["key"])
        return phases, run

    def write(self, *, new: bool) -> str:
        """An experiment; if `new`, its second arm was never built before."""
        config = self.folder / "real.yaml"
        if not new:
            return str(config)
        place = "\t * Unlink each anon_vma chained to the VMA."
        assert self.source.count(f"\n\t/*\n{place}") == 1
        mark = f'\n\tasm volatile("nopl {self.moments.getrandbits(31)}(%rax)");\n\t/*\n{place}'
        lines = [t.splitlines(keepends=True) for t in (self.source, self.source.replace(f"\n\t/*\n{place}", mark))]
        patch = self.folder / "mark.patch"
        patch.write_text("".join(unified_diff(*lines, "a/mm/rmap.c", "b/mm/rmap.c")))
        text = PROBE_PROGRAM.partition("\n")[2]
        experiment = {
            "name": "kills",
            "baseline": "without",
            "arms": {"without": {"series": []}, "with": {"series": [str(patch)]}},
            "guest": {"cpus": [1], "memory": "128M", "accel": "tcg"},
            "workloads": [{"program": {"text": text}}],
            "evidence": ["count"],
        }
        config.write_text(yaml.safe_dump(experiment))
        return str(config)

    def faults(self, run: Path, expected: dict[str, object]) -> list[str]:
        """What differs from a run that was never killed. Removes the run."""
        out = recorded_faults(run, expected)
        out += [f"process left: {line}" for line in processes(run)]
        shutil.rmtree(self.folder / "runs")
        return out


def at_work(pid: int) -> str:
    """What kit is doing, from the processes that it has started."""
    told = subprocess.run(["ps", "-o", "comm=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    guest, make = "qemu" in told, "make" in told
    return {(True, True): "build and boot", (True, False): "boot", (False, True): "build"}.get(
        (guest, make), "set-up or writing"
    )


def real(kills: int, moments: random.Random) -> tuple[collections.Counter[str], int, list[str], object]:
    """Returns phases, runs, faults, and the verdict."""
    hits: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        folder = Path(name)
        (folder / "temp").mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder / "temp")
        os.chdir(folder)
        bench, runs, whole, expected = Real(folder, moments), 0, {}, {}
        for new in (True, False):
            begun = time.monotonic()
            _, run = bench.round(0, 0, new=new)
            whole[new] = time.monotonic() - begun
            expected = expected or essence(json.loads((run / "verdict.json").read_text()))
            wrong += bench.faults(run, expected)
        while sum(hits.values()) < kills:
            new = runs % 4 == 0
            phases, run = bench.round(
                whole[new], min(kills - sum(hits.values()), moments.randint(1, AT_MOST)), new=new
            )
            hits.update(phases)
            runs += 1
            faults = [f"{fault} (killed in: {', '.join(phases)})" for fault in bench.faults(run, expected)]
            print(f"{runs} runs, {sum(hits.values())} kills", *faults, sep="; ", file=sys.stderr, flush=True)
            wrong += faults
        for key in bench.built:  # nobody wants them again
            bench.cache.remove("kernels", key)
        sweep(bench.cache)
        wrong += [f"temporary file left: {p.name}" for p in (folder / "temp").iterdir()]
    return hits, runs, wrong, expected["verdict"]


def fake(kills: int, moments: random.Random) -> tuple[collections.Counter[str], int, list[str], object]:
    """Returns phases, runs, faults, and the verdict."""
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
    return hits, runs, wrong, expected["verdict"]


def main() -> int:
    """Prints the phases in which kills came, and the faults afterwards; 0 if there were none."""
    numbers = [int(word) for word in sys.argv[1:] if word != "--real"]
    kills = numbers[0] if numbers else 50
    seed = numbers[1] if len(numbers) > 1 else random.SystemRandom().randrange(1 << 32)
    hits, runs, wrong, verdict = (real if "--real" in sys.argv else fake)(kills, random.Random(seed))
    print(f"seed {seed}: {sum(hits.values())} kills of {runs} runs: {dict(hits)}")
    print("\n".join(wrong) or f"every run resumed to the verdict of one never killed ({verdict})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
