"""`kit run` from end to end in seconds: a fake kernel tree, built by make, booted in a fake QEMU that plays it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shlex
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from rig import (
    BOOTS,
    FORK,
    FRESH_MAKES,
    ROOT,
    TOOLS,
    Bench,
    essence,
    impatient,
    interrupt,
    kill_after,
    resume_command,
)

import kit.run.bootrequest
import kit.run.job
from kit.base.errors import BAD_INPUT, COULD_NOT_RUN, INCONCLUSIVE, NOT_AS_EXPECTED, OK
from kit.base.project import PROJECT, command
from kit.cli import INTERRUPTED
from kit.records import digest
from kit.store.runfolder import RunFolder

pytestmark = pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")

SEED = random.SystemRandom().randrange(1 << 32)


# Verdicts.


def test_fewer_acquisitions_are_better(bench: Bench) -> None:
    bench.experiment["guest"]["cpus"] = [1, 2]
    ran = bench.run()
    verdict = bench.verdict()
    assert ran.code == OK, ran
    assert (verdict["verdict"], verdict["expected"], verdict["disagreements"]) == ("better", True, 0)
    assert "BETTER: with is better than without" in ran.out
    assert verdict["boots"] == {"ok": 2 * BOOTS, "failed": 0, "reused": 0}
    # A VMA with c chain entries takes c + 2 acquisitions a fork unbatched and 3 batched; three VMAs, c = depth + 1.
    found = {
        (c["at"]["depth"], c["at"]["cpus"]): (c["baseline_value"], c["arm_value"], c["exact"], c["agrees"])
        for c in verdict["evidence"]["count"]["comparisons"]
        if c["at"]["workload"] == "fork-chain"
    }
    for cpus in (1, 2):
        assert found[0, cpus] == (9, 9, True, True)
        assert found[2, cpus] == (15, 9, True, True)


def test_arms_the_other_way_round_are_worse(bench: Bench) -> None:
    bench.experiment["baseline"] = "with"
    ran = bench.run()
    assert ran.code == NOT_AS_EXPECTED
    assert bench.verdict()["verdict"] == "worse"
    assert "WORSE (not as expected): without is worse than with" in ran.out


def test_a_comment_changes_nothing(bench: Bench) -> None:
    bench.arms(with_=[bench.patch("comment", "Clone every entry", "Clone each entry")])
    ran = bench.run()
    assert ran.code == OK
    assert bench.verdict()["verdict"] == "same"
    assert (bench.did("make olddefconfig"), bench.did("boot")) == (1, BOOTS)
    assert len(list((bench.cache / "kernels").iterdir())) == 2


def test_a_kernel_that_counts_one_more_disagrees_with_the_model(bench: Bench) -> None:
    bench.experiment["arms"]["with"]["series"] = [bench.fault("off by one")]
    ran = bench.run()
    assert ran.code == NOT_AS_EXPECTED
    assert not bench.verdict()["expected"]
    assert "Model and kernel disagree in 2 counts" in ran.out
    assert "with, fork-chain/d0, 1 vCPU: measured 46, 46; predicted 45, of these" in ran.out
    assert re.search(r"15 \w+ \(3\.00 per job\)", ran.out), "the operations that were predicted"
    assert "difference +1, +0.200 per job" in ran.out


@pytest.mark.parametrize(("into", "verdict", "code"), [("with", "worse", NOT_AS_EXPECTED), ("without", "better", OK)])
def test_a_lock_that_nobody_named_decides(bench: Bench, into: str, verdict: str, code: int) -> None:
    ledger = [bench.fault("locks: fork_ledger_mutex 100")]
    bench.arms(**{"with_" if into == "with" else into: ledger})
    bench.experiment["locks"] = ["anon_vma", "*"]
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (code, verdict)
    assert "the fork_ledger_mutex lock" in bench.verdict()["sentence"]
    assert bench.did("boot") == BOOTS


def test_locks_that_move_in_both_directions_are_inconclusive(bench: Bench) -> None:
    both = (bench.fault("locks: one_lock 100"), bench.patch("other", "return 0;", "return 0; /* locks: two_lock 9 */"))
    bench.arms(without=[both[0]], with_=[both[1]])
    bench.experiment["locks"] = ["anon_vma", "*"]
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (INCONCLUSIVE, "inconclusive")
    assert "one_lock 300 → 0 and two_lock 0 → 27 acquisitions a boot (exact)" in bench.verdict()["sentence"]


# Broken arms, and baselines.


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("panic", "panic: Kernel panic - not syncing: Attempted to kill init!"),
        ("hang_silent", "hang: no end after"),
        ("no_end", "no-end-marker: no end marker after"),
        ("damaged", "results-damaged: frame"),
    ],
)
def test_an_arm_that_fails_every_time_is_broken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: str, outcome: str
) -> None:
    monkeypatch.setattr(kit.run.bootrequest, "run_boot", impatient)
    monkeypatch.setattr(kit.vm.hang, "FIRST_SECONDS", 0.1)  # the silent guest answers no question
    bench.arms(with_=[bench.fault(f"boots: {fault}")])
    ran = bench.run()
    verdict = bench.verdict()
    assert (ran.code, verdict["verdict"]) == (NOT_AS_EXPECTED, "broken")
    assert outcome in verdict["splats"]["broken"][0]["why"]
    assert "(in each of 2 tries)" in verdict["sentence"]
    assert verdict["boots"] == {"ok": 2, "failed": 4, "reused": 0}


def test_a_panic_that_does_not_come_again_is_told_and_not_held_against_the_arm(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("boots: panic once")])
    ran = bench.run()
    verdict = bench.verdict()
    assert (ran.code, verdict["verdict"]) == (OK, "same")
    assert verdict["boots"] == {"ok": BOOTS, "failed": 1, "reused": 0}
    assert "seen once, not counted: with: panic" in ran.out


@pytest.mark.parametrize("fault", ["panic", "killed", "refuse"])
def test_a_baseline_that_fails_is_no_verdict(bench: Bench, fault: str) -> None:
    bench.arms(without=[bench.fault(f"boots: {fault}")])
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert bench.verdict()["verdict"] is None
    assert "COULD NOT RUN: without on 1 vCPU" in ran.out


def test_a_guest_that_fails_in_all_arms_is_no_verdict(bench: Bench) -> None:
    bench.edit("return 0;", "return 0; /* boots: no_end */")
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert bench.verdict()["splats"]["broken"] == []


@pytest.mark.process
def test_a_warning_in_the_arm_alone_breaks_it(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("boots: warning")])
    ran = bench.run()
    [fault] = bench.verdict()["splats"]["broken"]
    assert (ran.code, bench.verdict()["verdict"]) == (NOT_AS_EXPECTED, "broken")
    assert "WARNING: CPU: 0 PID: 23 at mm/rmap.c:420" in fault["excerpt"]
    assert "Call Trace:" in ran.out
    file, line = fault["console"].rsplit(":", 1)
    assert "WARNING" in (bench.runs()[-1] / file).read_text().split("\n")[int(line) - 1]


def test_a_warning_in_both_is_not_the_patchs(bench: Bench) -> None:
    bench.edit("return 0;", "return 0; /* boots: warning */")
    assert bench.run().code == OK
    assert bench.verdict()["splats"] == {"broken": [], "could_not_run": [], "once": []}


def test_an_accepted_warning_does_not_break(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("boots: warning")])
    bench.experiment["accept"] = [{"pattern": "unlink_anon_vmas", "why": "known since 2011"}]
    assert bench.run().code == OK
    assert bench.verdict()["verdict"] == "same"


def test_an_arm_that_does_not_compile_is_broken_by_the_compilers_own_words(bench: Bench) -> None:
    bench.arms(with_=[bench.patch("fault", "\treturn 0;", "\tsyntax_error x;")])
    ran = bench.run()
    error = "mm/rmap.c:12:9: error: unknown type name syntax_error"
    assert (ran.code, bench.verdict()["verdict"]) == (NOT_AS_EXPECTED, "broken")
    assert bench.verdict()["sentence"] == f"Broken: with cannot be built: {error}; nothing like it in without."
    assert re.search(rf"^ +{re.escape(error)}\n +\| syntax_error x;$", ran.out, re.MULTILINE)
    assert bench.did("boot") == BOOTS // 2


def test_a_baseline_that_does_not_compile_is_no_verdict(bench: Bench) -> None:
    bench.arms(without=[bench.patch("fault", "\treturn 0;", "\tsyntax_error x;")])
    ran = bench.run()
    assert ran.code == COULD_NOT_RUN
    assert "error: unknown type name syntax_error" in ran.out
    assert bench.did("boot") == 0


# Bad input.


def test_a_patch_that_does_not_apply_is_said_before_anything_is_built(bench: Bench) -> None:
    patch = bench.patch("stale", "Clone every entry", "Clone each entry")
    bench.edit("Clone every entry", "Clone all entries")
    bench.arms(with_=[patch])
    ran = bench.run()
    assert ran.code == BAD_INPUT
    assert "stale.patch:3: hunk 1 of mm/rmap.c does not apply" in ran.err
    assert "should be: →/* Clone every entry of the chain. */" in ran.err
    assert "is:        →/* Clone all entries of the chain. */" in ran.err
    assert bench.log.read_text() == ""
    assert bench.runs() == []


def test_an_unknown_key_is_named_with_its_line(bench: Bench) -> None:
    bench.experiment["budgets"] = {}
    file = bench.write()
    line = Path(file).read_text().splitlines().index("budgets: {}") + 1
    ran = bench.call("run", file)
    assert ran.code == BAD_INPUT
    assert f"{file}:{line}: unknown key `budgets`" in ran.err
    assert "nearest: budget" in ran.err
    assert bench.runs() == []


def test_an_option_that_the_kernel_drops_is_named_with_its_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "configs", bench.folder / "configs")
    fragment = bench.folder / "configs" / "kernel" / "counting.config"
    with fragment.open("a") as file:
        file.write("CONFIG_NOT_THERE=y\n")
    monkeypatch.setattr(kit.run.job, "PROJECT", bench.folder)
    ran = bench.run()
    assert ran.code == BAD_INPUT
    line = len(fragment.read_text().splitlines())
    assert f"CONFIG_NOT_THERE=y (asked for in {fragment}:{line}), the kernel's configuration has n" in ran.err
    assert bench.did("make vmlinux") == 0
    monkeypatch.undo()


# What is done stays done.


def test_a_second_run_builds_and_boots_nothing(bench: Bench) -> None:
    assert bench.run().code == OK
    first, did = bench.verdict(), bench.log.read_text()
    ran = bench.run("--json")
    assert ran.code == OK
    assert bench.log.read_text() == did
    assert json.loads(ran.out) == bench.verdict()
    assert bench.verdict()["boots"] == {"ok": BOOTS, "failed": 0, "reused": BOOTS}
    assert essence(bench.verdict()) == essence(first)
    assert f"Boots taken from earlier runs (same kernel, same program): {BOOTS} of {BOOTS}" in bench.run().out


def test_a_damaged_kernel_in_the_cache_is_built_again(bench: Bench) -> None:
    assert bench.run().code == OK
    first, second = sorted((bench.cache / "kernels").iterdir())
    whole = (first / "vmlinux").read_bytes()
    (first / "vmlinux").write_bytes(whole[: len(whole) // 2])
    (second / "kernel.json").unlink()
    before = bench.did("make vmlinux")
    assert bench.run().code == OK
    assert bench.did("make vmlinux") == before + 2
    assert (first / "vmlinux").read_bytes() == whole
    assert (second / "kernel.json").exists()


def test_a_damaged_boot_in_the_cache_is_done_again(bench: Bench) -> None:
    assert bench.run().code == OK
    first, second, *_ = sorted((bench.cache / "boots").iterdir())
    text = (first / "boot.json").read_text()
    (first / "boot.json").write_text(re.sub(r'"acquisitions": 45\b', '"acquisitions": 44', text))
    assert (first / "boot.json").read_text() != text
    (second / "boot.json").write_text(text[:100])
    assert bench.run().code == OK
    assert bench.did("boot") == BOOTS + 2
    assert bench.verdict()["disagreements"] == 0


def test_a_boot_in_the_cache_on_fewer_processors_than_asked_is_done_again(bench: Bench) -> None:
    assert bench.run().code == OK
    first = sorted((bench.cache / "boots").iterdir())[0] / "boot.json"
    record = json.loads(first.read_text())
    record["boot"]["results"]["cpus"] += 1
    first.write_text(json.dumps({**record, "digest": digest(record["boot"])}))
    assert bench.run().code == OK
    assert bench.did("boot") == BOOTS + 1


def test_a_users_tree_is_never_written_to(bench: Bench) -> None:
    (bench.tree / "a link").symlink_to("mm")
    before = contents(bench.tree)
    bench.arms(with_=[bench.fault("nothing")])
    assert bench.run().code == OK
    assert contents(bench.tree) == before


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Path → (hash or target, time of change) of everything below a folder."""
    out = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        data = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        out[str(path)] = (hashlib.sha256(data).hexdigest(), path.lstat().st_mtime_ns)
    return out


