"""`kit rerun`: repeats a recorded boot, compares, or leaves it for gdb."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rig import BOOTS, ROOT, Bench, Ran
from started import Started

import kit.run.bootrequest
import kit.run.plan
import kit.run.rerun
from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, NOT_AS_EXPECTED, OK
from kit.base.progress import Progress
from kit.cli import INTERRUPTED
from kit.experiment.reader import read_experiment
from kit.records import Boot, Outcome, Results, WindowResult
from kit.report.recorded import render_rerun
from kit.run.rerun import Rerun
from kit.store.cache import Cache
from kit.store.runfolder import RunFolder
from kit.vm.boot import BootRun


def test_the_same_boot_counts_the_same_again(bench: Bench) -> None:
    bench.run()
    record = (bench.runs()[-1] / "boots.jsonl").read_bytes()
    ran = bench.call("rerun", "last", "--boot", "1")
    assert ran.code == OK, ran
    assert re.search(r"fork-chain/d2 +anon_vma +(\d+) +\1 +same", ran.out)
    assert "The same as recorded." in ran.out
    assert bench.did("boot") == BOOTS + 1
    assert (bench.runs()[-1] / "boots.jsonl").read_bytes() == record
    again = json.loads(bench.call("rerun", "last", "--boot", "1", "--json").out)
    assert (again["same"], again["notes"]) == (True, [])
    assert sorted(p.name for p in (bench.runs()[-1] / "reruns").glob("*.log")) == [
        f"{again['boot']}-1.log",
        f"{again['boot']}-2.log",
    ]


def test_other_counts_are_shown_by_how_much(bench: Bench) -> None:
    bench.run()
    path = bench.runs()[-1] / "boots.jsonl"
    path.write_text(re.sub(r'"acquisitions":45\b', '"acquisitions":44', path.read_text()))
    ran = bench.call("rerun", "last", "--boot", "0")
    assert ran.code == NOT_AS_EXPECTED
    assert re.search(r"anon_vma +44 +45 +differs by \+1", ran.out)
    assert "NOT the same as recorded." in ran.out


def test_a_panic_that_does_not_come_again_is_another_outcome(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("boots: panic once")])
    bench.run()
    rows = json.loads(bench.call("show", "last", "--boot", "--json").out)
    name = next(row["name"] for row in rows if row["outcome"] == "panic")
    ran = bench.call("rerun", "last", "--boot", name)
    assert ran.code == NOT_AS_EXPECTED
    assert "recorded: panic: Kernel panic" in ran.out
    assert re.search(r"now: +ok \(", ran.out)


def test_a_kernel_that_is_gone_is_said_with_the_command_that_builds_it(bench: Bench) -> None:
    bench.run()
    shutil.rmtree(bench.cache / "kernels")
    ran = bench.call("rerun", "last", "--boot", "0")
    assert ran.code == COULD_NOT_RUN
    assert "the kernel is no longer in the cache" in ran.err
    command = re.search(r"to build it again: (.*)", ran.err)
    assert command
    assert bench.call(*shlex.split(command[1])[2:]).code == OK
    assert bench.call("rerun", "last", "--boot", "0").code == OK


def test_what_cannot_be_done_again(bench: Bench) -> None:
    bench.run()
    assert bench.call("rerun", "last", "--boot", "99").code == BAD_INPUT
    (bench.runs()[-1] / "provenance.json").write_text("{")
    ran = bench.call("rerun", "last", "--boot", "0")
    assert (ran.code, "provenance.json: missing or damaged" in ran.err) == (COULD_NOT_RUN, True)


def test_programs_that_changed_since_are_said(bench: Bench) -> None:
    bench.run()
    path = bench.runs()[-1] / "provenance.json"
    origin = json.loads(path.read_text())
    path.write_text(json.dumps({**origin, "guest": "0" * 24}))
    ran = bench.call("rerun", "last", "--boot", "0")
    assert ran.code == OK
    assert "note: the guest's own programs have changed" in ran.out


def start(*argv: str) -> Started:
    return Started(list(argv), os.environ)


def stub_of(process: Started) -> str:
    """The socket in the command that kit prints for gdb."""
    found = process.wait_for(r"gdb (\S+) -ex 'target remote (\S+)'")
    assert found[1].endswith("vmlinux")
    return found[2]


def test_gdb_finds_a_guest_that_waits_for_it(bench: Bench) -> None:
    bench.run()
    process = start("rerun", "last", "--boot", "0", "--gdb")
    with socket.socket(socket.AF_UNIX) as gdb:
        gdb.connect(stub_of(process))  # the fake starts when gdb comes
        out, err = process.communicate()
    assert process.returncode == OK, err
    assert "The same as recorded." in out


def test_a_guest_that_hangs_is_kept_and_ends_with_ctrl_c(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    monkeypatch.setenv("KIT_FAKE_QEMU", "hang_silent")
    monkeypatch.setattr(kit.run.plan, "LIMIT_LEAST", 0.3)
    monkeypatch.setattr(kit.run.plan, "LIMIT_TIMES", 0)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.3)

    def ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ctrl_c)
    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            again(bench, say)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 30
    assert "no end after" in said[0]
    assert re.search(r"gdb \S+vmlinux -ex 'target remote \S+'", said[0])


def again(bench: Bench, say: Callable[[str], None]) -> None:
    kit.run.rerun.rerun(RunFolder(bench.runs()[-1]), "0", Cache(), Progress(), keep=True, say=say)


def test_keep_of_a_guest_that_ends_is_as_without(bench: Bench) -> None:
    bench.run()
    ran = bench.call("rerun", "last", "--boot", "0", "--keep")
    assert (ran.code, "The same as recorded." in ran.out) == (OK, True)


def test_ctrl_c_while_gdb_is_waited_for_ends_the_guest(bench: Bench) -> None:
    bench.run()
    process = start("rerun", "last", "--boot", "0", "--gdb")
    stub = stub_of(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    ran = Ran(process.returncode, out, err)
    assert ran.code == INTERRUPTED, ran
    assert not os.path.exists(stub)


def test_a_checking_boot_is_told_again_what_it_was_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.arms()
    bench.experiment["evidence"] = ["check"]
    bench.run()
    told: list[dict[str, str]] = []
    real = kit.run.bootrequest.boot_initramfs

    def initramfs(base: Path, program: str, conf: dict[str, str]) -> bytes:
        told.append(conf)
        return real(base, program, conf)

    monkeypatch.setattr(kit.run.bootrequest, "boot_initramfs", initramfs)
    assert bench.call("rerun", "last", "--boot", "0").code == OK
    assert told[0].keys() == {"nonce", "limit", "swap"}
    assert 60 <= int(told[0]["limit"]) < 900, "as long as the run gave it, not as long as a first boot"


def timed(outcome: Outcome) -> tuple[Boot, BootRun]:
    """A boot that measured time, and its repetition with another time."""
    first, second = (Results("6.1", 1, {}, (WindowResult("w", elapsed, ()),)) for elapsed in (1000, 2000))
    boot = Boot("k", "with", "k", "time", 1, "kvm", 0, 0, 0, Outcome.OK, "", 1.0, "console/000.log", first)
    return boot, BootRun(outcome, "", 1.0, None, Path("again.log"), second, 0, ())


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.OK, "It ended as recorded; there was no count to compare."),
        (Outcome.HANG, "NOT the same as recorded."),
    ],
)
def test_a_boot_of_which_nothing_was_compared_is_not_called_the_same(outcome: Outcome, said: str) -> None:
    boot, run = timed(outcome)
    exp = read_experiment(ROOT / "configs" / "aim7.yaml", [])
    again = Rerun(boot, run, *kit.run.rerun._differences(boot, run.results, exp), ()).as_json()
    assert (again["compared"], again["windows"]) == (0, [])
    text = render_rerun(again)
    assert f"{said} Console: again.log\n" in text
    assert "The same" not in text
