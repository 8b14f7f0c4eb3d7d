"""Failures by chance and by the patch: Fisher's test, hangs in a row, and extra boots that tell them apart."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from scipy import stats

from kit.evidence.request import Site
from kit.records import Boot, BootSpec, Experiment, Outcome, Splat, Stop
from kit.run.plan import Plan
from kit.stats.attribution import attribute
from kit.stats.failures import tries_wanted
from kit.stats.fisher import more_often
from tests.evidence.test_check_evidence import EXP as CHECKED
from tests.stats.test_judgement import arms, boot, experiment

OK, HANG, PANIC = Outcome.OK, Outcome.HANG, Outcome.PANIC
Fails = Callable[[BootSpec], Outcome]


@pytest.mark.parametrize(("failed", "tries", "base", "base_tries"), [(3, 4, 0, 2), (0, 5, 2, 9), (7, 44, 1, 88)])
def test_it_is_fishers_test(failed: int, tries: int, base: int, base_tries: int) -> None:
    table = [[failed, tries - failed], [base, base_tries - base]]
    assert more_often(failed, tries, base, base_tries) == pytest.approx(stats.fisher_exact(table, "greater").pvalue)
    assert more_often(2, 2, 0, 0) == 1


def many(arm: str, good: int, bad: int, outcome: Outcome = HANG) -> list[Boot]:
    """The boots of a run of many blocks; each boot that fails fails twice."""
    boots = [boot(arm, repeat=n) for n in range(good)]
    return boots + [boot(arm, outcome, repeat=good + n) for n in range(bad) for _ in range(2)]


@pytest.mark.parametrize(
    ("mine", "base", "broken", "told"),
    [
        (many("new", 38, 2), many("base", 40, 0), [], ["new"]),  # 4 of 42 against 0 of 40: p = 0.06
        (many("new", 36, 4), many("base", 40, 0), ["new"], []),
        (many("new", 36, 4), many("base", 36, 4), [], ["base", "new"]),
        (many("new", 40, 0), many("base", 36, 4), [], ["base"]),
        (many("new", 0, 3), many("base", 40, 0), ["new", "new", "new"], []),
    ],
)
def test_failures_of_many_boots_are_compared(
    mine: list[Boot], base: list[Boot], broken: list[str], told: list[str]
) -> None:
    found = attribute(experiment(), [*base, *mine], {})
    assert (sorted(arms(found.broken))[:1], sorted(arms(found.once))) == (broken[:1], told)
    assert not found.could_not_run


def test_boots_of_the_baseline_under_another_name_count_for_it() -> None:
    base = many("base", 18, 0)
    again = [Boot(**{**vars(b), "arm": "base-again", "kernel_key": "base"}) for b in many("x", 16, 3)]
    new = many("new", 16, 3)
    assert arms(attribute(experiment(), [*base, *new], {}).broken) == ["new"]
    assert arms(attribute(experiment(), [*base, *again, *new], {}).broken) == []


def stalled(arm: str, count: int, of: int) -> list[Boot]:
    """Boots that finish, some with a stall on the console."""
    splat = (Splat("rcu-stall", "rcu: INFO: rcu_sched self-detected stall on CPU", 1, "x"),)
    return [Boot(**{**vars(boot(arm, repeat=n)), "splats": splat * (n < count)}) for n in range(of)]


def test_stalls_break_an_arm_where_each_boot_has_one_or_more_than_chance_gives() -> None:
    clean = many("base", 2, 0)
    assert arms(attribute(experiment(), clean + stalled("new", 2, 2), {}).broken) == ["new"]
    assert arms(attribute(experiment(), clean + stalled("new", 2, 3), {}).once) == ["new"]
    assert arms(attribute(experiment(), many("base", 20, 0) + stalled("new", 2, 20), {}).once) == ["new"]
    assert arms(attribute(experiment(), many("base", 20, 0) + stalled("new", 8, 20), {}).broken) == ["new"]


def test_the_more_places_the_more_often_a_hang_must_come() -> None:
    assert tries_wanted(experiment(cpus=(1, 2, 4))) == 2
    assert tries_wanted(experiment(cpus=(1, 2, 4), arms=("base", "a", "b"))) == 3


EXP = Experiment(**{**vars(CHECKED), "evidence": ("check",), "cpus": (2,), "minutes": 1e6})
SITE = Site({(a, "checking"): f"k-{a}" for a in ("base", "new")}, "tcg", "guest")


def run(fails: Fails, exp: Experiment = EXP, site: Site = SITE) -> list[Boot]:
    """All boots that the plan asks for."""
    plan, done = Plan.of(exp, site), []
    while not isinstance(wanted := plan.next(done), Stop):
        spec = wanted[0]
        place = (spec.machine.cpus, "tcg", spec.repeat, spec.block, spec.order, fails(spec))
        done.append(Boot(spec.key, spec.arm, spec.kernel_key, spec.evidence, *place, "no end", 1, "c", None))
        assert all(map(plan.knows, done))
    return done


def test_an_arm_that_always_fails_is_found_in_two_boots() -> None:
    for outcome in (HANG, PANIC):
        done = run(lambda s, outcome=outcome: outcome if s.arm == "new" else OK)
        assert [b.arm for b in done] == ["base", "new", "new"]
        assert arms(attribute(EXP, done, {}).broken) == ["new"]


def test_without_failures_there_is_no_boot_more() -> None:
    assert len(run(lambda s: OK)) == 2


COUNTED = Experiment(**{**vars(EXP), "evidence": ("count",), "blocks": 2})
COUNTING = Site({(a, "counting"): f"k-{a}" for a in ("base", "new")}, "tcg", "guest")


def test_a_failure_that_comes_now_and_then_is_told_apart_from_chance_by_more_boots() -> None:
    """One boot of the arm fails in both tries, the other does not fail."""
    often = run(lambda s: HANG if s.arm == "new" and s.repeat != 1 else OK, COUNTED, COUNTING)
    assert arms(attribute(COUNTED, often, {}).broken) == ["new"]
    assert 5 < len(often) <= 12
    seldom = run(lambda s: HANG if s.arm == "new" and s.repeat == 0 else OK, COUNTED, COUNTING)
    assert arms(attribute(COUNTED, seldom, {}).broken) == []
    assert len(seldom) <= 25


@pytest.mark.parametrize("rate", [0.05, 0.1])
@pytest.mark.parametrize(("exp", "site"), [(EXP, SITE), (COUNTED, COUNTING)])
def test_equal_kernels_that_hang_are_seldom_broken(rate: float, exp: Experiment, site: Site) -> None:
    broken = 0
    for seed in range(300):
        draw = random.Random(f"{seed}/{rate}")
        broken += bool(attribute(exp, run(lambda s, d=draw: HANG if d.random() < rate else OK, exp, site), {}).broken)
    assert broken <= 300 * 0.05


def test_an_arm_that_never_comes_to_its_end_is_given_up_where_many_boots_are_planned() -> None:
    exp = Experiment(**{**vars(EXP), "evidence": ("time",), "blocks": 20})
    site = Site({(a, "plain"): f"k-{a}" for a in ("base", "new")}, "kvm", "guest")
    done = run(lambda s: HANG if s.arm == "new" else OK, exp, site)
    assert sum(b.arm == "new" for b in done) == 2
    assert len(done) <= 7
    (fault,) = attribute(exp, done, {}).broken
    assert fault.why.endswith("(in each of 2 tries)")
