"""Two kits at once on one cache; disks that are full or read-only; damaged entries. A machine's fault is never a
verdict, and what it leaves is right for the next run."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rig import BOOTS, Bench, Ran, essence, interrupt, resume_command
from started import Started

import kit.run.bootrequest
from kit.base.errors import COULD_NOT_RUN, OK
from kit.kernel.build import MACHINE_FAULTS
from kit.store.runfolder import RunFolder


def start(*argv: str, fsize: int | None = None, **env: str) -> Started:
    """kit in its own process."""
    return Started(list(argv), {**os.environ, **env}, fsize=fsize)


def end(process: Started) -> Ran:
    out, err = process.communicate(timeout=120)
    return Ran(process.wait(), out, err)


# Two at once.


def test_two_kits_with_one_experiment_build_once_and_agree(bench: Bench) -> None:
    file = bench.write()
    both = [start("run", file, "--json") for _ in range(2)]
    ran = [end(p) for p in both]
    assert [r.code for r in ran] == [OK, OK], ran
    first, second = (json.loads(r.out) for r in ran)
    assert first["verdict"] == "better"
    assert essence(first) == essence(second)
    assert bench.did("make vmlinux") == 3, "two kernels, and the first's steps were counted by a dry run"
    assert len(bench.runs()) == 2
    for run in bench.runs():
        assert len(RunFolder(run).read_boots()) == BOOTS


def test_two_kits_with_different_experiments_do_not_mix(bench: Bench) -> None:
    better = bench.write()
    other = {**bench.experiment, "name": "other", "baseline": "with"}
    worse = bench.folder / "other.yaml"
    worse.write_text(yaml.safe_dump(other))
    comment = bench.patch("comment", "Clone every entry", "Clone each entry")
    bench.arms(with_=[comment])
    third = bench.folder / "third.yaml"
    third.write_text(yaml.safe_dump({**bench.experiment, "name": "third"}))
    ran = [end(p) for p in [start("run", f, "--json") for f in (better, str(worse), str(third))]]
    assert [json.loads(r.out)["verdict"] for r in ran] == ["better", "worse", "same"], ran


def test_a_run_is_resumed_by_one_kit_at_a_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, 3)
    command = resume_command(bench.run())
    with RunFolder(bench.runs()[-1]).hold():
        assert "a kit is at work on it" in bench.call("show", "last").out
        ran = bench.call(*command)
        assert ran.code == COULD_NOT_RUN
        assert "another kit process works on this run" in ran.err
    assert bench.call(*command).code == OK
    assert len(RunFolder(bench.runs()[-1]).read_boots()) == BOOTS


# Disks.


@pytest.mark.parametrize("room", [0, 300, 1500, 3000, 20_000, 200_000])
def test_files_that_find_no_room_are_no_verdict(bench: Bench, room: int) -> None:
    """RLIMIT_FSIZE stands for a full disk: writes beyond `room` bytes fail, in make's children too."""
    (bench.folder / "temp").mkdir()
    file = bench.write()
    ran = end(start("run", file, fsize=room, TMPDIR=str(bench.folder / "temp")))
    assert ran.code == COULD_NOT_RUN, ran
    assert "Traceback" not in ran.err
    assert ("File too large" if room else "no temporary file can be written") in ran.err
    assert bench.run().code == OK, "nothing half-written is believed"
    assert bench.verdict()["verdict"] == "better"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("fatal error: error writing to /tmp/cc1.s: No space left on device", True),
        ("kernel/fork.c:1: Fatal error: can't close kernel/fork.o: No space left on device", True),
        ("gcc: fatal error: Killed signal terminated program cc1", True),
        ("make[3]: *** [scripts/Makefile.build:250: mm/rmap.o] Killed", True),
        ("make[3]: *** [scripts/Makefile.build:250: mm/rmap.o] Terminated", True),
        ("gcc: fatal error: Terminated signal terminated program cc1", True),
        ("mm/rmap.c:9:1: internal compiler error: Segmentation fault", True),
        ("ccache: error: failed to create directory: Read-only file system", True),
        ("mm/rmap.c:12:9: error: unknown type name foo", False),
        ('   12 | pr_err("No space left on device");', False),
        ("make[1]: *** [Makefile:20: mm/rmap.o] Error 1", False),
    ],
)
def test_what_is_the_machines_fault_and_not_the_patchs(said: str, fault: bool) -> None:
    assert bool(MACHINE_FAULTS.search(f"  CC  mm/rmap.o\n{said}\nmake: *** [vmlinux] Error 2\n")) is fault


