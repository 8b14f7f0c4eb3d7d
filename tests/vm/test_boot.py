"""Each way in which a boot can end is recognized, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.base.errors import MachineError, UserError
from kit.records import Machine, Outcome
from kit.vm import boot as boot_module
from kit.vm.boot import BootRun, run_boot
from kit.vm.console import Limits
from tests.processes import gone

FakeBoot = Callable[..., BootRun]

# Each limits only the state in which its scenario stays: a slow machine comes later into it, but comes.
LIMITS = {
    "hang_silent": Limits(first_line=0.3),
    "hang_booting": Limits(init=2),
    "hang_slow": Limits(init=2),
    "hang_running": Limits(total=4),
    "hang_deaf": Limits(total=4),
    "panic_stays": Limits(after_panic=0.2),
}
GOLDEN = Path(__file__).resolve().parents[1] / "golden"


def test_a_good_boot_has_results_and_its_whole_console(fake_boot: FakeBoot) -> None:
    run = fake_boot("ok")
    assert (run.outcome, run.why, run.splats) == (Outcome.OK, "", ())
    assert run.results is not None
    assert [window.name for window in run.results.windows] == ["d0", "d1", "u2"]
    assert run.to_init is not None
    assert run.to_init <= run.seconds
    assert run.console.read_bytes() == (GOLDEN / "console-6.1-good.log").read_bytes()


@pytest.mark.long
@pytest.mark.parametrize(
    ("scenario", "outcome", "why"),
    [
        ("panic", Outcome.PANIC, "Kernel panic - not syncing: Attempted to kill init"),
        ("panic_stays", Outcome.PANIC, "before init"),
        ("hang_silent", Outcome.HANG, "before the first line"),
        ("hang_booting", Outcome.HANG, "before init, CPU 0 stands in anon_vma_clone"),
        ("hang_slow", Outcome.HANG, "before init, CPU 0 stands in anon_vma_clone"),
        ("hang_running", Outcome.HANG, "in the workload, task worker stands in unlink_anon_vmas"),
        ("hang_deaf", Outcome.HANG, "in the workload"),
        ("killed", Outcome.QEMU_DIED, "SIGSEGV"),
        ("exits", Outcome.QEMU_DIED, "a device failed"),
        ("refuse", Outcome.QEMU_REFUSED, "failed to initialize kvm"),
        ("no_end", Outcome.NO_END, "no end marker"),
        ("damaged", Outcome.DAMAGED, "wrong checksum"),
        ("failed", Outcome.FAILED, "fork"),
    ],
)
def test_other_ends_have_their_outcome_and_no_results(
    fake_boot: FakeBoot, scenario: str, outcome: Outcome, why: str
) -> None:
    run = fake_boot(scenario, LIMITS.get(scenario))
    assert run.outcome is outcome
    assert why in run.why
    assert run.results is None
    hangs = [splat for splat in run.splats if splat.kind == "hang"]
    assert len(hangs) == (" stands in " in why)
    assert all(why.endswith(splat.title) and "Call Trace:" in splat.excerpt for splat in hangs)
    if outcome is Outcome.HANG:
        assert list(run.splats) == hangs, "what it answers is no splat"


def test_a_panic_that_stays_ends_the_wait_early(fake_boot: FakeBoot) -> None:
    assert fake_boot("panic_stays", LIMITS["panic_stays"]).seconds < 20


def test_a_flood_on_the_console_is_cut(fake_boot: FakeBoot) -> None:
    run = fake_boot("flood", Limits(console_bytes=100_000))
    assert run.outcome is Outcome.HANG
    assert "more than 100000 bytes" in run.why


def test_qemu_that_closes_its_console_and_stays_is_killed(
    fake_boot: FakeBoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(boot_module, "EXIT_SECONDS", 0.3)
    assert fake_boot("half_dead").outcome is Outcome.HANG
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["ok", "hang_silent", "killed", "refuse"])
def test_no_process_and_no_temporary_file_is_left(fake_boot: FakeBoot, tmp_path: Path, scenario: str) -> None:
    # Time enough for the fake to write down its pid on a busy machine, before the limit ends it.
    fake_boot(scenario, Limits(first_line=3) if scenario == "hang_silent" else LIMITS.get(scenario))
    assert gone(int((tmp_path / "pid").read_text()))
    assert list((tmp_path / "temp").iterdir()) == []


def test_an_interrupt_kills_qemu_and_goes_on(
    fake_boot: FakeBoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(boot_module, "watch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fake_boot("hang_silent")
    assert gone(int((tmp_path / "pid").read_text()))
    assert list((tmp_path / "temp").iterdir()) == []


def test_qemu_dies_with_its_parent(fake_boot: FakeBoot, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from kit.vm.boot import run_boot; from kit.records import Machine, Outcome\n"
        "run_boot(Path('vmlinux'), b'nonce=a\\n', Machine('x86_64', 1, 64, 'tcg'), console=Path('log'),"
        " read=lambda data: (Outcome.OK, '', None))"
    )
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "KIT_FAKE_QEMU": "hang_silent", "PYTHONPATH": str(root)}
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    pid_file = tmp_path / "pid"
    try:
        for _ in range(500):
            if pid_file.exists() and pid_file.read_text():
                break
            time.sleep(0.01)
        pid = int(pid_file.read_text())
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone(pid)


def test_a_missing_qemu_and_a_foreign_architecture_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def boot(arch: str) -> BootRun:
        return run_boot(
            Path("vmlinux"),
            b"",
            Machine(arch, 1, 64, "tcg"),
            console=tmp_path / "log",
            read=lambda data: (Outcome.OK, "", None),
        )

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no qemu-system-x86_64"):
        boot("x86_64")
    with pytest.raises(UserError, match="no guests of architecture 'vax'"):
        boot("vax")
