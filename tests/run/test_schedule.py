"""Kernels are built while others boot; timed boots wait; whatever ends one ends the other."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from rig import BOOTS, FRESH_MAKES, Bench, kill_after, resume_command

import kit.run.runner
import kit.run.schedule
from kit.base import commands
from kit.base.errors import COULD_NOT_RUN, OK, MachineError
from kit.base.progress import Busy, Progress
from kit.cli import INTERRUPTED
from kit.evidence import EVIDENCE
from kit.evidence.kind import Evidence
from kit.records import Boot, Experiment, Kernel
from kit.run.schedule import Builds
from kit.stats.noisy import Decision
from kit.store.runfolder import RunFolder
from tests.processes import arguments

FIRST = ("make vmlinux",) * 2  # counted by a dry run, then built


def order(bench: Bench) -> list[str]:
    """What the fakes did: `boot` and the builds, in order."""
    return [line for line in bench.log.read_text().splitlines() if line in ("boot", "make vmlinux")]


def slow_builds(monkeypatch: pytest.MonkeyPatch, boots: Callable[[], int], wanted: int) -> None:
    """Every kernel after the first waits until so many guests have run."""
    real, built = kit.run.runner.build, 0

    def build(*args: Any) -> Kernel:
        nonlocal built
        built += 1
        end = time.monotonic() + 60
        while built > 1 and boots() < wanted and time.monotonic() < end:
            time.sleep(0.01)
        return real(*args)

    monkeypatch.setattr(kit.run.runner, "build", build)


def test_the_baseline_boots_while_the_next_arm_is_built(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_builds(monkeypatch, lambda: bench.did("boot"), BOOTS // 2)
    assert bench.run().code == OK
    half = ["boot"] * (BOOTS // 2)
    assert order(bench) == [*FIRST, *half, "make vmlinux", *half]
    assert bench.verdict()["boots"] == {"ok": BOOTS, "failed": 0, "reused": 0}


def test_why_a_kind_goes_on_after_its_pilot_is_said_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(exp: Experiment, done: Sequence[Boot]) -> Decision:
        left = 4 - 1 - max(b.block for b in done)
        return Decision(left == 0, f"the lock wants {left} more", 0, 1)

    monkeypatch.setitem(cast(dict[str, Evidence], EVIDENCE), "count", replace(EVIDENCE["count"], stop=stop))
    ran = bench.run()
    assert ran.code == OK
    assert ran.err.count("count: 2 boots of each arm are not enough: the lock wants 2 more") == 1
    assert "wants 1 more" not in ran.err
    assert bench.verdict()["boots"]["ok"] == 4 * 2


def test_kernels_are_built_in_the_order_of_the_evidence(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    real = kit.run.runner.build

    def build(job: Any, *rest: Any) -> Kernel:
        built.append((job.spec.instrument, job.spec.arm))
        return real(job, *rest)

    monkeypatch.setattr(kit.run.runner, "build", build)
    bench.arms(with_=[bench.fault("nothing")])
    bench.experiment["evidence"] = ["check", "count"]
    assert bench.run().code == OK
    arms = ("without", "with")
    assert built == [(instrument, arm) for instrument in ("checking", "counting") for arm in arms]


def test_boots_that_measure_time_wait_for_the_last_build(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = {**EVIDENCE, "count": replace(EVIDENCE["count"], timed=True)}
    monkeypatch.setattr(kit.run.schedule, "EVIDENCE", alone)
    assert bench.run().code == OK
    assert order(bench) == [*FIRST, "make vmlinux"] + ["boot"] * BOOTS


def test_the_time_that_both_took_is_counted_once(bench: Bench) -> None:
    assert bench.run().code == OK
    spent = bench.verdict()["seconds"]
    assert spent["commands"] + spent["guests"] - spent["both"] + spent["own"] <= spent["total"] + 0.05
    assert 0 <= spent["both"] <= spent["commands"]
    assert 0 < spent["own"] < spent["total"]


def test_a_machine_that_fails_in_a_build_ends_the_boots_and_loses_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kit.run.runner.build

    def build(job: Any, *rest: Any) -> Kernel:
        if job.spec.arm == "with":
            while not bench.did("boot"):
                time.sleep(0.01)
            raise MachineError("the disk is gone")
        return real(job, *rest)

    monkeypatch.setattr(kit.run.runner, "build", build)
    ran = bench.run()
    assert (ran.code, "kit: the disk is gone" in ran.err) == (COULD_NOT_RUN, True)
    [run] = bench.runs()
    known = len(RunFolder(run).read_boots())
    assert known == bench.did("boot") >= 1
    monkeypatch.setattr(kit.run.runner, "build", real)
    assert bench.call("run", "--resume", str(run)).code == OK
    assert bench.did("boot") == BOOTS


def test_ctrl_c_while_one_arm_boots_and_the_other_is_built_ends_both(bench: Bench) -> None:
    makefile = bench.tree / "Makefile"
    link = "\t@echo '  LD      vmlinux'\n"
    text = makefile.read_text()
    assert link in text
    makefile.write_text(text.replace(link, f"{link}\t@if grep -q 'a slow one' $^; then sleep 61; fi\n"))
    bench.edit("return 0;", "return 0; /* boots: hang_silent */")
    bench.arms(with_=[bench.patch("slow", "Clone every entry", "a slow one")])
    started = time.monotonic()
    ran = kill_after(bench, ["run", bench.write()], FRESH_MAKES, 0.5, signal.SIGINT)  # all of them, and a boot
    assert ran.code == INTERRUPTED, ran
    assert resume_command(ran)[:2] == ["run", "--resume"]
    assert "Traceback" not in ran.err
    assert time.monotonic() - started < 40
    assert order(bench).count("boot") == 1
    assert ["sleep", "61"] not in arguments()


# The parts.


def test_a_stopped_thread_gets_what_ctrl_c_gives_the_main_thread() -> None:
    stopper, met = commands.Stopper(), []
    ready = threading.Event()

    def work() -> None:
        stopper.take_this_thread()
        try:
            commands.run(["sh", "-c", "echo; sleep 60"], progress=Progress(), limit=60, on_line=lambda _: ready.set())
        except KeyboardInterrupt:
            met.append("interrupt")
        try:
            commands.run(["true"], progress=Progress(), limit=60)
        except KeyboardInterrupt:
            met.append("no further command")

    thread = threading.Thread(target=work)
    started = time.monotonic()
    thread.start()
    assert ready.wait(10)
    stopper.stop()
    thread.join(20)
    assert met == ["interrupt", "no further command"]
    assert time.monotonic() - started < 30
    assert commands.run(["true"], progress=Progress(), limit=10).status == 0, "other threads go on"


def test_the_second_kernel_waits_to_be_let_on() -> None:
    begun: list[str] = []

    def build(job: Any) -> Any:
        begun.append(job)
        return job

    with Builds(["a", "b"], build) as builds:  # type: ignore[list-item]
        assert [b.kernel for b in builds.news(wait=True)] == ["a"]
        assert builds.news(wait=False) == []
        assert begun == ["a"]
        builds.go_on()
        assert [b.kernel for b in builds.news(wait=True)] == ["b"]
        assert (builds.news(wait=True), builds.ended) == ([], True)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with Builds(["a", "b"], lambda job: job) as builds:  # type: ignore[arg-type, list-item, return-value]
        builds.news(wait=True)
    assert threading.active_count() == before


def test_leaving_does_not_wait_for_a_lock_that_another_kit_holds() -> None:
    given_up = threading.Event()
    with Builds(["a"], lambda job: given_up.wait(60)):  # type: ignore[arg-type, list-item, return-value]
        pass
    [thread] = [t for t in threading.enumerate() if t.name == "builds"]
    assert thread.daemon
    given_up.set()
    thread.join(60)
    assert not thread.is_alive()


def test_seconds_that_overlap_are_counted_once() -> None:
    busy = Busy()
    began = time.monotonic()
    with busy.work(), busy.work():
        time.sleep(0.05)
    assert 0.05 <= busy.both <= busy.seconds <= time.monotonic() - began
    with busy.work():
        time.sleep(0.05)
    assert busy.both + 0.05 <= busy.seconds <= time.monotonic() - began


def test_an_arm_of_the_same_code_boots_no_more_and_leaves_nothing_to_compare(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The baseline may have booted before the arm was built: the report does not depend on how far it came."""
    bench.arms(with_=[bench.fault("nothing")])
    monkeypatch.setattr(kit.run.schedule, "same_code", lambda *_: True)
    slow_builds(monkeypatch, lambda: bench.did("boot"), 1)
    assert bench.run().code == OK
    verdict = bench.verdict()
    assert (verdict["verdict"], verdict["boots"]["ok"]) == ("same", 0)
    assert 1 <= bench.did("boot") <= BOOTS // 2
    origin = json.loads((bench.runs()[-1] / "provenance.json").read_text())
    assert [arm["kernels"]["counting"]["booted"] for arm in origin["arms"].values()] == [False, False]
    ran = bench.call("run", "--resume", str(bench.runs()[-1]))
    assert (ran.code, "identical kernel image" in ran.out) == (OK, True)
