"""A QEMU that root starts is a user of its own, which reads and writes what it is handed and nothing else of root's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.base.errors import MachineError
from kit.records import Machine
from kit.vm import lent as module
from kit.vm.lent import FREE, OWN, Lent, User, both, lending, nothing, user_for
from kit.vm.qemu import lending_for
from tests.processes import gone

SHELL = "/bin/sh"
ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT or not user_for(SHELL).id, reason="only a root that may become another user")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder that only its owner may enter, as root's home is."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kit-boot-") as name:
        yield Path(name)


def said(lent: Lent, script: str, stderr: Path, *words: str) -> str:
    """What a script prints as QEMU's user."""
    argv = [*lent.user.bounds(), SHELL, "-c", script, "sh", *words]
    done = subprocess.run(argv, pass_fds=lent.fds, capture_output=True, text=True, timeout=30, check=False)
    stderr.write_text(done.stderr)
    return done.stdout


@as_root
def test_it_reads_and_writes_what_it_is_handed_and_enters_no_folder_of_root_s(closed: Path, folder: Path) -> None:
    (closed / "kernel").write_text("image\n")
    (closed / "kernel").chmod(0o644)
    (closed / "log").write_text("old")
    (closed / "files").mkdir()
    (closed / "files").chmod(0o755)
    (closed / "files" / "one").write_text("below\n")
    (closed / "files" / "one").chmod(0o644)
    with lending(user_for(SHELL), folder) as lent:
        kernel, log, files = lent.read(closed / "kernel"), lent.write(closed / "log"), lent.read(closed / "files")
        script = 'id -u; cat "$1"; cat "$3/one"; echo new > "$2"; echo more >> "$1"; ls "$4"; id -G'
        words = said(lent, script, folder / "err", kernel, log, files, str(closed)).split()
        assert words == [str(lent.user.id), "image", "below", str(lent.user.id)]
        assert (folder / "err").read_text().count("Permission denied") == 2
    assert (closed / "log").read_text() == "new\n"
    assert (closed / "log").stat().st_uid == 0
    assert (closed / "kernel").read_text() == "image\n"


@as_root
def test_what_only_root_may_read_is_copied_for_it(closed: Path, folder: Path) -> None:
    secret = closed / "vmlinux"
    secret.write_text("image")
    secret.chmod(0o600)
    with lending(user_for(SHELL), folder) as lent:
        assert said(lent, 'cat "$1"', folder / "err", lent.read(secret)) == "image"
    assert secret.stat().st_mode & 0o777 == 0o600


@as_root
def test_a_folder_that_others_may_not_enter_is_refused_with_what_helps(closed: Path, folder: Path) -> None:
    refused = pytest.raises(MachineError, match="may not enter this folder")
    with lending(user_for(SHELL), folder) as lent, refused as caught:
        lent.read(closed)
    assert caught.value.where == str(closed)
    assert "chmod o+rx" in (caught.value.hint or "")


@as_root
def test_a_file_system_without_owners_gets_a_stand_in(
    closed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = closed / "log"
    log.touch()
    real = os.chown

    def chown(path: Path, *ids: int) -> None:
        if Path(path) == log:
            raise PermissionError("no owners here")
        real(path, *ids)

    monkeypatch.setattr(os, "chown", chown)
    with lending(user_for(SHELL), folder) as lent:
        said(lent, 'echo new > "$1"', folder / "err", lent.write(log))
        assert (folder / "err").read_text() == ""


@as_root
def test_it_makes_files_in_a_folder_that_is_given(tmp_path: Path, folder: Path) -> None:
    with lending(user_for(SHELL), folder) as lent:
        lent.give(folder)
        said(lent, 'touch "$1/gdb"', folder / "err", str(folder))
        assert (folder / "gdb").stat().st_uid == lent.user.id


@as_root
def test_two_are_two_users_and_none_has_an_account() -> None:
    ids = {user_for(SHELL).id for _ in range(40)}
    assert len(ids) > 10
    assert ids < set(FREE)


@as_root
def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """To become another user clears the death signal (commit_creds in kernel/cred.c): it must be set afterwards."""
    code = (
        "import os, socket, sys, time; from pathlib import Path; from kit.vm.lent import lending, user_for;"
        "from kit.vm.process import running; folder = Path(sys.argv[1]);\n"
        "with lending(user_for('/bin/sh'), folder) as lent, "
        "running([*lent.user.bounds(), '/bin/sleep', '60'], [], folder / 'err', lent.fds) as process:\n"
        "    (folder / 'pid').write_text(str(process.pid)); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    end = time.monotonic() + 20
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text() and _name(int(pid.read_text())) == "sleep"):
        assert time.monotonic() < end
        time.sleep(0.02)
    number = int(pid.read_text())
    assert Path(f"/proc/{number}").stat().st_uid in FREE
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(number)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_a_user_s_qemu_is_that_user_and_opens_files_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert user_for(SHELL) == User(None)
    with lending(user_for(SHELL), tmp_path) as lent:
        assert lent.read(tmp_path) == lent.write(tmp_path) == str(tmp_path)
        assert lent.user.bounds() == ("setpriv", "--pdeathsig", "KILL", "--")


def test_what_is_to_read_as_root_is_root(tmp_path: Path) -> None:
    with lending_for(Machine("x86_64", 1, 64, "tcg"), tmp_path, as_root=True) as lent:
        assert lent.user == User(None)


@as_root
def test_a_program_that_others_may_not_run_stays_with_root(closed: Path) -> None:
    program = closed / "qemu-system-x86_64"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert "others may not enter" in user_for(str(program)).why
    assert user_for(str(program)).id is None


@as_root
@pytest.mark.parametrize(
    ("mode", "gid", "user", "why"),
    [
        (0o666, 0, (True, None), ""),
        (0o660, 108, (True, 108), ""),
        (0o660, 0, (False, None), "only root may open"),
        (0o600, 108, (False, None), "only root may open"),
    ],
)
def test_kvm_is_opened_as_one_of_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, gid: int, user: tuple[bool, int | None], why: str
) -> None:
    device = tmp_path / "kvm"
    device.touch()
    os.chown(device, 0, gid)
    device.chmod(mode)
    monkeypatch.setattr(module, "KVM", device)
    found = user_for(SHELL, kvm=True)
    assert ((found.id is not None), found.group) == user
    assert why in found.why
    assert user_for(SHELL).id is not None


@as_root
@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["setpriv", "--bounding-set=-all", "--inh-caps=-all"], "may not become another user"),
        (["unshare", "--user", "--map-root-user"], "a container with few users"),
    ],
)
def test_a_root_of_a_container_stays_who_it_is(command: list[str], why: str) -> None:
    code = "from kit.vm.lent import user_for; found = user_for('/bin/sh'); print(found.id, found.why)"
    done = subprocess.run([*command, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.stdout.startswith("None "), done.stderr
    assert why in done.stdout


def test_options_are_put_together() -> None:
    assert both(lambda _: ["-a"], lambda _: ("-b", "c"))(OWN) == ("-a", "-b", "c")
    assert nothing(OWN) == ()
