"""The callers kind: the boots that it asks for, and verdicts on made-up call chains."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.evidence import callers
from kit.evidence.callertables import caller_tables
from kit.evidence.request import Site
from kit.model.profiles import PROFILES
from kit.records import (
    Boot,
    BootSpec,
    CallTree,
    ChainCount,
    LockRow,
    Outcome,
    Results,
    Verdict,
    WindowResult,
)
from tests.evidence.test_check_evidence import EXP as CHECKED

SITE = Site({("base", "counting"): "kb", ("new", "counting"): "kn"}, "kvm", "guest")
EXP = replace(CHECKED, evidence=("callers",), locks=("anon_vma", "*"))
LOCK, OTHER = "&anon_vma->rwsem", "&mm->mmap_lock"
PATHS = (
    ("lock_acquire", "down_write", "anon_vma_clone", "anon_vma_fork", "dup_mm"),
    ("lock_acquire", "down_write", "__put_anon_vma", "unlink_anon_vmas", "exit_mmap"),
    ("lock_acquire", "down_read", "page_walk"),
)


def tree(paths: tuple[tuple[str, ...], ...] = PATHS) -> tuple[CallTree, list[int]]:
    """A tree with these chains, and their numbers."""
    names, above, who, ends = ["?", LOCK, OTHER], [0], [0], []
    for path in paths:
        node = 0
        for name in reversed(path):
            names += [] if name in names else [name]
            above.append(node)
            who.append(names.index(name))
            node = len(above) - 1
        ends.append(node)
    return CallTree(tuple(names), tuple(above), tuple(who)), ends


def did(spec: BootSpec, counts: tuple[int, int, int], total: int | None = None) -> Boot:
    """A boot whose chains took the lock so often; another lock beside it. `total`: what lock_stat has."""
    calls, ends = tree()
    chains = (*tuple(ChainCount(end, 1, n) for end, n in zip(ends, counts, strict=True)), ChainCount(ends[2], 2, 99))
    row = LockRow(LOCK, "W", 0, sum(counts) if total is None else total)
    window = WindowResult("chain/d0", 1000, (row, LockRow(OTHER, "W", 0, 99)), chains=chains)
    results = Results("6.1", 1, {}, (window,), calls=calls)
    place = (spec.machine.cpus, spec.machine.accel, spec.repeat, spec.block, spec.order)
    return Boot(spec.key, spec.arm, spec.kernel_key, spec.evidence, *place, Outcome.OK, "", 1.0, "c", results)


def boots(base: tuple[int, int, int], new: tuple[int, int, int]) -> list[Boot]:
    return [did(s, new if s.arm == "new" else base) for s in callers.boots(EXP, SITE)]


def test_each_arm_boots_once_and_the_baseline_again_on_one_vcpu() -> None:
    specs = callers.boots(EXP, SITE)
    assert sorted((s.arm, s.repeat) for s in specs) == [("base", 0), ("base", 1), ("new", 0)]
    assert {(s.machine.cpus, s.machine.accel) for s in specs} == {(1, "icount")}
    assert len({s.key for s in specs}) == len(specs)


def test_a_changed_plugin_is_another_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {s.key for s in callers.boots(EXP, SITE)}
    monkeypatch.setattr(callers, "content", lambda: "other")
    assert not before & {s.key for s in callers.boots(EXP, SITE)}


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        ((30, 10, 5), Verdict.SAME),
        ((40, 10, 5), Verdict.WORSE),
        ((20, 10, 5), Verdict.BETTER),
        ((29, 11, 5), Verdict.SAME),  # other callers, as many in all
    ],
)
def test_what_chains_come_to(new: tuple[int, int, int], verdict: Verdict) -> None:
    found = callers.judge(EXP, boots((30, 10, 5), new))
    assert found.verdict is verdict, found
    (comparison,) = found.comparisons
    assert (comparison.exact, comparison.at.lock, comparison.at.cpus) == (True, "anon_vma", 1)
    assert "add up to all 3 numbers of lock_stat" in found.why
    shares = {(row["arm"], row["function"]): row for row in found.details["callers"]}
    assert shares["base", "anon_vma_clone"]["operation"] == "clone"
    assert shares["base", "anon_vma_clone"]["share"] == pytest.approx(30 / 45)
    assert shares["base", "__put_anon_vma"]["operation"] == "free", "not the unlink that called it"
    assert shares["base", "page_walk"]["operation"] == ""
    assert shares["new", "anon_vma_clone"]["count"] == new[0]


def test_chains_that_differ_come_first() -> None:
    found = callers.judge(EXP, boots((30, 10, 5), (30, 10, 6)))
    first, second, *_ = found.details["chains"]
    assert (first["chain"], first["counts"]) == (("down_read", "page_walk"), {"base": 5, "new": 6})
    assert second["chain"][1] == "anon_vma_clone", "then the most frequent"


def test_chains_that_do_not_add_up_decide_nothing() -> None:
    done = [did(s, (30, 10, 5), 46 if s.arm == "new" else None) for s in callers.boots(EXP, SITE)]
    found = callers.judge(EXP, done)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.why == "the chains of anon_vma in chain/d0 of new are 45, lock_stat has 46"


@pytest.mark.parametrize(("again", "same"), [((30, 10, 5), 1), ((29, 11, 5), 0)])
def test_a_boot_done_again_is_compared_by_chain(again: tuple[int, int, int], same: int) -> None:
    done = [did(s, again if s.repeat else (30, 10, 5)) for s in callers.boots(EXP, SITE)]
    found = callers.judge(EXP, done)
    assert found.verdict is Verdict.SAME, "lock_stat's number is the same"
    assert found.why.endswith(f"a boot done again had the same chains in {same} of 1 window")


def test_no_named_lock_decides_nothing() -> None:
    found = callers.judge(replace(EXP, locks=("*",)), boots((1, 1, 1), (1, 1, 1)))
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, "no lock is named whose callers could be told")


@pytest.mark.parametrize(
    ("profile", "chain", "operation"),
    [
        ("6.1", ("down_write", "vma_expand", "mmap_region"), "adjust"),
        ("6.1", ("down_write", "anon_vma_fork", "dup_mm"), "fork-link"),
        ("3.0-rc1", ("mutex_lock_nested", "anon_vma_free", "__put_anon_vma", "unlink_anon_vmas"), "free"),
        ("2.6.38", ("_raw_spin_lock", "anon_vma_unlink", "unlink_anon_vmas"), "unlink"),
        (None, ("down_write", "lock_anon_vma_root", "anon_vma_clone"), "clone or unlink"),
        ("6.1", ("_raw_spin_lock_irqsave", "somewhere"), ""),
    ],
)
def test_functions_are_operations_of_the_model(profile: str | None, chain: tuple[str, ...], operation: str) -> None:
    assert callers.operation(chain, callers.operations_of(profile))[1] == operation


def test_every_profile_names_the_functions_of_a_fork() -> None:
    for name in PROFILES:
        known = callers.operations_of(name)
        assert {known[f] for f in ("anon_vma_clone", "anon_vma_fork", "unlink_anon_vmas", "anon_vma_free")} == {
            *("clone", "fork-link", "unlink", "free")
        }, name


@pytest.mark.parametrize("name", ["lock_acquire", "down_write", "mutex_lock_nested", "_raw_spin_lock_irqsave",
                                  "_raw_read_lock", "down_write_killable", "__mutex_lock_common"])  # fmt: skip
def test_lock_functions_are_nobody_s_callers(name: str) -> None:
    assert callers.operation((name, "somewhere"), {}) == ("somewhere", "")


@pytest.mark.parametrize("name", ["write_cache_pages", "shutdown", "down_the_road", "lock_anon_vma_root"])
def test_others_are(name: str) -> None:
    assert callers.operation((name, "somewhere"), {}) == (name, "")


def test_tables_have_the_shares_and_the_chains() -> None:
    found = callers.judge(EXP, boots((30, 10, 5), (30, 10, 6)))
    verdict = {"evidence": {"callers": {"details": found.as_json()["details"]}}}
    shares, chains = caller_tables(verdict, "callers")
    assert ("anon_vma", "chain", "base", "anon_vma_clone (clone)", "30", "66.67%", "–", "3") in shares.rows
    first = dict(zip(chains.headers, chains.rows[0], strict=True))
    assert (first["base"], first["new"], first["called by"]) == ("5", "6", "down_read ← page_walk")
