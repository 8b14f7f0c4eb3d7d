"""Kernel against model on real boots of Linux 6.1: every count is exact while no two tasks share a root."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from kit.base.progress import Progress
from kit.kernel.patch import blob_id
from kit.kernel.tree import resolve_tree
from kit.run.job import RunResult
from kit.store.cache import Cache
from tests.boot.conftest import ARMS, Run

pytestmark = pytest.mark.boot


def predictions(result: RunResult) -> list[dict[str, Any]]:
    """Predicted and measured counts, a row for each arm, window and machine."""
    rows = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert rows, "no prediction was made"
    return list(rows)


def test_both_arms_count_as_predicted_at_every_depth_and_number_of_vcpus(run: Run) -> None:
    """The model predicts each number; two boots of each arm on 1, 2 and 4 vCPUs agree."""
    chain = {"fork-chain": {"depth": "0..8", "forks": 50, "vmas": 3}}
    result = run({"guest": {"cpus": [1, 2, 4]}, "workloads": [chain]})
    rows = predictions(result)
    assert len(rows) == 2 * 9 * 3
    for row in rows:
        low, high = row["predicted"]
        assert low == high, row
        assert row["measured"] == [low, low], row
    assert result.verdict["verdict"] == "better"
    assert result.exit_code == 0
    deepest = [c for c in result.verdict["evidence"]["count"]["comparisons"] if c["at"]["depth"] == 8]
    # 6.1: clone, link and unlink take the root once per VMA; unbatched, clone takes it once per entry of the chain.
    assert {c["ratio"] for c in deepest} == {3 / (9 + 2)}


def test_users_that_share_a_root_stay_in_the_interval(run: Run) -> None:
    """Only an anon_vma freed while another user holds its root's lock may add one."""
    users = {"aim7": {"mix": {"fork_test": 1}, "users": [1, 4], "jobs": 1}}
    rows = predictions(run({"guest": {"cpus": [2]}, "workloads": [users]}))
    assert all(row["agrees"] for row in rows), rows
    alone = [row for row in rows if row["window"].endswith("/u1")]
    assert all(row["predicted"][0] == row["predicted"][1] for row in alone)
    assert any(row["predicted"][0] < row["predicted"][1] for row in rows)


def test_a_program_drawn_at_random_counts_as_predicted(run: Run, record_property: Any) -> None:
    """Depth, number of VMAs, and which are first written at which level are random; the seed is printed."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"\nseed of the random programs: {seed}")
    record_property("seed", seed)
    rng = random.Random(seed)
    loads = [{"fork-chain": {"name": f"random-{n}", **draw_chain(rng)}} for n in range(4)]
    result = run({"guest": {"cpus": [rng.choice([1, 2])]}, "workloads": loads})
    for row in predictions(result):
        low, high = row["predicted"]
        assert low == high, (seed, row)
        assert row["measured"] == [low, low], (seed, row)


def draw_chain(rng: random.Random) -> dict[str, Any]:
    """Random parameters of a fork chain."""
    depth, vmas = rng.randint(0, 8), rng.randint(0, 8)
    written: dict[int, list[int]] = {}
    for region in range(vmas):
        if rng.random() < 0.8:  # the others are never written and never get an anon_vma
            written.setdefault(rng.randint(0, depth), []).append(region)
    return {"depth": f"0..{depth}", "forks": rng.randint(1, 40), "vmas": vmas, "written": written}


def test_a_comment_changes_no_count(run: Run, tmp_path: Path) -> None:
    """An arm that differs only by a comment is the same: its code is the baseline's, or its counts are equal."""
    patch = tmp_path / "comment.patch"
    patch.write_text(comment_patch(), encoding="utf-8")
    arms = {"plain": {"series": [], "profile": "6.1"}, "comment": {"series": [str(patch)], "profile": "6.1"}}
    chain = {"fork-chain": {"depth": [0, 4], "forks": 50, "vmas": 3}}
    result = run({"baseline": "plain", "arms": arms, "guest": {"cpus": [2]}, "workloads": [chain]})
    comparisons = result.verdict["evidence"]["count"]["comparisons"]
    if not comparisons:
        assert "identical kernel image" in result.verdict["sentence"]
    else:
        assert {(c["ratio"], c["exact"], c["agrees"]) for c in comparisons} == {(1.0, True, True)}
    assert result.verdict["verdict"] == "same"
    assert result.exit_code == 0


def comment_patch() -> str:
    """Adds a comment at the head of mm/rmap.c, whatever is there."""
    source = resolve_tree("debian:6.1", Cache(), Progress()).read("mm/rmap.c")
    assert source is not None
    first = source.splitlines(keepends=True)[0]
    comment = b"/* Comments do not count. */\n"
    blobs = f"index {blob_id(source)[:12]}..{blob_id(comment + source)[:12]} 100644"
    return (
        f"diff --git a/mm/rmap.c b/mm/rmap.c\n{blobs}\n--- a/mm/rmap.c\n+++ b/mm/rmap.c\n"
        f"@@ -1,1 +1,2 @@\n+{comment.decode()} {first.decode()}"
    )


def test_a_wrong_profile_is_noticed(run: Run) -> None:
    """The comparison can fail: a kernel without batching that is declared to batch disagrees, and the exit code says
    so."""
    arms = {**ARMS, "without": {**ARMS["without"], "profile": "6.1"}}
    chain = {"fork-chain": {"depth": [2], "forks": 10, "vmas": 1}}
    result = run({"arms": arms, "guest": {"cpus": [1]}, "workloads": [chain]})
    wrong = [row for row in predictions(result) if not row["agrees"]]
    assert {row["arm"] for row in wrong} == {"without"}
    assert result.exit_code == 1
    assert "disagree" in result.verdict["sentence"]
    suspects = result.verdict["evidence"]["count"]["details"]["suspects"]
    assert {"arm": "without", "worker": "fork-chain", "function": "clone", "like": "6.1-unbatched-clone"} in suspects
