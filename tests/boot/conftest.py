"""Real kernels for the tests marked `boot`: Debian's Linux 6.1, built and booted through the functions of `kit run`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.experiment.arms import resolve_arms
from kit.experiment.reader import PROJECT, read_experiment
from kit.kernel.build import build
from kit.kernel.sandbox import OFF, find
from kit.kernel.toolchain import find_toolchain
from kit.records import Experiment, Machine
from kit.report.progress import PlainProgress
from kit.run.bootrequest import host_of
from kit.run.job import RunResult, run_experiment
from kit.store.cache import Cache
from kit.vm.boot import BootRun, run_boot
from kit.vm.console import Limits
from kit.vm.lent import nothing
from kit.workload.guestimage import boot_initramfs, build_guest
from kit.workload.results import read_results

Run = Callable[[dict[str, Any]], RunResult]

takes_long = pytest.mark.skipif(
    not os.environ.get("KIT_TEST_LONG"), reason="set KIT_TEST_LONG=1: more kernels to build, ten minutes or more"
)

ARMS = {
    "without": {"series": [str(PROJECT / "patches/v6.1/unbatch-clone.patch")], "profile": "6.1-unbatched-clone"},
    "with": {"series": [], "profile": "6.1"},
}


@pytest.fixture(scope="session", autouse=True)
def without_sandbox_where_there_is_none() -> Iterator[None]:
    """The patches of these tests are the project's: they are built in a container too."""
    with pytest.MonkeyPatch.context() as patch:
        if find().sandbox is None:
            patch.setenv(OFF, "1")
        yield


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs an experiment given as a mapping. Every boot is a new one; kernels come from the user's cache."""

    def go(changes: dict[str, Any]) -> RunResult:
        base = {"name": "test", "tree": "debian:6.1", "baseline": "without", "arms": ARMS, "locks": ["anon_vma"]}
        config = tmp_path / "experiment.yaml"
        config.write_text(yaml.safe_dump({**base, **changes}), encoding="utf-8")
        return run_experiment(read_experiment(config), Cache(), PlainProgress(), tmp_path / "runs", fresh=True)

    return go


def stock_kernel(exp: Experiment) -> Path:
    """The image of the baseline's counting kernel."""
    cache, progress = Cache(), PlainProgress()
    tools = find_toolchain(progress)
    arms = resolve_arms(exp, ("counting",), tools, PROJECT / "configs", cache, progress)
    made = build(next(a for a in arms if a.spec.name == exp.baseline).builds["counting"], tools, cache, progress)
    cache.release()
    return Path(made.image)


def boot_once(image: Path, program: str, machine: Machine, folder: Path, name: str, total: int) -> BootRun:
    """One boot that runs a text of loads, in at most `total` seconds. Its console is `NAME.log` in the folder."""
    nonce, host = secrets.token_hex(8), host_of(program)
    base = build_guest(folder / "guest").base_cpio_path
    return run_boot(
        image,
        boot_initramfs(base, program, {"nonce": nonce, "limit": str(total), **(host.conf() if host else {})}),
        machine,
        console=folder / f"{name}.log",
        read=lambda data: read_results(data, nonce),
        limits=Limits(total=total),
        extra=host.options if host else nothing,
        as_root=bool(host and host.only_root()),
    )


def tree(variable: str) -> str:
    """The tree that a variable names; skips the test if it names none."""
    named = os.environ.get(variable, "")
    if not named:
        pytest.skip(f"{variable} names no kernel source (a folder, or a tree as debian:6.12)")
    return f"dir:{named}" if Path(named).is_dir() else named
