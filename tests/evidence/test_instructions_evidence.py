"""The instructions kind: the layouts and windows that it asks for, and verdicts on made-up boots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.evidence import instructions
from kit.evidence.request import Site
from kit.records import Boot, BootSpec, InstructionsPlan, Outcome, Results, Stop, Verdict, WindowResult
from kit.run.plan import Plan
from tests.evidence.test_check_evidence import EXP as CHECKED

SITE = Site({("base", "plain"): "kb", ("new", "plain"): "kn"}, "kvm", "guest")
EXP = replace(CHECKED, evidence=("instructions",), instructions=InstructionsPlan(limit=0.001, layouts=5, times=10))
BASE = 20_000_000  # instructions of a window of 100 forks


def did(spec: BootSpec, elapsed: int, idle: int | None = 0) -> Boot:
    window = WindowResult("chain/d0", elapsed, (), (), idle)
    results = Results("6.1", 1, {}, (window,))
    place = (spec.machine.cpus, spec.machine.accel, spec.repeat, spec.block, spec.order)
    return Boot(spec.key, spec.arm, spec.kernel_key, spec.evidence, *place, Outcome.OK, "", 1.0, "c", results)


def test_every_layout_is_a_block_of_its_own_on_one_vcpu_that_counts() -> None:
    specs = instructions.boots(EXP, SITE)
    assert len(specs) == 2 * 5 + 1
    assert {(s.machine.cpus, s.machine.accel) for s in specs} == {(1, "icount")}, "whatever accelerator guests have"
    for block in range(5):
        mine = [s for s in specs if s.block == block and s.repeat == 0]
        assert sorted(s.arm for s in mine) == ["base", "new"]
        assert len({s.layout for s in mine}) == 1
    words = [instructions.layout_word(n) for n in range(5)]
    assert len({len(w) for w in words}) == 5, "memory moves by a word's length"
    assert words[0] == ""
    again = [s for s in specs if s.repeat]
    assert [(s.arm, s.block) for s in again] == [("base", 0)]
    assert len({s.key for s in specs}) == len(specs)


def test_windows_are_long() -> None:
    program = instructions.boots(EXP, SITE)[0].program
    assert "repeat 10\nrepeat 10\nfork" in program, "10 forks ten times"
    assert instructions.loads_of(EXP)[0].windows[0].jobs == 100


@pytest.mark.parametrize(
    ("extra", "noise", "verdict"),
    [
        (0, 0, Verdict.SAME),
        (5_000, 0, Verdict.SAME),  # 0.025%
        (100_000, 2_000, Verdict.WORSE),  # 0.5%
        (-100_000, 2_000, Verdict.BETTER),
        (20_000, 100_000, Verdict.INCONCLUSIVE),
    ],
)
def test_what_layouts_come_to(extra: int, noise: int, verdict: Verdict) -> None:
    moves = (0, 3, -2, 1, -1)
    boots = [
        did(s, BASE + 70_000 * s.block + (extra + noise * moves[s.block] if s.arm == "new" else 0))
        for s in instructions.boots(EXP, SITE)
    ]
    found = instructions.judge(EXP, boots)
    assert found.verdict is verdict, found
    (comparison,) = found.comparisons
    assert (comparison.n, comparison.at.cpus, comparison.said) == (5, 1, verdict)
    assert comparison.baseline_value == pytest.approx((BASE + 140_000) / 100)
    assert "to the digit" in found.why


def test_a_boot_that_does_not_repeat_decides_nothing() -> None:
    boots = [did(s, BASE + 1000 * s.repeat) for s in instructions.boots(EXP, SITE)]
    found = instructions.judge(EXP, boots)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert f"chain/d0 of base took {BASE} instructions, then {BASE + 1000}" in found.why


def test_a_boot_that_nearly_repeats_says_by_how_much() -> None:
    boots = [did(s, BASE + 40 * s.repeat) for s in instructions.boots(EXP, SITE)]
    found = instructions.judge(EXP, boots)
    assert found.verdict is Verdict.SAME
    assert "a boot done again took the same to within 2 in a million" in found.why


@pytest.mark.parametrize(("idle", "why"), [(BASE // 100, "idle for 1% of it"), (None, "does not say whether it was")])
def test_a_window_in_which_the_guest_idled_is_void(idle: int | None, why: str) -> None:
    boots = [did(s, BASE, idle if s.arm == "new" else 0) for s in instructions.boots(EXP, SITE)]
    found = instructions.judge(EXP, boots)
    assert (found.verdict, found.comparisons) == (Verdict.INCONCLUSIVE, ())
    assert why in found.why


def test_no_boot_says_nothing() -> None:
    assert instructions.judge(EXP, []).why == "no boot gave a number"


def test_a_plan_ends_after_all_layouts() -> None:
    plan, done = Plan.of(EXP, SITE), []
    while not isinstance(wanted := plan.next(done), Stop):
        done.append(did(wanted[0], BASE))
    assert len(done) == 11


def test_a_user_of_several_kinds_gets_each_his_own_program() -> None:
    exp: Any = replace(EXP, instructions=replace(EXP.instructions, times=1))
    assert instructions.boots(exp, SITE)[0].key != instructions.boots(EXP, SITE)[0].key
