"""Kernels of other generations, from source that the user names: every operation is counted as predicted.

KIT_TREE_3_0, KIT_TREE_2_6_38, KIT_TREE_5_10, KIT_TREE_6_12 and KIT_TREE_7_3 name a folder with that kernel's source, or
a tree as experiments do (`debian:6.12`). KIT_LINUX names a clone of Linux with its history. Without its variable a test
is skipped, and says so. `kit test --record` writes the measured counts below tests/model/data.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

import pytest
import yaml

from kit.experiment.reader import PROJECT
from kit.model.profiles import PROFILES
from tests.boot.conftest import Run, tree
from tests.boot.programs import PROGRAMS
from tests.boot.recorder import record

pytestmark = pytest.mark.boot

STEPS = ("lock-order-comment", "dd34739c03f2", "eee2acbae955", "637fbbf96fdd")
RMAP = {"3.0-rc1": "0eb463ea88dd", "637fbbf": "f286697c61dc", "eee2acb": "68756a77ef87", "dd34739": "27dfd3b82b0f"}


class Generation(NamedTuple):
    """A kernel: the variable that names its source, and its arms, the baseline first."""

    variable: str
    arms: dict[str, dict[str, Any]]


def without(steps: int, profile: str) -> dict[str, Any]:
    """3.0.1 without the last `steps` of its steps."""
    taken = [{"patch": str(PROJECT / "patches/v3.0" / f"{name}.patch"), "reverse": True} for name in STEPS[:steps]]
    return {"series": taken, "profile": profile}


LADDER = {
    "3.0-rc1": without(4, "3.0-rc1"),
    "637fbbf": without(3, "3.0-637fbbf"),
    "eee2acb": without(2, "3.0-eee2acba"),
    "dd34739": without(1, "3.0-dd34739c"),
}


def stock(profile: str) -> dict[str, dict[str, Any]]:
    """An unchanged kernel against itself: an A/A run."""
    return {"stock": {"series": [], "profile": profile}, "again": {"series": [], "profile": profile}}


# 5.10.223 has the reuse of 6.0 (2555283eb40d came to it by the stable series).
GENERATIONS = (
    Generation("KIT_TREE_2_6_38", stock("2.6.38")),
    Generation("KIT_TREE_3_0", LADDER),
    Generation("KIT_TREE_5_10", stock("6.0")),
    Generation("KIT_TREE_6_12", stock("6.12")),
    Generation("KIT_TREE_7_3", stock("7.0")),
)


def fitted(text: str, arms: dict[str, dict[str, Any]]) -> str:
    """A program that these kernels can run: MADV_WIPEONFORK is new in 4.14."""
    knows = all(PROFILES[arm["profile"]].wipeonfork for arm in arms.values())
    return text if knows else re.sub(r"^ *madvise \d+ wipeonfork\n", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda g: g.variable)
def test_every_operation_counts_as_predicted(run: Run, generation: Generation) -> None:
    """Two boots of each arm on 1 and 2 vCPUs."""
    arms = generation.arms
    programs = {name: fitted(text, arms) for name, text in PROGRAMS.items()}
    loads = [{"program": {"name": name, "text": text}} for name, text in programs.items()]
    changes = {"arms": arms, "baseline": next(iter(arms)), "guest": {"cpus": [1, 2]}, "workloads": loads}
    changes["aa"] = "again" in arms
    result = run({"tree": tree(generation.variable), "evidence": ["count"], **changes})
    rows = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert result.verdict["boots"]["failed"] == 0, result.verdict["sentence"]
    wrong = [row for row in rows if not row["agrees"]]
    assert not wrong, wrong[:5]
    assert {row["arm"] for row in rows} == set(arms)
    assert {row["window"].split("/")[0] for row in rows} == set(PROGRAMS)
    if os.environ.get("KIT_TEST_RECORD"):
        record(result, arms if arms is LADDER else {"stock": arms["stock"]}, programs)


def test_the_patch_of_the_mail_meets_its_own_blobs(run: Run) -> None:
    """On 3.0.1 without the steps: 0eb463ea88dd before, f286697c61dc after, one lock where there were many."""
    arms = {name: LADDER[name] for name in ("3.0-rc1", "637fbbf")}
    chain = {"fork-chain": {"depth": "0..4", "forks": 20, "vmas": 3}}
    result = run({"tree": tree("KIT_TREE_3_0"), "arms": arms, "baseline": "3.0-rc1", "workloads": [chain]})
    for name, arm in result.verdict["provenance"]["arms"].items():
        assert arm["patches"][-1]["blobs"][-1]["after"].startswith(RMAP[name])
        assert all(patch["exact"] for patch in arm["patches"])
    assert result.verdict["evidence"]["count"]["verdict"] == "better"
    assert result.exit_code == 0


def test_the_kernels_of_2011_from_a_clone(run: Run) -> None:
    """configs/aim7-3.0.yaml unchanged: the revisions themselves, and the mail's patch on its own parent."""
    tree("KIT_LINUX")
    config = yaml.safe_load((PROJECT / "configs" / "aim7-3.0.yaml").read_text(encoding="utf-8"))
    result = run(config)
    [patch] = result.verdict["provenance"]["arms"]["637fbbf"]["patches"]
    [blob] = patch["blobs"]
    assert patch["exact"]
    assert (blob["before"][:12], blob["after"][:12]) == (RMAP["3.0-rc1"], RMAP["637fbbf"])
    rows = result.verdict["evidence"]["count"]["details"]["predictions"]
    assert all(row["agrees"] for row in rows)
    assert {row["arm"] for row in rows} == set(config["arms"])
    assert result.exit_code == 0


def test_lockdep_reports_what_637fbbf_allocates_under_the_lock(run: Run) -> None:
    """The lockdep report of June 2011: not before the patch, and not after dd34739c03f2, which fixed it."""
    config = yaml.safe_load((PROJECT / "configs" / "lockdep-3.0.yaml").read_text(encoding="utf-8"))
    result = run({**config, "tree": tree("KIT_TREE_3_0")})
    broken = result.verdict["splats"]["broken"]
    assert [fault["arm"] for fault in broken] == ["637fbbf"]
    assert "inconsistent lock state: &anon_vma->mutex" in broken[0]["why"]
    assert re.search(r"RECLAIM_FS-ON-W.*anon_vma_clone.*anon_vma_fork", broken[0]["excerpt"], re.DOTALL)
    assert result.verdict["boots"]["failed"] == 0
    assert result.exit_code == 0
