"""A guest that somebody works in: keys, size, streams, exit codes, and the terminal afterwards. QEMU is a fake."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pexpect
import pytest

from tests.processes import gone

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fakes" / "qemu"
SECONDS = 60

SCRIPT = """
import sys
from pathlib import Path
from kit.cli import ending
from kit.base.errors import KitError
from kit.records import Machine
from kit.run.shell import _exit_code
from kit.vm.session import run_session
interactive = sys.argv[1] == "terminal"
limit = float(sys.argv[2]) if len(sys.argv) > 2 else None
machine = Machine("x86_64", 1, 64, "tcg")
try:
    with ending(by := []):
        found = run_session(Path("/kernel"), b"nonce=abc\\n", machine, interactive=interactive, limit=limit)
    code = _exit_code(found, "abc")
except KitError as error:
    print(f"kit: {error}", file=sys.stderr)
    code = error.exit_code
except KeyboardInterrupt:
    code = 128 + by[-1]
sys.exit(code)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The fake first on PATH; its pid is written to tmp_path/pid."""
    qemu = tmp_path / "bin" / "qemu-system-x86_64"
    qemu.parent.mkdir()
    qemu.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S -E {shlex.quote(str(FAKE))} "$@"\n')
    qemu.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{qemu.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "KIT_FAKE_QEMU": "session",
        "KIT_FAKE_QEMU_PID": str(tmp_path / "pid"),
    }


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", SCRIPT, *words]


def on_a_terminal(environment: dict[str, str]) -> pexpect.spawn:
    argv = command("terminal")
    child = pexpect.spawn(argv[0], argv[1:], env=environment, timeout=SECONDS, dimensions=(30, 100), echo=True)
    child.expect(r"ready\$ ")
    return child


def is_cooked(child: pexpect.spawn) -> bool:
    """Whether the terminal echoes and makes signals of keys."""
    local = termios.tcgetattr(child.child_fd)[3]
    return bool(local & termios.ECHO and local & termios.ICANON and local & termios.ISIG)


def test_keys_sizes_and_the_exit_code(environment: dict[str, str]) -> None:
    child = on_a_terminal(environment)
    child.expect("size 30 100")
    assert not is_cooked(child)
    child.sendintr()
    child.expect(re.escape(r"got b'\x03'"))
    child.setwinsize(40, 120)
    child.expect("size 40 120")
    child.send("leave 9\r")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 9


def test_the_terminal_is_as_it_was_after_a_panic(environment: dict[str, str]) -> None:
    argv = command("terminal")
    line = f"{shlex.join(argv)}; echo code $?; stty -a"
    child = pexpect.spawn("sh", ["-c", line], env=environment, timeout=SECONDS)
    child.expect(r"ready\$ ")
    child.send("die")
    child.expect("the guest ended: Kernel panic")
    child.expect("code 4")
    child.expect(r" icanon.* echo ")
    child.expect(pexpect.EOF)


def test_three_times_the_escape_ends_a_guest_that_does_not_answer(environment: dict[str, str]) -> None:
    child = on_a_terminal(environment)
    child.send("\x1d\x1d\x1d")
    child.expect("ended by Ctrl-]")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 4


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_guest_ends_with_kit(environment: dict[str, str], tmp_path: Path, how: signal.Signals) -> None:
    child = on_a_terminal(environment)
    os.kill(child.pid, how)
    assert gone(int((tmp_path / "pid").read_text()), SECONDS)
    child.expect(pexpect.EOF)
    child.wait()
    if how is not signal.SIGKILL:
        assert child.exitstatus == 128 + how


def test_a_command_has_our_streams(environment: dict[str, str]) -> None:
    text = "one\ntwo\n" * 50_000
    done = subprocess.run(
        command("streams"), input=text, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (7, "end of input\n")
    assert done.stdout == text.upper()


def test_a_command_has_a_limit(environment: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        command("streams", "2"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stderr is not None
        assert "no end after 2 s" in process.stderr.read()
        assert process.wait(SECONDS) == 4
    assert gone(int((tmp_path / "pid").read_text()), SECONDS)


def test_qemu_that_refuses_is_told(environment: dict[str, str]) -> None:
    done = subprocess.run(
        command("streams"), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**environment, "KIT_FAKE_QEMU": "refuse"},
    )  # fmt: skip
    assert done.returncode == 4
    assert "failed to initialize kvm" in done.stderr
