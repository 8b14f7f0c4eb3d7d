"""gcc or LLVM=1: chosen in an experiment or as for make, part of every key, and named if missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rig import Bench

from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.kernel import toolchain
from kit.kernel.build import MACHINE_FAULTS
from kit.kernel.toolchain import Toolchain, find_toolchain, toolchain_of
from kit.setup import packages
from kit.store.cache import Cache


def test_the_environment_asks_as_make_is_asked() -> None:
    assert [toolchain_of(e) for e in ({}, {"LLVM": ""}, {"LLVM": "0"}, {"LLVM": "1"})] == ["gcc", "gcc", "gcc", "llvm"]
    with pytest.raises(UserError, match="LLVM=-15"):
        toolchain_of({"LLVM": "-15"})


def test_make_is_told_of_all_of_llvm_and_not_only_of_clang(tmp_path: Path) -> None:
    told = Toolchain("clang 14", "clang", ccache=True, llvm=True).make_variables()
    assert {"LLVM=1", "CC=ccache clang", "HOSTCC=ccache clang"} <= set(told)
    assert not any(v.startswith("LLVM") for v in Toolchain("gcc 12", "gcc", ccache=True).make_variables())
    assert Toolchain("gcc 12", "gcc", ccache=True).environment(Cache(tmp_path))["LLVM"] == ""


def test_what_is_missing_of_llvm_is_named_with_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "os-release").write_text("ID=debian\n")
    for tool in ("clang", "setpriv"):
        (tmp_path / tool).symlink_to(shutil.which("true") or "")
    system = packages.System(str(tmp_path / "os-release"), str(tmp_path), uid=0)
    monkeypatch.setattr(packages, "this_system", lambda: system)
    monkeypatch.setenv("KIT_NO_INSTALL", "1")
    with pytest.raises(MachineError) as caught:
        find_toolchain(Progress(), "llvm")
    assert "this machine lacks ld.lld, llvm-ar" in str(caught.value)
    assert str(caught.value).endswith("install it with: apt-get install -y --no-install-recommends lld llvm")


def test_gcc_needs_no_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.packages, "provide", lambda *_, **__: pytest.fail("LLVM was not asked for"))
    found = find_toolchain(Progress())
    assert (found.compiler, found.llvm) == ("gcc", False)


@pytest.mark.parametrize(
    "line",
    [
        "clang: error: unable to execute command: Killed",
        "clang-14: error: unable to execute command: Segmentation fault (core dumped)",
        "ld.lld: error: failed to write to the output file: No space left on device",
    ],
)
def test_a_clang_that_was_killed_is_the_machines_fault(line: str) -> None:
    assert MACHINE_FAULTS.search(f"  CC      mm/rmap.o\n{line}\n")


def test_clang_s_complaint_of_the_source_is_not() -> None:
    said = (
        "mm/rmap.c:3:5: error: use of undeclared identifier\nclang: error: linker command failed with exit code 1"
    )
    assert not MACHINE_FAULTS.search(said)


@pytest.fixture
def llvm(bench: Bench) -> Bench:
    """The bench with tools that report themselves as clang and lld."""
    for tool, said in (("clang", "clang version 14.0.6"), ("ld.lld", "LLD 14.0.6"), ("llvm-ar", "LLVM")):
        path = bench.folder / "bin" / tool
        path.write_text(f"#!/bin/sh\necho '{said}'\n")
        path.chmod(0o755)
    return bench


def test_kernels_of_llvm_are_other_kernels_in_an_object_folder_of_their_own(llvm: Bench) -> None:
    assert llvm.run().code == 0
    llvm.experiment["toolchain"] = "llvm"
    ran = llvm.run()
    assert ran.code == 0, ran
    origin = json.loads((llvm.runs()[-1] / "provenance.json").read_text())
    assert origin["toolchain"] == "clang version 14.0.6; LLD 14.0.6"
    assert len(list((llvm.cache / "kernels").iterdir())) == 4
    assert len(list((llvm.cache / "objects").iterdir())) == 2
    assert llvm.verdict()["boots"]["reused"] == 0


def test_llvm_1_in_the_environment_stays_with_a_run(llvm: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLVM", "1")
    assert llvm.run().code == 0
    run = llvm.runs()[-1]
    assert "toolchain: llvm" in (run / "experiment.yaml").read_text()
    monkeypatch.delenv("LLVM")
    assert llvm.call("run", "--resume", str(run)).code == 0
    assert json.loads((run / "provenance.json").read_text())["toolchain"].startswith("clang")
    assert "built by clang and lld" in llvm.call("check", str(run / "experiment.yaml")).out


def test_a_tool_is_asked_once_until_it_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    calls = tmp_path / "calls"
    versions = []
    for number in ("4.3", "4.3", "4.4.1"):
        tool = tmp_path / "make"
        text = f'#!/bin/sh\necho called >> "{calls}"\necho "GNU Make {number}"\n'
        if not tool.exists() or tool.read_text() != text:
            tool.write_text(text)
            tool.chmod(0o755)
        versions.append(toolchain.tool_versions(Progress())["make"])
    assert versions == [(4, 3), (4, 3), (4, 4, 1)]
    assert calls.read_text().split() == ["called", "called"]
