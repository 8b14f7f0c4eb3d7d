"""A guest that the user works in: keys, size, streams, exit codes, and the terminal afterwards. QEMU is a fake."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import termios
from pathlib import Path

import pexpect
import pexpect.fdpexpect
import pytest
from started import Started

from tests.processes import gone

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "fakes" / "qemu"
SECONDS = 60

CALL = "tests.vm.session_program:main"
SCRIPT = "import sys; from tests.vm.session_program import main; sys.exit(main(sys.argv[1:]))"


class Terminal(pexpect.fdpexpect.fdspawn):
    """A session on a terminal of 30 lines and 100 columns, after its prompt has come."""

    def __init__(self, environment: dict[str, str]) -> None:
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (30, 100))
        self.process = Started(["terminal"], environment, call=CALL, terminal=theirs)
        os.close(theirs)
        super().__init__(ours, timeout=SECONDS)
        self.expect(r"ready\$ ")

    def ends(self) -> int:
        """The exit status, once the terminal is closed."""
        self.expect(pexpect.EOF)
        return self.process.wait(SECONDS)


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


def is_cooked(child: Terminal) -> bool:
    """Whether the terminal echoes, and turns keys into signals."""
    local = termios.tcgetattr(child.child_fd)[3]
    return bool(local & termios.ECHO and local & termios.ICANON and local & termios.ISIG)


def test_keys_sizes_and_the_exit_code(environment: dict[str, str]) -> None:
    child = Terminal(environment)
    child.expect("size 30 100")
    assert not is_cooked(child)
    child.send("\x03")
    child.expect(re.escape(r"got b'\x03'"))
    termios.tcsetwinsize(child.child_fd, (40, 120))
    child.expect("size 40 120")
    child.send("leave 9\r")
    assert child.ends() == 9


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
    child = Terminal(environment)
    child.send("\x1d\x1d\x1d")
    child.expect("ended by Ctrl-]")
    assert child.ends() == 4


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_guest_ends_with_kit(environment: dict[str, str], tmp_path: Path, how: signal.Signals) -> None:
    child = Terminal(environment)
    child.process.send_signal(how)
    assert gone(int((tmp_path / "pid").read_text()), SECONDS)
    status = child.ends()
    if how is not signal.SIGKILL:
        assert status == 128 + how


def test_a_command_has_our_streams(environment: dict[str, str]) -> None:
    text = "one\ntwo\n" * 50_000
    source, sink = os.pipe()
    process = Started(["streams"], environment, call=CALL, source=source)
    os.close(source)
    with os.fdopen(sink, "w") as file:
        file.write(text)
    out, err = process.communicate(SECONDS)
    assert (process.returncode, err) == (7, "end of input\n")
    assert out == text.upper()


def test_a_command_has_a_limit(environment: dict[str, str], tmp_path: Path) -> None:
    source, sink = os.pipe()
    process = Started(["streams", "2"], environment, call=CALL, source=source)
    assert "no end after 2 s" in process.communicate(SECONDS)[1]
    assert process.wait(SECONDS) == 4
    for fd in (source, sink):  # the command could have read from it until here
        os.close(fd)
    assert gone(int((tmp_path / "pid").read_text()), SECONDS)


def test_qemu_that_refuses_is_told(environment: dict[str, str]) -> None:
    process = Started(["streams"], {**environment, "KIT_FAKE_QEMU": "refuse"}, call=CALL)
    assert "failed to initialize kvm" in process.communicate(SECONDS)[1]
    assert process.returncode == 4
