"""A git history as a line: what is asked of all its commits at once is what is asked of each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.bisection.history import read_history
from kit.kernel.tree import Tree
from tests.search.repositories import FORK, RMAP, Linux

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
ODD = "mm/r*[m]ap.c"  # as a pattern it would match RMAP


def no_tree(sha: str) -> Tree:
    raise AssertionError("no tree is to be read")


def test_the_commits_that_change_a_file_are_those_whose_paths_have_it(tmp_path: Path) -> None:
    """A merged side's change counts at its merge; what the merge took from the main line does not; a deleted, renamed
    or made file is changed."""
    linux = Linux(tmp_path / "linux")
    linux.harmless("one")
    linux.culprit()
    linux.git("checkout", "-q", "-b", "side")
    linux.harmless("on the side", RMAP)
    linux.git("checkout", "-q", "main")
    linux.harmless("two", FORK)
    linux.merge("side", "Merge the side")
    linux.git("checkout", "-q", "side")
    linux.git("merge", "-q", "main")
    linux.harmless("on the side again", "Kconfig")
    linux.git("checkout", "-q", "main")
    linux.harmless("three", RMAP)
    linux.merge("side", "Merge the side again")
    (linux.path / ODD).write_text("odd\n")
    linux.commit("an odd name")
    linux.git("mv", RMAP, "mm/reverse.c")
    linux.commit("another name")
    line, _ = read_history(linux.path, linux.base, "HEAD", no_tree)
    indices = range(1, len(line.commits) + 1)
    for file in (RMAP, FORK, "Kconfig", "mm/reverse.c", ODD, "nowhere"):
        assert line.changing(file) == tuple(i for i in indices if file in line.paths(i)), file
    assert len(line.changing(RMAP)) == 4
    assert len(line.changing(ODD)) == 1
