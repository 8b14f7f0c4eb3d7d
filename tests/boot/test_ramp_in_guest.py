"""A ramp of users in real guests: it grows, crosses, and is told as AIM7 tells it; counting boots are as predicted."""

from __future__ import annotations

import pytest

from kit.evidence.ramp import crossing
from tests.boot.conftest import Run, takes_long

pytestmark = pytest.mark.boot

LEVEL = 60


@takes_long
def test_users_grow_to_the_crossover(run: Run) -> None:
    """A list of one fork_test crosses where it takes a second; emulated, some users do."""
    load = {"aim7": {"mix": "fork", "users": "ramp", "jobs": 1, "crossover": LEVEL, "most": 64, "seconds": 40}}
    brief = {"time": {"rounds": 2, "warmup": 1, "times": 1}, "budget": {"blocks": 2}}
    result = run({"guest": {"cpus": [2]}, "workloads": [load], "evidence": ["count", "time"], **brief})
    assert result.verdict["boots"]["failed"] == 0, result.verdict["sentence"]
    counted = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert {row["window"] for row in counted} == {f"aim7-fork/u{n}" for n in (1, 2, 4, 8)}
    assert all(row["agrees"] for row in counted)
    timed = result.verdict["evidence"]["time"]
    assert timed["decides"] is False
    ramps = timed["details"]["ramps"]
    assert {row["metric"] for row in ramps} == {"peak", "crossover"}
    assert {row["boots"] for row in ramps} == {2}
    columns = [row for row in timed["details"]["aim7"] if row["arm"] == "with"]
    assert [row["tasks"] for row in columns][:4] == [1, 2, 3, 4]
    for row in columns:
        assert row["jobs_per_minute_per_task"] == pytest.approx(row["jobs_per_minute"] / row["tasks"], rel=0.2)
    for boot in (row for row in ramps if row["metric"] == "crossover"):
        assert boot["reached"] == 2
        assert 1 < boot["value"] < 64
    last = [(row["tasks"], row["jobs_per_minute"]) for row in columns if row["boots"] == 2]
    assert crossing(last, LEVEL) is not None or columns[-1]["boots"] == 1
