"""A fake QEMU first on PATH, and one boot with it."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from kit.records import Machine
from kit.vm.boot import BootRun, run_boot
from kit.vm.console import Limits
from kit.workload.results import read_results

FAKE = Path(__file__).resolve().parents[1] / "fakes" / "qemu"
MACHINE = Machine("x86_64", 2, 256, "tcg")

FakeBoot = Callable[..., BootRun]


@pytest.fixture
def fake_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBoot:
    """Boots the fake in a scenario: `fake_boot("panic", limits=...)`. Temporary files go to tmp_path/temp."""
    programs, temp = tmp_path / "bin", tmp_path / "temp"
    programs.mkdir()
    temp.mkdir()
    qemu = programs / "qemu-system-x86_64"
    python = shlex.quote(sys.executable)  # what is called python3 may be a script that looks for one
    qemu.write_text(f'#!/bin/sh\nexec {python} -S -E {shlex.quote(str(FAKE))} "$@"\n')
    qemu.chmod(0o755)
    programs.chmod(0o700)  # a folder that only this user may enter
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("KIT_FAKE_QEMU_PID", str(tmp_path / "pid"))
    monkeypatch.setattr(tempfile, "tempdir", str(temp))

    def boot(scenario: str, limits: Limits | None = None) -> BootRun:
        monkeypatch.setenv("KIT_FAKE_QEMU", scenario)
        return run_boot(
            FAKE,
            b"nonce=abc123\n",
            MACHINE,
            console=tmp_path / "console" / "boot.log",
            read=partial(read_results, nonce="abc123"),
            limits=limits,
        )

    return boot
