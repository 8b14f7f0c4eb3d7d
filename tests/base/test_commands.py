"""Commands: time limits, what they leave behind, their output, and commands that cannot be started."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kit.base import commands
from kit.base.errors import MachineError
from kit.base.progress import Progress
from tests.processes import alive, gone

QUIET = Progress()


def shell(script: str, limit: float = 20, **options: Any) -> commands.Done:
    return commands.run(["sh", "-c", script], progress=QUIET, limit=limit, **options)


def test_status_and_both_streams_come_back() -> None:
    done = shell("echo out; echo err >&2; exit 3")
    assert (done.status, sorted(done.output.split())) == (3, ["err", "out"])


def test_a_command_starts_with_its_own_environment_and_folder(tmp_path: Path) -> None:
    assert shell("echo $ONE $LC_ALL; pwd", cwd=tmp_path, env={"ONE": "1"}).output == f"1 C\n{tmp_path}\n"


def test_lines_are_whole_however_they_arrive(tmp_path: Path) -> None:
    seen: list[str] = []
    log = tmp_path / "log"
    log.write_text("before\n")
    done = shell(r"printf 'a'; sleep 0.1; printf 'b\n\n'; printf '\377\nlast'", on_line=seen.append, log=log)
    assert seen == ["ab", "", "�", "last"]
    assert done.output == "ab\n\n�\nlast"
    assert log.read_text() == "before\n" + done.output


def test_huge_output_and_a_huge_line() -> None:
    done = shell("head -c 8000000 /dev/zero | tr '\\0' x; echo; seq 300000")
    lines = done.output.splitlines()
    assert (len(lines[0]), len(lines), lines[-1]) == (8_000_000, 300_001, "300000")


@pytest.mark.parametrize("script", ["sleep 60", "exec >/dev/null 2>&1; sleep 60", "while :; do echo y; done"])
def test_the_limit_is_kept(script: str) -> None:
    start = time.monotonic()
    with pytest.raises(MachineError, match="still running after 0 s"):
        shell(script, limit=0.3)
    assert time.monotonic() - start < 4


@pytest.mark.parametrize("ending", ["wait", "exit 0"])
def test_no_child_is_left_not_even_a_stubborn_one(tmp_path: Path, ending: str) -> None:
    pid = tmp_path / "pid"
    child = f"sh -c 'trap \"\" TERM; echo $$ >{pid}; while :; do sleep 0.1; done' >/dev/null 2>&1 &"
    script = f"{child} until [ -s {pid} ]; do sleep 0.01; done; {ending}"
    if ending == "wait":
        with pytest.raises(MachineError, match="still running"):
            shell(script, limit=0.5)
    else:
        assert shell(script).status == 0
    assert gone(int(pid.read_text()))


def test_a_command_that_goes_on_without_its_output_is_waited_for() -> None:
    assert shell("exec >/dev/null 2>&1; sleep 0.3; exit 7").status == 7


def test_an_error_while_a_line_is_handled_ends_the_command(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def refuse(line: str) -> None:
        raise ValueError(line)

    with pytest.raises(ValueError, match="go"):
        shell(f"echo $$ >{pid}; echo go; sleep 60", on_line=refuse)
    assert gone(int(pid.read_text()))


def test_a_command_dies_with_kit(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "from kit.base import commands; from kit.base.progress import Progress\n"
        f"commands.run(['sh', '-c', 'echo $$ >{pid}; exec sleep 60'], progress=Progress(), limit=60)"
    )
    kit = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2])
    end = time.monotonic() + 10
    while not (pid.exists() and pid.read_text()) and time.monotonic() < end:
        time.sleep(0.02)
    sleeper = int(pid.read_text())
    assert alive(sleeper)
    kit.send_signal(signal.SIGKILL)
    kit.wait()
    assert gone(sleeper)


@pytest.mark.parametrize("name", ["no-such-command", "./no-such-file", "/no/such/path"])
def test_a_missing_command_is_named(name: str) -> None:
    with pytest.raises(MachineError, match=f"cannot start `{name}`"):
        commands.run([name], progress=QUIET, limit=5)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no-folder"):
        commands.run(["true"], progress=QUIET, limit=5, cwd=tmp_path / "no-folder")


def test_a_script_beside_the_command_s_folder(tmp_path: Path) -> None:
    script = tmp_path / "here"
    script.write_text("#!/bin/sh\necho yes\n")
    script.chmod(0o755)
    assert commands.run(["./here"], progress=QUIET, limit=5, cwd=tmp_path).output == "yes\n"


def test_check_shows_the_last_lines() -> None:
    with pytest.raises(MachineError) as caught:
        commands.check(["sh", "-c", "seq 20; exit 2"], progress=QUIET, limit=5)
    assert caught.value.what.splitlines() == [
        "`sh -c seq 20; exit 2` ended with status 2:",
        *(f"    {n}" for n in range(13, 21)),
    ]
    assert commands.check(["echo", "fine"], progress=QUIET, limit=5) == "fine\n"


def test_a_log_that_cannot_be_written_is_the_machine_s_fault(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file"):
        shell("echo x", log=tmp_path / "none" / "log")
    if Path("/dev/full").exists():
        with pytest.raises(MachineError, match=os.strerror(errno.ENOSPC)):
            shell("echo x; sleep 60", log=Path("/dev/full"))


def test_commands_are_told_and_their_time_is_added_up() -> None:
    told: list[str] = []

    class Recorder(Progress):
        def command(self, argv: Any, cwd: str = "") -> None:
            told.append(" ".join(argv))

    recorder = Recorder()
    commands.run(["sleep", "0.1"], progress=recorder, limit=5)
    assert told == ["sleep 0.1"]
    assert 0.1 <= recorder.command_seconds < 2
