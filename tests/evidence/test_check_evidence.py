"""The check kind: which boots it wants, what the plan repeats, a boot's limit, and verdicts on made-up boots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.evidence import check
from kit.evidence.request import Site
from kit.records import (
    ArmSpec,
    Boot,
    BootSpec,
    Experiment,
    KindVerdict,
    Outcome,
    Splat,
    Stop,
    Verdict,
    WorkloadSpec,
)
from kit.run.plan import LIMIT_LEAST, LIMIT_TIMES, Plan
from kit.stats.attribution import Attribution, attribute
from kit.stats.verdict import Judgement, overall
from kit.wording.sentence import sentence

CHAIN = WorkloadSpec("fork-chain", "chain", {"depth": [0], "forks": 10, "vmas": 1, "written": None})
SITE = Site({("base", "checking"): "kb", ("new", "checking"): "kn"}, "tcg", "guest")
LOCKDEP = "lockdep-circular"


def experiment(**changes: Any) -> Experiment:
    exp = Experiment(
        name="x",
        baseline="base",
        arms=(ArmSpec("new", "dir:/x", (), None), ArmSpec("base", "dir:/x", (), None)),
        cpus=(1, 2),
        memory=256,
        accel="tcg",
        workloads=(CHAIN,),
        evidence=("check",),
        locks=("anon_vma",),
        limit=0.01,
        expect={},
        blocks=2,
        minutes=10,
        seed=1,
    )
    return replace(exp, **changes)


EXP = experiment()


def did(spec: BootSpec, *splats: str, outcome: Outcome = Outcome.OK, kind: str = "warning", seconds: float = 5) -> Boot:
    found = tuple(Splat(kind, title, 1, title) for title in splats)
    why = "" if outcome is Outcome.OK else "it went wrong"
    where = (spec.arm, spec.kernel_key, spec.evidence, spec.machine.cpus, "tcg", 0, 0, spec.order)
    return Boot(spec.key, *where, outcome, why, seconds, "console/x.log", None, found)


def finish(plan: Plan, bad: dict[str, list[tuple[Any, ...]]], kind: str = "warning") -> list[Boot]:
    """Runs every boot that the plan asks for. `bad`: arm → what its boots show or how they end, one after the other."""
    done: list[Boot] = []
    while not isinstance(wanted := plan.next(done), Stop):
        spec = wanted[0]
        shows = bad.get(spec.arm, [])
        this = shows.pop(0) if shows else ()
        outcome = next((x for x in this if isinstance(x, Outcome)), Outcome.OK)
        done.append(did(spec, *(x for x in this if not isinstance(x, Outcome)), outcome=outcome, kind=kind))
    return done


def test_every_arm_boots_once_on_each_machine_the_baseline_first() -> None:
    specs = check.boots(EXP, SITE)
    assert [(s.arm, s.machine.cpus) for s in specs] == [("base", 1), ("new", 1), ("base", 2), ("new", 2)]
    assert len({s.key for s in specs}) == 4
    assert len(finish(Plan.of(EXP, SITE), {})) == 4


@pytest.mark.parametrize(
    ("bad", "kind", "boots", "verdict", "why"),
    [
        ({}, "warning", 4, Verdict.SAME, "no splat in 4 boots"),
        ({"new": [("bad",), (), ("bad",)]}, "warning", 5, Verdict.BROKEN, "in 2 boots"),
        ({"new": [("bad",), ("bad",)]}, "warning", 4, Verdict.BROKEN, "new: warning: bad (in 2 boots)"),
        ({"new": [("bad",)]}, LOCKDEP, 5, Verdict.INCONCLUSIVE, "seen once in 5 boots"),
        ({"new": [(Outcome.PANIC,), (), (Outcome.PANIC,)]}, "", 5, Verdict.BROKEN, "new on 1 vCPU: panic"),
        ({"new": [(Outcome.PANIC,)]}, "", 5, Verdict.SAME, "no splat in 4 boots"),
        ({"base": [(Outcome.HANG,)] * 4}, "", 6, Verdict.INCONCLUSIVE, "base on 1 vCPU: hang"),
        ({a: [("bad",), ("bad",)] for a in ("base", "new")}, "warning", 4, Verdict.SAME, "that base does not show"),
        ({a: [("bad",), ("bad",)] for a in ("base", "new")}, LOCKDEP, 4, Verdict.INCONCLUSIVE, "lockdep stops"),
    ],
)
def test_what_boots_come_to(
    bad: dict[str, list[tuple[Any, ...]]], kind: str, boots: int, verdict: Verdict, why: str
) -> None:
    done = finish(Plan.of(EXP, SITE), bad, kind)
    found = check.judge(EXP, done)
    assert (found.verdict, len(done)) == (verdict, boots), found.why
    assert why in found.why


def test_an_accepted_splat_is_not_repeated_nor_counted() -> None:
    exp = experiment(accept=(("bad", "known"),))
    done = finish(Plan.of(exp, SITE), {"new": [("bad",)]})
    assert len(done) == 4
    assert check.judge(exp, done).why == "no splat in 4 boots that base does not show or that is not accepted"


def test_a_machine_without_boots_is_named() -> None:
    done = [did(s) for s in check.boots(EXP, SITE) if (s.arm, s.machine.cpus) != ("new", 2)]
    found = check.judge(EXP, done)
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, "no boot of new on 2 vCPUs")


def test_where_a_guest_hangs_is_no_splat_of_its_own() -> None:
    done = [did(s) for s in check.boots(EXP, SITE)]
    done += [did(check.boots(EXP, SITE)[1], "CPU 0 stands in f", kind="hang")]
    assert attribute(EXP, done, {}) == Attribution()


def test_a_boot_may_take_ten_times_as_long_as_the_baselines() -> None:
    base1, new1, base2, new2 = check.boots(EXP, SITE)
    plan = Plan.of(EXP, SITE)
    assert plan.limit(new1, []) is None
    assert plan.limit(new1, [did(new2, seconds=50)]) is None
    assert plan.limit(new1, [did(base1, seconds=50, outcome=Outcome.HANG)]) is None
    assert plan.limit(new1, [did(base1, seconds=2)]) == LIMIT_LEAST
    assert plan.limit(new1, [did(base1, seconds=20), did(base2, seconds=50)]) == LIMIT_TIMES * 20
    assert plan.limit(new2, [did(base1, seconds=20)]) == LIMIT_TIMES * 20
    assert Plan.of(experiment(boot_limit=33.0), SITE).limit(new1, [did(base1, seconds=20)]) == 33


SAME = KindVerdict("check", Verdict.SAME, "no splat in 4 boots")


def test_a_check_that_finds_nothing_leaves_what_others_say() -> None:
    better, count = (KindVerdict("count", v, "because") for v in (Verdict.BETTER, Verdict.SAME))
    assert overall([better, SAME], Attribution()) is Verdict.BETTER
    assert overall([count, SAME], Attribution()) is Verdict.SAME
    assert overall([SAME], Attribution()) is Verdict.SAME
    said = sentence(EXP, Judgement(Verdict.SAME, True, 0, 0), [SAME], Attribution())
    assert said == "nothing tells new and base apart; check: no splat in 4 boots."
