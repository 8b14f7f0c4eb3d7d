"""The time kind: blocks, the A/A arm, dropped rounds; when it stops; what it says, and what it never says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from kit.evidence import time
from kit.evidence.request import Site
from kit.records import (
    ArmSpec,
    Boot,
    BootSpec,
    HostRecord,
    HostState,
    Outcome,
    Pinned,
    Results,
    Stop,
    TimePlan,
    Verdict,
    WindowResult,
)
from kit.run.plan import Plan
from kit.stats.attribution import Attribution
from kit.stats.verdict import judge, overall
from kit.wording.sentence import sentence
from kit.workload.longer import round_name
from tests.evidence.test_check_evidence import EXP as CHECKED

KERNELS = {("base", "plain"): "kb", ("new", "plain"): "kn"}
SITE, EMULATED = Site(KERNELS, "kvm", "guest"), Site(KERNELS, "tcg", "guest")
TIME = TimePlan(rounds=3, warmup=1, times=1)
EXP = replace(CHECKED, evidence=("time",), blocks=20, cpus=(2,), time=TIME, minutes=1e6)
WARM = 2  # boots before the first block
Effect = Callable[[BootSpec], float]
"""How much longer than usual a boot's windows take."""


def did(spec: BootSpec, slower: float, outcome: Outcome = Outcome.OK) -> Boot:
    """A boot whose first round takes three times as long as the others."""
    windows = tuple(
        WindowResult(round_name("chain/d0", n), round(1e9 * slower * (3 if n == 0 else 1)), ()) for n in range(3)
    )
    results = Results("6.1", spec.machine.cpus, {}, windows) if outcome is Outcome.OK else None
    place = (spec.machine.cpus, spec.machine.accel, spec.repeat, spec.block, spec.order)
    return Boot(spec.key, spec.arm, spec.kernel_key, spec.evidence, *place, outcome, "", 1.0, "c", results)


def finish(plan: Plan, effect: Effect, done: list[Boot] | None = None) -> list[Boot]:
    """Runs all boots that the plan asks for, after those already done."""
    done = list(done or [])
    while not isinstance(wanted := plan.next(done), Stop):
        done.append(did(wanted[0], effect(wanted[0])))
    return done


def noisy(slower: float, spread: float = 0.002, seed: int = 1) -> Effect:
    """The arm is slower by a factor, and every boot varies by chance."""

    def effect(spec: BootSpec) -> float:
        chance = random.Random(f"{seed}/{spec.arm}/{spec.block}/{spec.machine.cpus}").gauss(0, spread)
        return (slower if spec.arm == "new" else 1.0) * (1 + chance)

    return effect


def test_a_block_is_every_arm_once_and_the_baseline_again() -> None:
    every = time.boots(replace(EXP, cpus=(1, 2)), SITE)
    specs = [s for s in every if s.block >= 0]
    assert len(specs) == 20 * 2 * 3
    for block in range(20):
        for cpus in (1, 2):
            mine = [s for s in specs if (s.block, s.machine.cpus) == (block, cpus)]
            assert sorted(s.arm for s in mine) == ["base", "base-again", "new"]
            assert {s.kernel_key for s in mine if s.arm != "new"} == {"kb"}
            assert [s.order for s in mine] == list(range(mine[0].order, mine[0].order + 3)), "a block lies together"
    orders = {tuple(s.arm for s in specs if (s.block, s.machine.cpus) == (b, 1)) for b in range(20)}
    assert len(orders) > 2, "the order is drawn"
    assert every == time.boots(replace(EXP, cpus=(1, 2)), SITE), "from the seed"


def test_each_kernel_boots_once_before_the_blocks_and_is_not_judged() -> None:
    every = time.boots(replace(EXP, cpus=(1, 2)), SITE)
    assert sorted((s.arm, s.machine.cpus) for s in every if s.block == time.WARM_UP) == [
        ("base", 1), ("base", 2), ("new", 1), ("new", 2)
    ]  # fmt: skip
    assert [s.block for s in every[:4]] == [time.WARM_UP] * 4
    assert len({s.key for s in every}) < len(every) == len({(s.key, s.arm) for s in every})
    assert all(s.block >= 0 for s in time.boots(EXP, EMULATED)), "emulated time decides nothing"
    slow = finish(Plan.of(EXP, SITE), lambda s: 9.0 if s.block == time.WARM_UP else 1.0)
    assert {c.baseline_value for c in time.judge(EXP, slow).comparisons} == {10.0}


