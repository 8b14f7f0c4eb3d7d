"""The initramfs: its bytes are reproducible, cpio reads it back, and the compiler's errors are shown."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from kit.base.errors import MachineError
from kit.workload import guestimage
from kit.workload.guestimage import Entry, boot_initramfs, build_guest, cpio, guest_key

needs_compiler = pytest.mark.skipif(shutil.which(guestimage.COMPILER) is None, reason="needs musl-gcc")


def members(archive: bytes) -> dict[str, tuple[int, bytes, tuple[int, int]]]:
    """Path → (mode, data, device) of all concatenated archives, as the kernel's init/initramfs.c reads them."""
    found, at = {}, 0
    while at < len(archive):
        if archive[at] == 0:
            at += 4
            continue
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, major, minor, name_size = fields[1], fields[6], fields[9], fields[10], fields[11]
        assert fields[5] == 0, "mtime"
        name = archive[at + 110 : at + 110 + name_size - 1].decode()
        at += -(-(110 + name_size) // 4) * 4
        if name != "TRAILER!!!":
            found[name] = (mode, archive[at : at + size], (major, minor))
        at += -(-size // 4) * 4
    return found


@pytest.mark.skipif(shutil.which("cpio") is None, reason="needs cpio")
def test_cpio_lists_what_was_packed(tmp_path: Path) -> None:
    archive = cpio([Entry("bin", stat.S_IFDIR | 0o755), Entry("bin/odd name", stat.S_IFREG | 0o644, b"12345")])
    unpack = ["cpio", "-i", "--quiet", "-d"]
    subprocess.run(unpack, input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "bin" / "odd name").read_bytes() == b"12345"


@needs_compiler
def test_base_has_programs_and_devices(guest: guestimage.GuestImage) -> None:
    inside = members(guest.base_cpio_path.read_bytes())
    assert inside["dev/ttyS1"][0] == stat.S_IFCHR | 0o600
    assert inside["dev/ttyS1"][2] == (4, 65)
    assert inside["dev/console"][2] == (5, 1)
    for program in ("init", "worker", "bin/sh"):
        assert inside[program][1].startswith(b"\x7fELF")
        assert inside[program][0] & 0o111
    assert inside["bin/job.sh"][1].startswith(b"#!/bin/sh\n")


@needs_compiler
def test_a_second_build_is_the_same_and_a_cached_one_compiles_nothing(
    guest: guestimage.GuestImage, tmp_path: Path
) -> None:
    commands: list[Sequence[str]] = []
    again = build_guest(tmp_path, on_command=commands.append)
    assert len(commands) == len(guestimage.PROGRAMS)
    assert again.base_cpio_path.read_bytes() == guest.base_cpio_path.read_bytes()
    assert build_guest(tmp_path, on_command=commands.append) == again
    assert len(commands) == len(guestimage.PROGRAMS)
    assert [path.name for path in tmp_path.iterdir()] == [again.base_cpio_path.name]


@needs_compiler
def test_programs_are_static_and_have_no_executable_stack(guest: guestimage.GuestImage, tmp_path: Path) -> None:
    for path in guestimage.PROGRAMS:
        file = tmp_path / "program"
        file.write_bytes(members(guest.base_cpio_path.read_bytes())[path][1])
        headers = subprocess.run(["readelf", "-hlW", file], capture_output=True, text=True, check=True).stdout
        assert "EXEC (Executable file)" in headers
        assert "INTERP" not in headers
        [stack] = [line for line in headers.splitlines() if "GNU_STACK" in line]
        assert " RW " in stack


def test_a_boot_appends_its_program_and_conf(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_bytes(cpio([Entry("init", stat.S_IFREG | 0o755, b"x")]))
    program = "worker one\nfork\nend\nworker two\nscript\n"
    inside = members(boot_initramfs(base, program, {"nonce": "abc", "limit": "60"}))
    assert set(inside) == {"init", "program.0", "program.1", "boot.conf"}
    assert inside["init"][1] == b"x"
    assert inside["program.0"][1] == b"fork\nend\n"
    assert inside["program.1"][1] == b"script\n"
    assert inside["boot.conf"][1] == b"nonce=abc\nlimit=60\nworker.0=one\nworker.1=two\n"


@pytest.mark.parametrize("program", ["", "fork\nend\n", "fork\nend\nworker one\nscript\n"])
def test_a_program_without_its_worker_is_refused(tmp_path: Path, program: str) -> None:
    base = tmp_path / "base"
    base.write_bytes(cpio([]))
    with pytest.raises(ValueError, match="starts with a line `worker NAME`"):
        boot_initramfs(base, program, {"nonce": "abc"})


@needs_compiler
def test_the_key_follows_sources_and_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = guest_key()
    sources = tmp_path / "guest"
    shutil.copytree(guestimage.SOURCES, sources)
    monkeypatch.setattr(guestimage, "SOURCES", sources)
    assert guest_key() == before
    with (sources / "run.c").open("a") as file:
        file.write("\n")
    changed = guest_key()
    monkeypatch.setattr(guestimage, "FLAGS", (*guestimage.FLAGS, "-g"))
    assert len({before, changed, guest_key()}) == 3


@needs_compiler
def test_a_compile_error_shows_the_compilers_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = tmp_path / "guest"
    shutil.copytree(guestimage.SOURCES, sources)
    with (sources / "init.c").open("a") as file:
        file.write("int nonsense = ;\n")
    monkeypatch.setattr(guestimage, "SOURCES", sources)
    with pytest.raises(MachineError, match=r"(?s)init does not compile.*init\.c:\d+:\d+: error.*int nonsense = ;"):
        build_guest(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
