"""The callgraph kind: the boots that it asks for, and verdicts on made-up instructions by function."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.evidence import callgraph, instructions
from kit.evidence.callgraphtables import function_tables
from kit.evidence.request import Site
from kit.records import (
    Boot,
    BootSpec,
    CallTree,
    ChainCount,
    InstructionsPlan,
    Outcome,
    Results,
    Verdict,
    WindowResult,
)
from tests.evidence.test_check_evidence import EXP as CHECKED

SITE = Site({("base", "plain"): "kb", ("new", "plain"): "kn"}, "kvm", "guest")
EXP = replace(CHECKED, evidence=("callgraph",), instructions=InstructionsPlan(limit=0.001, layouts=5, times=10))
JOBS = 100
NAMES = ("?", "fork", "copy_process", "down_write", "[user]")
TREE = CallTree(NAMES, (0, 0, 1), (0, 1, 2))  # fork; fork, copy_process
MOVES = (0, 3, -2, 1, -2)


def did(spec: BootSpec, copied: int, locked: int, *, clock: int = 300, here: int = 2) -> Boot:
    """A boot with so many instructions of copy_process and, below it, of down_write."""
    chains = (ChainCount(1, 2, copied), ChainCount(here, 3, locked), ChainCount(0, 4, 5_000_000))
    window = WindowResult("chain/d0", 5_000_000 + copied + locked + clock, (), (), 0, chains=chains)
    results = Results("6.1", 1, {}, (window,), calls=TREE)
    place = (spec.machine.cpus, spec.machine.accel, spec.repeat, spec.block, spec.order)
    return Boot(spec.key, spec.arm, spec.kernel_key, spec.evidence, *place, Outcome.OK, "", 1.0, "c", results)


def boots(more: int, fewer: int, noise: int = 0) -> list[Boot]:
    """`more` instructions a job in copy_process, `fewer` in down_write; the layouts move copy_process by `noise`."""
    out = []
    for s in callgraph.boots(EXP, SITE):
        new = s.arm == "new"
        moved = 70_000 * s.block + (noise * MOVES[s.block] if new else 0)
        out.append(did(s, 9_000_000 + moved + JOBS * more * new, 1_000_000 - JOBS * fewer * new))
    return out


def test_the_boots_are_those_of_instructions() -> None:
    mine, theirs = callgraph.boots(EXP, SITE), instructions.boots(EXP, SITE)
    assert [(s.arm, s.layout, s.program, s.machine, s.block) for s in mine] == [
        (s.arm, s.layout, s.program, s.machine, s.block) for s in theirs
    ]
    assert not {s.key for s in mine} & {s.key for s in theirs}


@pytest.mark.parametrize(
    ("more", "fewer", "verdict"),
    [(0, 0, Verdict.SAME), (12, 8, Verdict.SAME), (1200, 8, Verdict.WORSE), (12, 800, Verdict.BETTER)],
)
def test_differences_by_function_add_up_to_the_whole(more: int, fewer: int, verdict: Verdict) -> None:
    found = callgraph.judge(EXP, boots(more, fewer))
    assert found.verdict is verdict, found
    assert "to the digit, by call chain" in found.why
    rows = {r["function"]: r for r in found.details["by_function"]}
    assert rows["copy_process"]["difference"] == pytest.approx(more)
    assert rows["down_write"]["difference"] == pytest.approx(-fewer)
    assert rows["[clock]"]["baseline_value"] == 3
    (comparison,) = found.comparisons
    assert sum(r["difference"] for r in rows.values()) == pytest.approx(more - fewer)
    assert comparison.arm_value - comparison.baseline_value == pytest.approx(more - fewer)


def test_what_layouts_do_is_the_floor() -> None:
    rows = {r["function"]: r for r in callgraph.judge(EXP, boots(12, 8, 100_000)).details["by_function"]}
    assert rows["down_write"]["beyond"]
    assert not rows["copy_process"]["beyond"]
    assert rows["copy_process"]["low"] < 0 < rows["copy_process"]["high"]
    first = callgraph.judge(EXP, boots(12, 8, 100_000)).details["by_function"][0]
    assert first["function"] == "down_write", "a function beyond its floor comes before larger ones that are not"


def test_functions_that_are_not_shown_are_together_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callgraph, "SHOWN", 1)
    rows = callgraph.judge(EXP, boots(12, 8)).details["by_function"]
    assert [r["function"] for r in rows] == ["copy_process", "[others]"]
    assert sum(r["difference"] for r in rows) == pytest.approx(4)


def test_a_boot_that_does_not_repeat_decides_nothing() -> None:
    done = boots(0, 0)
    specs = callgraph.boots(EXP, SITE)
    done[-1] = did(specs[-1], 9_000_000, 1_000_000, here=1)  # as many, by another chain
    found = callgraph.judge(EXP, done)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "do not execute the same" in found.why


def test_the_table_adds_up() -> None:
    found = callgraph.judge(EXP, boots(12, 8))
    (table,) = function_tables({"evidence": {"callgraph": found.as_json()}}, "callgraph")
    assert table.rows[0] == ("copy_process", "91,400.00", "91,412.00", "+12.00", "0.00", "differs")
    assert table.rows[-1][0] == "all"
    assert table.rows[-1][3] == "+4.00"
