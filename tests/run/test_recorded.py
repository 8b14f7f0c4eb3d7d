"""`kit show`: a verdict again, a run that was killed, one boot; and records that are damaged."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from rig import BOOTS, Bench, interrupt, resume_command

from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, OK
from kit.base.project import command


def test_a_verdict_is_shown_as_it_was_printed(bench: Bench) -> None:
    ran = bench.run()
    [run] = bench.runs()
    for name in ("last", str(run), run.name):
        shown = bench.call("show", name)
        assert shown.code == OK
        assert shown.out.replace(f"{bench.folder}/", "") == ran.out.replace(f"{bench.folder}/", "")
    assert json.loads(bench.call("show", "last", "--json").out) == bench.verdict()


def test_a_run_that_was_interrupted_says_how_far_it_came(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, 3)
    ran = bench.run()
    shown = bench.call("show", "last")
    assert shown.code == OK
    assert "fake: no verdict yet\n" in shown.out
    assert "kernel with (counting): in the cache" in shown.out
    assert f"boots done: 2 of {BOOTS}" in shown.out
    assert f"Go on with: {command(*resume_command(ran))}" in shown.out
    state = json.loads(bench.call("show", "last", "--json").out)
    assert state["boots"] == {"planned": BOOTS, "ok": 2, "failed": 0}
    shutil.rmtree(bench.cache / "kernels")
    assert "kernel with (counting): not in the cache" in bench.call("show", "last").out


def test_a_run_killed_before_its_first_build_is_shown(bench: Bench) -> None:
    assert bench.run().code == OK
    [run] = bench.runs()
    for name in ("verdict.json", "boots.jsonl", "provenance.json"):
        (run / name).unlink()
    shown = bench.call("show", "last")
    assert shown.code == OK
    assert "it ended before it knew its kernels\n  boots done: 0\n" in shown.out


def test_boots_are_listed_and_each_is_shown(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("boots: warning")])
    bench.run()
    listed = bench.call("show", "last", "--boot")
    rows = json.loads(bench.call("show", "last", "--boot", "--json").out)
    assert len(rows) == BOOTS == len(listed.out.splitlines()) - 2
    warned = next(row for row in rows if row["arm"] == "with")
    shown = bench.call("show", "last", "--boot", str(warned["order"]))
    assert shown.code == OK
    assert f"boot {warned['name']}: arm with, 1 vCPU, tcg, count" in shown.out
    assert "line " in shown.out
    assert "    [    1.200001] WARNING: CPU: 0 PID: 23 at mm/rmap.c:420" in shown.out
    assert "reboot: Power down" in shown.out
    record = json.loads(bench.call("show", "last", "--boot", warned["name"], "--json").out)
    counts = {w["name"]: w["acquisitions"]["anon_vma"] for w in record["windows"]}
    assert (counts["fork-chain/d0"], counts["fork-chain/d2"]) == (45, 45)
    assert len(record["console_tail"]) == 20
    assert Path(record["console"]).is_file()
    assert Path(record["raw"]).is_file()


def test_a_number_that_two_tries_have_asks_for_a_name(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("boots: panic once")])
    bench.run()
    rows = json.loads(bench.call("show", "last", "--boot", "--json").out)
    order = next(row["order"] for row in rows if row["outcome"] == "panic")
    names = [row["name"] for row in rows if row["order"] == order]
    asked = bench.call("show", "last", "--boot", str(order))
    assert asked.code == BAD_INPUT
    assert ", ".join(names) in asked.err
    shown = bench.call("show", "last", "--boot", names[0])
    assert "\npanic: Kernel panic - not syncing" in shown.out
    assert "Results as the guest sent them: " in shown.out


def test_what_is_no_run_and_no_boot(bench: Bench) -> None:
    assert "there is no run yet" in bench.call("show", "last").err
    assert "no such folder" in bench.call("show", "nosuch").err
    assert "no experiment.yaml in it" in bench.call("show", str(bench.folder)).err
    bench.run()
    missing = bench.call("show", "last", "--boot", "99")
    assert missing.code == BAD_INPUT
    assert f"no boot 99 among the {BOOTS}" in missing.err


def test_last_is_the_run_that_was_worked_on_last(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(monkeypatch, 3)
    ran = bench.run()
    first = Path(resume_command(ran)[-1])
    newer = first.with_name("newer")
    shutil.copytree(first, newer)
    os.utime(newer / "experiment.yaml", (2e9, 2e9))
    assert "no verdict yet" in bench.call("show", str(bench.folder / "runs" / "newer")).out
    assert "runs/newer" in bench.call("show", "last", "--runs", str(bench.folder / "runs")).out


@pytest.mark.parametrize("text", ['{"schema": 1', "[]", '{"schema": 2}'])
def test_a_damaged_verdict_is_said_and_made_again(bench: Bench, text: str) -> None:
    bench.run()
    [run] = bench.runs()
    whole = bench.verdict()
    (run / "verdict.json").write_text(text)
    shown = bench.call("show", "last")
    assert shown.code == COULD_NOT_RUN
    assert (
        f"not of schema 1, or damaged\n  to write it again from the records: {command('run', '--resume', str(run))}"
        in (shown.err.replace("runs/", f"{bench.folder}/runs/"))
    )
    assert bench.call("run", "--resume", str(run)).code == OK
    assert bench.verdict()["evidence"] == whole["evidence"]


NO_BOOTS = ["{}", "[1]", "3", '"x"', '{"key": 1}', '{"results": null, "splats": [], "outcome": 0}']


@pytest.mark.parametrize("line", NO_BOOTS)
def test_a_line_that_is_no_boot_is_named(bench: Bench, line: str) -> None:
    bench.run()
    [run] = bench.runs()
    text = (run / "boots.jsonl").read_text()
    (run / "boots.jsonl").write_text(text + line + "\n")
    for argv in (["run", "--resume", str(run)], ["show", "last", "--boot"]):
        ran = bench.call(*argv)
        assert ran.code == COULD_NOT_RUN
        assert f"boots.jsonl:{BOOTS + 1}: not the record of a boot" in ran.err
        assert "Traceback" not in ran.err
    (run / "boots.jsonl").write_text(text)
    assert bench.call("run", "--resume", str(run)).code == OK
