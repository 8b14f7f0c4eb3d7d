"""Classes near the line between noise and a difference: how many more boots the plan asks for, the remarks on them, and
what they decide."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kit.evidence import count
from kit.evidence.nearline import MORE, Near, with_near
from kit.evidence.ranking import BEYOND
from kit.evidence.scatter import PILOT
from kit.records import Boot, BootSpec, Experiment, KindVerdict, Outcome, Stop
from kit.run.plan import Plan
from kit.stats.noisy import Decision
from tests.evidence.test_count_evidence import NAMES, boot, experiment
from tests.evidence.test_scatter import ARMS, SITE

EXP = experiment(arms=ARMS, evidence=("count",), cpus=(2,), blocks=16, minutes=60, locks=("anon_vma", "*"))
WINDOW, *_ = NAMES
ONE_MORE = "lock between noise and a difference, judged after 1 block more"
QUIET, DOUBTFUL, PLAIN = 1.0, 1.4, 3.0  # how often the arm takes the lock, for once of the baseline


def classes(spec: BootSpec, more: float, later: float) -> dict[str, int]:
    """The counts of a boot: 30 classes of 1000 that scatter, and one that the arm takes `more` often, after the pilot
    `later`."""
    draw = random.Random(f"{spec.arm} {spec.machine.cpus} {spec.repeat}")
    out = {f"noise{n}": round(draw.gauss(1000, 80)) for n in range(30)}
    times = (more if spec.repeat < PILOT else later) if spec.arm == "new" else 1.0
    return out | {"lock": round(draw.gauss(1000 * times, 80))}


def run(
    exp: Experiment, more: float, later: float | None = None, fails: int = -1
) -> tuple[list[Boot], KindVerdict, list[str]]:
    """Boots as the plan asks for them until it stops, the verdict, and why it went on. Boots of block `fails` fail."""
    plan, done, why = Plan.of(exp, SITE), list[Boot](), list[str]()
    while not isinstance(wanted := plan.next(done), Stop):
        why += [w for w in plan.beyond(done).values() if w not in why]
        spec = wanted[0]
        counts = {WINDOW: 50}
        extra = classes(spec, more, more if later is None else later)
        made = boot(spec.arm, counts, cpus=spec.machine.cpus, repeat=spec.repeat, extra=extra)
        failed = {"outcome": Outcome.PANIC, "results": None} if spec.block == fails else {}
        done.append(replace(made, key=spec.key, block=spec.block, order=spec.order, **failed))
    return done, count.judge(exp, done), why


def rows(found: KindVerdict) -> list[str]:
    return [r["class"] for r in found.details["classes"] if r["kind"] == BEYOND]


def test_a_class_near_the_line_is_judged_after_more_boots() -> None:
    done, found, why = run(EXP, DOUBTFUL)
    assert len(done) == len(ARMS) * (PILOT + MORE)
    assert why[0] == f"lock between noise and a difference, judged after {MORE} blocks more"
    assert Plan.of(EXP, SITE).beyond(done) == {}
    assert rows(found) == ["lock"]
    assert found.notes == (
        f"after 2 boots of each arm on each machine, lock stood between noise and a difference: judged after {MORE}"
        " more of each",
    )
    assert (found.details["classes_near"], found.details["classes_more"]) == (["lock"], MORE)


def test_what_the_first_boots_had_by_luck_is_no_row() -> None:
    """The ranking of only two boots reported it."""
    done, found, _ = run(EXP, DOUBTFUL, QUIET)
    assert rows(count.judge(EXP, done[: len(ARMS) * PILOT])) == ["lock"]
    assert (len(done), rows(found)) == (len(ARMS) * (PILOT + MORE), [])


@pytest.mark.parametrize(("more", "told"), [(QUIET, []), (PLAIN, ["lock"])])
def test_what_two_boots_can_tell_is_told_by_them(more: float, told: list[str]) -> None:
    done, found, why = run(EXP, more)
    assert (len(done), rows(found), why, found.notes) == (len(ARMS) * PILOT, told, [], ())
    assert "classes_near" not in found.details


def test_without_a_ranking_nobody_asks() -> None:
    done, _, why = run(replace(EXP, locks=("anon_vma",)), DOUBTFUL)
    assert (len(done), why) == (len(ARMS) * PILOT, [])


def test_the_boots_are_spread_over_the_machines() -> None:
    exp = replace(EXP, cpus=(1, 2, 4))
    done, found, _ = run(exp, 1.2)
    assert found.details["classes_more"] == 2
    assert {(b.cpus, b.repeat) for b in done} == {(n, r) for n in exp.cpus for r in range(PILOT + 2)}


def test_the_budget_bounds_them_and_the_report_says_so() -> None:
    done, found, _ = run(replace(EXP, blocks=PILOT), DOUBTFUL)
    assert len(done) == len(ARMS) * PILOT
    assert found.notes[0].endswith("judged by these: the budget has no more")
    done, found, _ = run(replace(EXP, blocks=PILOT + 1), DOUBTFUL)
    assert found.notes[0].endswith("judged after 1 more of each")


def test_blocks_that_fail_are_not_asked_for_without_end() -> None:
    done, _, _ = run(EXP, DOUBTFUL, fails=PILOT + MORE - 1)
    assert max(b.block for b in done) == PILOT + MORE - 1


def test_more_boots_are_wanted_on_all_machines() -> None:
    scatter = Decision(False, "3 of 6 comparisons are decided", 3, 6, (2,))
    assert with_near(scatter, Near(("lock",), 2, 1)) == Decision(False, ONE_MORE, 3, 6, ())
    assert with_near(scatter, Near(("lock",), 2, 2)) == scatter
    assert with_near(scatter, Near()) == scatter


def test_many_classes_are_not_all_named() -> None:
    stood = Near(tuple("abcde"), 4, 0)
    assert stood.which == "a, b, c and 2 classes"
    assert Near().said == ""
