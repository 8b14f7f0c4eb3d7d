"""Real guests watched by QEMU's plugin: which lines of a change ran, which did not, and the same in two boots."""

from __future__ import annotations

from typing import Any

import pytest

from kit.kernel.tree import resolve_tree
from kit.report.progress import PlainProgress
from kit.run.job import RunResult
from kit.store.cache import Cache
from tests.boot.conftest import ARMS, Run

pytestmark = pytest.mark.boot

FORKS, VMAS = 20, 2
CHAIN = {"fork-chain": {"depth": [0, 1], "forks": FORKS, "vmas": VMAS}}
SHORT = {"guest": {"cpus": [1], "accel": "tcg"}, "workloads": [CHAIN], "evidence": ["count"], "arms": ARMS}


def lines_of(result: RunResult) -> dict[str, Any]:
    """What is said about the lines of the one arm."""
    (row,) = result.verdict["functions"]
    assert row["why"] == "", row["why"]
    assert "anon_vma_clone" in row["ran"]
    found: dict[str, Any] = row["lines"]
    return found


def forget() -> None:
    """Removes what is kept of earlier boots with the plugin."""
    for kept in (Cache().root / "kernels").glob("*/exercised-*.json"):
        kept.unlink()


def numbers(place: str) -> range:
    """The lines of `mm/rmap.c:301-303`."""
    first, _, last = place.rpartition(":")[2].partition("-")
    return range(int(first), int(last or first) + 1)


def test_the_batching_of_6_1_tells_which_of_its_lines_ran_the_same_in_two_boots(run: Run) -> None:
    """An allocation that may not wait fails only where memory is short: its branch never ran."""
    results = []
    for _ in range(2):
        forget()
        results.append(run(SHORT))
    found, again = map(lines_of, results)
    text = (resolve_tree("debian:6.1", Cache(), PlainProgress()).entry("mm/rmap.c") or b"").decode().split("\n")
    missed = [text[n - 1].strip() for place in found["missed"] for n in numbers(place)]
    often = {text[int(at.rpartition(":")[2]) - 1].strip(): times for at, times in found["often"].items()}
    assert {"root = NULL;", "avc = anon_vma_chain_alloc(GFP_KERNEL);", "if (!avc)"} <= set(missed)
    assert found["ran"] == len(often) == found["coded"] - len(missed)
    assert found["untold"] == []
    locked, first = often["root = lock_anon_vma_root(root, anon_vma);"], often["struct anon_vma *root = NULL;"]
    assert first["fork-chain/d1"] > FORKS * VMAS, "once for each VMA, those of the program too"
    assert locked["fork-chain/d1"] - first["fork-chain/d1"] > locked["fork-chain/d0"] - first["fork-chain/d0"]
    assert again == found
    assert f"{found['ran']} of {found['coded']} changed lines ran; not: {found['missed'][0]}" in (
        results[0].verdict["sentence"]
    )