def test_an_edit_of_a_users_tree_is_built_and_booted(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("nothing", FORK)])
    assert bench.run().code == OK
    bench.edit("profile: 6.1 ", "profile: 6.1-unbatched-clone ")
    before = bench.did("boot")
    assert bench.run().code == OK
    assert bench.did("boot") == before + BOOTS
    values = [c["arm_value"] for c in bench.verdict()["evidence"]["count"]["comparisons"]]
    assert values[:2] == [9, 15]
    assert bench.did("make olddefconfig") == 1


# Interrupted runs.


@pytest.mark.parametrize("at", [1, 3])
def test_ctrl_c_leaves_a_run_that_resume_completes(bench: Bench, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    interrupt(monkeypatch, at)
    ran = bench.run()
    assert ran.code == INTERRUPTED
    assert bench.did("boot") == at - 1
    shutil.rmtree(bench.cache / "boots", ignore_errors=True)  # what is done is known by the run itself
    (bench.folder / "experiment.yaml").unlink()
    resumed = bench.call(*resume_command(ran), "--json")
    assert resumed.code == OK, resumed
    assert bench.did("boot") == BOOTS
    [run] = bench.runs()
    keys = [(b["key"], b["arm"]) for b in RunFolder(run).read_boots()]
    assert len(keys) == len(set(keys)) == BOOTS
    verdict = bench.verdict()
    assert json.loads(resumed.out) == verdict
    shutil.rmtree(bench.cache / "boots")
    assert bench.run().code == OK
    assert len(bench.runs()) == 2
    assert essence(bench.verdict()) == essence(verdict)


def test_a_run_that_boots_everything_again_goes_on_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run()
    interrupt(monkeypatch, 2)
    ran = bench.run("--fresh")
    assert bench.call(*resume_command(ran)).code == OK
    assert bench.did("boot") == 2 * BOOTS


def test_a_command_to_type_finds_the_clone_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    assert command("run", "a b") == "python3 kit run 'a b'"
    monkeypatch.chdir(tmp_path)
    assert shlex.split(command("run")) == ["python3", str(PROJECT / "kit"), "run"]


def test_a_resumed_run_does_not_mix_boots_of_another_tree(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.arms(with_=[bench.fault("nothing", FORK)])
    interrupt(monkeypatch, 4)
    ran = bench.run()
    bench.edit("profile: 6.1 ", "profile: 6.1-unbatched-clone ")
    assert bench.call(*resume_command(ran)).code == OK
    assert bench.verdict()["boots"]["ok"] == BOOTS
    assert {c["n"] for c in bench.verdict()["evidence"]["count"]["comparisons"]} == {2}


def test_resume_of_no_run_is_bad_input(bench: Bench) -> None:
    ran = bench.call("run", "--resume", str(bench.folder))
    assert ran.code == BAD_INPUT
    assert "no experiment.yaml" in ran.err


@pytest.mark.long
def test_kills_at_any_moment_lose_and_double_nothing(bench: Bench) -> None:
    print("seed", SEED)
    moments = random.Random(SEED)
    argv = ["run", bench.write()]
    for _ in range(3):
        kill_after(bench, argv, events=moments.randrange(8), seconds=moments.uniform(0, 0.05))
        complete = [r for r in bench.runs() if (r / "experiment.yaml").exists()]
        argv = ["run", "--resume", str(complete[-1])] if complete else argv
    ran = bench.call(*argv)
    assert ran.code == OK, ran
    verdict = bench.verdict()
    keys = [(b["key"], b["arm"]) for b in RunFolder(bench.runs()[-1]).read_boots()]
    assert len(keys) == len(set(keys)) == BOOTS
    shutil.rmtree(bench.cache)
    assert bench.run().code == OK
    assert essence(bench.verdict()) == essence(verdict)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_real_signal_while_a_guest_runs_ends_all_of_it(bench: Bench, sig: signal.Signals) -> None:
    bench.edit("return 0;", "return 0; /* boots: hang_silent */")
    argv = ["run", bench.write()]
    ran = kill_after(bench, argv, FRESH_MAKES, 0.1, sig)
    assert ran.code == 128 + sig, ran
    assert resume_command(ran)[:2] == ["run", "--resume"]
    assert ("interrupted\n" if sig is signal.SIGINT else f"interrupted by {sig.name}\n") in ran.err
    assert "Traceback" not in ran.err


# Where the tests run in the background of a script, or under nohup, these are ignored, and children inherit that.


# Instructions and time: what the fake guest says that a window took is in a comment of its kernel.


def takes(bench: Bench, number: int) -> str:
    """A patch with which a window takes so many thousand nanoseconds instead of a thousand."""
    return bench.fault(f"takes {number}")


def compared(bench: Bench, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.verdict()["evidence"][kind]["comparisons"]
    return found


def test_more_instructions_are_worse_by_an_interval_over_layouts(bench: Bench) -> None:
    bench.arms(with_=[takes(bench, 1010)])
    bench.experiment["evidence"] = ["instructions"]
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (NOT_AS_EXPECTED, "worse"), ran
    assert bench.did("boot") == 2 * 5 + 1
    assert {(c["said"], round(c["ratio"], 4), c["n"]) for c in compared(bench, "instructions")} == {("worse", 1.01, 5)}
    led = r"WORSE \(not as expected\): with is worse than without: instructions per (fork|job) 1% higher"
    assert re.search(led, ran.out)
    assert "a boot done again took the same to the digit" in ran.out
    assert bench.run().code == NOT_AS_EXPECTED
    assert bench.did("boot") == 2 * 5 + 1, "boots of exact evidence are done again"


def test_a_guest_that_idles_has_no_number_of_instructions(bench: Bench) -> None:
    bench.arms(with_=[bench.fault("idles")])
    bench.experiment["evidence"] = ["instructions"]
    ran = bench.run()
    assert bench.verdict()["verdict"] == "inconclusive"
    assert "the guest was idle for 10% of it" in ran.out


def test_emulated_time_is_shown_marked_and_decides_nothing(bench: Bench) -> None:
    bench.arms(with_=[takes(bench, 2000)])
    bench.experiment["evidence"] = ["count", "time"]
    ran = bench.run()
    verdict = bench.verdict()
    assert (ran.code, verdict["verdict"]) == (OK, "same"), ran
    assert (verdict["evidence"]["time"]["verdict"], verdict["evidence"]["time"]["decides"]) == ("inconclusive", False)
    assert "EMULATED Speed (time): the time of an interpreter, not of hardware; shown, decides nothing" in ran.out
    assert "time decides nothing, emulated (TCG): its time is no evidence of hardware" in ran.out
    assert {c["arm"] for c in compared(bench, "time")} == {"with", "without-again"}


@pytest.fixture
def kvm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose KVM works: the fake QEMU accepts it."""
    monkeypatch.setattr("kit.vm.kvm.cannot_open", lambda device: "")


def timed(bench: Bench, number: int) -> None:
    bench.arms(with_=[takes(bench, number)])
    bench.experiment |= {"evidence": ["time"], "budget": {"blocks": 12}, "time": {"rounds": 2, "times": 1}}
    bench.experiment["guest"]["accel"] = "kvm"
    bench.experiment["workloads"] = [{"fork-chain": {"depth": [2], "forks": 5, "vmas": 1}}]


@pytest.mark.process
def test_slower_on_kvm_is_worse_before_the_last_block(bench: Bench, kvm: None) -> None:
    timed(bench, 1100)
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (NOT_AS_EXPECTED, "worse"), ran
    arm, beside = compared(bench, "time")
    assert (arm["said"], round(arm["ratio"], 2), beside["aa"]) == ("worse", 0.91, True)
    assert abs(beside["ratio"] - 1) < 0.001
    assert arm["n"] < 12, "it went on when it was decided"
    assert "the baseline beside itself (A/A) differs by up to" in ran.out
    records = [json.loads(line) for line in (bench.runs()[-1] / "boots.jsonl").read_text().splitlines()]
    assert [r["block"] for r in records].count(-1) == 2, "each kernel warms up once"
    assert len(records) == 2 + 3 * arm["n"]
    for record in records:
        assert record["host"]["after"]["total_ticks"] >= record["host"]["before"]["total_ticks"] > 0
        assert len(record["host"]["pinned"]["cores"]) == 1
    pinned = [line for line in bench.log.read_text().splitlines() if line.startswith("pinned ")]
    assert len(pinned) == len(records)
    assert not any("," in line for line in pinned), "each thread on one core"


def test_a_resumed_run_stops_where_it_would_have_stopped(bench: Bench, kvm: None) -> None:
    timed(bench, 1100)
    bench.run()
    whole = bench.verdict()
    lines = (bench.runs()[-1] / "boots.jsonl").read_text().splitlines(keepends=True)
    (bench.runs()[-1] / "boots.jsonl").write_text("".join(lines[: len(lines) // 2]))
    ran = bench.call("run", "--resume", str(bench.runs()[-1]))
    print(ran, bench.verdict()["evidence"]["time"])
    assert ran.code == NOT_AS_EXPECTED
    again = (bench.runs()[-1] / "boots.jsonl").read_text().splitlines()
    assert [place(line) for line in again] == [place(line) for line in lines]
    assert conclusion(bench.verdict()) == conclusion(whole)


def conclusion(verdict: dict[str, Any]) -> dict[str, Any]:
    """The conclusions from boots that scatter, without their own numbers."""
    rows = [(c["at"], c["said"], c["n"], c["baseline_n"]) for c in verdict["evidence"]["time"]["comparisons"]]
    kept = ("verdict", "expected", "boots", "arms", "splats", "limits")
    return {**{key: verdict[key] for key in kept}, "rows": rows}


def place(line: str) -> tuple[Any, ...]:
    record = json.loads(line)
    return record["arm"], record["block"], record["order"], record["key"]


def test_each_run_draws_its_order_and_writes_it_down(bench: Bench, kvm: None) -> None:
    """Boots of exact evidence are reused all the same: they do not depend on their order."""
    timed(bench, 1100)
    bench.experiment["evidence"] = ["count", "time"]
    for _ in range(2):
        bench.run()
    assert bench.call("run", str(bench.runs()[-1] / "experiment.yaml")).code == NOT_AS_EXPECTED
    drawn = [yaml.safe_load((run / "experiment.yaml").read_text())["order_seed"] for run in bench.runs()]
    assert drawn[0] != drawn[1] == drawn[2] == bench.verdict()["provenance"]["order_seed"]
    lines = [(run / "boots.jsonl").read_text().splitlines() for run in bench.runs()]
    assert sorted(map(place, lines[1])) == sorted(map(place, lines[2]))
    assert bench.verdict()["boots"]["reused"] == BOOTS


def test_a_seed_that_is_given_repeats_the_order(bench: Bench) -> None:
    bench.experiment["seed"] = 7
    for _ in range(2):
        bench.run("--fresh")
    one, two = ((run / "boots.jsonl").read_text().splitlines() for run in bench.runs())
    assert sorted(map(place, one)) == sorted(map(place, two))
    assert bench.verdict()["provenance"]["order_seed"] == 7


def test_the_same_kernel_twice_needs_no_boot(bench: Bench) -> None:
    bench.arms()
    bench.experiment["evidence"] = ["count", "instructions", "time"]
    ran = bench.run()
    assert (ran.code, bench.verdict()["verdict"]) == (OK, "same"), ran
    records = bench.runs()[-1] / "boots.jsonl"  # the baseline may boot while the other kernel is still being built
    booted = [json.loads(line)["arm"] for line in records.read_text().splitlines()] if records.exists() else []
    assert "with" not in booted
    assert "identical kernel image: what with and without execute is equal byte for byte" in ran.out


def test_an_aa_run_boots_the_baseline_in_every_arm(bench: Bench) -> None:
    bench.experiment["expect"] = {"count": "better"}
    ran = bench.run("--aa")
    verdict = bench.verdict()
    assert (ran.code, verdict["verdict"], verdict["aa"]) == (OK, "same", True), ran
    assert bench.did("boot") == BOOTS
    assert "A/A experiment: every arm is the kernel of without" in ran.out
    bench.run("--aa")
    assert bench.did("boot") == 2 * BOOTS, "an A/A run took boots from the cache"
    assert bench.run().code == OK
    assert bench.verdict()["verdict"] == "better"
