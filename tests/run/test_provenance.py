"""Which kit made a result: the commit of a clone, or nothing without a clone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kit.kernel.toolchain import Toolchain
from kit.run import provenance
from kit.setup.packages import os_release, system_name
from kit.vm.kvm import HostFacts

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of one commit, tagged."""
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "file").write_text("one\n")
    for argv in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run([*GIT, *argv], cwd=folder, check=True)
    return folder


def test_a_clone_is_known_by_its_commit(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = subprocess.run([*GIT, "rev-parse", "HEAD"], cwd=clone, check=True, capture_output=True, text=True).stdout
    monkeypatch.setattr(provenance, "PROJECT", clone)
    monkeypatch.setattr(provenance, "IS_CLONE", True)
    told = provenance.of_kit("run", "x.yaml")
    assert told["kit_commit"] == head.strip()
    assert told["reproduce"].endswith(" run x.yaml")
    (clone / "file").write_text("other\n")
    assert provenance.of_kit("run")["kit_commit"] == head.strip(), "what was loaded at the start"
    provenance.commit_of.cache_clear()
    assert provenance.of_kit("run")["kit_commit"] == f"{head.strip()}-dirty"


def test_an_installed_kit_has_a_version_only(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PROJECT", clone)
    monkeypatch.setattr(provenance, "IS_CLONE", False)
    assert provenance.of_kit("run")["kit_commit"] == ""


def test_the_repository_around_an_unpacked_kit_is_not_kits(clone: Path, tmp_path: Path) -> None:
    inside = clone / "kit"
    inside.mkdir()
    assert provenance.commit_of(inside) == ""
    assert provenance.commit_of(tmp_path) == ""


def test_the_hosts_facts(tmp_path: Path) -> None:
    told = provenance.of_host(Toolchain("cc 1", "cc", False), HostFacts("a CPU", "6.1", "QEMU 9"))
    assert (told["toolchain"], told["qemu"], told["host"]["cpu"]) == ("cc 1", "QEMU 9", "a CPU")
    assert told["host"]["system"] == system_name()
    file = tmp_path / "os-release"
    file.write_text('NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert os_release(str(file))["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert os_release(str(tmp_path / "none")) == {}
