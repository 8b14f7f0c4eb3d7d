"""What is packed for a guest: links, scripts, folders, and how it lies in the initramfs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from kit.base.errors import MachineError, UserError
from kit.workload.guestimage import boot_initramfs
from kit.workload.load import boot_program, own_limit, sections, wanted_host
from kit.workload.pack import content, find_program, pack
from kit.workload.payload import Payload, read_manifest, require_room


def test_links_on_the_way_stay_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "way").symlink_to("real")
    (tmp_path / "way2").symlink_to(tmp_path / "way")
    found = pack([], None, [str(tmp_path / "way2" / "file")], {})
    assert [f.path for f in found.files] == [str(tmp_path / "real" / "file")]
    assert {str(tmp_path / "way"): "real", str(tmp_path / "way2"): str(tmp_path / "way")}.items() <= dict(
        found.links
    ).items()


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UserError, match="too many symbolic links"):
        pack([], None, [str(tmp_path / "a")], {})


def test_a_script_brings_its_interpreter(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    paths = [f.path for f in pack([str(script)], None, [], {}).files]
    assert os.path.realpath("/bin/sh") in paths
    assert str(script) in paths
    script.write_text("#!/no/such/shell\n")
    with pytest.raises(UserError, match="its interpreter /no/such/shell is not on this machine"):
        pack([str(script)], None, [], {})


def test_a_folder_is_packed_whole_with_what_its_programs_need(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "data").write_bytes(b"\0" * 10)
    (tmp_path / "nowhere").symlink_to("/no/such/target")
    (tmp_path / "tool").symlink_to(find_program("true", None))
    found = pack([], str(tmp_path), [], {})
    assert str(tmp_path / "empty") in found.folders
    assert dict(found.links)[str(tmp_path / "nowhere")] == "/no/such/target"
    assert any(f.path.endswith("libc.so.6") for f in found.files)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["nosuchprogram"], "no such program on this machine: nosuchprogram"),
        (["/no/such/path"], "no such program: /no/such/path"),
        (["/etc/passwd"], "not executable"),
    ],
)
def test_programs_that_are_not_there(command: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Payload(command=tuple(command)).load("p", 1)


def test_a_pack_that_is_too_big_for_the_guest() -> None:
    packed = Payload(command="sh -c true").packed()  # type: ignore[arg-type]
    require_room(packed, 64)
    with pytest.raises(UserError, match="more than a quarter of the guest's memory of 4M"):
        require_room(packed, 4)


def test_the_text_of_a_payload_is_what_a_guest_gets(tmp_path: Path) -> None:
    odd = tmp_path / "a b%\n"
    odd.write_text("odd")
    payload = Payload(command=("sh", "-c", "echo 'a  b'\n%20"), files=(str(odd),), env={"A": "1 2"}, limit=7)
    text = boot_program([payload.load("p", 1)])
    [(kind, name, body)] = sections(text)
    assert (kind, name, own_limit(text), wanted_host(text)) == ("payload", "p", 7, None)
    assert "arg echo%20'a%20%20b'%0a%2520\n" in body
    assert "env A=1%202\n" in body
    assert str(odd) in [f.path for f in read_manifest(body).files]
    host = boot_program([Payload(command=("sh",), root="host").load("p", 1)])
    found = wanted_host(host)
    assert found is not None
    assert (found.folders, found.home) == (("/tmp", os.path.dirname(shutil.which("sh") or "")), False)
    both = boot_program([Payload(command=("sh",), root="home", folder="/a b").load("q", 1)]) + host
    found = wanted_host(both)
    assert found is not None
    assert found.home
    assert found.folders[0] == "/a b"
    assert read_manifest(host).files == ()


def test_the_initramfs_holds_the_pack_below_its_root(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_bytes(b"")
    data = tmp_path / "data"
    data.write_text("here")
    data.chmod(0o640)
    text = boot_program([Payload(command=("sh", "-c", "true"), files=(str(data),)).load("p", 1)])
    archive = tmp_path / "archive"
    archive.write_bytes(boot_initramfs(base, text, {"nonce": "n"}))
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["cpio", "-idm", "--quiet"], stdin=archive.open("rb"), cwd=out, check=True)
    task = (out / "payload.0").read_text()
    root = task.splitlines()[0].removeprefix("root ")
    packed = out / root.lstrip("/")
    assert "file " not in task
    assert (packed / str(data).lstrip("/")).read_text() == "here"
    assert stat.S_IMODE((packed / str(data).lstrip("/")).stat().st_mode) == 0o640
    assert os.path.islink(packed / "lib") == os.path.islink("/lib")
    assert "worker.0=p\n" in (out / "boot.conf").read_text()


def test_a_file_that_changes_after_the_start_is_noticed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("before")
    [file] = pack([], None, [str(data)], {}).files
    assert content(file) == b"before"
    data.write_text("after")
    with pytest.raises(MachineError, match="has changed since the run began"):
        content(file)
    data.unlink()
    with pytest.raises(MachineError, match="is gone"):
        content(file)
