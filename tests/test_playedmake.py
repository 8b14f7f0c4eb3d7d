"""The make that tests play does to the fake tree what make does, and prints it so that kit reads the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from playedmake import MAKEFILE, TARGETS, play

from kit.kernel.build import _PLANNED, _STEP

FAKE = Path(__file__).resolve().parent / "fakes" / "linux"
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

OPTION = "CONFIG_A=y\nCONFIG_NOT_THERE=y\n# CONFIG_NOT_THERE is not set\nCONFIG_B=y\n"


class Tree:
    """A fake tree, an object folder, and one of the two makes on it."""

    def __init__(self, folder: Path, played: bool) -> None:
        self.source, self.out, self.log, self.played = folder / "linux", folder / "out", folder / "log", played
        shutil.copytree(FAKE, self.source)
        self.out.mkdir()
        (folder / "wanted").write_text(OPTION)
        self.wanted = f"KCONFIG_ALLCONFIG={folder / 'wanted'}"

    def make(self, *targets: str) -> list[str]:
        """What kit hears of: the steps done, or planned, in any order."""
        argv = ["make", "-j2", "-C", str(self.source), f"O={self.out}", "ARCH=x86", "CC=cc -w", *targets]
        environment = {**os.environ, "KIT_FAKE_LOG": str(self.log)}
        if self.played:
            lines = play(argv, environment)
            assert lines is not None
            text = "".join(f"{line}\n" for line in lines)
        else:
            text = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True).stdout
        return sorted([str(x) for x in _PLANNED.findall(text)] + [x for x in text.splitlines() if _STEP.match(x)])

    def state(self) -> dict[str, bytes]:
        """Every file that was made, and what was asked."""
        made = {str(p.relative_to(self.out)): p.read_bytes() for p in self.out.rglob("*") if p.is_file()}
        return {**made, "log": self.log.read_bytes()}


def test_it_does_what_make_does(tmp_path: Path) -> None:
    done = []
    for played in (False, True):
        tree = Tree(tmp_path / str(played), played)
        told = [tree.make("tinyconfig")]
        with (tree.out / ".config").open("a") as file:
            file.write(OPTION)
        told += [tree.make("olddefconfig"), tree.make("prepare"), tree.make("-n", "vmlinux"), tree.make("vmlinux")]
        told += [tree.make("vmlinux")]
        time.sleep(0.02)
        with (tree.source / "mm" / "rmap.c").open("a") as file:
            file.write("/* changed */\n")
        told += [tree.make("bzImage"), tree.make("allnoconfig", tree.wanted), tree.make("vmlinux")]
        done.append((told, tree.state()))
    assert done[0] == done[1]
    assert b"NOT_THERE" not in done[0][1][".config"]


def test_every_target_of_the_makefile_is_played() -> None:
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE.decode(), re.M)
    assert set(phony.split()) == set(TARGETS)


@pytest.mark.parametrize("change", ["Makefile", "mm/rmap.c"])
def test_another_makefile_and_a_source_that_does_not_compile_are_left_to_make(tmp_path: Path, change: str) -> None:
    tree = Tree(tmp_path, True)
    with (tree.source / change).open("a") as file:
        file.write("# syntax_error\n")
    assert play(["make", "-C", str(tree.source), f"O={tree.out}", "ARCH=x86", "tinyconfig"], {}) is None
    assert not tree.log.exists()
