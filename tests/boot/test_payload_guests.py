"""Programs of this machine in real guests: every way in which they can end, packed and on the host's files."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kit.experiment.reader import PROJECT, read_experiment
from kit.records import Machine, Outcome
from kit.vm.boot import BootRun
from kit.workload.load import boot_program, own_limit
from kit.workload.payload import Payload
from tests.boot.conftest import boot_once, stock_kernel, takes_long

pytestmark = [pytest.mark.boot, takes_long]
SECONDS = 240

STRESS = (
    ("--fork 2 --fork-ops 100", 0),
    ("--mprotect 1 --mprotect-ops 40", 0),
    ("--exec 1 --exec-max 1 --exec-ops 20", 65534),  # it refuses root, and counts no operations of its larger batches
)


@dataclass(frozen=True)
class Bench:
    """A kernel for programs of a distribution."""

    image: Path
    folder: Path

    def boot(self, name: str, *payloads: Payload) -> BootRun:
        """One boot that runs these in order."""
        program = boot_program([p.load(f"p{n}", 1) for n, p in enumerate(payloads)])
        total = SECONDS + own_limit(program)
        return boot_once(self.image, program, Machine("x86_64", 2, 512, "tcg"), self.folder, name, total)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    exp = read_experiment(PROJECT / "configs" / "locks.yaml")
    return Bench(stock_kernel(exp), tmp_path_factory.mktemp("payload"))


def shell(text: str, **params: Any) -> Payload:
    return Payload(command=("sh", "-c", text), files=("sleep", "head", "yes"), **params)


@pytest.mark.parametrize(
    ("name", "payload", "why"),
    [
        ("exit3", shell("echo out of luck >&2; exit 3"), "p0: exit status 3; its last words (stderr): out of luck"),
        ("signal", shell("kill -SEGV $$"), "p0: killed by signal 11 (Segmentation fault)"),
        ("endless", shell("while :; do :; done", limit=5), "p0: still running after its limit of 5 s"),
        ("forks", shell("sleep 100 & exit 0"), "p0: ended and left 1 process behind: sleep"),
    ],
)
def test_how_a_program_fails(bench: Bench, name: str, payload: Payload, why: str) -> None:
    ended = bench.boot(name, payload)
    assert (ended.outcome, ended.why) == (Outcome.FAILED, why)


def test_a_hundred_megabytes_of_output_are_counted_and_a_part_is_kept(bench: Bench) -> None:
    text = "echo first; yes | head -c 100000000; echo last; sleep 100 &"
    ended = bench.boot("flood", shell(text, limit=120, left_behind="kill"))
    assert ended.results is not None, ended.why
    [run] = ended.results.payloads
    assert (run.status, run.left, run.stdout.bytes) == (0, 1, 100_000_011)
    assert run.stdout.head.startswith("first\ny\n")
    assert run.stdout.tail.endswith("y\nlast\n")
    assert len(run.stdout.text) < 1 << 20
    assert ended.results_bytes < 1 << 20


def test_the_hosts_files_are_there_and_stay_as_they_are(bench: Bench, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # QEMU is no user of ours, if we are root
    mine = tmp_path / "mine"
    mine.write_text("the host's\n")
    text = f"cat {mine}; echo guest > {mine}; cat {mine}; touch {tmp_path}/new; tty"
    ended = bench.boot("host", Payload(command=("sh", "-c", text), root="host", folder=str(tmp_path), status=1))
    assert ended.results is not None, ended.why
    [run] = ended.results.payloads
    assert run.stdout.text == "the host's\nguest\nnot a tty\n"
    assert mine.read_text() == "the host's\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(shutil.which("stress-ng") is None, reason="needs stress-ng")
def test_stress_ng(bench: Bench) -> None:
    payloads = [Payload(command=("stress-ng", *words.split()), user=user) for words, user in STRESS]
    ended = bench.boot("stress", *payloads)
    assert ended.results is not None, ended.why
    assert [r.status for r in ended.results.payloads] == [0, 0, 0]
    for run, window in zip(ended.results.payloads, ended.results.windows, strict=True):
        assert "successful run completed" in run.stderr.text
        assert any(row.name == "&anon_vma->rwsem" for row in window.rows)


def test_homes_of_the_host_are_not_there_unless_asked_for(bench: Bench, tmp_path: Path) -> None:
    text = "ls / && pwd && ls -A /root /home 2>/dev/null; :"
    ended = bench.boot("left-out", Payload(command=("sh", "-c", text), root="host", folder=str(tmp_path)))
    assert ended.results is not None, ended.why
    [run] = ended.results.payloads
    said = run.stdout.text.split()
    assert {"usr", "etc", str(tmp_path)} <= {*said}
    assert os.listdir(Path.home())
    assert not {*os.listdir(Path.home())} & {*said}
