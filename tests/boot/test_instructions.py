"""Real guests that count their instructions: a slowed kernel is worse, a comment is the same. And their time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.boot.conftest import Run

pytestmark = pytest.mark.boot

SLOWER = Path(__file__).parent / "slower"
SHORT = {"layouts": 3, "times": 2}  # of two the statistics can hardly be sure


def experiment(patch: str, **changes: Any) -> dict[str, Any]:
    """Stock 6.1 against stock with a patch."""
    arms = {"stock": {"series": []}, "patched": {"series": [str(SLOWER / patch)]}}
    chain = {"fork-chain": {"depth": [0], "forks": 100, "vmas": 2}}
    base = {"baseline": "stock", "arms": arms, "guest": {"cpus": [1], "accel": "tcg"}, "workloads": [chain]}
    return {**base, "evidence": ["instructions"], "instructions": SHORT, **changes}


def test_five_microseconds_in_fork_are_worse(run: Run) -> None:
    """udelay(5) waits by the TSC, which counts instructions here: 5,000 for each fork, plus the loop's overshoot."""
    result = run(experiment("udelay-in-fork.patch"))
    (found,) = result.verdict["evidence"]["instructions"]["comparisons"]
    assert result.verdict["verdict"] == "worse", result.verdict["sentence"]
    assert 4_900 < found["arm_value"] - found["baseline_value"] < 6_000
    assert "a boot done again took the same to" in result.verdict["evidence"]["instructions"]["why"]
    assert result.exit_code == 1


def test_a_comment_is_the_same_code_and_is_not_booted(run: Run) -> None:
    result = run(experiment("comment-in-rmap.patch", evidence=["instructions", "count"]))
    assert result.verdict["verdict"] == "same"
    records = result.folder / "boots.jsonl"  # the baseline may boot while the other kernel is still being built
    assert not records.exists() or '"arm":"patched"' not in records.read_text()
    assert "identical kernel image" in result.verdict["sentence"]
    assert result.exit_code == 0


def test_the_same_kernel_twice_is_the_same(run: Run) -> None:
    """The A/A of instructions: in every layout both arms give the same number, to a few in a million at worst."""
    result = run(experiment("udelay-in-fork.patch", aa=True))
    (found,) = result.verdict["evidence"]["instructions"]["comparisons"]
    assert all(abs(found[k] - 1) < 1e-5 for k in ("ratio", "low", "high"))
    assert result.verdict["verdict"] == "same"


def test_time_under_emulation_is_pinned_recorded_and_decides_nothing(run: Run) -> None:
    brief = {"time": {"rounds": 2, "times": 1}, "budget": {"blocks": 2}}
    result = run(experiment("udelay-in-fork.patch", evidence=["time"], **brief))
    assert result.verdict["verdict"] == "inconclusive"
    assert result.verdict["evidence"]["time"]["decides"] is False
    assert {c["arm"] for c in result.verdict["evidence"]["time"]["comparisons"]} == {"patched", "stock-again"}
    records = (result.folder / "boots.jsonl").read_text()
    assert records.count('"pinned":{"cores":[') == 6
    assert records.count('"why_not":""') == 6
