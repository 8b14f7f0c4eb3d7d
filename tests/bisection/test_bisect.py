"""`kit bisect` from end to end in seconds: small git repositories and series, fake kernels, a fake QEMU."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import started
import yaml
from rig import TOOLS, Bench, Ran, interrupt, kill_after, resume_command

import kit.bisection.step
from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, INCONCLUSIVE, OK, step_code
from kit.base.project import command
from kit.bisection.findings import Proof, Stage
from kit.bisection.proving import Prover
from kit.bisection.step import bad_chance
from kit.bisection.workbench import Workbench
from kit.cli import INTERRUPTED
from kit.contracts.bisectfile import BisectFile
from kit.contracts.fields import breaches
from kit.evidence.bisected import METRICS
from kit.evidence.count import read as read_count
from kit.evidence.reading import Metric, Reading
from kit.kernel import sandbox, trust
from tests.search.repositories import BATCHED, FORK, RMAP, UNBATCHED, Linux

pytestmark = pytest.mark.skipif(not all(map(shutil.which, (*TOOLS, "git"))), reason="needs git and a compiler")
CHAIN = {"fork-chain": {"depth": [2], "forks": 5, "vmas": 1}}
GOOD_COUNT, BAD_COUNT = 45, 75  # 9 and 15 acquisitions for each of 5 forks at depth 2
SEED = random.SystemRandom().randrange(1 << 32)


class Bisection:
    """A bench with a repository, and `kit bisect` on it."""

    def __init__(self, bench: Bench, beginning: Path | None = None) -> None:
        self.bench = bench
        self.linux = Linux(bench.folder / "repository", beginning)
        self.bisect: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}

    def config(self, good: str = "", bad: str = "HEAD") -> str:
        """The experiment as a file."""
        value = {
            "name": "fake",
            "tree": f"git:{self.linux.path}",
            "guest": {"cpus": [1], "memory": "128M", "accel": "tcg"},
            "workloads": [CHAIN],
            "bisect": {"good": good or self.linux.base, "bad": bad, **self.bisect},
            **self.extra,
        }
        file = self.bench.folder / "bisect.yaml"
        file.write_text(yaml.safe_dump(value, sort_keys=False))
        return str(file)

    def run(self, *argv: str, good: str = "", bad: str = "HEAD") -> Ran:
        return self.bench.call("bisect", self.config(good, bad), *argv)

    def found(self) -> dict[str, Any]:
        """bisect.json of the last run."""
        loaded: dict[str, Any] = json.loads((self.bench.runs()[-1] / "bisect.json").read_text())
        assert breaches(BisectFile, loaded) == []
        return loaded

    def culprit(self) -> str:
        """The id of the commit that was found."""
        return str(self.found()["culprit"]["sha"])


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's first commit, made once."""
    return Linux(tmp_path_factory.mktemp("beginning") / "linux").path


@pytest.fixture
def bisection(bench: Bench, beginning: Path) -> Bisection:
    return Bisection(bench, beginning)


@pytest.mark.parametrize("before", [0, 3, 7])
def test_a_straight_history_is_halved_to_the_culprit(bisection: Bisection, before: int) -> None:
    """At either end and in the middle of eight commits, in no more boots than bisection needs."""
    linux = bisection.linux
    for i in range(before):
        linux.harmless(f"before {i}")
    culprit = linux.culprit()
    for i in range(7 - before):
        linux.harmless(f"after {i}")
    ran = bisection.run()
    found = bisection.found()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert (found["culprit"]["before"], found["culprit"]["after"]) == (GOOD_COUNT, BAD_COUNT)
    assert found["boots"]["search"] <= 3 + 2
    assert (found["proof"]["again_holds"], found["proof"]["reverted_holds"]) == (True, True)
    assert found["culprit"]["author"] == "Ada <ada@example.org>"
    assert f'FOUND: {culprit[:12]} ("rmap: lock the root for each entry") by Ada' in ran.out


def test_the_model_names_the_change(bisection: Bisection) -> None:
    linux = bisection.linux
    for i in range(9):
        linux.harmless(f"before {i}")
    source = (linux.path / RMAP).read_text()
    assert "\treturn 0;" in source
    linux.edit("\treturn 0;", f"\treturn 0; /* {UNBATCHED}*/")
    linux.edit(f"/* {BATCHED}*/", "")
    culprit = linux.commit("rmap: lock the root for each entry")
    for i in range(6):
        linux.harmless(f"after {i}")
    assert bisection.run().code == OK
    named = bisection.found()["named"]
    assert (named["function"], named["like"]) == ("anon_vma_clone", "6.1-unbatched-clone")
    assert named["commits"] == [culprit[:12]]
    assert bisection.culprit() == culprit


def test_what_does_not_differ_is_said(bisection: Bisection) -> None:
    for i in range(3):
        bisection.linux.harmless(f"nothing {i}")
    ran = bisection.run()
    assert ran.code == INCONCLUSIVE
    assert "NO DIFFERENCE: the ends do not differ: both give 45" in ran.out
    assert bisection.found()["boots"]["search"] == 2


