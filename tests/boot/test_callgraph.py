"""Real guests watched by QEMU's plugin: where the instructions are that the batching of clone saves."""

from __future__ import annotations

import pytest

from kit.records.decode import boot_from_json
from kit.report.stacks import stacks_of
from kit.store.runfolder import RunFolder
from tests.boot.conftest import ARMS, Run, takes_long

pytestmark = pytest.mark.boot

CHAIN = {"fork-chain": {"depth": [6], "forks": 50, "vmas": 4}}
NEARLY = 1e-3  # measured: 2e-4
ROOTS = ("entry_SYSCALL_64", "asm_exc_", "asm_sysvec_", "asm_common_interrupt", "ret_from_fork", "[user]", "error_")


@takes_long
def test_the_difference_is_found_in_its_functions_and_adds_up(run: Run) -> None:
    """The guests of `instructions` and of `callgraph` execute nearly the same: the timer's ticks come elsewhere."""
    plan = {"layouts": 2, "times": 2}
    result = run({"workloads": [CHAIN], "evidence": ["instructions", "callgraph"], "arms": ARMS, "instructions": plan})
    evidence = result.verdict["evidence"]
    found = evidence["callgraph"]
    assert "a boot done again executed the same" in found["why"], found["why"]
    (mine,), (theirs,) = found["comparisons"], evidence["instructions"]["comparisons"]
    assert mine["arm_values"] == pytest.approx(theirs["arm_values"], rel=NEARLY)
    assert mine["baseline_values"] == pytest.approx(theirs["baseline_values"], rel=NEARLY)
    rows = found["details"]["by_function"]
    whole = mine["arm_value"] - mine["baseline_value"]
    assert sum(row["difference"] for row in rows) == pytest.approx(whole, abs=1e-6)
    fewer = [row["function"] for row in sorted(rows, key=lambda row: row["difference"])]
    assert set(fewer[:3]) == {"down_write", "up_write", "anon_vma_clone"}, fewer[:6]
    boots = RunFolder(result.folder).read_boots()
    assert all(boot_from_json(boot).results for boot in boots)
    for stacks in stacks_of(boots).values():
        lost = sum(count for path, count in stacks.items() if not path[0].startswith(ROOTS))
        assert lost / sum(stacks.values()) < 0.01, "measured: 0.3%, most of it below __switch_to"
