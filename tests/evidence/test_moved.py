"""Locks that the experiment does not name: what the ranking of made-up boots does to the verdict and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kit.evidence import count
from kit.records import ArmSpec, Boot, Experiment, KindVerdict, Verdict
from kit.report.text import render
from kit.stats.attribution import Attribution
from kit.stats.verdict import judge
from kit.wording.sentence import sentence
from tests.evidence.test_count_evidence import LOCK, NAMES, boot, experiment

BETTER, WORSE, SAME, OPEN = Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.INCONCLUSIVE
ARMS = (ArmSpec("base", "dir:/x", (), None), ArmSpec("new", "dir:/x", (), None))
NAMED = experiment(arms=ARMS, locks=("anon_vma", "*"), evidence=("count",))
LEDGER = {"fork_ledger_mutex": 100}
Classes = Mapping[str, int]


def boots(base: Classes, new: Classes, rmap: tuple[int, int] = (50, 50), lock: str = LOCK) -> list[Boot]:
    """Two boots of each arm on each machine: `rmap` acquisitions of the anon_vma lock in every window, and others;
    `lock`: its name in the arm."""
    out = []
    for cpus in (1, 2):
        for r in (0, 1):
            out.append(boot("base", dict.fromkeys(NAMES, rmap[0]), cpus=cpus, repeat=r, extra=base))
            mine = {} if lock != LOCK else dict.fromkeys(NAMES, rmap[1])
            renamed = {lock: rmap[1]} if lock != LOCK else {}
            out.append(boot("new", mine or dict.fromkeys(NAMES, 0), cpus=cpus, repeat=r, extra={**new, **renamed}))
    return out


def said(exp: Experiment, kind: KindVerdict) -> str:
    return sentence(exp, judge(exp, [kind], Attribution()), [kind], Attribution())


@pytest.mark.parametrize(
    ("base", "new", "rmap", "verdict", "words"),
    [
        ({}, LEDGER, (50, 50), WORSE, "it takes the fork_ledger_mutex lock where base never does"),
        (LEDGER, {}, (50, 50), BETTER, "it never takes the fork_ledger_mutex lock where base does"),
        ({"a": 1000}, {"a": 1020}, (50, 50), WORSE, "it takes the a lock up to 2% more often"),
        ({"a": 1000}, {"a": 1009}, (50, 50), SAME, "are the same"),
        ({"a": 200}, {"a": 100}, (50, 50), BETTER, "it takes the a lock up to 2.00 times less often"),
        (
            {"a": 200},
            {"a": 100, **LEDGER},
            (50, 50),
            OPEN,
            "new moves locks that nobody named: a 600 → 300 and fork_ledger_mutex 0 → 300 acquisitions a boot (exact)",
        ),
        (
            {},
            LEDGER,
            (50, 25),
            OPEN,
            "new is better by the named locks, but it moves locks that nobody named: fork_ledger_mutex",
        ),
        ({"a": 200}, {"a": 100}, (50, 25), BETTER, "better in 8 of 8 comparisons"),
        ({"a": 200}, {"a": 100}, (25, 50), WORSE, "but it moves locks that nobody named: a 600 → 300"),
        ({"old": 100}, LEDGER, (50, 50), OPEN, "old gone and fork_ledger_mutex new may be a lock renamed or split"),
    ],
)
def test_exact_differences_take_part(
    base: Classes, new: Classes, rmap: tuple[int, int], verdict: Verdict, words: str
) -> None:
    found = count.judge(NAMED, boots(base, new, rmap))
    assert found.verdict is verdict, found
    assert words in said(NAMED, found)


def test_without_a_ranking_only_the_named_locks_decide() -> None:
    exp = replace(NAMED, locks=("anon_vma",))
    assert count.judge(exp, boots({}, LEDGER)).verdict is SAME
    assert count.judge(replace(NAMED, locks=("*",)), boots({}, LEDGER)).verdict is WORSE


@pytest.mark.parametrize("locks", [("anon_vma",), ("anon_vma", "*")])
def test_a_named_lock_that_is_renamed_is_not_one_that_is_never_taken(locks: tuple[str, ...]) -> None:
    exp = replace(NAMED, locks=locks)
    found = count.judge(exp, boots({}, {}, lock="&anon_vma->sem"))
    assert found.verdict is OPEN
    assert "&anon_vma->sem 0 → 150" in said(exp, found)
    back = [replace(b, arm="base" if b.arm == "new" else "new") for b in boots({}, {}, lock="&anon_vma->sem")]
    assert count.judge(exp, back).verdict is OPEN
    gone = boots({}, {}, rmap=(50, 0))
    assert count.judge(exp, gone).verdict is BETTER


def test_the_same_class_twice_over_is_said_once() -> None:
    """The named lock's own class is not compared a second time."""
    found = count.judge(NAMED, boots({}, {}, rmap=(50, 25)))
    assert {c.at.lock for c in found.comparisons} == {"anon_vma"}
    assert [(r["class"], r["named"]) for r in found.details["classes"]] == [(LOCK, True)]


def test_a_class_beyond_noise_forbids_the_same_and_says_so() -> None:
    made = boots({}, {})
    for n, b in enumerate(made):
        assert b.results is not None
        more = 400 if b.arm == "new" else 200
        rows = boot("x", dict.fromkeys(NAMES, 50), extra={"timer": more + n % 3}).results
        made[n] = replace(b, results=rows)
    found = count.judge(NAMED, made)
    assert found.verdict is OPEN
    assert "timer" in said(NAMED, found)
    assert "(beyond noise)" in said(NAMED, found)


def test_arms_are_judged_each_by_itself() -> None:
    exp = replace(NAMED, arms=(*ARMS, ArmSpec("third", "dir:/x", (), None)))
    third = [replace(b, arm="third") for b in boots({}, LEDGER) if b.arm == "new"]
    assert count.judge(exp, [*boots({}, {}), *third]).verdict is WORSE
    better = [replace(b, arm="third") for b in boots({}, {}) if b.arm == "new"]
    base_takes = [b for b in boots(LEDGER, {}) if b.arm == "base"]
    mixed = [b for b in boots({}, {"x": 50}) if b.arm == "new"]
    assert count.judge(exp, [*base_takes, *mixed, *better]).verdict is BETTER


def test_the_report_has_them_in_the_table_of_classes_alone(tmp_path: Any) -> None:
    from kit.run.job import verdict_json

    found = count.judge(NAMED, boots({}, LEDGER))
    nobody = Attribution()
    made = verdict_json(NAMED, judge(NAMED, [found], nobody), [found], nobody, [], {"reproduce": "again"})
    text = render(made, tmp_path)
    assert "anon_vma lock, acquisitions per fork or job (count)" in text
    assert text.count("fork_ledger_mutex") == 2  # its row, and the sentence
    assert made["exit_code"] == 1
