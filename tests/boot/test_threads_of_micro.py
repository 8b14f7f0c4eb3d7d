"""Threads that fault pages in and map memory side by side, in real guests: acquisitions to the digit as predicted."""

from __future__ import annotations

import pytest

from tests.boot.conftest import Run

pytestmark = pytest.mark.boot


def test_threads_count_as_predicted(run: Run) -> None:
    of_threads = {"form": "thread", "users": [1, 4], "times": 50}
    loads = [{"micro": {"loop": loop, **of_threads}} for loop in ("page-fault", "mmap")]
    result = run({"guest": {"cpus": [4]}, "workloads": loads, "evidence": ["count"]})
    assert result.verdict["boots"]["failed"] == 0, result.verdict["sentence"]
    rows = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert {row["window"] for row in rows} == {
        f"micro-{loop}-threads/u{n}" for loop in ("page-fault", "mmap") for n in (1, 4)
    }
    assert not [row for row in rows if not row["agrees"]]
    assert all(row["predicted"][0] == row["predicted"][1] for row in rows)
    faults = [row for row in rows if row["window"] == "micro-page-fault-threads/u4"]
    assert all(row["predicted"][0] > 0 for row in faults)
