"""From the model to a guest: runs the counterexample of a wrong patch, as `kit model explore --emit` writes it."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
import yaml

from kit.cli import main
from kit.experiment.arms import resolve_arms
from kit.experiment.reader import PROJECT, read_experiment
from kit.kernel.build import build
from kit.kernel.toolchain import find_toolchain
from kit.model.parse import parse_program
from kit.records import Machine, Outcome
from kit.report.progress import PlainProgress
from kit.store.cache import Cache
from kit.vm.boot import BootRun, run_boot
from kit.vm.console import Limits
from kit.workload.custom import CustomProgram
from kit.workload.guestimage import boot_initramfs, build_guest
from kit.workload.load import boot_program
from kit.workload.results import read_results

pytestmark = pytest.mark.boot

PATCH = PROJECT / "tests" / "boot" / "broken" / "one-pass-unlink.patch"
LIMIT = 30  # seconds inside the guest; a boot that ends takes two


def boot(text: str, series: list[str], folder: Path) -> BootRun:
    """Runs the program in a guest of a counting kernel of 6.1 with these patches."""
    arms = {"good": {"series": []}, "new": {"series": series}}
    experiment = {"name": "emitted", "tree": "debian:6.1", "baseline": "good", "arms": arms, "evidence": ["count"]}
    config = folder / "experiment.yaml"
    config.write_text(yaml.safe_dump({**experiment, "workloads": [{"fork-chain": {}}]}), encoding="utf-8")
    cache, progress = Cache(), PlainProgress()
    tools = find_toolchain(progress)
    resolved = resolve_arms(read_experiment(config), ("counting",), tools, PROJECT / "configs", cache, progress)
    kernel = build(next(a for a in resolved if a.spec.name == "new").builds["counting"], tools, cache, progress)
    nonce = secrets.token_hex(8)
    program = boot_program([CustomProgram(text=text).load("emitted", 1)])
    initramfs = boot_initramfs(build_guest(cache.folder("guest")).base_cpio_path, program, {"nonce": nonce})
    cache.release()
    return run_boot(
        Path(kernel.image),
        initramfs,
        Machine("x86_64", 1, 256, "tcg"),
        console=folder / "log",
        read=lambda data: read_results(data, nonce),
        limits=Limits(total=LIMIT),
    )


HELD = re.compile(r"#\d+: (\w+) \(&anon_vma->rwsem\).* at: (\w+)")


def test_the_naive_unlink_hangs_as_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A task waits in anon_vma_free for the lock that it took in unlink_anon_vmas, as in the model's trace. It gets no
    further than the start of the program: exec ends an mm, which does the same as the program's child."""
    program = tmp_path / "found.txt"
    assert main(["model", "explore", "--profile", "naive-unlink-6.1", "--emit", str(program)]) == 1
    assert "free waits for the lock" in re.sub(r"\s+", " ", capsys.readouterr().out)
    assert len(parse_program(program.read_text()).ops) == 2
    run = boot(program.read_text(), [str(PATCH)], tmp_path)
    assert run.outcome is Outcome.HANG, run.why
    assert "in the workload" in run.why
    log = (tmp_path / "log").read_text(errors="replace")
    held = HELD.findall(log)  # lockdep lists what is waited for too
    assert len(held) == 2, log[-4000:]
    (lock, taken), (wanted, at) = held
    assert (lock, taken.split(".")[0], at) == (wanted, "lock_anon_vma_root", "anon_vma_free")
