"""Every test of AIM suite VII in real guests: none fails, and the model predicts the acquisitions of all.

`KIT_TEST_MIXES=1` runs each mix on 1, 2, 4 and 8 vCPUs, also on the trees that KIT_TREE_3_0 and KIT_TREE_7_3 name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.evidence.locks import acquisitions
from kit.evidence.predictions import predict_arm
from kit.experiment.reader import read_experiment
from kit.model.predict import Prediction
from kit.model.program import Program, Users
from kit.records import Experiment, Machine, Outcome, Results
from kit.run.job import RunResult
from kit.workload.aim7 import MIXES
from kit.workload.aim7jobs import TESTS
from kit.workload.catalog import make_loads
from kit.workload.load import boot_program
from tests.boot.conftest import Run, boot_once, stock_kernel, tree

pytestmark = pytest.mark.boot

every_mix = pytest.mark.skipif(not os.environ.get("KIT_TEST_MIXES"), reason="set KIT_TEST_MIXES=1: minutes a kernel")
CPUS, SECONDS = (1, 2, 4, 8), 1800
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


@pytest.mark.parametrize("cpus", [1, 2, 4, 8])
def test_a_guest_has_all_its_processors(tmp_path: Path, cpus: int) -> None:
    """Its kernel says so: the results, and the console where each is brought up."""
    config = tmp_path / "experiment.yaml"
    arms = {"one": {"series": []}, "other": {"series": []}}
    keys = {"name": "cpus", "tree": "debian:6.1", "baseline": "one", "arms": arms, "workloads": [{"fork-chain": {}}]}
    config.write_text(yaml.safe_dump(keys))
    machine = Machine("x86_64", cpus, 256, "tcg")
    program = "worker w\nwindow w\nfork\nend\nend\n"
    done = boot_once(stock_kernel(read_experiment(config)), program, machine, tmp_path, "cpus", 300)
    assert done.outcome is Outcome.OK, done.why
    assert done.results is not None
    assert done.results.cpus == cpus
    assert f"Total of {cpus} processors activated" in (tmp_path / "cpus.log").read_text()


@every_mix
@pytest.mark.parametrize("version", TREES)
def test_every_mix_runs_on_many_processors(tmp_path: Path, version: str) -> None:
    """Each test of each mix at least once, for 1, 2, 4 and 8 users on as many vCPUs: one boot each."""
    named, profile = TREES[version]
    source = tree(named) if named.startswith("KIT") else named
    names = sorted(path.name for path in MIXES.iterdir())
    loads = [{"aim7": {"mix": mix, "users": list(CPUS), "jobs": 1, "compute": 0.001}} for mix in names]
    arms = {"one": {"series": [], "profile": profile}, "other": {"series": []}}
    config = tmp_path / "experiment.yaml"
    keys = {"name": "mixes", "tree": source, "baseline": "one", "arms": arms, "workloads": loads}
    config.write_text(yaml.safe_dump(keys))
    exp = read_experiment(config)
    image = stock_kernel(exp)
    wrong, right = [], 0
    for cpus in CPUS:
        results = boot(tmp_path, image, exp, cpus)
        for name, window in predict_arm(exp, profile, results.layouts).items():
            found = next((w for w in results.windows if w.name == name), None)
            if found is None:
                continue
            assert isinstance(window, Prediction), (name, window)
            measured = acquisitions(found, "anon_vma")
            right += (agrees := window.low <= measured <= window.high)
            wrong += [] if agrees else [(cpus, name, window.low, measured, window.high)]
    assert wrong == []
    assert right == len(CPUS) * len(names)


def boot(folder: Path, image: Path, exp: Experiment, cpus: int) -> Results:
    """The results of one boot that runs the windows of as many users as vCPUs."""
    loads = []
    for load in make_loads(exp.workloads, exp.seed):
        users = [w.name for w in load.windows if w.at.users == cpus]
        ops = tuple(op for op in load.program.ops if not isinstance(op, Users) or op.name in users)
        loads.append(replace(load, program=Program(ops)))
    machine = Machine("x86_64", cpus, 512, "tcg")
    done = boot_once(image, boot_program(loads), machine, folder, str(cpus), SECONDS)
    assert done.outcome is Outcome.OK, (cpus, done.why)
    assert done.results is not None
    return done.results
