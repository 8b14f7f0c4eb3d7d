"""The text of made-up verdicts: table rows and their order, each kind of ending, splats, disagreements, classes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.records import ArmSpec, At, Boot, Experiment, KindVerdict, Outcome, PredictedCount, Verdict, WorkloadSpec
from kit.report.text import render, wrapped
from kit.run.job import verdict_json
from kit.stats.attribution import Attribution, Fault
from kit.stats.counts import Counted, compare, judge_all
from kit.stats.verdict import judge

TABLE = "lock class   arm\n-----------  -----------\nclass full   of\nanother one  that is long\n"
BASE, NEW = ArmSpec("base", "dir:/x", (), "6.1"), ArmSpec("new", "dir:/x", (), "6.1")
EXP = Experiment(
    name="x",
    baseline="base",
    arms=(BASE, NEW),
    cpus=(1, 2, 4),
    memory=256,
    accel="tcg",
    workloads=(
        WorkloadSpec("aim7", "mix", {"mix": {"fork_test": 1.0}, "users": [1, 2], "jobs": 2}),
        WorkloadSpec("fork-chain", "chain", {"depth": [0, 1, 2, 10], "forks": 10, "vmas": 4, "written": None}),
    ),
    evidence=("count",),
    locks=("anon_vma",),
    limit=0.01,
    expect={},
    blocks=2,
    minutes=1,
    seed=1,
)
OK_BOOT = Boot("k", "base", "k", "count", 1, "tcg", 0, 0, 0, Outcome.OK, "", 1.0, "c", None)
NOTHING = Attribution()
Pair = tuple[tuple[int, ...], tuple[int, ...]]


def at(
    workload: str, cpus: int | None, depth: int | None = None, users: int | None = None, lock: str = "anon_vma"
) -> At:
    return At(workload, cpus=cpus, users=users, depth=depth, lock=lock)


def kind(*found: tuple[At, Pair], arm: str = "new", predicted: bool = False, **details: Any) -> KindVerdict:
    comparisons = tuple(
        compare(
            place,
            arm,
            Counted(mine, (mine[0], mine[0]) if predicted else None),
            "base",
            Counted(base, (base[0], base[0]) if predicted else None),
            10,
            "fork",
        )
        for place, (mine, base) in found
    )
    return KindVerdict("count", judge_all(comparisons, 0.01), "because", comparisons, details=details)


def text(
    *kinds: KindVerdict,
    attribution: Attribution = NOTHING,
    exp: Experiment = EXP,
    done: int = 1,
    reused: bool = False,
) -> str:
    boots = [replace(OK_BOOT, reused="earlier" if reused else "")] * done
    origin = {"reproduce": "python3 kit run here"}
    value = verdict_json(exp, judge(exp, kinds, attribution), kinds, attribution, boots, origin)
    return render(json.loads(json.dumps(value)), Path("runs/x"))


def rows(shown: str) -> list[list[str]]:
    """The cells of the first table's body."""
    lines = shown.split("\n\n")[0].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("---"))
    return [line.split() for line in lines[start + 1 :]]


HALF: Pair = ((50, 50), (100, 100))
EQUAL: Pair = ((100, 100), (100, 100))


def test_rows_stand_in_the_experiment_s_order_and_machines_that_agree_share_one() -> None:
    found = [(at("chain", c, depth=d), HALF) for c in (4, 1, 2) for d in (10, 0, 2)]
    found += [(at("mix", c, users=u), ((50 + c, 50 + c), (100, 100))) for u in (2, 1) for c in (2, 1)]
    assert [r[:4] for r in rows(text(kind(*found)))] == [
        ["mix", "users", "1", "1"],
        ["mix", "users", "1", "2"],
        ["mix", "users", "2", "1"],
        ["mix", "users", "2", "2"],
        ["chain", "depth", "0", "1,2,4"],
        ["chain", "depth", "2", "1,2,4"],
        ["chain", "depth", "10", "1,2,4"],
    ]


def test_a_row_has_counts_ratio_model_and_boots() -> None:
    shown = text(kind((at("chain", 1, depth=0), HALF), (at("chain", 2, depth=0), HALF), predicted=True))
    assert shown.startswith("anon_vma lock, acquisitions per fork (count)\n")
    assert rows(shown) == [["chain", "depth", "0", "1,2", "10", "5", "0.500", "as", "predicted", "8"]]


@pytest.mark.parametrize(
    ("pair", "cells"),
    [
        (((45, 55), (100, 100)), "10 5 0.500 [0.450, 0.550] no prediction 4"),
        (((5, 5), (0, 0)), "0 0.50 – no prediction 4"),
        (((5, 5), (0, 10)), "0.50 0.50 1.000 [0.500, –] no prediction 4"),
        (((0, 3), (0, 0)), "0 0.15 – [1.000, –] no prediction 4"),
        (((0, 0), (0, 0)), "0 0 1.000 no prediction 4"),
        (((5,), (7, 7)), "0.70 0.50 0.714 no prediction 3"),
    ],
)
def test_ratios_with_and_without_bounds(pair: Pair, cells: str) -> None:
    assert " ".join(rows(text(kind((at("chain", 1, depth=0), pair))))[0][4:]) == cells


def test_several_arms_and_locks_have_columns_of_their_own() -> None:
    first = kind((at("chain", 1, depth=0), HALF), (at("chain", 1, depth=0, lock="other"), EQUAL))
    third = kind((at("chain", 1, depth=0), EQUAL), arm="third")
    both = replace(first, comparisons=third.comparisons + first.comparisons)
    shown = text(both, exp=replace(EXP, arms=(BASE, NEW, ArmSpec("third", "dir:/x", (), None))))
    assert shown.startswith("anon_vma lock, other lock, ")
    assert [r[:3] for r in rows(shown)] == [
        ["new", "anon_vma", "chain"],
        ["new", "other", "chain"],
        ["third", "anon_vma", "chain"],
    ]


