"""Records what kernels counted in a run of programs: a file for each arm below tests/model/data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kit.base.progress import Progress
from kit.evidence.locks import LOCKS
from kit.experiment.reader import PROJECT
from kit.kernel.tree import resolve_tree
from kit.run.job import RunResult
from kit.store.cache import Cache
from kit.store.runfolder import RunFolder
from tests.boot.programs import PROGRAMS

DATA = PROJECT / "tests" / "model" / "data"
SOURCES = ("mm/rmap.c", "mm/mmap.c", "mm/vma.c", "kernel/fork.c")
CLASS = re.compile(rf"({'|'.join(map(re.escape, LOCKS['anon_vma']))})(-[RW])?:")


def record(result: RunResult, arms: Mapping[str, Mapping[str, Any]], programs: Mapping[str, str] = PROGRAMS) -> None:
    """Writes a file for each arm: its sources' blob ids; and from one boot on one vCPU the programs, smaps, and the
    rows of lock_stat."""
    folder = RunFolder(result.folder)
    for arm in arms:
        boot = next(b for b in folder.read_boots() if b["arm"] == arm and b["cpus"] == 1 and b["outcome"] == "ok")
        raw = folder.raw(folder.path / boot["console"]).read_text(encoding="utf-8")
        origin = result.verdict["provenance"]["arms"][arm]
        measured = {
            "kernel": boot["results"]["release"],
            "profile": arms[arm]["profile"],
            "blobs": blobs(origin),
            "shims": [row["name"] for row in origin["shims"]],
            "programs": dict(programs),
            "layouts": boot["results"]["layouts"],
            "lock_stat_version": lock_stat_version(raw),
            "lock_stat": dict(anon_vma_rows(raw)),
        }
        name = f"fidelity-{measured['kernel']}-{measured['profile']}.json"
        (DATA / name).write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def blobs(arm: Mapping[str, Any]) -> dict[str, str]:
    """The blob ids of the files that decide the counts, as built."""
    tree = resolve_tree(arm["tree"]["ref"], Cache(), Progress())
    patched = {b["path"]: b["after"] for patch in arm["patches"] for b in patch["blobs"]}
    return {path: blob for path in SOURCES if (blob := patched.get(path) or tree.blob(path))}


def payloads(raw: str) -> Iterator[list[str]]:
    """The fields of each frame of a results file."""
    for line in raw.splitlines():
        yield line.split(" ", 5)[-1].split("\t")


def lock_stat_version(raw: str) -> str:
    """As in the first line of /proc/lock_stat."""
    return next(fields[2].split()[-1] for fields in payloads(raw) if fields[0] == "stat")


def anon_vma_rows(raw: str) -> Iterator[tuple[str, list[str]]]:
    """Window → the lock's rows as the kernel printed them, with spaces squeezed; no rows if the class was not taken."""
    rows: dict[str, list[str]] = {}
    for fields in payloads(raw):
        if fields[0] == "closed":
            rows.setdefault(fields[1], [])
        elif fields[0] == "row" and CLASS.match(fields[2]):
            rows.setdefault(fields[1], []).append(fields[2])
    yield from rows.items()
