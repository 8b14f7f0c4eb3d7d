"""A boot is prepared and done: every caller gets the same, shown by a boot that only records its arguments."""

from __future__ import annotations

import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.base.errors import MachineError
from kit.base.progress import Progress
from kit.records import BootSpec, Kernel, Machine, Outcome, Results, Splat
from kit.run import bootrequest
from kit.run.bootrequest import BootRequest, limits_of
from kit.vm.boot import BootRun
from kit.vm.console import Limits
from kit.vm.hostload import cores
from kit.vm.lent import OWN
from kit.vm.plugin.found import Plugin
from tests.workload.test_results import NONCE, SMALL_PAYLOADS, frames

PROGRAM = "worker w\nwindow a\nfork\nend\nend\n"
MACHINE = Machine("x86_64", 1, 128, "tcg")


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    image = tmp_path / "vmlinux"
    image.write_bytes(b"")
    return Kernel("k", str(image), str(tmp_path / "config"), "", 0.0, True, "sha")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.cpio"
    path.write_bytes(b"base")
    return path


def spec(evidence: str, program: str = PROGRAM) -> BootSpec:
    return BootSpec("with", "k", evidence, program, MACHINE, "layout=1", 1, 0, 0, 0, "guest")


def made(kernel: Kernel, base: Path, evidence: str, **options: Any) -> BootRequest:
    return bootrequest.request_for(spec(evidence), kernel, base, base.parent / "c.log", **options)


def ended(outcome: Outcome, console: Path) -> BootRun:
    return BootRun(outcome, "", 1.0, None, console, None, 0, (Splat("warning", "WARNING", 1, "f+0x1/0x2"),))


@pytest.mark.parametrize(("total", "first", "init"), [(60, 30, 90), (600, 100, 300), (3600, 600, 1800)])
def test_more_time_for_a_boot_is_more_time_for_all_of_it(total: float, first: float, init: float) -> None:
    assert limits_of(total, "tcg") == Limits(first_line=first, init=init, total=total)


def test_a_guest_that_counts_instructions_may_be_silent_to_its_end() -> None:
    assert limits_of(70, "icount") == Limits(first_line=70, init=70, total=70)


def test_what_a_kind_of_evidence_asks_is_in_the_request(kernel: Kernel, base: Path) -> None:
    count, check, time = (made(kernel, base, kind) for kind in ("count", "check", "time"))
    assert (count.cores, check.cores, time.cores) == (None, None, cores())
    assert b"swap=1\n" in check.initramfs
    assert b"swap=1\n" not in count.initramfs
    assert (count.append, count.raw) == ("layout=1", None)
    assert len({count.nonce, check.nonce, time.nonce}) == 3
    assert b"nonce=" + count.nonce.encode() in count.initramfs
    assert count.initramfs.startswith(b"base")


def test_a_first_boot_has_time_for_what_its_payloads_may_take(kernel: Kernel, base: Path) -> None:
    program = "payload p\nroot guest\nlimit 1000\nend\n"
    asked = bootrequest.request_for(spec("count", program), kernel, base, base)
    assert asked.limits.total == bootrequest.TOTAL_SECONDS["tcg"] + 1000
    assert made(kernel, base, "count", seconds=77.0).limits.total == 77
    assert b"limit=77\n" in made(kernel, base, "count", seconds=77.0).initramfs


def test_gdb_has_a_week_whatever_the_boot_had(kernel: Kernel, base: Path) -> None:
    assert b"limit=604800\n" in made(kernel, base, "check", seconds=77.0, debug=True).initramfs


def test_every_way_to_boot_decodes_its_splats(
    kernel: Kernel, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made(kernel, base, "count", sources=(tmp_path / "src",))
    seen = []

    def decode(splats: Any, image: Path, sources: Any, progress: Progress) -> Any:
        seen.append((image, sources))
        return splats

    for name in ("run_boot", "debug_boot"):
        monkeypatch.setattr(bootrequest, name, lambda *args, **options: ended(Outcome.OK, asked.console))
    monkeypatch.setattr(bootrequest, "decode", decode)
    bootrequest.boot(asked, Progress())
    bootrequest.debug(asked, Progress(), print, stopped=False)
    assert seen == [(tmp_path / "vmlinux", (tmp_path / "src",))] * 2


def test_a_kernel_on_fewer_processors_than_asked_has_failed(kernel: Kernel, base: Path) -> None:
    machine = Machine("x86_64", 2, 128, "tcg")
    asked = replace(made(kernel, base, "count"), nonce=NONCE, machine=machine)
    outcome, why, results = asked.read(frames(SMALL_PAYLOADS))
    assert (outcome, why) == (Outcome.OK, "")
    assert results is not None
    assert results.cpus == 2
    four = replace(asked, machine=replace(machine, cpus=4))
    assert four.read(frames(SMALL_PAYLOADS)) == (Outcome.FAILED, "the kernel runs on 2 of 4 vCPUs", None)


def test_a_full_disk_is_no_failure_of_any_guest(
    kernel: Kernel, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = made(kernel, base, "count")
    probe = bootrequest.probe(kernel, base, "x86_64", asked.console, Limits(total=20))
    for name in ("run_boot", "debug_boot"):
        monkeypatch.setattr(bootrequest, name, lambda *args, **options: ended(Outcome.NO_END, asked.console))
    plugin = Plugin(tmp_path / "plugin.so", 1)
    ways = (
        lambda: bootrequest.boot(asked, Progress()),
        lambda: bootrequest.boot(probe, Progress()),
        lambda: bootrequest.debug(asked, Progress(), print, stopped=False),
        lambda: bootrequest.covered(asked, plugin, [(1, 2)], Progress()),
    )
    for way in ways:
        way()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 0))
    for way in ways:
        with pytest.raises(MachineError, match="the disk is full"):
            way()


def test_a_boot_with_the_plugin_is_the_asked_one_and_more(
    kernel: Kernel, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the plugin's files, which are gone afterwards, and a kernel that is where its symbols say."""
    asked = replace(made(kernel, base, "count"), extra=lambda _: ("-own", "option"))
    seen: dict[str, Any] = {}

    def boots(*args: Any, **options: Any) -> BootRun:
        seen.update(options)
        seen["words"] = options["extra"](OWN)
        words = dict(w.split("=", 1) for w in seen["words"][-1].split(",")[1:])
        seen["code"] = Path(words["code"]).read_text()
        Path(words["out"]).write_bytes(b"K x")
        seen["out"] = Path(words["out"])
        results = Results("6.1", 1, {}, ())
        return replace(ended(Outcome.OK, asked.console), results=results)

    monkeypatch.setattr(bootrequest, "run_boot", boots)
    ran = bootrequest.covered(asked, Plugin(tmp_path / "plugin.so", 1), [(0x10, 0x20), (0x30, 0x40)], Progress())
    assert (seen["words"][:2], seen["append"], seen["code"]) == (("-own", "option"), "nokaslr", "10 20\n30 40\n")
    assert f"nonce={asked.nonce}" in seen["words"][-1]
    assert ran.why == "the records of QEMU's plugin: no end marker after 0 frames, and the last of them is cut"
    assert not seen["out"].exists()
