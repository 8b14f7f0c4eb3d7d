"""Old kernels, with a fake one: a tree of 3.0.1, built and booted by `kit run` with the shims that it needs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from rig import TOOLS, Bench

import kit.kernel.toolchain
from kit.base.errors import BAD_INPUT, OK
from kit.base.progress import Progress
from kit.experiment.reader import read_experiment
from kit.kernel.tree import resolve_tree
from kit.store.cache import Cache

OLD = {"gcc": (12, 2, 0), "make": (4, 3), "perl": (5, 36, 0)}
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")


@pytest.fixture
def old(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench with a tree that says it is 3.0.1, on a machine with these tools."""
    bench.edit("VERSION = 6", "VERSION = 3", "Makefile")
    bench.edit("PATCHLEVEL = 1", "PATCHLEVEL = 0", "Makefile")
    bench.edit("SUBLEVEL = 0", "SUBLEVEL = 1", "Makefile")
    bench.edit("EXTRAVERSION = -fake", "EXTRAVERSION =", "Makefile")
    monkeypatch.setattr(kit.kernel.toolchain, "tool_versions", lambda *given: OLD)
    monkeypatch.setenv("KIT_FAKE_TOLD", str(bench.folder / "told"))
    return bench


def test_an_old_tree_is_built_with_shims_and_booted_as_bzimage(old: Bench) -> None:
    ran = old.run()
    assert ran.code == OK, ran.err
    told = (old.folder / "told").read_text(encoding="utf-8").splitlines()
    assert " -fno-pie -I" in told[0]
    assert told[0].endswith("/shims/include -mno-sse -mno-mmx")
    assert told[1].startswith("sh /")
    assert told[1].endswith("/shims/perl.sh")
    assert told[2].endswith("/shims/no-initdata.h")
    assert "$(pound)" in told[3]
    assert (old.did("make allnoconfig"), old.did("make tinyconfig")) == (1, 0)
    assert (old.did("make bzImage"), old.did("make vmlinux")) == (2, 1), "two kernels; the first's steps were counted"
    kernels = sorted((old.cache / "kernels").iterdir())
    assert [sorted(p.name for p in k.iterdir()) for k in kernels] == [
        ["build.log", "bzImage", "config", "kernel.json", "vmlinux", "warnings.json"]
    ] * 2
    arms = old.verdict()["provenance"]["arms"]
    shims = {name: [row["name"] for row in arm["shims"]] for name, arm in arms.items()}
    assert shims["with"] == shims["without"], "applied to all arms alike"
    assert "make-pound" in shims["with"]
    asked = next((old.cache / "objects").glob("*/asked.config")).read_text(encoding="utf-8")
    assert "CONFIG_PVH" not in asked
    assert "CONFIG_TTY" not in asked
    assert "CONFIG_LOCK_STAT=y" in asked


def test_a_second_run_takes_old_kernels_from_the_cache(old: Bench) -> None:
    assert old.run().code == OK
    makes = old.did("make bzImage")
    assert old.run().code == OK
    assert old.did("make bzImage") == makes


def test_check_shows_the_shims(old: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.run.estimate.tool_versions", lambda *given: OLD)
    said = old.call("check", old.write()).out
    assert "Linux 3.0.1 is too old for this machine's" in said
    assert "no-pie: " in said
    shown = json.loads(old.call("check", old.write(), "--json").out)
    assert shown["shims"][0]["rows"][0]["name"] == "no-pie"


def test_a_new_tree_has_none(bench: Bench) -> None:
    bench.call("check", bench.write())
    assert "too old" not in bench.call("check", bench.write()).out


def test_a_failed_build_says_what_is_known_to_work(old: Bench) -> None:
    old.edit("VERSION = 3", "VERSION = 4", "Makefile")
    old.edit("\treturn 0;", "\tsyntax_error x;")
    ran = old.run()
    assert ran.code != OK
    assert "Linux 4.0.1 was not tried with kit; known to build with" in ran.err + ran.out


def test_a_variable_in_a_tree_s_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.experiment["tree"] = "dir:$KIT_TREE_FAKE"
    monkeypatch.delenv("KIT_TREE_FAKE", raising=False)
    ran = bench.run()
    assert ran.code == BAD_INPUT
    assert "$KIT_TREE_FAKE is not set, which dir:$KIT_TREE_FAKE needs" in ran.err
    assert "experiment.yaml:2" in ran.err
    monkeypatch.setenv("KIT_TREE_FAKE", str(bench.tree))
    assert bench.call("check", bench.write()).code == OK


def test_the_experiment_on_a_clone_of_linux(old: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history in which revisions are found by the names that the experiment gives them."""
    monkeypatch.setattr("kit.run.estimate.tool_versions", lambda *given: OLD)

    def git(*arguments: str) -> None:
        command = ["git", "-C", str(old.tree), "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q")
    for step in ("before", "bb4aa39676f7", "eee2acbae955", "dd34739c03f2"):
        (old.tree / "mm/step.c").write_text(step, encoding="utf-8")
        git("add", "-A")
        git("commit", "-q", "-m", step)
        git("tag", step)
    monkeypatch.setenv("KIT_LINUX", str(old.tree))
    exp = read_experiment(ROOT / "configs/aim7-3.0.yaml")
    trees = {arm.name: resolve_tree(arm.tree, Cache(old.cache), Progress()) for arm in exp.arms}
    steps = {name: tree.read("mm/step.c") for name, tree in trees.items()}
    assert steps == {"before": b"before", "637fbbf": b"before", "eee2acb": b"eee2acbae955", "dd34739": b"dd34739c03f2"}
    # they are for a real mm/rmap.c
    monkeypatch.setattr("kit.run.estimate.apply_series", lambda patches, entry: (None, []))
    said = old.call("check", str(ROOT / "configs/aim7-3.0.yaml"))
    assert said.code == OK, said.err
    assert "Linux 3.0.1 is too old" in said.out


def test_the_experiments_of_3_0_say_what_they_need(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_TREE_3_0", raising=False)
    for name in ("aim7-3.0.1", "lockdep-3.0"):
        ran = bench.call("check", str(ROOT / "configs" / f"{name}.yaml"))
        assert (ran.code, "$KIT_TREE_3_0 is not set" in ran.err) == (BAD_INPUT, True)
    monkeypatch.setenv("KIT_TREE_3_0", str(bench.tree))
    for name in ("aim7-3.0.1", "lockdep-3.0"):
        ran = bench.call("check", str(ROOT / "configs" / f"{name}.yaml"))
        assert ran.code == BAD_INPUT
        assert re.search(r"patches/v3\.0/\S+\.patch:\d+: hunk 1 of mm/rmap\.c", ran.err)  # not of a fake tree's
