"""Counts that scatter: which comparisons two boots decide, how many blocks the others take, and their verdicts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kit.evidence import count, scatter
from kit.evidence.request import Site
from kit.records import ArmSpec, At, Boot, BootSpec, Experiment, KindVerdict, Stop, Verdict
from kit.run.plan import Plan
from kit.run.runner import _is_exact
from kit.stats.attribution import Attribution
from kit.stats.counts import Counted, compare
from kit.stats.verdict import judge
from kit.wording.sentence import sentence
from tests.evidence.test_count_evidence import NAMES, boot, experiment

BETTER, WORSE, SAME, OPEN = Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.INCONCLUSIVE
ARMS = (ArmSpec("base", "dir:/x", (), None), ArmSpec("new", "dir:/x", (), None))
SITE = Site({(a, "counting"): f"kernel-{a}" for a in ("base", "new")}, "tcg", "guest")
EXP = experiment(arms=ARMS, evidence=("count",), cpus=(1, 2), blocks=16, minutes=60)
Counts = Callable[[BootSpec], dict[str, int]]


def run(exp: Experiment, counts: Counts, **changes: Any) -> tuple[list[Boot], KindVerdict]:
    """Boots as the plan asks for them until it stops, and the verdict."""
    plan, done = Plan.of(exp, SITE), list[Boot]()
    while not isinstance(wanted := plan.next(done), Stop):
        spec = wanted[0]
        made = boot(spec.arm, counts(spec), cpus=spec.machine.cpus, repeat=spec.repeat)
        done.append(replace(made, key=spec.key, block=spec.block, order=spec.order, **changes))
    return done, count.judge(exp, done)


def noisy(spread: float, effect: float = 0.0, on: tuple[int, ...] = (2,)) -> Counts:
    """Counts of 1000 that scatter on some machines; those of the arm are higher by a share."""
    draw = random.Random(1)

    def counts(spec: BootSpec) -> dict[str, int]:
        mean = 1000 * (1 + effect * (spec.arm == "new"))
        scatter = spread if spec.machine.cpus in on else 0.0
        return {name: round(draw.gauss(mean, mean * scatter)) for name in NAMES}

    return counts


def said(exp: Experiment, kind: KindVerdict) -> str:
    return sentence(exp, judge(exp, [kind], Attribution()), [kind], Attribution())


def test_exact_counts_end_after_two_boots() -> None:
    done, found = run(EXP, noisy(0, 0.2))
    assert (len(done), found.verdict) == (8, WORSE)
    assert all(c.exact and c.said is None for c in found.comparisons)


def test_scatter_asks_for_blocks_on_its_machine_alone() -> None:
    done, found = run(EXP, noisy(0.02, -0.3))
    assert {b.repeat for b in done if b.cpus == 1} == {0, 1}
    blocks = {b.repeat for b in done if b.cpus == 2}
    assert 8 <= len(blocks) < EXP.blocks
    assert found.verdict is BETTER
    loose = [c for c in found.comparisons if c.at.cpus == 2]
    assert {(c.said, c.exact) for c in loose} == {(BETTER, False)}
    assert all(c.low and c.high and c.low < 0.7 < c.high and c.p and c.detectable for c in loose)
    assert f"3 scatter and went through the statistics of boots, {len(blocks)} blocks" in found.why
    assert "3 of 6 with" not in said(EXP, found)
    assert "3 by the statistics of boots" in said(EXP, found)


@pytest.mark.parametrize("seed", range(3))
def test_scatter_alone_is_no_difference(seed: int) -> None:
    """Two boots of each arm would call this better or worse."""
    random.seed(seed)
    draw = noisy(0.1)
    done, found = run(EXP, draw)
    assert found.verdict is OPEN
    assert max(b.repeat for b in done) > 5
    assert "nine of ten such runs would have detected a difference of" in said(EXP, found)


def test_a_difference_of_a_step_or_two_may_be_luck() -> None:
    """3, 3 against 4, 4 is what scatter gives now and then; if more boots agree, it is exact."""
    one = replace(EXP, cpus=(1,))
    done, found = run(one, lambda spec: dict.fromkeys(NAMES, 3 + (spec.arm == "new")))
    assert max(b.repeat for b in done) > 1
    assert found.verdict is WORSE
    luck = count.judge(one, [b for b in done if b.repeat < 2])
    assert luck.verdict is OPEN


@pytest.mark.parametrize(
    ("mine", "base", "wanted"),
    [
        (((75, 77), (75, 90)), ((100, 103), (100, 120)), True),  # users that share a root
        (((75, 77), None), ((100, 103), (100, 120)), False),  # a patch of one's own: nothing vouches for the scatter
        (((103, 104), (100, 120)), ((100, 101), (100, 120)), False),  # the rules make no difference, the boots seem to
        (((75, 91), (75, 90)), ((100, 103), (100, 120)), False),  # not as predicted
    ],
)
def test_what_the_model_says_too_is_decided_by_two_boots(mine: Any, base: Any, wanted: bool) -> None:
    found = compare(At("mix"), "new", Counted(*mine), "base", Counted(*base), 1, "job")
    counts = scatter.Counts(found, lambda boot: None, False, 25, model=count._model_says(found, 0.01))
    assert scatter.settled(counts, 0.01, 15) is wanted


def test_a_run_that_is_resumed_goes_on_as_it_would_have() -> None:
    done, _ = run(EXP, noisy(0.02, -0.3))
    plan = Plan.of(EXP, SITE)
    for n in range(0, len(done), 5):
        wanted = plan.next(done[:n])
        assert not isinstance(wanted, Stop)
        assert wanted[0].key == done[n].key
    assert isinstance(plan.next(done), Stop)


def test_boots_that_were_not_done_together_are_in_no_block() -> None:
    """The baseline booted while the arm's kernel was built, or came from the cache."""
    arms = [(n, arm, r) for n, arm in enumerate(("base", "new")) for r in (0, 1)]
    boots = [boot(arm, dict.fromkeys(NAMES, 9 + 7 * r + n), repeat=r) for n, arm, r in arms]
    apart = count.judge(replace(EXP, cpus=(1,)), boots)
    assert {c.pairs for c in apart.comparisons} == {None}
    together = [boots[0], boots[2], boots[1], boots[3]]
    assert {c.pairs for c in count.judge(replace(EXP, cpus=(1,)), together).comparisons} == {2}
    cached = [replace(b, reused="earlier") if b.arm == "base" else b for b in together]
    assert {c.pairs for c in count.judge(replace(EXP, cpus=(1,)), cached).comparisons} == {None}


def test_only_boots_of_the_pilot_are_taken_from_the_cache() -> None:
    kept = [s.block for s in Plan.of(replace(EXP, cpus=(1,)), SITE).wanted if _is_exact(s)]
    assert sorted(set(kept)) == [0, 1]