def test_a_full_disk_in_the_arms_build_does_not_break_the_arm(bench: Bench) -> None:
    makefile = bench.tree / "Makefile"
    full = "@! grep -q FULL $< || { echo 'cp: writing $@: No space left on device' >&2; exit 1; }"
    makefile.write_text(makefile.read_text().replace("\t@cp $< $@", f"\t{full}\n\t@cp $< $@"))
    bench.arms(with_=[bench.fault("FULL")])
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert "make failed: cp: writing" in ran.err
    assert not (bench.runs()[-1] / "verdict.json").exists()


def test_a_failed_build_leaves_what_it_built(bench: Bench) -> None:
    bench.arms(with_=[bench.patch("fault", "\treturn 0;", "\tsyntax_error x;")])
    bench.run()
    [work] = (bench.cache / "objects").iterdir()
    assert not (work / "building").exists()


def test_a_boot_that_fails_on_a_full_disk_is_not_the_arms(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    bench.arms(with_=[bench.fault("boots: no_end")])
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert "the disk is full" in ran.err
    monkeypatch.undo()
    assert not (bench.runs()[-1] / "verdict.json").exists()


@pytest.mark.parametrize("where", ["/sys/kit", "/dev/null/kit"])
def test_a_cache_that_cannot_be_made(bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setenv("KIT_CACHE", where)
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert "Traceback" not in ran.err
    assert where in ran.err


def test_a_cache_that_may_only_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.run().code == OK
    really = os.open

    def read_only(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) and str(path).startswith(str(bench.cache)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return really(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", read_only)
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert "cannot write: Read-only file system" in ran.err
    assert "set KIT_CACHE" in ran.err
    assert "Traceback" not in ran.err
    assert bench.call("clean").code == OK
    doctor = bench.call("doctor")
    assert (doctor.code in (OK, COULD_NOT_RUN), doctor.err) == (True, ""), doctor
    assert str(bench.cache) in doctor.out


def test_an_error_of_the_disk_anywhere_is_one_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **options: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/kit-boot-x/initramfs")

    monkeypatch.setattr(kit.run.bootrequest, "run_boot", full)
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert ran.err.splitlines()[-1].startswith("kit: /tmp/kit-boot-x/initramfs: No space left on device")
    assert "Traceback" not in ran.err


# Damage.


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def nonsense(path: Path) -> None:
    path.write_text('{"boot": 3, "digest": [], "key": null}')


BOOT_FILES = ("boots/*/boot.json", "boots/*/console.log")
OTHER_FILES = (
    "kernels/*/kernel.json",
    "kernels/*/vmlinux",
    "objects/*/state.json",
    "objects/*/asked.config",
    "guest/*.cpio",
    "trees/dir-*.json",
    "sizes.json",
)


@pytest.mark.parametrize("harm", [truncate, empty, nonsense, Path.unlink])
@pytest.mark.parametrize("entries", [BOOT_FILES, OTHER_FILES], ids=["boots", "others"])
def test_damaged_entries_are_made_again(
    bench: Bench, entries: tuple[str, ...], harm: Callable[[Path], None]
) -> None:
    assert bench.run().code == OK
    whole = bench.verdict()
    for entry in entries:
        found = [p for p in bench.cache.glob(entry) if p.stat().st_size > 100]
        assert found, entry
        harm(found[0])
    if entries is OTHER_FILES:
        shutil.rmtree(bench.cache / "boots")
    ran = bench.run()
    assert ran.code == OK, ran
    assert essence(bench.verdict()) == essence(whole)
