"""`kit doctor`: what is here and what is missing, the cache, and what KVM really does."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from rig import Bench

import kit.run.doctor
from kit.base.errors import COULD_NOT_RUN, OK
from kit.setup import packages
from kit.setup.packages import ALL, Need
from kit.vm import kvm


def test_everything_is_named_with_version_and_place(bench: Bench) -> None:
    ran = bench.call("doctor", "--json")
    found = json.loads(ran.out)
    needs = {n["need"]: n for n in found["needs"]}
    assert {n.look.partition(":")[2] for n in ALL if n.apt} <= needs.keys()
    assert needs["gcc"]["where"].endswith("/gcc")
    assert "gcc" in needs["gcc"]["version"]
    assert needs["qemu-system-x86_64"]["version"] == "QEMU emulator version 0.0 (fake)"
    assert needs["stdio.h"]["where"] == "/usr/include/stdio.h"
    assert found["cache"]["where"] == str(bench.cache)
    assert found["cache"]["free"] > 0
    assert (found["cache"]["limit"], found["cache"]["writable"]) == (20 * 10**9, True)
    assert ran.code == (COULD_NOT_RUN if found["missing"] else OK)


def test_what_is_missing_comes_with_one_command(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lacking = Need("command:nosuch-tool", "a test", "nosuch-package", "nosuch-package", "nosuch-package")
    monkeypatch.setattr(packages, "ALL", (*ALL, lacking))
    monkeypatch.setattr(packages, "this_system", lambda: debian(tmp_path))
    ran = bench.call("doctor")
    assert ran.code == COULD_NOT_RUN
    assert "MISSING" in next(line for line in ran.out.splitlines() if line.startswith("nosuch-tool"))
    assert "nosuch-tool" in next(line for line in ran.out.splitlines() if line.startswith("Missing:"))
    assert ran.out.rstrip().endswith("nosuch-package")
    assert "install it with: apt-get install" in ran.out


def debian(folder: Path) -> packages.System:
    (folder / "os-release").write_text("ID=debian\n")
    return packages.System(os_release=str(folder / "os-release"), path=os.environ["PATH"], uid=0)


def test_all_here_is_exit_code_0(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "ALL", ALL[:1])
    monkeypatch.setattr(packages, "VENV", Need("module:json", "a test", "python3", "python3", "python3"))
    ran = bench.call("doctor")
    assert ran.code == OK, ran
    assert "Everything that kit needs is here." in ran.out


def test_a_tool_that_says_nothing_of_its_version(tmp_path: Path) -> None:
    for name, script in (("mute", "exit 3"), ("two", "echo; echo no number; echo tool 1.2"), ("bad", "kill $$")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    said = [kit.run.doctor.version_of(str(tmp_path / name)) for name in ("mute", "two", "bad", "nosuch")]
    assert said == ["", "tool 1.2", "", ""]


def device(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    monkeypatch.setattr(kit.run.doctor, "cannot_open", lambda: why)


def kvm_of(bench: Bench, *argv: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(bench.call("doctor", "--json", *argv).out)["kvm"]
    return found


@pytest.mark.long
def test_kvm_is_tried_by_a_boot_and_remembered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    device(monkeypatch, "there is no /dev/kvm")
    assert kvm_of(bench, "--kvm") == {"works": False, "why": "there is no /dev/kvm", "tried": False}
    device(monkeypatch, "")
    assert (kvm_of(bench)["works"], bench.did("boot")) == (None, 0)
    bench.run()
    booted = bench.did("boot")
    assert "not tried yet" in str(kvm_of(bench)["why"])
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(kvm, "cannot_open", lambda device: "")
    assert kvm_of(bench, "--kvm") == {"works": True, "why": "a boot with KVM succeeded", "tried": True}
    assert bench.did("boot") == booted + 1
    assert kvm_of(bench) == {"works": True, "why": "a boot with KVM succeeded (remembered)", "tried": False}
    monkeypatch.setenv("KIT_FAKE_QEMU", "refuse")
    again = kvm_of(bench, "--kvm")
    assert again["works"] is False
    assert "failed to initialize kvm" in str(again["why"])
    assert kvm_of(bench)["works"] is False
    assert bench.did("boot") == booted + 2
