"""The runner as a protocol: an engine that builds and boots nothing, two boots at once, brings an experiment to the
same verdict as the local runner."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest
import yaml

import kit.run.coverage
import kit.run.workplace
from kit.base.errors import NOT_AS_EXPECTED, OK, BuildError
from kit.base.progress import Progress
from kit.experiment.reader import read_experiment
from kit.kernel.build import BuildInput
from kit.kernel.debugobject import Lines
from kit.kernel.functions import Difference, Function, Image
from kit.kernel.linetable import LineCode
from kit.kernel.toolchain import Toolchain
from kit.records import Boot, Kernel, Machine, Outcome, Results
from kit.run.job import RunResult, run_experiment
from kit.run.ran import Ran, Range
from kit.run.runner import Ready, Runner
from kit.run.workplace import Workplace
from kit.store.cache import Cache
from kit.vm.kvm import HostFacts
from kit.vm.plugin.records import Stage

FAKES = Path(__file__).resolve().parents[1] / "fakes"
PATCH = "--- a/mm/rmap.c\n+++ b/mm/rmap.c\n@@ -1,1 +1,2 @@\n+/* new */\n {first}\n"


class Paper:
    """An engine with two places and no machine: a kernel is its key, and boots end as `outcomes` says for each arm."""

    places = 2
    guest_key = "paper"
    guest_seconds = 0.0
    host = HostFacts("paper", "1", "none")

    def __init__(self, place: Workplace, *, fresh: bool = False) -> None:
        self.place = place
        self.batches: list[list[tuple[str, int]]] = []
        self.outcomes: dict[str, Outcome] = {}
        self.asked: list[Range] = []
        self.broken = ""

    def build(self, job: BuildInput) -> Kernel:
        if job.spec.arm == self.broken:
            raise BuildError("paper is torn", where=job.spec.arm, hint="", log="")
        folder = self.place.cache.folder("paper", job.spec.key)
        for name in ("vmlinux", "config"):
            (folder / name).write_text(job.spec.key)
        sha = hashlib.sha256(job.spec.key.encode()).hexdigest()
        return Kernel(job.spec.key, str(folder / "vmlinux"), str(folder / "config"), "", 0.0, False, sha)

    def accel(self, request: str, kernel: Kernel, generation: str, arch: str) -> tuple[str, str]:
        return "tcg", "paper does not burn"

    def boot(self, ready: Sequence[Ready]) -> Iterator[Boot]:
        self.batches.append([(r.spec.arm, r.spec.machine.cpus) for r in ready])
        for one in reversed(ready):  # the last may be the first
            spec = one.spec
            console = self.place.folder.console(f"{spec.order:03d}-{spec.arm}")
            console.write_text("")
            outcome = self.outcomes.get(spec.arm, Outcome.OK)
            yield Boot(
                spec.key, spec.arm, spec.kernel_key, spec.evidence, spec.machine.cpus, spec.machine.accel,
                spec.repeat, spec.block, spec.order, outcome, "" if outcome is Outcome.OK else "torn", 1.0,
                str(console.relative_to(self.place.folder.path)), Results("6.1", spec.machine.cpus, {}, ()),
            )  # fmt: skip

    def covered(
        self, name: str, kernel: Kernel, program: str, machine: Machine, ranges: Sequence[Range], seconds: float
    ) -> Ran:
        self.asked += ranges
        begin, end = ranges[0]
        return Ran((("fork-chain/d0", Stage("window", (begin, end), (7, 0))),), seconds=1.0)

    def line_code(
        self, job: BuildInput, wanted: Mapping[str, AbstractSet[int]], changed: AbstractSet[str], image: Image
    ) -> Lines:
        assert (wanted, changed) == ({"mm/rmap.c": {1}}, {"anon_vma_clone"})
        return Lines(LineCode({("mm/rmap.c", 1): [(0x1000, 0x1001)], ("mm/rmap.c", 3): [(0x2000, 0x2004)]}), {})


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An experiment of a baseline and a patched arm, on two machines."""
    tools = Toolchain("paper", "cc", False)
    monkeypatch.setattr(kit.run.workplace, "find_toolchain", lambda progress, name: tools)
    first = (FAKES / "linux" / "mm" / "rmap.c").read_text().splitlines()[0]
    patch = tmp_path / "new.patch"
    patch.write_text(PATCH.format(first=first))
    return {
        "name": "paper",
        "tree": f"dir:{FAKES / 'linux'}",
        "baseline": "without",
        "arms": {"without": {"series": []}, "with": {"series": [str(patch)]}},
        "guest": {"cpus": [1, 2], "memory": "128M"},
        "workloads": [{"fork-chain": {"depth": [0], "forks": 1, "vmas": 1}}],
        "evidence": ["check"],
    }


