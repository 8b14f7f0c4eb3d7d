"""Faults that need no broken kernel, with real guests: of the workload, its results, and QEMU. Each is recognized."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kit.experiment.arms import resolve_arms
from kit.experiment.reader import PROJECT, read_experiment
from kit.kernel.build import build
from kit.kernel.toolchain import find_toolchain
from kit.records import Kernel, Machine, Outcome, Results
from kit.report.progress import PlainProgress
from kit.store.cache import Cache
from kit.vm.boot import BootRun, run_boot
from kit.vm.console import Limits
from kit.vm.lent import FREE, user_for
from kit.workload.guestimage import boot_initramfs, build_guest
from kit.workload.results import read_results

pytestmark = pytest.mark.boot

NONCE = "0123456789abcdef"
LONG = "worker long\nwindow w\nrepeat 1000000\nfork\nend\nend\nend\n"
MACHINE = Machine("x86_64", 1, 256, "tcg")

Boot = Callable[..., BootRun]


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    """The counting kernel of the default experiment's arm `with`."""
    exp, cache, progress = read_experiment(PROJECT / "configs" / "aim7.yaml"), Cache(), PlainProgress()
    tools = find_toolchain(progress)
    arms = resolve_arms(exp, ["counting"], tools, PROJECT / "configs", cache, progress)
    return build(next(a for a in arms if a.spec.name == "with").builds["counting"], tools, cache, progress)


@pytest.fixture
def boot(kernel: Kernel, tmp_path: Path) -> Boot:
    """Boots a program: `boot(program, machine, limit=seconds inside the guest, nonce=…, limits=…)`."""
    guest = build_guest(Cache().folder("guest"))

    def go(program: str, machine: Machine = MACHINE, limit: int = 300, nonce: str = NONCE, **options: Any) -> BootRun:
        def read(data: bytes) -> tuple[Outcome, str, Results | None]:
            return read_results(data, nonce)

        initramfs = boot_initramfs(guest.base_cpio_path, program, {"nonce": NONCE, "limit": str(limit)})
        return run_boot(Path(kernel.image), initramfs, machine, console=tmp_path / "log", read=read, **options)

    return go


def test_a_program_that_does_not_end_is_ended_by_the_guest_and_says_so(boot: Boot) -> None:
    run = boot(LONG, limit=3)
    assert (run.outcome, run.why) == (Outcome.FAILED, "the worker did not end within 3 s")


def test_results_of_another_boot_are_not_believed(boot: Boot) -> None:
    run = boot("worker one\nwindow w\nfork\nend\nend\n", nonce="f" * 16)
    assert (run.outcome, run.results) == (Outcome.DAMAGED, None)
    assert "of another boot" in run.why


def test_a_flood_on_the_console_ends_the_guest(boot: Boot) -> None:
    run = boot(LONG, limits=Limits(console_bytes=2000))
    assert run.outcome is Outcome.HANG
    assert "more than 2000 bytes on the console" in run.why


def test_a_qemu_that_is_killed_is_no_fault_of_the_guests(boot: Boot) -> None:
    killer = threading.Thread(target=kill_qemu)
    killer.start()
    run = boot(LONG)
    killer.join(60)
    assert run.outcome is Outcome.QEMU_DIED
    assert run.why.startswith("QEMU died by SIGSEGV")


def kill_qemu() -> None:
    """Waits until this process's QEMU has run for a second, and kills it, as a fault of its own would."""
    for _ in range(600):
        for path in Path("/proc").glob("[0-9]*/stat"):
            with_name = path.read_text(errors="replace") if path.exists() else ""
            if "(qemu" in with_name and with_name.rsplit(")", 1)[1].split()[1] == str(os.getpid()):
                time.sleep(1)
                os.kill(int(path.parent.name), signal.SIGSEGV)
                return
        time.sleep(0.1)


def test_a_machine_that_qemu_refuses_is_said_in_its_own_words(boot: Boot) -> None:
    run = boot(LONG, Machine("x86_64", 1, 10**10, "tcg"))
    assert run.outcome is Outcome.QEMU_REFUSED
    assert "qemu-system-x86_64" in run.why


@pytest.mark.skipif(not user_for("qemu-system-x86_64").id, reason="only a root that may become another user")
def test_root_s_qemu_is_a_user_of_its_own(boot: Boot) -> None:
    """As /proc shows it while the guest runs: no id of root's, no capability, no way to get one, calls filtered."""
    seen: list[dict[str, str]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for status in Path("/proc").glob("[0-9]*/status"):
                with suppress(OSError):
                    rows = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
                    if rows["PPid"] == str(os.getpid()) and rows["Name"].startswith("qemu-system"):
                        seen.append(rows)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        run = boot("worker w\nwindow a\nfork\nend\nend\n")
    finally:
        ended.set()
        watcher.join()
    assert run.outcome is Outcome.OK, run.why
    running = [rows for rows in seen if rows["Seccomp"] == "2"]  # from then on the guest may run
    assert running
    for rows in running:
        for kind in ("Uid", "Gid"):
            numbers = set(map(int, rows[kind].split()))
            assert len(numbers) == 1
            assert numbers < set(FREE)
        assert [rows["Groups"].strip(), rows["NoNewPrivs"]] == ["", "1"]
        assert int(rows["CapPrm"], 16) == int(rows["CapEff"], 16) == 0
