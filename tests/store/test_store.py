"""The cache and run folders: locks, complete files or none, leftovers of kills, and disks that refuse."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from kit.base.errors import MachineError
from kit.store.cache import Cache, cache_root
from kit.store.files import machine_errors, read_json, write_atomic, write_json
from kit.store.runfolder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from pathlib import Path
from kit.store.cache import Cache
with Cache(Path(sys.argv[1])).lock("x"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KIT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_root() == tmp_path / ".cache" / "kit"
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_root() == Path("/xdg/kit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIT_CACHE", "mine")
    assert cache_root() == tmp_path / "mine"


def test_a_lock_holds_between_processes_and_ends_with_a_killed_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    with (tmp_path / "locks" / "x.lock").open("w") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    other.kill()
    other.wait()
    other.stdout.close()
    start = time.monotonic()
    with cache.lock("x"):
        assert time.monotonic() - start < 5


def test_an_error_inside_a_lock_is_not_called_one_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), Cache(tmp_path).lock("x"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(FileNotFoundError), Cache(tmp_path).lock("x"):
        Path("/no/such/file").read_bytes()
    with pytest.raises(MachineError, match="No space left"), Cache(tmp_path).lock("x"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fill_half() -> None:
        with cache.new_folder("kernels", "k") as draft:
            (draft / "half").write_text("x")
            raise KeyError

    with pytest.raises(KeyError):
        fill_half()
    assert list((tmp_path / "kernels").iterdir()) == []
    for text in ("one", "two"):
        with cache.new_folder("kernels", "k") as draft:
            (draft / text).write_text(text)
            assert not (tmp_path / "kernels" / "k" / text).exists()
        assert [p.name for p in (tmp_path / "kernels").iterdir()] == ["k"]
        assert [p.name for p in (tmp_path / "kernels" / "k").iterdir()] == [text]


def test_a_failed_draft_leaves_the_old_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.new_folder("kernels", "k") as draft:
        (draft / "good").touch()
    with pytest.raises(MachineError), cache.new_folder("kernels", "k") as draft:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft / "big"))
    assert (tmp_path / "kernels" / "k" / "good").exists()


def test_sweep_takes_only_what_is_half_made(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name in (".new-abc/deep", "debian-6.1"):
        cache.folder("trees", name)
    cache.sweep("trees")
    assert [p.name for p in (tmp_path / "trees").iterdir()] == ["debian-6.1"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def refuse(*args: Any, **options: Any) -> Any:
        raise OSError(number, os.strerror(number), str(target))

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "mkstemp", refuse)
        patched.setattr(tempfile, "mkdtemp", refuse)
        patched.setattr(Path, "mkdir", refuse)
        patched.setattr(Path, "open", refuse)
        for action in (
            lambda: write_atomic(target, "new"),
            lambda: Cache(tmp_path).folder("x"),
            lambda: Cache(tmp_path).new_folder("", "k").__enter__(),
            lambda: RunFolder.create(tmp_path, "n", "s"),
            lambda: RunFolder(tmp_path).append_boot({}),
        ):
            with pytest.raises(MachineError, match=os.strerror(number)):
                action()
    assert target.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_a_write_that_fails_half_way_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="No space left"):
        write_atomic(target, "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "old")]


def test_a_folder_that_vanished_is_the_machine_s_fault(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file"):
        write_atomic(tmp_path / "gone" / "file", "x")
    with pytest.raises(FileNotFoundError), machine_errors(tmp_path / "a" / "b"):
        Path("/no/such/file").read_bytes()


def test_json_that_is_damaged_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert read_json(path) is None
    write_json(path, {"a": [1, None, "é"]})
    assert read_json(path) == {"a": [1, None, "é"]}
    path.write_bytes(b'{"a": \xff')
    assert read_json(path) is None


def test_run_folders_of_one_second_are_apart(tmp_path: Path) -> None:
    made = [RunFolder.create(tmp_path / "runs", "aim7", "20260101").path.name for _ in range(3)]
    assert made == ["aim7-20260101", "aim7-20260101-2", "aim7-20260101-3"]


@pytest.mark.parametrize("cut", [b'{"n": 3, "why": "', b'{"n": 3, "why": "\xc3', b"\x00\x00\x00"])
def test_a_boot_that_a_kill_cut_off_is_no_record_and_hides_none(tmp_path: Path, cut: bytes) -> None:
    folder = RunFolder.create(tmp_path, "a", "b")
    assert folder.read_boots() == []
    folder.append_boot({"n": 1})
    folder.append_boot({"n": 2, "why": "a line\nand \u2028 more"})
    with folder.boots.open("ab") as file:
        file.write(cut)
    assert [b["n"] for b in folder.read_boots()] == [1, 2]
    folder.append_boot({"n": 4})
    assert [b["n"] for b in folder.read_boots()] == [1, 2, 4]
    assert folder.read_boots()[1]["why"] == "a line\nand \u2028 more"