def test_the_aa_arm_has_a_name_of_its_own() -> None:
    arms = (*EXP.arms, ArmSpec("base-again", "dir:/x", (), None))
    assert time.again(replace(EXP, arms=arms)) == "base-again-again"


def test_the_first_round_is_dropped() -> None:
    found = time.judge(EXP, finish(Plan.of(EXP, SITE), lambda spec: 1.0))
    assert {c.baseline_value for c in found.comparisons} == {10.0}, "10 forks a second"
    assert {(c.metric, c.unit, c.direction) for c in found.comparisons} == {("forks", "per second", "more is better")}


@pytest.mark.parametrize(("warmup", "told"), [(0, True), (1, False)])
def test_a_warm_up_that_was_too_short_is_told(warmup: int, told: bool) -> None:
    """The first of three rounds takes three times as long: 200% more than the two after it."""
    exp = replace(EXP, time=replace(TIME, warmup=warmup))
    notes = time.judge(exp, finish(Plan.of(exp, SITE), noisy(1.1))).notes
    said = [note for note in notes if "warmup" in note]
    assert said == ["chain/d0: round 1 still takes +200%: time.warmup should be larger"] * told


@pytest.mark.parametrize(("slower", "verdict"), [(1.1, Verdict.WORSE), (0.9, Verdict.BETTER), (1.0, Verdict.SAME)])
def test_on_hardware_it_decides_before_the_last_block(slower: float, verdict: Verdict) -> None:
    done = finish(Plan.of(EXP, SITE), noisy(slower))
    found = time.judge(EXP, done)
    assert (found.verdict, found.decides) == (verdict, True)
    assert len(done) < 20 * 3 + WARM
    assert overall([found], Attribution()) is verdict
    (beside,) = [c for c in found.comparisons if c.aa]
    assert (beside.arm, beside.n) == ("base-again", (len(done) - WARM) // 3)


def test_fixed_stopping_does_every_block() -> None:
    exp = replace(EXP, sequential=False)
    assert len(finish(Plan.of(exp, SITE), noisy(1.1))) == 20 * 3 + WARM


def test_the_plan_depends_on_what_is_done_alone() -> None:
    plan, effect = Plan.of(EXP, SITE), noisy(1.02, 0.01)
    whole = finish(plan, effect)
    for cut in (0, 1, len(whole) // 2, len(whole) - 1, len(whole)):
        assert finish(plan, effect, whole[:cut]) == whole


def test_only_one_block_is_wanted_at_a_time() -> None:
    wanted = Plan.of(EXP, SITE).next([])
    assert not isinstance(wanted, Stop)
    assert {s.block for s in wanted} == {time.WARM_UP}
    assert Plan.of(EXP, SITE).left([]) == 60 + WARM


def test_under_emulation_it_is_shown_and_never_decides() -> None:
    done = finish(Plan.of(EXP, EMULATED), noisy(2.0))
    assert len(done) == time.EMULATED_BLOCKS * 3
    found = time.judge(EXP, done)
    assert (found.verdict, found.decides) == (Verdict.INCONCLUSIVE, False)
    assert "emulated" in found.why
    assert found.comparisons[0].ratio == pytest.approx(0.5, rel=0.01), "shown all the same"
    assert overall([found], Attribution()) is Verdict.INCONCLUSIVE, "nothing that can decide was asked for"
    judgement = judge(EXP, [found], Attribution())
    assert "emulated" in sentence(EXP, judgement, [found], Attribution())


def test_one_emulated_boot_among_others_voids_the_kind() -> None:
    done = finish(Plan.of(EXP, SITE), noisy(1.1))
    found = time.judge(EXP, [replace(done[0], accel="tcg"), *done[1:]])
    assert not found.decides


def lost(arm: str, *blocks: int) -> list[Boot]:
    """All boots of a run; those of an arm in these blocks failed, and again if they were retried."""
    return [
        did(s, noisy(1.02)(s), Outcome.HANG if s.arm == arm and s.block in blocks else Outcome.OK)
        for s in time.boots(EXP, SITE)
    ]


def test_a_boot_that_failed_is_taken_at_its_worst_and_told() -> None:
    arm, beside = time.judge(EXP, lost("new", 1)).comparisons
    assert (arm.n, beside.n, arm.said) == (19, 20, Verdict.WORSE)
    found = time.judge(EXP, lost("new", 1, 3, 5, 7, 8, 11))
    assert found.verdict is Verdict.INCONCLUSIVE, "six blocks of twenty could turn it"
    assert found.notes[0].startswith("boots that failed: 6 of 20 of new, 0 of 20 of base and 0 of 20 of base-again;")
    assert time.judge(EXP, lost("base", 1, 3, 5, 7, 8, 11)).verdict is Verdict.INCONCLUSIVE


def test_a_second_try_does_not_stand_for_the_first() -> None:
    """It may be that just the slow ones fail."""
    boots = lost("new", 1, 3, 5, 7, 8, 11)
    again = [did(s, 1.0) for s in time.boots(EXP, SITE) if (s.arm, s.block) == ("new", 1)]
    assert time.judge(EXP, [*boots, *again]).comparisons == time.judge(EXP, boots).comparisons


def test_a_failure_of_the_machine_tells_nothing_of_an_arm() -> None:
    boots = [replace(b, outcome=Outcome.QEMU_DIED) if b.outcome is Outcome.HANG else b for b in lost("new", 1, 3, 5)]
    found = time.judge(EXP, boots)
    assert (found.comparisons[0].n, found.verdict) == (17, Verdict.WORSE)
    assert not any("boots that failed" in note for note in found.notes)


def test_all_windows_together_are_one_comparison_more() -> None:
    exp = replace(EXP, workloads=(replace(EXP.workloads[0], params={**EXP.workloads[0].params, "depth": [0, 1]}),))

    def both(spec: BootSpec) -> Boot:
        boot = did(spec, noisy(1.0, 0.02)(spec))
        assert boot.results is not None
        more = tuple(replace(w, name=w.name.replace("d0", "d1")) for w in boot.results.windows)
        return replace(boot, results=replace(boot.results, windows=(*boot.results.windows, *more)))

    found = time.judge(exp, [both(s) for s in time.boots(exp, SITE)]).comparisons
    assert [c.at.workload for c in found if not c.aa] == ["chain", "chain", time.WHOLE]


def test_without_a_kernel_of_the_baseline_nothing_is_booted() -> None:
    assert time.boots(EXP, Site({("new", "plain"): "kn"}, "kvm", "guest")) == []
    assert time.judge(EXP, []).verdict is Verdict.INCONCLUSIVE


def test_the_sentence_says_how_much_how_sure_and_what_the_baseline_differs_from_itself() -> None:
    found = time.judge(EXP, finish(Plan.of(EXP, SITE), noisy(1.1)))
    said = sentence(EXP, judge(EXP, [found], Attribution()), [found], Attribution())
    assert said.startswith("new is worse than base: forks per second ")
    assert "% lower (chain, depth 0, 2 vCPUs; 95% interval -" in said
    assert "boots of each arm; the baseline beside itself (A/A)" in said


def test_what_the_host_did_is_noted() -> None:
    before = HostState(0.5, 1000, 10, "performance", "off", "")
    after = replace(before, total_ticks=1100, steal_ticks=12, load=9.0)
    pinned = [Pinned((0, 1)), Pinned((), "4 vCPUs, 2 cores")]
    boots = [replace(did(s, 1.0), host=HostRecord(before, after, pinned[0])) for s in time.boots(EXP, SITE)[:3]]
    (note,) = time.host_notes(boots)
    assert note == (
        "host: load up to 0.5 before a boot, steal up to 2%; each vCPU on a core of its own; SMT off, governor"
        " performance"
    )
    boots[1] = replace(boots[1], host=HostRecord(replace(before, load=3.5), after, pinned[1]))
    (note,) = time.host_notes(boots)
    assert "load up to 3.5" in note
    assert "vCPUs not pinned: 4 vCPUs, 2 cores" in note


@pytest.mark.parametrize("adjust", [False, True])
def test_differences_are_adjusted_for_the_host_where_that_is_asked(adjust: bool) -> None:
    """A boot takes 10% longer for each unit of the host's load before it."""
    exp = replace(EXP, time=replace(TIME, adjust=adjust), sequential=False)
    done = []
    for spec in time.boots(exp, SITE):
        load = random.Random(f"{spec.arm}/{spec.block}").random()
        before = HostState(load, 1000, 10, "", "", "")
        boot = did(spec, 1 + 0.1 * load + noisy(1.0)(spec) - 1)
        done.append(replace(boot, host=HostRecord(before, replace(before, total_ticks=1100))))
    found = time.judge(exp, done)
    notes = [n for n in found.notes if n.startswith("adjusted for host load, steal and the order of boots: 1 of 1")]
    assert len(notes) == adjust
    (arm,) = [c for c in found.comparisons if not c.aa]
    assert ((arm.high or 9) - (arm.low or 0) < 0.025) == adjust
