"""A rig for kit from end to end in seconds: a fake kernel tree, built by make, booted in a fake QEMU that plays it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from kept import lasting, shared
from played import played_boot
from playedmake import played_run
from started import Started

import kit.kernel.build
import kit.run.bootrequest
import kit.run.job
import kit.workload.guestimage
from kit.base.project import command
from kit.cli import main
from kit.contracts.fields import breaches
from kit.contracts.verdictfile import VerdictFile
from kit.vm.boot import BootRun
from kit.vm.console import Limits
from kit.workload.guestimage import COMPILER, GuestImage, OnCommand, build_guest, guest_key

TOOLS = ("gcc", "ld", "make", "setpriv", COMPILER)

ROOT = Path(__file__).resolve().parents[1]
FAKES = ROOT / "tests" / "fakes"
RMAP, FORK = "mm/rmap.c", "kernel/fork.c"
VERSION = "QEMU emulator version 0.0 (fake)"  # as the fake says it; python takes longer to start than sh
BOOTS = 4  # of an experiment of two arms on one machine
FRESH_MAKES = 7  # calls of make for two kernels on an empty cache, before the first boot


class Ran(NamedTuple):
    """What one call of kit came to."""

    code: int
    out: str
    err: str


class Bench:
    """A folder with a fake tree, patches and a cache of its own, and the calls of kit in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str] | None = None) -> None:
        self.folder, self.capsys = folder, capsys
        self.tree, self.cache, self.log = folder / "linux", folder / "cache", folder / "log"
        shutil.copytree(FAKES / "linux", self.tree)
        self.log.touch()
        unbatch = self.patch("unbatch", "profile: 6.1 ", "profile: 6.1-unbatched-clone ")
        self.experiment: dict[str, Any] = {
            "name": "fake",
            "tree": f"dir:{self.tree}",
            "baseline": "without",
            "arms": {
                "without": {"series": [unbatch], "profile": "6.1-unbatched-clone"},
                "with": {"series": [], "profile": "6.1"},
            },
            "guest": {"cpus": [1], "memory": "128M", "accel": "tcg"},
            "workloads": [
                {"fork-chain": {"depth": [0, 2], "forks": 5, "vmas": 1}},
                {"aim7": {"mix": {"fork_test": 1}, "users": [2], "jobs": 1}},
            ],
        }

    def patch(self, name: str, old: str, new: str, path: str = RMAP) -> str:
        """A patch file that replaces a text once in a file of the tree."""
        before = (self.tree / path).read_text()
        assert before.count(old) == 1
        lines = [text.splitlines(keepends=True) for text in (before, before.replace(old, new))]
        file = self.folder / f"{name}.patch"
        file.write_text("".join(unified_diff(*lines, f"a/{path}", f"b/{path}")))
        return str(file)

    def fault(self, comment: str, path: str = RMAP) -> str:
        """A patch that puts `/* comment */` at a place of its own into a file of the tree."""
        return self.patch("fault", "return 0;", f"return 0; /* {comment} */", path)

    def arms(self, without: list[str] | None = None, with_: list[str] | None = None) -> None:
        """Two arms of 6.1 with these patches, without a profile, so that the model has nothing to say."""
        self.experiment["evidence"] = ["count"]
        self.experiment["arms"] = {"without": {"series": without or []}, "with": {"series": with_ or []}}

    def git(self, *argv: str) -> str:
        """What git prints in the tree."""
        who = ("-c", "user.name=A", "-c", "user.email=a@b")
        return subprocess.run(
            ["git", "-C", str(self.tree), *who, *argv], check=True, capture_output=True, text=True
        ).stdout

    def edit(self, old: str, new: str, path: str = RMAP) -> None:
        """Changes the tree itself."""
        text = (self.tree / path).read_text()
        assert old in text
        (self.tree / path).write_text(text.replace(old, new))

    def write(self) -> str:
        """The experiment as a file."""
        file = self.folder / "experiment.yaml"
        file.write_text(yaml.safe_dump(self.experiment, sort_keys=False))
        return str(file)

    def call(self, *argv: str) -> Ran:
        """kit with these arguments, in this process."""
        assert self.capsys is not None
        self.capsys.readouterr()
        code = main(list(argv))
        return Ran(code, *self.capsys.readouterr())

    def run(self, *argv: str) -> Ran:
        """`kit run` of the experiment."""
        return self.call("run", self.write(), *argv)

    def did(self, what: str) -> int:
        """How many of these the fakes did: `boot`, `make vmlinux`."""
        return self.log.read_text().splitlines().count(what)

    def runs(self) -> list[Path]:
        """All run folders, oldest first."""
        return sorted((self.folder / "runs").glob("*"), key=lambda p: p.stat().st_mtime_ns)

    def verdict(self) -> dict[str, Any]:
        """verdict.json of the last run."""
        loaded: dict[str, Any] = json.loads((self.runs()[-1] / "verdict.json").read_text())
        assert breaches(VerdictFile, loaded) == []
        return loaded