def test_ends_the_other_way_round_are_said(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.culprit()
    start = linux.harmless("between")
    linux.edit(UNBATCHED, BATCHED)
    linux.commit("rmap: lock the root once")
    ran = bisection.run(good=start)
    assert ran.code == INCONCLUSIVE
    assert "THE OTHER WAY ROUND" in ran.out
    bisection.bisect = {"direction": "more is better"}
    assert bisection.run(good=start).code == OK
    assert bisection.found()["culprit"]["subject"] == "rmap: lock the root once"


def test_a_merge_is_searched_along_first_parents_then_inside(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.harmless("main 1")
    linux.git("checkout", "-q", "-b", "side")
    linux.harmless("side 1", RMAP)
    culprit = linux.culprit()
    linux.harmless("side 2", RMAP)
    linux.git("checkout", "-q", "main")
    linux.harmless("main 2")
    merge = linux.merge("side", "Merge the side")
    linux.harmless("main 3")
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert [m["sha"] for m in bisection.found()["merges"]] == [merge]
    assert bisection.found()["proof"]["reverted_holds"] is True


@pytest.mark.parametrize("back", [True, False])
def test_what_a_side_merged_back_is_not_the_culprit(bisection: Bisection, back: bool) -> None:
    """A larger change went in before the good end; the side branch has it by a merge, or not at all."""
    linux = bisection.linux
    linux.git("checkout", "-q", "-b", "side")
    linux.harmless("side 1")
    linux.git("checkout", "-q", "main")
    good = linux.culprit()
    linux.git("checkout", "-q", "side")
    if back:
        linux.merge("main", "Merge main back")
    linux.edit("\treturn 0;", "\treturn 0; /* off by one */", FORK)
    culprit = linux.commit("fork: one more")
    linux.git("checkout", "-q", "main")
    merge = linux.merge("side", "Merge the side")
    ran = bisection.run(good=good)
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert [m["sha"] for m in bisection.found()["merges"]] == [merge]


def test_a_merge_that_is_itself_the_culprit_is_named(bisection: Bisection) -> None:
    """Neither side is bad: the merge itself adds the fault."""
    merge = evil_merge(bisection.linux)
    assert bisection.run().code == OK
    assert bisection.culprit() == merge
    assert bisection.found()["merges"] == []


def test_a_merge_that_cannot_be_looked_into_is_a_set(bisection: Bisection) -> None:
    """The tip of its side does not build, so nothing proves that the merge itself did it."""
    linux = bisection.linux
    linux.git("checkout", "-q", "-b", "side")
    linux.culprit()
    linux.edit("\treturn 0;", "\tsyntax_error x;", FORK)
    linux.commit("fork: does not compile")
    linux.git("checkout", "-q", "main")
    linux.harmless("main 1", RMAP)
    linux.git("merge", "-q", "--no-ff", "--no-commit", "side")
    linux.edit("\tsyntax_error x;", "\treturn 0;", FORK)
    merge = linux.commit("Merge the side")
    linux.harmless("main 2")
    ran = bisection.run()
    found = bisection.found()
    assert (ran.code, found["end"], found["culprit"]) == (INCONCLUSIVE, "set", None), ran
    assert [c["subject"] for c in found["candidates"]] == [
        "rmap: lock the root for each entry",
        "fork: does not compile",
    ]
    assert [m["sha"] for m in found["merges"]] == [merge]
    assert f"it came with the merge {merge[:12]}, into which nobody could look: the bad end" in ran.out


def test_a_budget_that_ends_before_a_merge_is_looked_into_names_no_commit(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.git("checkout", "-q", "-b", "side")
    linux.culprit()
    linux.git("checkout", "-q", "main")
    linux.harmless("main 1", RMAP)
    linux.merge("side", "Merge the side")
    bisection.extra = {"budget": {"minutes": 60}}
    bisection.run()
    run = bisection.bench.runs()[-1]
    lines = [json.loads(line) for line in (run / "tests.jsonl").read_text().splitlines()]
    lines = [{**line, "boot_seconds": 1300} for line in lines if line["role"] == "search"][:3]
    (run / "tests.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ran = bisection.bench.call("bisect", "--resume", str(run))
    assert (ran.code, bisection.found()["end"], bisection.found()["culprit"]) == (INCONCLUSIVE, "set", None), ran
    assert "the budget of 60 minutes in guests is spent" in ran.out


def test_a_merged_history_with_a_root_of_its_own_is_one_change(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.git("checkout", "-q", "--orphan", "other")
    linux.commit("another project")
    linux.git("checkout", "-q", "main")
    linux.harmless("main 1")
    linux.git("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "--no-commit", "other")
    linux.edit(BATCHED, UNBATCHED)
    merge = linux.commit("Merge another project")
    linux.harmless("main 2")
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, merge), ran


def test_a_revert_and_its_revert_are_commits_as_any(bisection: Bisection) -> None:
    linux = bisection.linux
    first = linux.culprit()
    linux.git("revert", "--no-edit", first)
    start = linux.git("rev-parse", "HEAD")
    linux.harmless("between")
    linux.git("revert", "--no-edit", start)
    culprit = linux.git("rev-parse", "HEAD")
    linux.harmless("after")
    assert bisection.run(good=start).code == OK
    assert bisection.culprit() == culprit


def test_a_file_that_was_renamed_since_is_reverted_where_it_is_now(bisection: Bisection) -> None:
    linux = bisection.linux
    culprit = linux.culprit()
    linux.harmless("between")
    linux.git("mv", RMAP, "mm/reverse.c")
    linux.edit("$(O)/mm/rmap.o", "$(O)/mm/reverse.o", "Makefile")
    linux.commit("rmap: another name")
    linux.harmless("after")
    assert bisection.run().code == OK
    assert bisection.culprit() == culprit
    assert bisection.found()["proof"]["reverted_holds"] is True


def test_later_changes_of_the_same_lines_leave_no_revert(bisection: Bisection) -> None:
    linux = bisection.linux
    culprit = linux.culprit()
    linux.edit(f"/* {UNBATCHED}*/", f"/* {UNBATCHED}*/ /* again */")
    linux.commit("rmap: the same line again")
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit)
    assert "later commits changed the same lines" in bisection.found()["proof"]["why"]
    assert "No proof by a revert" in ran.out


def test_commits_that_cannot_be_built_or_booted_are_skipped(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.harmless("before")
    linux.edit("\treturn 0;", "\tsyntax_error x;")
    broken = linux.commit("rmap: does not compile")
    linux.edit("\tsyntax_error x;", "\treturn 0;")
    linux.commit("rmap: compiles again")
    culprit = linux.culprit()
    linux.harmless("after")
    linux.edit("\treturn 0;", "\treturn 0; /* boots: panic */", FORK)
    linux.commit("fork: panics")
    linux.edit("\treturn 0; /* boots: panic */", "\treturn 0;", FORK)
    linux.commit("fork: boots again")
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    for row in bisection.found()["skipped"]:
        assert ("syntax_error" in row["why"]) == (row["name"] == broken[:12])


def test_a_commit_that_is_no_kernel_tree_is_skipped(bisection: Bisection) -> None:
    """A commit without its Makefile, while the model wants to know which functions it touches."""
    linux = bisection.linux
    makefile = (linux.path / "Makefile").read_text()
    linux.harmless("before")
    (linux.path / "Makefile").unlink()
    linux.harmless("no Makefile", RMAP)
    (linux.path / "Makefile").write_text(makefile)
    linux.commit("Makefile: back again")
    culprit = linux.culprit()
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    for row in bisection.found()["skipped"]:
        assert "not a kernel source tree" in row["why"]


def test_an_end_that_is_no_kernel_tree_could_not_run(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.harmless("between")
    (linux.path / "Makefile").unlink()
    linux.commit("no Makefile")
    ran = bisection.run()
    assert (ran.code, bisection.found()["end"]) == (COULD_NOT_RUN, "untestable"), ran


def test_a_range_that_cannot_be_separated_is_a_set(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.edit("\treturn 0;", "\tsyntax_error x;")
    linux.commit("rmap: does not compile")
    linux.culprit()
    linux.edit("\tsyntax_error x;", "\treturn 0;")
    linux.commit("rmap: compiles again")
    linux.harmless("after")
    ran = bisection.run()
    assert ran.code == INCONCLUSIVE
    assert [c["subject"] for c in bisection.found()["candidates"]] == [
        "rmap: does not compile",
        "rmap: lock the root for each entry",
        "rmap: compiles again",
    ]
    assert "NOT ONE COMMIT" in ran.out
    assert len(bisection.found()["skipped"]) == 2


def test_an_end_that_cannot_be_tested_is_could_not_run(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.harmless("between")
    linux.edit("\treturn 0;", "\tsyntax_error x;")
    linux.commit("rmap: does not compile")
    ran = bisection.run()
    assert ran.code == COULD_NOT_RUN
    assert "syntax_error" in bisection.found()["why"]


def test_a_number_in_what_a_compiler_says_is_no_commit(bisection: Bisection) -> None:
    """A search writes `#1` for a commit; compilers and kernels write `#4711` and `CPU#3` for other things."""
    linux = bisection.linux
    linux.harmless("between")
    linux.edit("\treturn 0;", "\tsyntax_error(#4711,#1);")
    linux.commit("rmap: does not compile")
    ran = bisection.run()
    assert ran.code == COULD_NOT_RUN, ran
    assert "syntax_error(#4711,#1)" in bisection.found()["why"]
    assert bisection.found()["why"].startswith(f"the bad end, {linux.git('rev-parse', 'HEAD')[:12]}, cannot")


def test_another_splat_is_no_evidence(bisection: Bisection) -> None:
    """A WARNING voids the counts of its boot: the commit is neither good nor bad."""
    linux = bisection.linux
    linux.harmless("before")
    linux.edit("\treturn 0;", "\treturn 0; /* boots: warning */", FORK)
    warned = linux.commit("fork: warns")  # the middle of the line: it is tried first
    linux.edit("\treturn 0; /* boots: warning */", "\treturn 0;", FORK)
    linux.commit("fork: does not warn")
    culprit = linux.culprit()
    assert bisection.run().code == OK
    assert bisection.culprit() == culprit
    skipped = {row["name"]: row["why"] for row in bisection.found()["skipped"]}
    assert list(skipped) == [warned[:12]]
    assert skipped[warned[:12]].startswith("another splat")


def test_a_sought_splat_is_found_by_its_pattern(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.harmless("before")
    linux.edit("\treturn 0;", "\treturn 0; /* boots: warning */", FORK)
    culprit = linux.commit("fork: warns")
    linux.harmless("after")
    linux.culprit()
    bisection.bisect = {"evidence": "splat", "pattern": "WARNING.*unlink_anon_vmas"}
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert (bisection.found()["culprit"]["before"], bisection.found()["culprit"]["after"]) == (0, 1)


def test_a_command_of_the_users_says_good_and_bad(bisection: Bisection) -> None:
    """It gets the kernel; nothing is booted."""
    linux = bisection.linux
    linux.harmless("before")
    culprit = linux.culprit()
    linux.harmless("after")
    bisection.bisect = {"evidence": "command", "command": f'! grep -q "{UNBATCHED.strip()}" "$KIT_IMAGE"'}
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert bisection.bench.did("boot") == 0


def test_a_command_that_asks_to_stop_stops(bisection: Bisection) -> None:
    bisection.linux.culprit()
    bisection.bisect = {"evidence": "command", "command": "exit 130"}
    ran = bisection.run()
    assert ran.code == BAD_INPUT
    assert "ended with status 130: stopped" in ran.err


def test_the_same_object_code_is_not_booted_again(bisection: Bisection) -> None:
    """Files that no kernel is built from."""
    linux = bisection.linux
    (linux.path / "README").write_text("nothing\n")
    linux.commit("README: new")
    culprit = linux.culprit()
    for i in range(6):
        (linux.path / "README").write_text(f"nothing {i}\n")
        linux.commit(f"README: {i}")
    assert bisection.run().code == OK
    assert bisection.culprit() == culprit
    assert bisection.found()["tests"]["same"] >= 2
    assert bisection.bench.did("boot") == 3  # the two ends, and the good one again


def test_two_changes_are_said(bisection: Bisection) -> None:
    """The larger one is followed, the other is reported."""
    linux = bisection.linux
    linux.edit("\treturn 0;", "\treturn 0; /* off by one */", FORK)
    linux.commit("fork: one more")
    linux.harmless("between 1")
    linux.harmless("between 2")
    culprit = linux.culprit()
    bisection.extra = {"limit": "1%"}
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert len(bisection.found()["other_changes"]) == 1
    assert "A second change" in ran.out


def test_a_revert_leaves_what_another_change_did(bisection: Bisection) -> None:
    """What a later change added stays on the bad end, and does not count against the proof."""
    linux = bisection.linux
    linux.harmless("before")
    first = linux.culprit()
    linux.harmless("between 1")
    linux.harmless("between 2")
    linux.edit("\treturn 0;", "\treturn 0; /* off by one */", FORK)
    linux.commit("fork: one more")
    bisection.extra = {"limit": "1%"}
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, first), ran
    assert "the bad end without the culprit: 46 (what it added is gone)" in ran.out


def test_the_users_repository_stays_as_it_is(bisection: Bisection) -> None:
    """Checkout, index, HEAD, refs and objects stay the same to the byte and to their times, despite edits and a staged
    file."""
    linux = bisection.linux
    linux.harmless("before")
    linux.culprit()
    linux.harmless("after")
    (linux.path / "staged").write_text("staged\n")
    linux.git("add", "staged")
    linux.edit("return 0;", "return 0; /* edited */", FORK)
    linux.git("checkout", "-q", "--detach")
    status = linux.git("status", "--porcelain=v2", "--branch")
    before = linux.state()
    assert bisection.run(bad="main").code == OK
    assert linux.state() == before
    assert linux.git("status", "--porcelain=v2", "--branch") == status


def replayed(linux: Linux, log: Path, clone: Path) -> str:
    """The output of git at the end of a replay."""
    linux.git("clone", "-q", str(linux.path), str(clone))
    done = subprocess.run(["git", "-C", clone, "bisect", "replay", log], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def straight(linux: Linux) -> str:
    for i in range(4):
        linux.harmless(f"before {i}")
    culprit = linux.culprit()
    for i in range(4):
        linux.harmless(f"after {i}")
    return culprit


def with_a_side(linux: Linux) -> str:
    """The culprit came in by a merge; the commits beside it on the main line are not its ancestors."""
    linux.harmless("main 1")
    linux.git("checkout", "-q", "-b", "side")
    linux.harmless("side 1", RMAP)
    culprit = linux.culprit()
    linux.harmless("side 2", RMAP)
    linux.git("checkout", "-q", "main")
    linux.harmless("main 2")
    linux.harmless("main 3")
    linux.merge("side", "Merge the side")
    linux.harmless("main 4")
    return culprit


def evil_merge(linux: Linux) -> str:
    linux.git("checkout", "-q", "-b", "side")
    linux.harmless("side 1", RMAP)
    linux.git("checkout", "-q", "main")
    linux.harmless("main 1")
    linux.merge("side", "Merge the side")
    linux.edit(BATCHED, UNBATCHED)
    linux.git("commit", "-q", "-a", "--amend", "--no-edit")
    merge = linux.git("rev-parse", "HEAD")
    linux.harmless("main 2")
    return merge


def with_skips(linux: Linux) -> str:
    linux.harmless("before")
    linux.edit("\treturn 0;", "\tsyntax_error x;")
    linux.commit("rmap: does not compile")
    linux.edit("\tsyntax_error x;", "\treturn 0;")
    linux.commit("rmap: compiles again")
    culprit = linux.culprit()
    linux.harmless("after 1")
    linux.harmless("after 2")
    return culprit


def good_again(linux: Linux) -> str:
    """After the culprit the fault was mended, and then made again."""
    linux.harmless("before")
    first = linux.culprit()
    linux.git("revert", "--no-edit", first)
    linux.git("revert", "--no-edit", "HEAD")
    linux.harmless("after")
    return ""


@pytest.mark.parametrize("noisy", [False, True], ids=["exact", "noisy"])
@pytest.mark.parametrize("history", [straight, with_a_side, evil_merge, with_skips, good_again])
def test_the_log_is_one_that_git_replays(
    bisection: Bisection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: Callable[[Linux], str], noisy: bool
) -> None:
    linux = bisection.linux
    culprit = history(linux)
    if noisy:
        monkeypatch.setitem(METRICS, "time", scattering((BAD_COUNT - GOOD_COUNT) / 50))
        bisection.bisect = {"evidence": "time"}
    log = tmp_path / "log"
    ran = bisection.run("--log", str(log))
    culprit = culprit or bisection.culprit()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    said = replayed(linux, log, tmp_path / "clone")
    assert re.search(rf"{culprit} is the first '?bad'? commit", said), (said, log.read_text())  # 'bad' with git 2.55


def test_the_mail_is_ready_to_send(bisection: Bisection) -> None:
    linux = bisection.linux
    linux.edit(BATCHED, UNBATCHED)
    culprit = linux.commit("rmap: lock the root for each entry\n\nLink: https://lore.kernel.org/r/1@example.org")
    linux.harmless("after")
    assert bisection.run().code == OK
    mail = (bisection.bench.runs()[-1] / "mail.txt").read_text()
    title = '("rmap: lock the root for each entry")'
    assert f"\n#regzbot introduced: {culprit[:12]} {title}\nFixes: {culprit[:12]} {title}\nLink: https://lore" in mail
    assert "reverted on top of the bad end it is good again" in mail.replace("\n", " ")
    assert [line for line in mail.splitlines() if len(line) > 75 and not re.search("https://|git:/", line)] == []


@pytest.mark.parametrize("at", [1, 2, 4])
def test_ctrl_c_leaves_what_resume_completes(bisection: Bisection, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    linux = bisection.linux
    for i in range(4):
        linux.harmless(f"before {i}")
    culprit = linux.culprit()
    linux.harmless("after")
    interrupt(monkeypatch, at)
    ran = bisection.run()
    assert ran.code == INTERRUPTED
    shutil.rmtree(bisection.bench.cache / "boots", ignore_errors=True)
    (bisection.bench.folder / "bisect.yaml").unlink()
    resumed = bisection.bench.call(*resume_command(ran), "--json")
    assert resumed.code == OK, resumed
    found = json.loads(resumed.out)
    assert found["culprit"]["sha"] == culprit
    assert bisection.bench.did("boot") == found["boots"]["search"] + found["boots"]["proof"]
    assert len(bisection.bench.runs()) == 1


@pytest.mark.long
def test_kills_at_any_moment_lose_and_double_nothing(bisection: Bisection) -> None:
    print("seed", SEED)
    moments, linux = random.Random(SEED), bisection.linux
    for i in range(4):
        linux.harmless(f"before {i}")
    culprit = linux.culprit()
    for i in range(3):
        linux.harmless(f"after {i}")
    argv = ["bisect", bisection.config()]
    for _ in range(4):
        kill_after(bisection.bench, argv, events=moments.randrange(12), seconds=moments.uniform(0, 0.2))
        complete = [r for r in bisection.bench.runs() if (r / "bisect.yaml").exists()]
        argv = ["bisect", "--resume", str(complete[-1])] if complete else argv
    ran = bisection.bench.call(*argv)
    assert ran.code == OK, ran
    assert bisection.culprit() == culprit
    run = bisection.bench.runs()[-1]
    keys = [(b["key"], b["arm"]) for b in map(json.loads, (run / "boots.jsonl").read_text().splitlines())]
    assert len(keys) == len(set(keys)), "a boot was done twice"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"good": "nowhere"}, "no such revision: nowhere"),
        ({"bad": None}, "bad not given"),
        ({"evidence": "splat"}, "needs a pattern"),
        ({"evidence": "command"}, "needs a command"),
        ({"evidenze": "count"}, "unknown key `bisect.evidenze`"),
        ({"series": "nowhere"}, "no such series"),
    ],
)
def test_bad_input_is_one_message(bisection: Bisection, change: dict[str, Any], words: str) -> None:
    bisection.linux.harmless("one")
    bisection.bisect = change
    ran = bisection.run()
    assert ran.code == BAD_INPUT
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert bisection.bench.runs() == []


def test_a_good_revision_behind_the_bad_one_is_bad_input(bisection: Bisection) -> None:
    tip = bisection.linux.harmless("one")
    ran = bisection.run(good=tip, bad=bisection.linux.base)
    assert ran.code == BAD_INPUT
    assert "is an ancestor of the good one" in ran.err


# A series of patches.


def make_series(bench: Bench, culprit: int, count: int = 6) -> Path:
    """A quilt series of harmless patches, one of which takes the batching out."""
    folder = bench.folder / "series"
    folder.mkdir()
    names = []
    for i in range(1, count + 1):
        if i == culprit:
            patch = bench.patch("culprit", BATCHED, UNBATCHED)
        else:
            patch = bench.fault(f"harmless {i}", FORK)
            bench.edit("return 0;", f"return 0; /* harmless {i} */", FORK)
        names.append(f"{i:02d}.patch")
        (folder / names[-1]).write_text(Path(patch).read_text())
    for i in range(count, 0, -1):
        if i != culprit:
            bench.edit(f"return 0; /* harmless {i} */", "return 0;", FORK)
    (folder / "series").write_text("# patches\n" + "\n".join(names) + "\n")
    return folder / "series"


@pytest.mark.parametrize("culprit", [1, 4, 6])
def test_a_quilt_series_is_bisected(bisection: Bisection, culprit: int) -> None:
    series = make_series(bisection.bench, culprit)
    bisection.extra = {"tree": f"dir:{bisection.bench.tree}", "bisect": {"series": str(series)}}
    ran = bisection.run()
    assert ran.code == OK, ran
    assert bisection.found()["culprit"]["name"] == f"{culprit:02d}.patch"
    assert bisection.found()["boots"]["search"] <= 3 + 2
    assert "no commit yet" in (bisection.bench.runs()[-1] / "mail.txt").read_text()


def test_patches_of_one_name_are_told_apart(bisection: Bisection) -> None:
    """In the report and in the run's folder, by which it is resumed."""
    series = make_series(bisection.bench, 2, 3)
    folder = series.parent
    (folder / "x").mkdir()
    texts = [(folder / f"{i:02d}.patch").read_text() for i in (1, 2, 3)]
    for name, text in zip(("a.patch", "003-a.patch", "x/a.patch"), texts, strict=True):
        (folder / name).write_text(text)
    series.write_text("a.patch\n003-a.patch\nx/a.patch\n")
    bisection.extra = {"tree": f"dir:{bisection.bench.tree}", "bisect": {"series": str(series)}}
    ran = bisection.run()
    assert (ran.code, bisection.found()["culprit"]["name"]) == (OK, "003-a.patch"), ran
    names = [row["name"] for row in bisection.found()["commits"]]
    assert len(names) == len(set(names))
    copies = bisection.bench.runs()[-1] / "patches"
    assert [(copies / name).read_text() for name in (copies / "series").read_text().split()] == texts
    assert bisection.bench.call("bisect", str(copies.parent / "bisect.yaml")).code == OK


def test_a_tag_may_have_any_name(bisection: Bisection) -> None:
    culprit = bisection.linux.culprit()
    bisection.linux.git("tag", "v\N{GRINNING FACE}")
    assert bisection.run("--bad", "v\N{GRINNING FACE}").code == OK
    assert bisection.culprit() == culprit


def test_a_log_that_cannot_be_written_is_told_before_anything_is_built(bisection: Bisection) -> None:
    bisection.linux.culprit()
    ran = bisection.run("--log", str(bisection.bench.folder / "nowhere" / "log"))
    assert (ran.code, bisection.bench.runs()) == (BAD_INPUT, [])
    assert "cannot write" in ran.err


def test_an_mbox_is_bisected(bisection: Bisection) -> None:
    linux, box = bisection.linux, bisection.bench.folder / "box.mbox"
    linux.harmless("before")
    linux.culprit()
    linux.harmless("after")
    box.write_text(linux.git("format-patch", "--stdout", "-N", f"{linux.base}..HEAD") + "\n")
    linux.git("checkout", "-q", "--detach", linux.base)
    bisection.extra = {"tree": f"dir:{linux.path}"}
    bisection.extra["bisect"] = {}
    ran = bisection.run("--series", str(box))
    assert ran.code == OK, ran
    assert bisection.found()["culprit"]["subject"] == "rmap: lock the root for each entry"


def test_a_series_of_strangers_is_not_built_without_a_sandbox(
    bisection: Bisection, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = make_series(bisection.bench, 2, 3)
    bisection.extra = {"tree": f"dir:{bisection.bench.tree}", "bisect": {"series": str(series)}}
    monkeypatch.delenv(sandbox.OFF)
    monkeypatch.setattr(sandbox, "PROGRAM", "bwrap-is-not-here")
    ran = bisection.run()
    assert ran.code == COULD_NOT_RUN, ran
    assert "no sandbox for a foreign patch" in ran.err
    texts = {path.read_bytes() for path in series.parent.glob("*.patch")}
    monkeypatch.setattr(trust, "_own", lambda: frozenset(map(trust._hash, texts)))
    assert bisection.run().code == OK, "if all were kit's"


def test_a_series_has_no_log_for_git(bisection: Bisection) -> None:
    series = make_series(bisection.bench, 2)
    bisection.extra = {"tree": f"dir:{bisection.bench.tree}", "bisect": {"series": str(series)}}
    ran = bisection.run("--log", "log")
    assert ran.code == BAD_INPUT
    assert "no commits that git could replay" in ran.err


# One step of `git bisect run`.


@pytest.fixture
def steps(bisection: Bisection) -> Bisection:
    """A history of six commits, whose fourth is the culprit, and a bisection started with git."""
    linux = bisection.linux
    for i in range(3):
        linux.harmless(f"before {i}")
    linux.culprit()
    for i in range(2):
        linux.harmless(f"after {i}")
    return bisection


def step_file(bisection: Bisection, **bisect: Any) -> str:
    """An experiment file that leaves the ends to git."""
    value = yaml.safe_load(Path(bisection.config()).read_text())
    value["bisect"] = bisect
    file = bisection.bench.folder / "step.yaml"
    file.write_text(yaml.safe_dump(value))
    return str(file)


@pytest.mark.long
def test_git_bisect_run_finds_the_culprit_with_kit_step(steps: Bisection) -> None:
    linux = steps.linux
    culprit = linux.git("rev-parse", "HEAD~2")
    file = step_file(steps, evidence="count")
    linux.git("bisect", "start", "HEAD", linux.base)
    kit = started.begin().fileno()
    command = [sys.executable, "-S", "-E", started.__file__, str(kit)]
    argv = ["git", "-C", linux.path, "bisect", "run", *command, "step", file]
    done = subprocess.run(argv, pass_fds=[kit], capture_output=True, text=True, timeout=120)
    assert re.search(rf"{culprit} is the first '?bad'? commit", done.stdout), done


@pytest.mark.parametrize(("at", "code"), [("HEAD", 1), ("HEAD~1", 1), ("HEAD~3", 0)], ids=["bad end", "bad", "good"])
def test_a_step_says_good_and_bad(steps: Bisection, monkeypatch: pytest.MonkeyPatch, at: str, code: int) -> None:
    linux = steps.linux
    file = step_file(steps, good=linux.base, bad=linux.git("rev-parse", "HEAD"))
    linux.git("checkout", "-q", "--detach", at)
    monkeypatch.chdir(linux.path)
    before = linux.state()
    assert steps.bench.call("step", file).code == code
    assert linux.state() == before


def test_a_step_with_a_threshold_needs_no_ends(steps: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(steps.linux.path)
    assert steps.bench.call("step", step_file(steps, threshold=60)).code == 1
    assert steps.bench.did("boot") == 1
    [kernel] = (steps.bench.cache / "kernels").iterdir()
    older = kernel.with_name("older")
    older.mkdir()
    (older / "vmlinux").write_bytes(b"x" * 10000)
    monkeypatch.setenv("KIT_CACHE_LIMIT", "1")
    assert steps.bench.call("step", step_file(steps, threshold=90)).code == 0
    assert list(kernel.parent.iterdir()) == [kernel], "beyond the limit only what the step used stays"


def test_a_step_takes_the_checkout_with_its_edits(steps: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(steps.linux.path)
    steps.linux.edit(UNBATCHED, BATCHED)
    assert steps.bench.call("step", step_file(steps, threshold=60)).code == 0


def test_a_step_that_cannot_be_built_is_skipped(steps: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    linux = steps.linux
    file = step_file(steps, good=linux.base, bad=linux.git("rev-parse", "HEAD"))
    linux.edit("\treturn 0;", "\tsyntax_error x;", RMAP)
    linux.commit("rmap: does not compile")
    monkeypatch.chdir(linux.path)
    ran = steps.bench.call("step", file)
    assert ran.code == 125, ran
    assert "syntax_error" in ran.err


@pytest.mark.parametrize(
    ("bisect", "words"), [({}, "what is good and bad here is not known"), ({"evidenze": 1}, "unknown key")]
)
def test_a_step_stops_at_bad_input(
    steps: Bisection, monkeypatch: pytest.MonkeyPatch, bisect: dict[str, Any], words: str
) -> None:
    monkeypatch.chdir(steps.linux.path)
    ran = steps.bench.call("step", step_file(steps, **bisect))
    assert (ran.code, words in ran.err) == (255, True), ran


def test_a_step_with_a_threshold_takes_values_that_scatter(steps: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    """15 or 30 standard deviations away: two tests suffice."""
    print("seed", SEED)
    monkeypatch.chdir(steps.linux.path)
    monkeypatch.setitem(METRICS, "time", scattering(1.0))
    assert steps.bench.call("step", step_file(steps, evidence="time", threshold=60)).code == 1
    assert steps.bench.did("boot") >= 2
    assert steps.bench.call("step", step_file(steps, evidence="time", threshold=105)).code == 0
    more = step_file(steps, evidence="time", threshold=105, direction="more is better")
    assert steps.bench.call("step", more).code == 1


@pytest.mark.parametrize("search", ["exact", "noisy"])
def test_a_step_between_ends_that_do_not_differ_says_neither(
    steps: Bisection, monkeypatch: pytest.MonkeyPatch, search: str
) -> None:
    linux = steps.linux
    file = step_file(steps, good=linux.base, bad=linux.git("rev-parse", "HEAD~3"), search=search)
    linux.git("checkout", "-q", "--detach", "HEAD~4")
    monkeypatch.chdir(linux.path)
    ran = steps.bench.call("step", file)
    assert (ran.code, "the ends do not differ: 45 and 45" in ran.err) == (125, True), ran


def test_a_step_between_ends_within_the_limit_of_instructions_says_neither(
    steps: Bisection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kernel is laid out differently in memory: such a difference is none, as in `kit bisect`."""
    linux = steps.linux
    file = step_file(steps, good=linux.base, bad=linux.git("rev-parse", "HEAD"), evidence="instructions")
    config = yaml.safe_load(Path(file).read_text())
    Path(file).write_text(yaml.safe_dump({**config, "instructions": {"limit": 0.9}}))
    monkeypatch.chdir(linux.path)
    counts = replace(METRICS["instructions"], instrument="counting", read=read_count, evidence="count")
    monkeypatch.setitem(METRICS, "instructions", counts)
    ran = steps.bench.call("step", file)
    assert (ran.code, "the ends do not differ: 45 and 75" in ran.err) == (125, True), ran


@pytest.mark.parametrize("terms", [("bad", "good"), ("slow", "fast")])
def test_the_ends_are_those_that_git_began_with(
    steps: Bisection, monkeypatch: pytest.MonkeyPatch, terms: tuple[str, str]
) -> None:
    """refs/bisect/bad moves with each bad step; the ends are measured only once."""
    linux = steps.linux
    bad, good = terms
    culprit = linux.git("rev-parse", "HEAD~2")
    monkeypatch.chdir(linux.path)
    monkeypatch.setitem(METRICS, "time", scattering(1.0))
    file = step_file(steps, evidence="time")
    linux.git("bisect", "start", f"--term-bad={bad}", f"--term-good={good}", "HEAD", linux.base)
    said, boots = "", []
    while "is the first" not in said:
        code = steps.bench.call("step", file).code
        assert code in (0, 1)
        boots.append(steps.bench.did("boot"))
        said = linux.git("bisect", bad if code else good)
    assert said.startswith(culprit)
    assert boots[-1] - boots[0] < 8, "both ends were measured again"
    assert len(list((steps.bench.cache / "steps").iterdir())) == 1


@pytest.mark.parametrize(
    ("values", "good", "bad", "least", "most"),
    [
        ([1.0], [1.0], [2.0], 0.5, 0.5),
        ([1.0, 1.1], [1.0], [20.0], 0.0, 0.05),
        ([2.0, 2.0], [1.0, 1.0], [2.0, 2.0], 1.0, 1.0),
    ],
    ids=["no noise known", "noise of the values alone", "no noise"],
)
def test_how_likely_values_are_bad(
    values: list[float], good: list[float], bad: list[float], least: float, most: float
) -> None:
    assert least <= bad_chance(values, good, bad) <= most


@pytest.mark.parametrize(("code", "git"), [(0, 0), (1, 1), (2, 255), (3, 125), (4, 125), (130, 130), (77, 255)])
def test_exit_codes_are_those_of_git_bisect_run(code: int, git: int) -> None:
    assert step_code(code) == git


def test_a_failing_machine_leaves_what_resume_completes(bisection: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU is killed in every try: that is nobody's regression."""
    linux = bisection.linux
    linux.harmless("before")
    culprit = linux.culprit()
    monkeypatch.setenv("KIT_FAKE_QEMU", "killed")
    ran = bisection.run()
    assert ran.code == COULD_NOT_RUN
    assert "QEMU failed 2 times: QEMU died by SIGSEGV" in ran.err
    monkeypatch.setenv("KIT_FAKE_QEMU", "model")
    assert bisection.bench.call(*resume_command(ran)).code == OK
    assert bisection.culprit() == culprit


def test_a_step_stops_at_what_it_does_not_understand(steps: Bisection) -> None:
    assert steps.bench.call("step", "--nonsense").code == 255


def test_a_step_stops_at_a_mistake_of_kits_own(steps: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.chdir(steps.linux.path)
    monkeypatch.setattr(kit.bisection.step, "step", broken)
    assert steps.bench.call("step", step_file(steps, threshold=60)).code == 255


# Values that scatter.


def scattering(spread: float, *, exact: bool = False) -> Metric:
    """The counts of the fake guests with noise added, like times."""
    rng = random.Random(SEED)

    def read(question: Any, boots: Any) -> Reading:
        reading = read_count(question, boots)
        return replace(reading, value=reading.value + rng.gauss(0, spread) if reading.value is not None else None)

    return Metric("counting", "ms", read, "count", exact=exact)


def test_a_culprit_that_was_ruled_out_is_not_found_for_ever(
    bisection: Bisection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the only commit of a merged side branch, so nothing else can be found there."""
    linux, proved = bisection.linux, []
    linux.git("checkout", "-q", "-b", "side")
    linux.culprit()
    linux.git("checkout", "-q", "main")
    linux.harmless("main")
    linux.merge("side", "Merge the side")
    bisection.bisect = {"evidence": "time"}
    monkeypatch.setitem(METRICS, "time", scattering((BAD_COUNT - GOOD_COUNT) / 50))

    def prove(prover: Any, stage: Stage) -> Proof:
        proved.append(stage.commit.name)
        assert len(proved) < 5
        return Proof(decided=(True, False))

    monkeypatch.setattr(Prover, "prove", prove)
    ran = bisection.run()
    assert ran.code == INCONCLUSIVE, ran
    assert any("was ruled out: the bad end is as bad without it" in note for note in bisection.found()["notes"])


def test_values_that_scatter_are_searched_by_probability(bisection: Bisection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search knows neither levels nor noise; the shift is six standard deviations."""
    print("seed", SEED)
    linux = bisection.linux
    for i in range(4):
        linux.harmless(f"before {i}")
    culprit = linux.culprit()
    linux.harmless("after")
    bisection.bisect = {"evidence": "time", "probability": 0.999}
    monkeypatch.setitem(METRICS, "time", scattering((BAD_COUNT - GOOD_COUNT) / 6))
    ran = bisection.run()
    found = bisection.found()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert found["method"] == "by probability"
    assert found["confidence"] >= 0.999
    proof = found["proof"]
    assert len(proof["again"]) == len(proof["beside"]) == len(proof["reverted"]) >= 2
    assert (proof["again_holds"], proof["reverted_holds"]) == (True, True)
    assert found["proof"]["reverted_holds"] is True
    assert len(set(found["commits"][0]["values"])) >= 2, "the ends are measured more than once"


def after_one(really: Callable[..., None]) -> Callable[..., None]:
    """Like `really`, but Ctrl-C comes with the second call."""
    calls = itertools.count()

    def called(*args: Any) -> None:
        if next(calls):
            raise KeyboardInterrupt
        really(*args)

    return called


@pytest.mark.parametrize("evidence", ["time", "command"])
def test_a_budget_that_ends_leaves_what_is_likely(
    bisection: Bisection, monkeypatch: pytest.MonkeyPatch, evidence: str
) -> None:
    """Not what single values say: here the bad end's last one looks good."""
    linux = bisection.linux
    for i in range(3):
        linux.harmless(f"before {i}")
    culprit = linux.culprit()
    linux.harmless("after")
    bisection.bisect = {"evidence": evidence, "command": "true", "search": "noisy", "probability": 0.9999}
    bisection.extra = {"budget": {"minutes": 60}}
    monkeypatch.setitem(METRICS, "time", scattering(5.0))
    with monkeypatch.context() as patch:
        patch.setattr(Workbench, "test", after_one(Workbench.test))
        assert bisection.run().code == INTERRUPTED
    run = bisection.bench.runs()[-1]
    first = json.loads((run / "tests.jsonl").read_text().splitlines()[0])
    places = linux.git("rev-list", "--reverse", "HEAD").split()
    good, bad = (0.0, 1.0) if evidence == "command" else (45.0, 75.0)
    values = [(i, bad if i > 3 else good) for i in (0, 5, 3, 4, 3, 4, 0, 5)] + [(5, good)]
    tests = [{**first, "place": places[i], "value": v + 0.1 * n * (evidence == "time"), "image": f"image{i}",
              "boot_seconds": 1000} for n, (i, v) in enumerate(values)]  # fmt: skip
    (run / "tests.jsonl").write_text("".join(f"{json.dumps(t)}\n" for t in tests))
    ran = bisection.bench.call("bisect", "--resume", str(run))
    found = bisection.found()
    assert (ran.code, found["end"]) == (INCONCLUSIVE, "set"), ran
    assert "the budget of 60 minutes in guests is spent" in found["why"]
    assert culprit in [c["sha"] for c in found["candidates"]]
    assert 0 < found["confidence"] < 1


def test_the_log_of_a_noisy_search_says_what_the_search_found(
    bisection: Bisection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A single value may lie on the wrong side of the middle; git must not be told so."""
    print("seed", SEED)
    linux = bisection.linux
    for i in range(4):
        linux.harmless(f"before {i}")
    linux.culprit()
    for i in range(4):
        linux.harmless(f"after {i}")
    bisection.bisect = {"evidence": "time"}
    monkeypatch.setitem(METRICS, "time", scattering((BAD_COUNT - GOOD_COUNT) / 2))
    log = tmp_path / "log"
    ran = bisection.run("--log", str(log))
    found = bisection.found()
    if found["end"] != "found":
        pytest.skip("too much noise this time")
    at = found["culprit"]["index"]
    assert [row["state"] for row in found["commits"]] == [
        "bad" if row["index"] >= at else "good" for row in found["commits"]
    ], ran


def test_the_bad_end_is_bad_however_large_the_change(bisection: Bisection, tmp_path: Path) -> None:
    """A later commit took most of it back: the middle between the good and the worst value is beyond the bad end."""
    linux = bisection.linux
    linux.harmless("before 1")
    linux.harmless("before 2")
    linux.edit(BATCHED, "profile: 6.1-unbatched ")
    culprit = linux.commit("rmap: no batching at all")
    linux.edit("profile: 6.1-unbatched ", UNBATCHED)
    linux.commit("rmap: some batching")
    log = tmp_path / "log"
    ran = bisection.run("--log", str(log))
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert bisection.found()["commits"][-1]["state"] == "bad", ran


def test_values_that_turn_out_to_scatter_change_the_search(
    bisection: Bisection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exact evidence was asked for, but the good end gives another value when measured again."""
    linux = bisection.linux
    linux.harmless("before")
    culprit = linux.culprit()
    linux.harmless("after")
    monkeypatch.setitem(METRICS, "count", scattering(1.0, exact=True))
    ran = bisection.run()
    assert (ran.code, bisection.culprit()) == (OK, culprit), ran
    assert bisection.found()["method"] == "by probability"


def test_a_bisection_is_shown_again(bisection: Bisection) -> None:
    bisection.linux.culprit()
    ran = bisection.run()
    run = bisection.bench.runs()[-1]
    assert bisection.bench.call("show", run.name).out == ran.out
    assert bisection.bench.call("show", "last").out == ran.out
    assert json.loads(bisection.bench.call("show", "last", "--json").out) == bisection.found()
    older = run.with_name("older")
    older.mkdir()
    (older / "experiment.yaml").touch()
    os.utime(older / "experiment.yaml", (1e9, 1e9))
    rows = json.loads(bisection.bench.call("show", "last", "--boot", "--json").out)
    assert [row["name"] for row in rows] == [p.stem for p in sorted((run / "console").glob("*.log"))]
    shown = bisection.bench.call("show", "last", "--boot", "0")
    assert (shown.code, f"{run.name}/console/" in shown.out, "anon_vma" in shown.out) == (OK, True, True)
    again = bisection.bench.call("rerun", "last", "--boot", "0")
    assert (again.code, "a boot of a bisection cannot be done again" in again.err) == (BAD_INPUT, True)
    (run / "bisect.json").unlink()
    assert command("bisect", "--resume") in bisection.bench.call("show", "last").out


def test_a_folder_with_a_bisect_yaml_is_not_yet_a_run(bisection: Bisection) -> None:
    folder = bisection.bench.folder / "configs"
    folder.mkdir()
    (folder / "bisect.yaml").write_text("name: x\n")
    for argv in (("show", str(folder)), ("bisect", "--resume", str(folder))):
        ran = bisection.bench.call(*argv)
        assert ran.code == BAD_INPUT
        assert ": not a " in ran.err


def test_an_end_that_was_typed_is_blamed_as_typed(bisection: Bisection) -> None:
    bisection.linux.harmless("one")
    ran = bisection.run("--series", "nowhere")
    assert ran.err.startswith("kit: --series nowhere: no such series")
