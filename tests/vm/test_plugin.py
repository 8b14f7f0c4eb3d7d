"""QEMU's plugin: its C compiles without a warning for each of QEMU's interfaces; which QEMU takes it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.base.errors import MachineError
from kit.base.project import PROJECT
from kit.records.arches import ARCHES, DEFAULT
from kit.vm.plugin import compiled as making
from kit.vm.plugin import found as finding
from kit.vm.plugin.compiled import argv_of, compiled, sources
from kit.vm.plugin.found import Plugin, find_plugin, interface_of

ARCH = ARCHES[DEFAULT]
needs_qemu = pytest.mark.skipif(not shutil.which(ARCH.qemu), reason="no QEMU here")


@pytest.mark.parametrize("interface", [1, 2, 3, 7])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_it_compiles_without_a_warning(tmp_path: Path, compiler: str, interface: int) -> None:
    program = os.environ.get(f"KIT_TEST_{compiler.upper()}") or shutil.which(compiler)
    if program is None:
        pytest.skip(f"no {compiler} here")
    argv = argv_of(program, interface, tmp_path / "plugin.so")
    assert "-Werror" in argv
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_warning_is_an_error_and_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = sources()[0].name
    shutil.copytree(making.SOURCES, tmp_path / "plugin")
    with (tmp_path / "plugin" / name).open("a") as file:
        file.write("static int unused;\n")
    monkeypatch.setattr(making, "SOURCES", tmp_path / "plugin")
    with pytest.raises(MachineError, match=f"does not compile\n.*{name}"):
        compiled(tmp_path, 1)


def test_it_is_compiled_once_for_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[list[str]] = []
    first = compiled(tmp_path, 1, lambda argv: said.append(list(argv)))
    assert compiled(tmp_path, 1, lambda argv: said.append(list(argv))) == first
    assert len(said) == 1
    first.write_bytes(b"")
    assert compiled(tmp_path, 1).read_bytes()[:4] == b"\x7fELF", "what is damaged is made again"
    assert compiled(tmp_path, 2) != first
    shutil.copytree(making.SOURCES, tmp_path / "plugin")
    (tmp_path / "plugin" / "job.h").write_text((making.SOURCES / "job.h").read_text() + "\n")
    monkeypatch.setattr(making, "SOURCES", tmp_path / "plugin")
    assert compiled(tmp_path, 1) != first
    assert [p.name for p in tmp_path.glob(".new-*")] == []


def test_no_compiler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MachineError, match="no C compiler"):
        making.compiler()


def test_the_guest_s_mark_is_the_one_of_its_architecture() -> None:
    text = (PROJECT / "guest" / "mark.h").read_text()
    found = re.search(r"__x86_64__.*?\.byte ([^\"]*)\"", text, re.DOTALL)
    assert found
    words = [word.strip() for word in found[1].split(",")]
    assert "".join(".." if word == "%c0" else f"{int(word, 16):02x}" for word in words) == ARCH.mark
    names = re.search(r"enum \{ MARK_INIT = 1, (.*) \}", text)
    assert names
    assert f"enum mark {{ NO_MARK, MARK_INIT, {names[1]} }}" in (making.SOURCES / "marks.h").read_text()


@pytest.mark.parametrize(
    ("version", "interface"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", 1),
        ("QEMU emulator version 8.2.9", 1),
        ("QEMU emulator version 9.0.2", 2),
        ("QEMU emulator version 9.1.0", 3),
        ("QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)", 3),
        ("QEMU emulator version 11.0.1", 3),
        ("QEMU emulator version 11.1.0", 7),
        ("QEMU emulator version 12.0.0", 7),
        ("a program of another name", 1),
    ],
)
def test_the_interface_goes_by_qemu_s_version(version: str, interface: int) -> None:
    assert interface_of(version) == interface


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Plugin:
    """What is found with this script as QEMU."""
    qemu = folder / "bin" / ARCH.qemu
    qemu.parent.mkdir()
    qemu.write_text(f"#!/bin/sh\n{script}\n")
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", f"{qemu.parent}:{os.environ['PATH']}")
    return find_plugin(ARCH, folder)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'qemu: no such option' >&2; exit 1", "this QEMU takes no plugins: qemu: no such option"),
        ("exit 0", "this QEMU takes no plugins: it says nothing"),
        ("kill -9 $$", "this QEMU takes no plugins: it says nothing"),
        ("printf 'K x 0 3 00000000 end\\n'", "this QEMU takes no plugins: it says nothing"),
    ],
)
def test_a_qemu_without_plugins_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    assert fake(tmp_path, monkeypatch, script) == Plugin(None, None, why)


def test_no_qemu_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_plugin(ARCH, tmp_path) == Plugin(None, None, f"there is no {ARCH.qemu}")


NEWER = "and later, kit's has"  # said of a QEMU that has left all interfaces that kit knows


def test_a_qemu_that_has_left_kit_s_interfaces_is_told_in_a_few_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qemu = tmp_path / "bin" / ARCH.qemu
    qemu.parent.mkdir()
    said = "plugin requires API version 7, but this QEMU supports only a minimum version of 9"  # as 11.1 says it
    qemu.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version 12.0.0" || echo "{said}" >&2\n')
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", f"{qemu.parent}:{os.environ['PATH']}")
    found = find_plugin(ARCH, tmp_path)
    assert found == Plugin(None, None, "this QEMU takes plugins of interface 9 and later, kit's has 7")


def test_a_qemu_that_wants_a_newer_interface_than_its_version_tells_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    qemu = tmp_path / "bin" / ARCH.qemu
    qemu.parent.mkdir()
    said = "plugin requires API version 3, but this QEMU supports only a minimum version of 7"  # 11.1's words
    qemu.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "QEMU emulator version 11.0.9" || echo "{said}" >&2\n')
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", f"{qemu.parent}:{os.environ['PATH']}")
    asked: list[int] = []

    def compile_it(folder: Path, interface: int, on_command: object) -> Path:
        asked.append(interface)
        return tmp_path

    monkeypatch.setattr(finding, "compiled", compile_it)
    monkeypatch.setattr(finding, "_loads", lambda arch, file: (asked[-1] == 7, "" if asked[-1] == 7 else said))
    assert find_plugin(ARCH, tmp_path) == Plugin(tmp_path, 7)
    assert asked == [3, 7]


@needs_qemu
def test_this_machine_s_qemu_takes_it(tmp_path: Path) -> None:
    found = find_plugin(ARCH, tmp_path)
    if NEWER in found.why:
        pytest.skip(found.why)
    assert found.file is not None, found.why
    assert found.file.parent == tmp_path
    assert found.interface == interface_of(
        subprocess.run([ARCH.qemu, "--version"], capture_output=True, text=True, check=True).stdout
    )


@needs_qemu
def test_a_plugin_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(making.SOURCES, tmp_path / "plugin")
    loader = tmp_path / "plugin" / "loader.c"
    text = loader.read_text()
    loader.write_text(text.replace("qemu_plugin_version = INTERFACE;", "qemu_plugin_version = 99;"))
    assert loader.read_text() != text
    monkeypatch.setattr(making, "SOURCES", tmp_path / "plugin")
    found = find_plugin(ARCH, tmp_path)
    assert found.file is None
    assert "this QEMU takes no plugins: " in found.why
    assert "version 99" in found.why
