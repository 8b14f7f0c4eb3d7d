"""Kernels built by clang and lld have other machine code but take the same locks: every count is as predicted."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from tests.boot.conftest import Run
from tests.boot.test_counts import predictions

pytestmark = [
    pytest.mark.boot,
    pytest.mark.skipif(not os.environ.get("KIT_TEST_LLVM"), reason="set KIT_TEST_LLVM=1 for a whole build by clang"),
    pytest.mark.skipif(not all(map(shutil.which, ("clang", "ld.lld", "llvm-ar"))), reason="needs clang, lld and llvm"),
]


def test_kernels_of_clang_count_what_the_model_says(run: Run) -> None:
    chain = {"fork-chain": {"depth": "0..4", "forks": 50, "vmas": 3}}
    result = run({"toolchain": "llvm", "guest": {"cpus": [1, 2]}, "workloads": [chain]})
    for row in predictions(result):
        low, high = row["predicted"]
        assert low == high, row
        assert row["measured"] == [low, low], row
    assert (result.verdict["verdict"], result.exit_code) == ("better", 0)
    origin = json.loads((result.folder / "provenance.json").read_text())
    assert "clang version" in origin["toolchain"]
    assert "LLD" in origin["toolchain"]
    for console in result.folder.glob("console/*.log"):  # the kernel's own words
        banner = next(line for line in console.read_text().splitlines() if "Linux version" in line)
        assert "clang version" in banner, console
        assert "LLD" in banner, console
