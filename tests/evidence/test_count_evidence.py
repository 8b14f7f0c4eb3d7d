"""The count and model kinds: which boots they want, and verdicts on made-up boots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kit.evidence import count, model
from kit.evidence.locks import LOCKS, acquisitions, by_class, classes, named
from kit.evidence.predictions import Layouts, layouts_of, predict_arm
from kit.evidence.ranking import BEYOND, EXACT, rank
from kit.evidence.request import Site
from kit.model.predict import Prediction, Unmodelled
from kit.records import (
    ArmSpec,
    Boot,
    BootSpec,
    Experiment,
    LockRow,
    Outcome,
    Results,
    Stop,
    Verdict,
    WindowResult,
    WorkloadSpec,
)
from kit.run.plan import Plan, instruments

LOCK = LOCKS["anon_vma"][0]
CHAIN = WorkloadSpec("fork-chain", "chain", {"depth": [0, 1], "forks": 10, "vmas": 2, "written": None})
MIX = WorkloadSpec("aim7", "mix", {"mix": {"exec_test": 1.0}, "users": [1], "jobs": 2})
NAMES = ("chain/d0", "chain/d1", "mix/u1")
BASE, NEW = ArmSpec("base", "dir:/x", (), "6.1-unbatched-clone"), ArmSpec("new", "dir:/x", (), "6.1")


def experiment(**changes: Any) -> Experiment:
    exp = Experiment(
        name="x",
        baseline="base",
        arms=(BASE, NEW),
        cpus=(1, 2),
        memory=256,
        accel="tcg",
        workloads=(CHAIN, MIX),
        evidence=("model", "count"),
        locks=("anon_vma",),
        limit=0.01,
        expect={},
        blocks=5,
        minutes=1,
        seed=1,
    )
    return replace(exp, **changes)


EXP = experiment()
PLAIN = experiment(arms=(replace(BASE, profile=None), replace(NEW, profile=None)))


def site(*arms: str) -> Site:
    return Site({(a, "counting"): f"kernel-{a}" for a in arms}, "tcg", "guest")


def boot(
    arm: str, counts: Mapping[str, int], *, cpus: int = 1, repeat: int = 0, extra: Mapping[str, int] | None = None
) -> Boot:
    """A good boot: acquisitions of the anon_vma lock by window, half of them for reading; other classes in every
    window."""
    windows = []
    for name, n in counts.items():
        rows = [LockRow(LOCK, "W", 0, n - n // 2), LockRow(LOCK, "R", 0, n // 2)]
        windows.append(WindowResult(name, 1, (*rows, *(LockRow(k, "", 0, v) for k, v in (extra or {}).items()))))
    results = Results("6.1", cpus, {}, tuple(windows))
    key = f"{arm}-{cpus}-{repeat}"
    return Boot(key, arm, "k", "count", cpus, "tcg", repeat, 0, 0, Outcome.OK, "", 10.0, "c", results)


def predicted(profile: str) -> dict[str, int]:
    """The model's prediction for each window; 7 for what it does not cover."""
    said = predict_arm(EXP, profile, {})
    return {n: p.low if isinstance(p := said[n], Prediction) else 7 for n in NAMES}


def boots_of(counts: Mapping[str, Mapping[str, int]], cpus: tuple[int, ...] = (1, 2), **rest: Any) -> list[Boot]:
    return [boot(a, c, cpus=n, repeat=r, **rest) for a, c in counts.items() for n in cpus for r in (0, 1)]


ALIKE = {"base": dict.fromkeys(NAMES, 50), "new": dict.fromkeys(NAMES, 50)}
MODELLED = {"base": predicted("6.1-unbatched-clone"), "new": predicted("6.1")}


def test_boots_of_the_design_are_the_same_for_a_seed_and_shuffled_by_it() -> None:
    specs = count.boots(EXP, site("base", "new"))
    assert Counter((s.arm, s.machine.cpus) for s in specs) == dict.fromkeys(
        [("base", 1), ("base", 2), ("new", 1), ("new", 2)], EXP.blocks
    )
    assert [s.order for s in specs] == list(range(20))
    assert len({s.key for s in specs}) == 20
    assert specs == count.boots(EXP, site("base", "new"))
    others = [count.boots(replace(EXP, seed=n), site("base", "new")) for n in range(2, 9)]
    assert any([(s.arm, s.machine.cpus) for s in o] != [(s.arm, s.machine.cpus) for s in specs] for o in others)


