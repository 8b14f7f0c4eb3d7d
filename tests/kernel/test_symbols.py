"""Addresses become file and line if there is debug information, and stay as they are if not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from rig import Bench

from kit.base.errors import NOT_AS_EXPECTED
from kit.base.progress import Progress
from kit.kernel import sandbox, symbols
from kit.kernel.sandbox import OFF, find
from kit.kernel.symbols import SCRIPT, decode, has_debug_information
from kit.records import Splat

SPLAT = Splat(
    "warning",
    "WARNING: at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20",
    7,
    "WARNING: at mm/rmap.c:420 unlink_anon_vmas+0x1b/0x20\nCode: 0f 0b\n free_pgtables+0x8e/0xf0\nCR2: 0\n ? f+0x1/0x2",
)
NEEDS_SANDBOX = pytest.mark.skipif(find().sandbox is None, reason="needs bubblewrap")
TELL = r"""while read -r line; do echo "$line" | sed -E 's/\+0x.*/ (\/obj\/..\/src\/mm\/rmap.c:7)/'; done"""


def tree(folder: Path, script: str) -> Path:
    """A tree that has only the script."""
    path = folder / "tree" / SCRIPT
    path.parent.mkdir(parents=True)
    path.write_text(script)
    return folder / "tree"


@pytest.fixture
def vmlinux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(symbols, "has_debug_information", lambda image: True)
    (tmp_path / "vmlinux").write_text("a kernel\n")
    return tmp_path / "vmlinux"


@NEEDS_SANDBOX
def test_the_script_sees_the_kernel_and_nothing_of_the_users(tmp_path: Path, vmlinux: Path) -> None:
    """It is the tree's, which may be anybody's."""
    (tmp_path / "secret").write_text("secret\n")
    script = f'read -r kernel <"$1"; read -r secret <{tmp_path}/secret; while read -r l; do echo "$kernel$secret"; done'
    [splat] = decode([SPLAT], vmlinux, [tree(tmp_path, script)], Progress())
    assert splat.excerpt.split("\n")[0] == "a kernel"


def test_the_script_is_not_run_where_nothing_holds_it(
    tmp_path: Path, vmlinux: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "PROGRAM", "bwrap-is-not-here")
    asked = [tree(tmp_path, TELL)]
    assert decode([SPLAT], vmlinux, asked, Progress()) == (SPLAT,)
    monkeypatch.setenv(OFF, "1")
    assert decode([SPLAT], vmlinux, asked, Progress()) != (SPLAT,)


@NEEDS_SANDBOX
def test_lines_with_an_address_are_told_as_the_script_tells_them(tmp_path: Path, vmlinux: Path) -> None:
    [splat] = decode([SPLAT], vmlinux, [tmp_path, tree(tmp_path, TELL)], Progress())
    assert splat.title == SPLAT.title, "what splats are compared by"
    assert splat.excerpt.split("\n") == [
        "WARNING: at mm/rmap.c:420 unlink_anon_vmas (mm/rmap.c:7)",
        "Code: 0f 0b",
        " free_pgtables (mm/rmap.c:7)",
        "CR2: 0",
        " ? f (mm/rmap.c:7)",
    ]


@pytest.mark.parametrize("script", ["exit 1", "echo one line", "sleep 60", "while read -r l; do echo; echo; done"])
def test_a_script_that_fails_changes_nothing(
    tmp_path: Path, vmlinux: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(symbols, "LIMIT", 0.5)
    assert decode([SPLAT], vmlinux, [tree(tmp_path, script)], Progress()) == (SPLAT,)


def test_a_tree_without_the_script_or_a_splat_without_addresses(tmp_path: Path, vmlinux: Path) -> None:
    assert decode([SPLAT], vmlinux, [tmp_path], Progress()) == (SPLAT,)
    plain = Splat("oom", "worker invoked oom-killer", 1, "worker invoked oom-killer")
    assert decode([plain], vmlinux, [tree(tmp_path, "exit 1")], Progress()) == (plain,)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize(("options", "has"), [(["-g"], True), ([], False)])
def test_debug_information_is_seen_in_an_elf_file(tmp_path: Path, options: list[str], has: bool) -> None:
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", *options, "-o", "a", "a.c"], cwd=tmp_path, check=True, timeout=60)
    assert has_debug_information(tmp_path / "a") is has


def test_the_verdict_names_file_and_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    script = bench.tree / SCRIPT
    script.parent.mkdir()
    script.write_text(TELL)
    bench.arms(with_=[bench.fault("boots: warning")])
    monkeypatch.setattr(symbols, "has_debug_information", lambda image: True)
    assert bench.run().code == NOT_AS_EXPECTED
    [fault] = bench.verdict()["splats"]["broken"]
    assert "unlink_anon_vmas (mm/rmap.c:7)" in fault["excerpt"]
    lines = (bench.runs()[-1] / "boots.jsonl").read_text().splitlines()
    assert any("(mm/rmap.c:7)" in splat["excerpt"] for line in lines for splat in json.loads(line)["splats"])