@pytest.fixture(scope="session")
def guest(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> GuestImage:
    """The guest's programs, compiled once for each state of their sources."""
    folder = lasting(pytestconfig, tmp_path_factory, f"guest-{guest_key()}")
    with open(folder / "lock", "w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        compile_once(patch, folder)
        return build_guest(folder)


def compile_once(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on what was compiled before is copied."""
    really = kit.workload.guestimage._compile

    def kept(sources: Sequence[str], program: Path, on_command: OnCommand | None) -> None:
        before = folder / f"{program.name}.kept"
        if not before.exists():
            really(sources, before, None)
        if on_command is not None:
            on_command([COMPILER, str(program)])
        shutil.copy(before, program)

    patch.setattr(kit.workload.guestimage, "_compile", kept)


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake QEMU has asked of the model, kept for the next boot."""
    return shared(tmp_path_factory, "answers-of-the-rig")


@pytest.fixture
def bench(
    tmp_path: Path,
    guest: GuestImage,
    answers: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Iterator[Bench]:
    """A bench, the fakes first on PATH. Boots and make are played in this process, unless the test is marked
    `process`."""
    made = Bench(tmp_path, capsys)
    if request.node.get_closest_marker("process") is None:
        monkeypatch.setattr(kit.run.bootrequest, "run_boot", played_boot)
        monkeypatch.setattr(kit.kernel.build.commands, "run", played_run)
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # no test cuts the power
    compile_once(monkeypatch, guest.base_cpio_path.parent)
    for name, value in lay_out(made, guest, answers).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    yield made
    drafts = [p for p in made.cache.rglob("*") if p.name.startswith((".new-", ".src-new"))]
    assert drafts == [], "something half-made stays in the cache"


def lay_out(made: Bench, guest: GuestImage, answers: Path) -> dict[str, str]:
    """Puts the fake QEMU and the guest in their places; the environment that kit is to have."""
    qemu = made.folder / "bin" / "qemu-system-x86_64"
    qemu.parent.mkdir()
    real = f'exec {shlex.quote(sys.executable)} -S -E {shlex.quote(str(FAKES / "qemu"))} "$@"'
    refused = 'echo "qemu: -plugin: invalid option" >&2; exit 1'
    qemu.write_text(f'#!/bin/sh\ncase "$*" in --version) echo "{VERSION}";; *-plugin*) {refused};; *) {real};; esac\n')
    qemu.chmod(0o755)
    (made.cache / "guest").mkdir(parents=True)
    shutil.copy(guest.base_cpio_path, made.cache / "guest")
    return {
        "PATH": f"{qemu.parent}:{os.environ['PATH']}",
        "KIT_CACHE": str(made.cache),
        "KIT_FAKE_QEMU": "model",
        "KIT_FAKE_LOG": str(made.log),
        "KIT_FAKE_ANSWERS": str(answers),
        "KIT_NO_REPORT": "1",
        "KIT_NO_SANDBOX": "1",  # the fake tree's Makefile writes to a log of the bench's
    }


def essence(verdict: dict[str, Any]) -> dict[str, Any]:
    """What two runs of one experiment must have in common: all but place, time, and what came from the cache."""
    kept = {key: value for key, value in verdict.items() if key not in ("provenance", "seconds")}
    return {**kept, "boots": {**kept["boots"], "reused": None}}


def impatient(image: Path, *args: Any, **options: Any) -> BootRun:
    """run_boot that does not wait long for a kernel that will hang; the others have all the time that they need."""
    if "hang" in image.read_text():
        options["limits"] = Limits(total=0.2)
    return played_boot(image, *args, **options)


def interrupt(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Ctrl-C comes when boot number `at` (from 1) is to be done."""
    begun = 0

    def boot(*args: Any, **options: Any) -> BootRun:
        nonlocal begun
        begun += 1
        if begun == at:
            raise KeyboardInterrupt
        return played_boot(*args, **options)

    monkeypatch.setattr(kit.run.bootrequest, "run_boot", boot)


def resume_command(ran: Ran) -> list[str]:
    """The arguments of the command that kit says to go on with."""
    found = re.search(r"go on with: (.*)", ran.err)
    assert found, ran.err
    start = shlex.split(command())
    typed = shlex.split(found[1])
    assert typed[: len(start)] == start
    return typed[len(start) :]


def kill_after(bench: Bench, argv: list[str], events: int, seconds: float, sig: signal.Signals = signal.SIGKILL) -> Ran:
    """Starts kit, sends it a signal so long after the fakes have done so much, or lets it end before."""
    known = len(bench.log.read_text().splitlines())
    process = Started(argv, {**os.environ, "TMPDIR": str(bench.folder)})  # SIGKILL leaves files
    while process.poll() is None and len(bench.log.read_text().splitlines()) <= known + events:
        time.sleep(0.002)
    time.sleep(seconds)
    process.send_signal(sig)
    out, err = process.communicate()
    return Ran(process.wait(), out, err)
