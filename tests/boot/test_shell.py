"""`kit shell` with a real terminal and a real kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from kit.experiment.reader import PROJECT
from tests.boot.conftest import takes_long

pytestmark = [pytest.mark.boot, takes_long]
SECONDS = 600
KIT = [sys.executable, "-c", "import sys; from kit.cli import main; sys.exit(main(sys.argv[1:]))"]
ARM = ["shell", str(PROJECT / "configs" / "locks.yaml"), "--arm", "stock", "--set", "guest.accel=tcg"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "dumb"}


def test_a_command_on_the_hosts_files(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("")
    text = "uname -r; pwd; ls; cat; echo error >&2; touch there; exit 5"
    done = subprocess.run(
        [*KIT, *ARM, "--cpus", "2", "--", text], input="typed\n", capture_output=True, text=True, timeout=SECONDS,
        cwd=tmp_path, env=environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 5, done.stderr
    assert done.stdout == f"6.1.192\n{tmp_path}\nhere\ntyped\n"
    assert done.stderr.endswith("error\n")
    assert [p.name for p in tmp_path.iterdir()] == ["here"]


def test_a_terminal(tmp_path: Path) -> None:
    program, *words = [*KIT, *ARM]
    child = pexpect.spawn(
        program, words, env=environment(), cwd=str(tmp_path), timeout=SECONDS, dimensions=(33, 99), encoding="utf-8"
    )
    child.expect("job control|[$#] $")
    child.sendline("stty size; tty; echo at-$((40+2))")
    child.expect("33 99\r\n.*hvc0.*at-42")
    child.setwinsize(44, 111)
    child.sendline("sleep 1; stty size")
    child.expect("44 111")
    child.sendline("sleep 1000")
    child.expect("sleep 1000")
    child.sendintr()
    child.sendline("echo still-$((1+1))")
    child.expect("still-2")
    child.sendline("exit 6")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 6
