"""Every test of AIM suite VII in real guests: none fails, and the model predicts the acquisitions of all.

`KIT_TEST_MIXES=1` runs each mix on 1, 2, 4 and 8 vCPUs, and on the trees that KIT_TREE_3_0 and KIT_TREE_7_3 name.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from kit.run.job import RunResult
from kit.workload.aim7 import MIXES
from kit.workload.aim7jobs import TESTS
from tests.boot.conftest import Run, tree

pytestmark = pytest.mark.boot

every_mix = pytest.mark.skipif(not os.environ.get("KIT_TEST_MIXES"), reason="set KIT_TEST_MIXES=1: half an hour")
TREES = {"6.1": ("debian:6.1", "6.1"), "3.0": ("KIT_TREE_3_0", "3.0-dd34739c"), "7.3": ("KIT_TREE_7_3", "7.0")}


def good(result: RunResult) -> list[dict[str, Any]]:
    """The predictions of a run in which nothing failed, all of them right."""
    assert result.verdict["boots"]["failed"] == 0, result.verdict["sentence"]
    rows: list[dict[str, Any]] = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert rows
    assert not [row for row in rows if not row["agrees"]], [row for row in rows if not row["agrees"]][:3]
    return rows


def test_every_test_of_the_suite_runs_and_counts_as_predicted(run: Run) -> None:
    """A list of 67 jobs, one of each test, for one user and for two."""
    load = {"aim7": {"mix": dict.fromkeys(TESTS, 1), "users": [1, 2], "jobs": len(TESTS), "compute": 0.001}}
    rows = good(run({"guest": {"cpus": [1, 2]}, "workloads": [load]}))
    assert {row["window"] for row in rows} == {"aim7/u1", "aim7/u2"}
    alone = [row for row in rows if row["window"] == "aim7/u1"]
    assert all(row["predicted"][0] == row["predicted"][1] for row in alone)


@every_mix
@pytest.mark.parametrize("version", TREES)
def test_every_mix_runs_on_many_processors(run: Run, version: str) -> None:
    named, profile = TREES[version]
    source = tree(named) if named.startswith("KIT") else named
    names = sorted(path.name for path in MIXES.iterdir())
    loads = [{"aim7": {"mix": name, "users": [1, 8], "jobs": 20, "compute": 0.001}} for name in names]
    arms = {name: {"series": [], "profile": profile} for name in ("one", "other")}
    guest = {"cpus": [1, 2, 4, 8], "limit": 1200}
    rows = good(run({"tree": source, "baseline": "one", "arms": arms, "guest": guest, "workloads": loads}))
    assert len({row["window"] for row in rows}) == 2 * len(names)
