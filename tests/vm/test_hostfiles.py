"""Which folders of this machine a guest sees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.vm.hostfiles import HOMES, MOST, OF_THE_KERNEL, SYSTEM, HostFiles, host_files
from kit.vm.lent import OWN


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the user in a folder that is no home of the system's."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me/linux/mm").mkdir(parents=True)
    return tmp_path / "me"


def test_the_systems_folders_are_seen_and_nothing_else(home: Path) -> None:
    found = host_files([], home=False)
    assert {"/usr", "/etc"} <= {*found.folders} <= {*SYSTEM}
    assert {*found.links} <= {*SYSTEM}
    assert not {*SYSTEM} & {*HOMES, *OF_THE_KERNEL}
    assert host_files(["/proc/self", "/sys"], home=True).bare[-1] == "/sys"
    assert not found.home
    assert all(os.readlink(path) == target for path, target in found.links.items())
    assert not any(os.path.islink(path) for path in found.folders)


def test_a_folder_in_a_home_is_seen_if_a_program_starts_there(home: Path) -> None:
    there = host_files([f"{home}/linux", f"{home}/linux/mm", "/usr/bin"], home=False)
    assert [path for path in there.folders if path.startswith(str(home))] == [f"{home}/linux"]
    assert there.folders.count("/usr") == 1
    assert "/usr/bin" not in there.folders
    below_first = host_files([f"{home}/linux/mm", f"{home}/linux"], home=False)
    assert [path for path in below_first.folders if path.startswith(str(home))] == [f"{home}/linux"]


def test_a_home_itself_is_seen_only_if_asked_for(home: Path) -> None:
    assert host_files([str(home), "/root", "/"], home=False).bare == (str(home), "/root")
    asked = host_files([str(home)], home=True)
    assert any(home.is_relative_to(path) for path in asked.folders)
    assert not asked.bare
    assert {path for path in HOMES if os.path.isdir(path)} <= {*asked.folders}
    assert "homes of users are among them" in asked.said()


def test_a_home_in_a_folder_of_the_system_takes_that_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/var/lib/ci")
    assert "/var" not in host_files([], home=False).folders
    assert "/var" in host_files([], home=True).folders


def test_a_link_is_followed_before_it_is_judged(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(home)
    assert host_files([str(tmp_path / "elsewhere")], home=False).bare == (str(home),)


def test_as_options_and_for_the_guest(home: Path) -> None:
    (home / "a,b").mkdir()
    found = host_files([f"{home}/a,b"], home=False)
    number = found.folders.index(f"{home}/a,b")
    assert any(f"id=host{number},path={home}/a,,b," in option for option in found.options(OWN))
    assert found.options(OWN).count("-fsdev") == len(found.folders) <= MOST
    assert all("readonly=on" in option for option in found.options(OWN) if option.startswith("local"))
    made = HostFiles(("/usr", "/etc"), {"/bin": "usr/bin"}, ("/root",))
    assert made.conf() == {"host0": "/usr", "host1": "/etc", "hostlink0": "/bin\tusr/bin", "hostdir0": "/root"}


def test_what_only_root_can_show_is_told(home: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    seen.chmod(0o755)
    assert host_files([str(seen)], home=False).only_root() == ""
    seen.chmod(0o700)
    assert host_files([str(seen)], home=False).only_root() == f"others may not enter {seen}"
    assert host_files([], home=True).only_root() == "it shows homes of users"