def test_an_arm_without_a_kernel_is_left_out_and_the_order_stays() -> None:
    whole = [s.key for s in count.boots(EXP, site("base", "new")) if s.arm == "base"]
    assert [s.key for s in count.boots(EXP, site("base"))] == whole


def test_arms_of_one_kernel_share_keys() -> None:
    same = Site({("base", "counting"): "k", ("new", "counting"): "k"}, "tcg", "guest")
    assert len({s.key for s in count.boots(EXP, same)}) == 2 * EXP.blocks


def test_counts_as_predicted() -> None:
    found = count.judge(EXP, boots_of(MODELLED))
    assert len(found.comparisons) == 6
    chain = [c for c in found.comparisons if c.at.workload == "chain"]
    assert [c.arm_value * 10 for c in chain] == [MODELLED["new"][n] for n in NAMES[:2]] * 2
    assert [c.baseline_value * 10 for c in chain] == [MODELLED["base"][n] for n in NAMES[:2]] * 2
    assert all(c.exact and c.agrees and c.baseline_agrees for c in chain)
    assert all(c.agrees is None for c in found.comparisons if c.at.workload == "mix")
    assert found.verdict is Verdict.BETTER
    assert found.why.startswith("6 of 6 comparisons exact to the digit over 8 boots; every count that the model")
    assert found.notes == (f"mix: not predicted, compared between the arms only ({_unmodelled()})",)


def _unmodelled() -> str:
    said = predict_arm(EXP, "6.1", {})["mix/u1"]
    assert isinstance(said, Unmodelled)
    return said.reason


def test_one_acquisition_more_is_a_disagreement_with_its_operations() -> None:
    boots = boots_of(MODELLED)
    wrong = {**MODELLED["new"], "chain/d1": MODELLED["new"]["chain/d1"] + 1}
    boots[-1] = boot("new", wrong, cpus=2, repeat=1)
    found = count.judge(EXP, boots)
    rows = found.disagreements
    assert [(r.arm, r.window, r.cpus) for r in rows] == [("new", "chain/d1", 2)]
    assert rows[0].predicted is not None
    assert sum(rows[0].by_operation.values()) == rows[0].predicted[0]
    assert found.why == "model and kernel disagree in 1 of 8 counts"


def test_without_profiles_nothing_is_predicted() -> None:
    found = count.judge(PLAIN, boots_of(MODELLED))
    assert found.predictions == ()
    assert all(c.agrees is None and c.predicted is None for c in found.comparisons)
    assert model.judge(PLAIN, []).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("exp", "boots", "why"),
    [
        (EXP, [], "no boot gave counts"),
        (EXP, boots_of({"base": MODELLED["base"]}), "no arm and baseline have counts of the same window"),
        (replace(EXP, locks=("anon_vma", "nosuch")), boots_of(MODELLED), "shows no class nosuch in any window"),
        (replace(EXP, locks=("*",)), boots_of(ALIKE), "no lock is named that could decide"),
        (EXP, [replace(b, outcome=Outcome.PANIC, results=None) for b in boots_of(MODELLED)], "no boot gave counts"),
    ],
)
def test_when_nothing_can_be_compared(exp: Experiment, boots: list[Boot], why: str) -> None:
    found = count.judge(exp, boots)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert why in found.why


def test_a_machine_on_which_only_one_arm_ran_is_not_compared() -> None:
    boots = [b for b in boots_of(MODELLED) if not (b.arm == "new" and b.cpus == 2)]
    assert {c.at.cpus for c in count.judge(EXP, boots).comparisons} == {1}


def test_three_arms_and_two_locks() -> None:
    exp = replace(EXP, arms=(BASE, NEW, replace(NEW, name="third")), locks=("anon_vma", "other"))
    boots = boots_of({**MODELLED, "third": MODELLED["new"]}, extra={"other": 5})
    found = count.judge(exp, boots)
    assert Counter((c.arm, c.at.lock) for c in found.comparisons) == {
        (arm, lock): 6 for arm in ("new", "third") for lock in ("anon_vma", "other")
    }
    assert all(c.predicted is None for c in found.comparisons if c.at.lock == "other")


