"""A named lock under contention: per job, marked, judged over boots; call sites with shares; the boots it asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.evidence import count
from kit.evidence.contended import ELSEWHERE, EXACT, INTERVAL, SAMPLE, contended, function_of, shares
from kit.evidence.contendedtables import contended_tables
from kit.evidence.request import Site
from kit.records import Boot, CallSite, Experiment, LockRow, PredictedCount, Results, WindowResult, WorkloadSpec
from kit.run.plan import Plan
from tests.evidence.test_count_evidence import BASE, LOCK, NEW, boot, experiment

JOBS = 10  # of each user
USERS = WorkloadSpec("aim7", "mix", {"mix": {"fork_test": 1.0}, "users": [1, 2], "jobs": JOBS})
PLAIN = (replace(BASE, profile=None), replace(NEW, profile=None))
EXP = experiment(workloads=(USERS,), arms=PLAIN, cpus=(1, 2), evidence=("count",), least=6, blocks=8)
Sites = dict[str, int]


def window(name: str, acquisitions: int, contentions: int, sites: Sites, wait: float) -> WindowResult:
    own = LockRow(LOCK, "", contentions, acquisitions, (wait, wait, 2 * wait, wait))
    rows = (own, LockRow("x", "", 9, 9, (1.0,) * 4))
    places = tuple(CallSite(LOCK, "waits", n, f"{f}+0x1/0x2") for f, n in sites.items())
    return WindowResult(name, 1, rows, sites=(*places, CallSite(LOCK, "holds", 99, "other+0x1/0x2")))


def ran(arm: str, number: int, met: int, sites: Sites, cpus: int = 2, acquisitions: int = 400) -> Boot:
    """A boot in which two users met so much contention, and one user none."""
    windows = (window("mix/u1", 200, 0, {}, 0.0), window("mix/u2", acquisitions, met, sites, 20.0 * met))
    results = Results("6.1", cpus, {}, windows)
    return replace(boot(arm, {}), results=results, cpus=cpus, repeat=number, block=number)


def rows(boots: list[Boot], exp: Experiment = EXP, predicted: tuple[PredictedCount, ...] = ()) -> dict[str, Any]:
    return {f"{r.arm} {r.metric}": r for r in contended(exp, boots, predicted)}


def test_numbers_are_per_job_of_several_users_on_several_processors() -> None:
    boots = [ran("base", n, 40 + n, {}, cpus) for n in range(2) for cpus in (1, 2)]
    found = rows(boots)
    assert {(r.users, r.cpus) for r in contended(EXP, boots, ())} == {(2, 2)}
    met = found["base contentions"]
    assert (met.mark, met.value, met.boots) == (SAMPLE, pytest.approx(40.5 / 20), 2)
    assert met.low == pytest.approx(40.5 / 20 - 12.7062 * 0.5 / 20, rel=1e-4)
    assert found["base wait_us"].value == pytest.approx(40.5)
    assert found["base hold_us"].value == pytest.approx(81)
    assert (found["base acquisitions"].mark, found["base acquisitions"].value) == (EXACT, 20)


def test_acquisitions_in_the_model_s_interval_are_marked_so() -> None:
    boots = [ran("base", n, 40, {}, acquisitions=400 + n) for n in range(2)]
    of = ("base", "mix/u2", 2, "anon_vma", 20, (400, 401))
    inside = PredictedCount(*of, (400, 440), True)
    found = rows(boots, predicted=(inside,))["base acquisitions"]
    assert (found.mark, found.low, found.high) == (INTERVAL, 20, 22)
    outside = rows(boots, predicted=(PredictedCount(*of, (402, 440), False),))["base acquisitions"]
    assert outside.mark == SAMPLE
    assert rows(boots)["base acquisitions"].mark == SAMPLE


def test_arms_are_compared_by_the_statistics_of_their_boots() -> None:
    boots = [ran(arm, n, most + n, {}) for n in range(6) for arm, most in (("base", 40), ("new", 20))]
    met = rows(boots)["new contentions"]
    assert met.said == "better"
    assert met.ratio == pytest.approx(22.5 / 42.5, rel=0.03)
    assert met.ratio_high is not None
    assert met.ratio_high < 1
    few = rows([b for b in boots if b.repeat < 2])["new contentions"]
    assert few.p is not None
    assert few.p > (met.p or 0)
    assert rows(boots)["base contentions"].said == ""


def test_equal_arms_are_not_said_to_differ() -> None:
    boots = [ran(arm, n, 40 + n, {}) for n in range(6) for arm in ("base", "new")]
    assert rows(boots)["new contentions"].said == "inconclusive"


def test_no_contention_no_rows() -> None:
    boots = [ran("base", n, 0, {}) for n in range(2)]
    assert rows(boots) == {}


def test_call_sites_have_shares_and_what_lock_stat_does_not_keep_is_told() -> None:
    sites = {"anon_vma_clone": 20, "unlink_anon_vmas.part.0": 10}
    found = {(s.arm, s.function): s for s in shares(EXP, [ran("base", n, 40, sites) for n in range(2)])}
    assert {f: (s.share, s.part, s.count) for (_, f), s in found.items()} == {
        "anon_vma_clone": (0.5, "clone", 40),
        "unlink_anon_vmas": (0.25, "unlink", 20),
        ELSEWHERE: (0.25, "", 20),
    }
    assert list(found)[-1] == ("base", ELSEWHERE)
    assert function_of("anon_vma_clone.constprop.0+0x7e/0x1d0") == "anon_vma_clone"


def test_shares_are_compared_between_arms() -> None:
    base = [ran("base", n, 40, {"anon_vma_clone": 30 - n, "unlink_anon_vmas": 10 + n}) for n in range(6)]
    new = [ran("new", n, 40, {"anon_vma_clone": 10 + n, "unlink_anon_vmas": 30 - n}) for n in range(6)]
    found = {(s.arm, s.function): s for s in shares(EXP, base + new)}
    assert found["base", "anon_vma_clone"].p is None
    p = found["new", "anon_vma_clone"].p
    assert p is not None
    assert p < 0.05
    assert (found["new", "anon_vma_clone"].low or 0) > 0.2


def test_they_are_told_as_tables_marked_as_emulated() -> None:
    boots = [ran(a, n, m + n, {"anon_vma_clone": 10}) for n in range(6) for a, m in (("base", 40), ("new", 20))]
    said = count.judge(EXP, boots)
    shown = {"evidence": {"count": {"details": said.details}}, "provenance": {"accel": {"used": "tcg"}}}
    jobs, sites = contended_tables(shown, "count")
    assert jobs.title.startswith("EMULATED ")
    assert [row[4:6] for row in jobs.rows] == [("base", "20 exact"), ("new", "20 exact")]
    assert "better" in jobs.rows[1][9]
    assert [row[3] for row in sites.rows] == ["anon_vma_clone (clone)", ELSEWHERE]
    kvm = {**shown, "provenance": {"accel": {"used": "kvm"}}}
    assert contended_tables(kvm, "count")[0].title.startswith("Contention")


@pytest.mark.parametrize(("least", "blocks"), [(2, 2), (6, 6), (20, 8)])
def test_as_many_boots_are_done_as_the_budget_asks_at_least(least: int, blocks: int) -> None:
    exp = replace(EXP, least=least, cpus=(2,), minutes=100)
    site = Site({(arm.name, "counting"): arm.name for arm in exp.arms}, "tcg", "guest")
    plan, done = Plan.of(exp, site), list[Boot]()
    assert {s.block for s in plan.sure} == set(range(blocks))
    while isinstance(wanted := plan.next(done), list):
        done += [replace(ran(s.arm, s.block, 5, {}), key=s.key, order=s.order) for s in wanted]
    assert {b.block for b in done} == set(range(blocks))