def ran(made: dict[str, Any], folder: Path, **set_: Any) -> tuple[RunResult, Paper]:
    """The experiment run by the paper engine, with these attributes."""
    (folder / "paper.yaml").write_text(yaml.safe_dump(made, sort_keys=False))
    papers: list[Paper] = []

    def engine(place: Workplace, *, fresh: bool = False) -> Runner:
        paper = Paper(place, fresh=fresh)
        vars(paper).update(set_)
        papers.append(paper)
        return paper

    exp = read_experiment(folder / "paper.yaml", [])
    result = run_experiment(exp, Cache(folder / "cache"), Progress(), folder / "runs", engine=engine)
    return result, papers[0]


def test_another_engine_comes_to_a_verdict(
    made: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = Difference((Function("anon_vma_clone", 0x1000, b"x", False),), (), ())
    monkeypatch.setattr(kit.run.coverage, "_image", lambda kernel, arch: None)
    monkeypatch.setattr(kit.run.coverage, "compare", lambda old, new: changed)
    result, paper = ran(made, tmp_path)
    assert (result.exit_code, result.verdict["verdict"]) == (OK, "same"), result.verdict["sentence"]
    assert [len(batch) for batch in paper.batches] == [2, 2], "as many at once as there are places"
    assert sorted(spec for batch in paper.batches for spec in batch) == [
        *(("with", 1), ("with", 2), ("without", 1), ("without", 2))
    ]
    lines = [json.loads(line) for line in (result.folder / "boots.jsonl").read_text().splitlines()]
    assert [(b["arm"], b["cpus"]) for b in lines] == [spec for batch in paper.batches for spec in reversed(batch)]
    assert paper.asked == [(0x1000, 0x1001), (0x2000, 0x2004)]
    (found,) = result.verdict["functions"]
    assert found["ran"] == ["anon_vma_clone"]
    assert found["lines"]["often"] == {"mm/rmap.c:1": {"fork-chain/d0": 7}}
    assert "anon_vma_clone() ran; 1 of 2 changed lines ran; not: mm/rmap.c:3." in result.verdict["sentence"]
    assert result.verdict["provenance"]["accel"] == {"used": "tcg", "why": "paper does not burn"}


def test_an_arm_that_fails_elsewhere_is_broken_as_it_is_here(made: dict[str, Any], tmp_path: Path) -> None:
    result, _ = ran(made, tmp_path, outcomes={"with": Outcome.PANIC})
    assert (result.exit_code, result.verdict["verdict"]) == (NOT_AS_EXPECTED, "broken")
    assert result.verdict["boots"] == {"ok": 2, "failed": 4, "reused": 0}


def test_a_kernel_that_cannot_be_built_elsewhere_is_broken(made: dict[str, Any], tmp_path: Path) -> None:
    result, paper = ran(made, tmp_path, broken="with")
    assert (result.exit_code, result.verdict["verdict"]) == (NOT_AS_EXPECTED, "broken")
    assert all(arm == "without" for batch in paper.batches for arm, _ in batch)


def test_one_place_is_one_boot_at_a_time(made: dict[str, Any], tmp_path: Path) -> None:
    _, paper = ran(made, tmp_path, places=1)
    assert [len(batch) for batch in paper.batches] == [1, 1, 1, 1]