def test_ranking_tells_exact_from_noisy() -> None:
    flat = dict.fromkeys(NAMES, 0)
    base, new = {"exact": 10, "luck": 10, "same": 3}, {"exact": 40, "luck": 11, "same": 3}
    boots = []
    for cpus in (1, 2):
        for r in (0, 1):
            boots.append(boot("base", flat, cpus=cpus, repeat=r, extra=base | {"noisy": 100 + 5 * r}))
            boots.append(boot("new", flat, cpus=cpus, repeat=r, extra=new | {"noisy": 200 + 5 * r}))
    rows = rank(EXP, boots).rows
    assert [(r.name, r.kind, r.difference) for r in rows] == [("exact", EXACT, 90), ("noisy", BEYOND, 300)]
    assert rows[1].spread == 15
    places = [(arm, more, r) for arm, more in (("base", 0), ("new", 9)) for r in (0, 1)]
    hidden = [boot(arm, flat, repeat=r, extra={"n": 100 + 50 * r + more}) for arm, more, r in places]
    assert rank(EXP, hidden).rows == ()


def test_ranking_compares_only_machines_that_both_arms_ran_on() -> None:
    windows = {"base": {1: 10, 2: 1000}, "new": {1: 10}}
    places = [(arm, cpus, n, r) for arm, by in windows.items() for cpus, n in by.items() for r in (0, 1)]
    boots = [boot(arm, {"chain/d0": n}, cpus=cpus, repeat=r) for arm, cpus, n, r in places]
    assert rank(EXP, boots).rows == ()


def test_locks_and_their_classes() -> None:
    assert named(("*", "anon_vma", "x")) == ("anon_vma", "x")
    assert (classes("anon_vma")[0], classes("x")) == (LOCK, ("x",))
    window = WindowResult("w", 1, (LockRow(LOCK, "W", 0, 3), LockRow(LOCK, "R", 0, 4), LockRow("x", "", 0, 5)))
    assert (acquisitions(window, "anon_vma"), acquisitions(window, "none")) == (7, 0)
    assert by_class(window) == {LOCK: 7, "x": 5}


def test_layouts_are_those_of_the_first_boot_that_has_any() -> None:
    failed = replace(boot("base", {}), outcome=Outcome.HANG, results=None)
    assert layouts_of([failed]) == Layouts({}, measured=False)
    assert layouts_of([failed, boot("base", {})]).measured


def test_the_model_alone() -> None:
    found = model.judge(EXP, [])
    assert (found.verdict, len(found.comparisons)) == (Verdict.BETTER, 2)
    assert found.why == "2 comparisons predicted from the programs' own regions only"
    assert all(c.n == 0 and c.predicted and c.baseline_predicted for c in found.comparisons)
    assert model.judge(replace(EXP, arms=(BASE, replace(NEW, profile=None))), []).verdict is Verdict.INCONCLUSIVE
    assert model.boots(EXP, site()) == []


def done(spec: BootSpec, outcome: Outcome = Outcome.OK, seconds: float = 1.0, reused: str = "") -> Boot:
    return replace(boot(spec.arm, {}), key=spec.key, arm=spec.arm, outcome=outcome, seconds=seconds, reused=reused)


def test_a_plan_goes_on_where_it_stopped() -> None:
    plan = Plan.of(EXP, site("base", "new"))
    sure = plan.sure
    assert plan.next([]) == sure == list(plan.wanted[:8])
    some = [done(s) for s in sure[:3]]
    assert plan.next(some) == sure[3:]
    failed = [*some, done(sure[3], Outcome.HANG)]
    assert plan.next(failed) == [*sure[4:], sure[3]]
    twice = [*failed, done(sure[3], Outcome.HANG), *[done(s) for s in sure[4:]]]
    assert plan.next(twice) == Stop("every boot of the plan is done; count: every count is exact, or as predicted")
    assert instruments(EXP) == ("counting",)


def test_a_plan_ends_with_its_budget_which_reused_boots_do_not_spend() -> None:
    plan = Plan.of(EXP, site("base", "new"))
    spent = plan.next([done(plan.wanted[0], seconds=61)])
    assert isinstance(spent, Stop)
    assert spent.why == "the budget of 1 minutes is spent; 7 boots were not done"
    assert not isinstance(plan.next([done(plan.wanted[0], seconds=61, reused="earlier")]), Stop)


def test_a_plan_of_one_kernel_boots_each_arm() -> None:
    same = Site({("base", "counting"): "k", ("new", "counting"): "k"}, "tcg", "guest")
    plan = Plan.of(EXP, same)
    first = done(plan.wanted[0])
    assert len(plan.next([first])) == 7  # type: ignore[arg-type]
