"""A global mutex in fork that no experiment names, on real boots of Linux 6.1: the ranking finds it, in both
directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.boot.conftest import Run

pytestmark = pytest.mark.boot

LEDGER = {"series": [str(Path(__file__).parent / "locks" / "fork-ledger.patch")]}
FORKS = 50


@pytest.mark.parametrize(
    ("stock", "patched", "verdict", "code"),
    [({}, LEDGER, "worse", 1), (LEDGER, {}, "better", 0)],
    ids=["added", "gone"],
)
def test_a_global_mutex_in_fork_decides(
    run: Run, stock: dict[str, Any], patched: dict[str, Any], verdict: str, code: int
) -> None:
    chain = {"fork-chain": {"depth": [0, 2], "forks": FORKS, "vmas": 2}}
    arms = {"stock": {"series": [], **stock}, "patched": {"series": [], **patched}}
    experiment = {"baseline": "stock", "arms": arms, "guest": {"cpus": [1]}, "workloads": [chain]}
    result = run({**experiment, "evidence": ["count"], "locks": ["anon_vma", "*"]})
    said = result.verdict
    assert (said["verdict"], result.exit_code) == (verdict, code), said["sentence"]
    assert "the fork_ledger_mutex lock" in said["sentence"]
    (row,) = [r for r in said["evidence"]["count"]["details"]["classes"] if r["class"] == "fork_ledger_mutex"]
    assert (abs(row["difference"]), row["exact"], row["spread"]) == (2 * FORKS, True, 0)
    named = [c for c in said["evidence"]["count"]["comparisons"] if c["at"]["lock"] == "anon_vma"]
    assert {(c["ratio"], c["exact"]) for c in named} == {(1.0, True)}