@pytest.mark.parametrize(
    ("pair", "last"),
    [
        (HALF, "BETTER: new is better than base:"),
        (((100, 100), (50, 50)), "WORSE (not as expected): new is worse than base:"),
        (EQUAL, "SAME: new and base are the same:"),
        (((50, 150), (100, 100)), "INCONCLUSIVE (not as expected): count: in 1 of 1 comparison the boots differ"),
    ],
)
def test_endings_of_what_was_compared(pair: Pair, last: str) -> None:
    shown = text(kind((at("chain", 1, depth=0), pair)))
    assert f"\n\n{last}" in shown
    assert shown.endswith("Again: python3 kit run here\n")
    assert "Everything lies in runs/x (verdict.json" in shown


FAULT = Fault("new", "new on 1 vCPU: panic: oops (in each of 2 tries)", "console/1.log:7", "BUG: x\nCall Trace:")


def test_a_broken_arm_shows_its_console() -> None:
    shown = text(kind(), attribution=Attribution((FAULT,)))
    assert f"broken: {FAULT.why}\n    BUG: x\n    Call Trace:\n    console/1.log:7\n" in shown
    assert f"\n\nBROKEN (not as expected): {FAULT.why}; nothing like it in base.\n" in shown


def test_what_could_not_run_claims_nothing() -> None:
    shown = text(kind(), attribution=Attribution((), (replace(FAULT, arm="base"),)), done=0)
    assert "\n\nCOULD NOT RUN: new on 1 vCPU: panic" in shown
    assert "Nothing was exercised; asked for: mix" in shown
    assert "not as expected" not in shown


def test_a_splat_seen_once_is_told() -> None:
    shown = text(kind((at("chain", 1, depth=0), EQUAL)), attribution=Attribution((), (), (FAULT,)))
    assert "seen once, not counted: new on 1 vCPU" in shown
    assert "\n\nSAME: " in shown


def missed(measured: tuple[int, ...], predicted: tuple[int, int], times: int = 1) -> KindVerdict:
    """Counts that are the same in both arms, but differ from the model's prediction."""
    by_operation = {"anon_vma_clone": 20, "unlink_anon_vmas": 30, "prepare": 0}
    row = PredictedCount("new", "chain/d1", 2, "anon_vma", 10, measured, predicted, False, by_operation)
    return replace(kind((at("chain", 1, depth=0), EQUAL)), predictions=(row,) * times)


def test_a_disagreement_is_shown_by_operation() -> None:
    shown = text(missed((70, 70), (50, 50)))
    assert "Model and kernel disagree in 1 count:\n" in shown
    assert "  new, chain/d1, 2 vCPUs: measured 70, 70; predicted 50, of these\n" in shown
    assert "            20 anon_vma_clone (2.00 per job)\n" in shown
    assert "prepare" not in shown
    assert "difference +20, +2.000 per job\n" in shown
    assert "that is +1 times the predicted acquisitions of anon_vma_clone\n" in shown
    assert "SAME (not as expected): Model and kernel disagree in 1 count" in shown


def test_only_counts_outside_of_an_interval_are_called_different() -> None:
    shown = text(missed((55, 63, 45), (50, 60)))
    assert "measured 55, 63, 45; predicted 50 to 60" in shown
    assert [line.strip() for line in shown.splitlines() if "difference" in line] == [
        "difference -5, -0.500 per job",
        "difference +3, +0.300 per job",
    ]


def test_many_disagreements_are_cut() -> None:
    shown = text(missed((70,), (50, 50), times=10))
    assert shown.count("measured 70") == 8
    assert "and 2 more, all in verdict.json" in shown


def test_lock_classes_that_differ() -> None:
    exact = {"arm": "new", "baseline_mean": 10.0, "arm_mean": 12.5, "difference": 2.5, "spread": 0, "exact": True}
    noisy = {"arm": "new", "baseline_mean": 1.0, "arm_mean": 90, "difference": 89, "spread": 7, "exact": False}
    classes = [{"class": "a&b", **exact}, {"class": "c", **noisy}]
    shown = text(kind((at("chain", 1, depth=0), EQUAL), classes=classes))
    assert "a&b" in shown
    assert "12.50" in shown
    assert "boots of one arm differ by up to 7" in shown


def test_what_was_exercised_and_reused() -> None:
    shown = text(kind((at("chain", 1, depth=0), EQUAL)), reused=True)
    mix, chain = "mix (mix {fork_test: 1}, users [1, 2], jobs 2)", "chain (depth [0, 1, 2, 10], forks 10, vmas 4)"
    assert f"Exercised: {mix}, {chain}" in shown
    assert "Boots taken from earlier runs (same kernel, same program): 1 of 1" in shown


def test_without_comparisons_there_is_no_table() -> None:
    shown = text(KindVerdict("count", Verdict.INCONCLUSIVE, "no boot gave counts"))
    assert shown.startswith("Evidence\n  count: inconclusive – no boot gave counts\n")


def test_prose_is_folded_at_words_and_tables_are_not() -> None:
    table = "fork-chain  depth 0   1,2,4           15      15                 1.000  as predicted          12"
    text = wrapped(f"{table}\n  count: {'word ' * 30}\n", 60)
    assert text.splitlines()[0] == table
    assert all(len(line) <= 60 for line in text.splitlines()[1:])
    assert text.splitlines()[2].startswith("    word")
    assert wrapped(f"{TABLE}\nAgain: kit run {'x/' * 9}\n", 20) == f"{TABLE}\nAgain: kit run {'x/' * 9}\n"
    assert text.split() == f"{table}  count: {'word ' * 30}".split()
