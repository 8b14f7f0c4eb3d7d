"""Whose fault a failure is, the overall verdict with its exit code, and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kit.records import (
    ArmSpec,
    At,
    Boot,
    Exercised,
    Experiment,
    KindVerdict,
    Outcome,
    PredictedCount,
    Splat,
    Verdict,
)
from kit.stats.attribution import Attribution, Fault, attribute
from kit.stats.counts import Counted, compare, judge_all
from kit.stats.verdict import Judgement, judge, overall
from kit.wording.sentence import sentence

B, W, S, I, X = Verdict.BETTER, Verdict.WORSE, Verdict.SAME, Verdict.INCONCLUSIVE, Verdict.BROKEN  # noqa: E741


def experiment(arms: tuple[str, ...] = ("base", "new"), cpus: tuple[int, ...] = (1,), **rest: Any) -> Experiment:
    values: dict[str, Any] = {"expect": {}, "accept": (), **rest}
    return Experiment(
        name="x",
        baseline="base",
        arms=tuple(ArmSpec(a, "dir:/x", (), None) for a in arms),
        cpus=cpus,
        memory=256,
        accel="tcg",
        workloads=(),
        evidence=("count",),
        locks=("anon_vma",),
        limit=0.01,
        blocks=2,
        minutes=1,
        seed=1,
        **values,
    )


def boot(
    arm: str, outcome: Outcome = Outcome.OK, *, repeat: int = 0, cpus: int = 1, splats: tuple[str, ...] = ()
) -> Boot:
    why = "" if outcome is Outcome.OK else "it went wrong"
    found = tuple(Splat("warning", title, 7, f"{title}\nCall Trace:") for title in splats)
    key, console = f"{arm}{cpus}-{repeat}", f"console/{arm}.log"
    return Boot(key, arm, arm, "count", cpus, "tcg", repeat, 0, 0, outcome, why, 1.0, console, None, found)


OK_BASE = [boot("base"), boot("base", repeat=1)]
PANIC = Outcome.PANIC


def arms(faults: tuple[Fault, ...]) -> list[str]:
    return [f.arm for f in faults]


@pytest.mark.parametrize(
    ("done", "builds", "broken", "stuck", "once"),
    [
        ([*OK_BASE, boot("new")], {}, [], [], []),
        ([*OK_BASE, boot("new", PANIC), boot("new", PANIC)], {}, ["new"], [], []),
        ([*OK_BASE, boot("new", PANIC), boot("new")], {}, [], [], []),
        ([*OK_BASE, boot("new", PANIC)], {}, [], ["new"], []),
        ([boot("base", PANIC)] * 2 + [boot("new", PANIC)] * 2, {}, [], ["base", "new"], []),
        ([boot("base", PANIC)] * 2 + [boot("new")], {}, [], ["base"], []),
        ([boot("new", PANIC)] * 2, {}, [], ["new"], []),
        (OK_BASE, {"new": "x.c:1: error: y"}, ["new"], [], []),
        ([], {"base": "x"}, [], ["base"], []),
        ([], {"base": "x", "new": "x"}, [], ["base", "new"], []),
        (
            [*OK_BASE, boot("new", splats=("bad lock",)), boot("new", repeat=1, splats=("bad lock",))],
            {},
            ["new"],
            [],
            [],
        ),
        ([*OK_BASE, boot("new", splats=("bad lock", "bad lock")), boot("new", repeat=1)], {}, [], [], ["new"]),
        (
            [*OK_BASE, boot("new", splats=("at 0x1f3",)), boot("new", repeat=1, splats=("at 0x2e4",))],
            {},
            ["new"],
            [],
            [],
        ),
        (
            [boot("base", splats=("bad 1",))] + [boot("new", splats=("bad 2",), repeat=r) for r in (0, 1)],
            {},
            [],
            [],
            [],
        ),
        ([boot("new", splats=("bad",), repeat=r) for r in (0, 1)], {}, [], ["new"], []),
        (OK_BASE + [boot("new", splats=("known bad",), repeat=r) for r in (0, 1)], {}, [], [], []),
    ],
)
def test_attribution(
    done: list[Boot], builds: Mapping[str, str], broken: list[str], stuck: list[str], once: list[str]
) -> None:
    exp = experiment(accept=(("known bad", "seen before"),))
    found = attribute(exp, done, builds)
    assert (arms(found.broken), arms(found.could_not_run), arms(found.once)) == (broken, stuck, once)


def test_seconds_in_a_title_do_not_tell_splats_apart() -> None:
    done = OK_BASE + [boot("new", splats=(f"stuck for {40 + r}s! [init:2{r}]",), repeat=r) for r in (0, 1)]
    assert arms(attribute(experiment(), done, {}).broken) == ["new"]


@pytest.mark.parametrize(
    ("kind", "before", "after", "same"),
    [
        (
            "soft-lockup",
            "BUG: soft lockup - CPU#0 stuck for 22s! [a:1] in foo",
            "BUG: soft lockup - CPU#1 stuck for 23s! [b:22] in bar",
            True,
        ),
        (
            "rcu-stall",
            "INFO: rcu_sched self-detected stall on CPU in foo",
            "INFO: rcu_sched self-detected stall on CPU in bar",
            True,
        ),
        (
            "lockdep-circular",
            "possible circular locking: a and b in foo",
            "possible circular locking: a and b in bar",
            True,
        ),
        (
            "lockdep-circular",
            "possible circular locking: a and b in foo",
            "possible circular locking: a and c in foo",
            False,
        ),
        ("lockdep-rcu", "WARNING: suspicious RCU usage in foo", "WARNING: suspicious RCU usage in bar", False),
        ("oops", "BUG: kernel NULL pointer dereference in foo", "BUG: kernel NULL pointer dereference in bar", False),
        (
            "oops",
            "BUG: unable to handle page fault for address: ffff888003a4 in foo",
            "BUG: unable to handle page fault for address: ffffc90000123 in foo",
            True,
        ),
        (
            "warning",
            "WARNING: mm/rmap.c:420 at f+0x1b/0x20, CPU#0: forking/23",
            "WARNING: mm/rmap.c:420 at f+0x1b/0x20, CPU#1: kworker/u4:1/7",
            True,
        ),
        (
            "warning",
            "WARNING: mm/rmap.c:420 at f+0x1b/0x20, CPU#0: a/1: bad",
            "WARNING: mm/rmap.c:420 at f+0x1b/0x20, CPU#0: a/1: worse",
            False,
        ),
        (
            "warning",
            "WARNING: lib/refcount.c:28 at g+0xba/0x110, CPU#0: a/1 in foo",
            "WARNING: lib/refcount.c:28 at g+0xba/0x110, CPU#1: b/2 in foo",
            True,
        ),
    ],
)
def test_the_same_splat_in_the_baseline_is_known_where_chance_says_the_place(
    kind: str, before: str, after: str, same: bool
) -> None:
    def showing(arm: str, repeat: int, title: str) -> Boot:
        return replace(boot(arm, repeat=repeat), splats=(Splat(kind, title, 1, title),))

    done = [showing("base", 0, before), *(showing("new", r, after) for r in (0, 1))]
    assert arms(attribute(experiment(), done, {}).broken) == ([] if same else ["new"])


def test_machines_are_judged_apart() -> None:
    exp = experiment(cpus=(1, 2))
    done = [
        boot("base", cpus=1),
        boot("new", cpus=1),
        *[boot("base", PANIC, cpus=2)] * 2,
        *[boot("new", PANIC, cpus=2)] * 2,
    ]
    found = attribute(exp, done, {})
    assert arms(found.broken) == []
    assert [f.why for f in found.could_not_run] == [
        "base on 2 vCPUs: panic: it went wrong (in each of 2 tries)",
        "new on 2 vCPUs: panic: it went wrong (in each of 2 tries)",
    ]


def test_a_fault_says_where_it_is_seen() -> None:
    (fault,) = attribute(experiment(), OK_BASE + [boot("new", splats=("bad",), repeat=r) for r in (0, 1)], {}).broken
    assert (fault.why, fault.console) == ("new: warning: bad (in 2 boots)", "console/new.log:7")
    (fault,) = attribute(experiment(), OK_BASE, {"new": "make failed:\n   x.c:1: error: y\n  log"}).broken
    assert fault.why == "new cannot be built: x.c:1: error: y"


FAULT = Attribution((Fault("new", "new: bad"),))
STUCK = Attribution((), (Fault("base", "base on 1 vCPU: hang: no end"),))
NONE = Attribution()


@pytest.mark.parametrize(
    ("said", "attribution", "verdict"),
    [
        ([B, S], NONE, B),
        ([B, W], NONE, W),
        ([S, S], NONE, S),
        ([S, I], NONE, I),
        ([B, I], NONE, B),
        ([I], NONE, I),
        ([], NONE, I),
        ([B], FAULT, X),
        ([B], STUCK, None),
        ([], Attribution(FAULT.broken, STUCK.could_not_run), X),
        ([B], Attribution(once=FAULT.broken), B),
    ],
)
def test_overall(said: list[Verdict], attribution: Attribution, verdict: Verdict | None) -> None:
    assert overall([KindVerdict(f"k{i}", v, "") for i, v in enumerate(said)], attribution) is verdict


@pytest.mark.parametrize(
    ("expect", "model", "count", "attribution", "code"),
    [
        ({}, S, S, NONE, 0),
        ({}, B, B, NONE, 0),
        ({}, S, W, NONE, 1),
        ({}, I, I, NONE, 3),
        ({}, B, B, FAULT, 1),
        ({}, B, B, STUCK, 4),
        ({"count": "better"}, B, B, NONE, 0),
        ({"count": "better"}, S, B, NONE, 0),
        ({"count": "better"}, W, B, NONE, 1),
        ({"count": "better"}, B, S, NONE, 1),
        ({"count": "better"}, B, I, NONE, 3),
        ({"count": "better"}, I, I, NONE, 3),
        ({"count": "better"}, W, I, NONE, 1),
        ({"count": "worse"}, S, W, NONE, 1),
        ({"count": "worse", "overall": "worse"}, S, W, NONE, 0),
        ({"overall": "inconclusive"}, S, I, NONE, 0),
        ({"overall": "broken"}, S, S, FAULT, 0),
        ({"overall": "broken"}, S, S, NONE, 1),
        ({"count": "better"}, B, B, FAULT, 1),
        ({"count": "better"}, B, B, STUCK, 4),
    ],
)
def test_exit_codes(
    expect: Mapping[str, str], model: Verdict, count: Verdict, attribution: Attribution, code: int
) -> None:
    kinds = [KindVerdict("model", model, ""), KindVerdict("count", count, "")]
    found = judge(experiment(expect=expect), kinds, attribution)
    assert (found.exit_code, found.expected) == (code, code == 0)


@pytest.mark.parametrize(
    ("expect", "check", "count", "code"),
    [
        ({"check": "broken"}, X, S, 0),
        ({"check": "broken"}, S, S, 1),  # broken elsewhere
        ({"check": "broken"}, X, W, 1),
        ({"check": "broken", "count": "better"}, X, B, 0),
        ({"check": "broken", "count": "better"}, X, S, 1),
        ({"check": "same"}, X, S, 1),
        ({}, X, S, 1),
    ],
)
def test_a_broken_arm_may_be_what_one_kind_of_evidence_is_to_show(
    expect: Mapping[str, str], check: Verdict, count: Verdict, code: int
) -> None:
    kinds = [KindVerdict("check", check, ""), KindVerdict("count", count, "")]
    found = judge(experiment(expect=expect), kinds, FAULT)
    assert (found.verdict, found.exit_code, found.expected) == (X, code, code == 0)


@pytest.mark.parametrize(("expect", "verdict"), [({}, S), ({}, I), ({"count": "better"}, B)])
def test_a_disagreement_is_never_as_expected(expect: Mapping[str, str], verdict: Verdict) -> None:
    rows = tuple(PredictedCount("new", "w", 1, "lock", 1, (2,), None, agrees) for agrees in (False, True, None))
    found = judge(experiment(expect=expect), [KindVerdict("count", verdict, "", predictions=rows)], NONE)
    assert (found.exit_code, found.disagree) == (1, 1)


def kind(name: str, *pairs: tuple[Any, ...], arm: str = "new", predicted: bool = False) -> KindVerdict:
    """A kind of evidence from (arm's counts, baseline's counts, cpus, depth)."""
    found = []
    for mine, base, cpus, depth in pairs:
        at = At("fork-chain", cpus=cpus, depth=depth, lock="anon_vma")
        mine_said = (mine[0], mine[0]) if predicted else None
        base_said = (base[0], base[0]) if predicted else None
        found.append(compare(at, arm, Counted(mine, mine_said), "base", Counted(base, base_said), 10, "fork"))
    return KindVerdict(name, judge_all(found, 0.01), "because", tuple(found))


def said(kinds: list[KindVerdict], attribution: Attribution = NONE, disagree: int = 0) -> str:
    verdict = overall(kinds, attribution)
    return sentence(experiment(), Judgement(verdict, True, 0, disagree), kinds, attribution)


BOTH = ((20, 20), (50, 50), 1, 8), ((100, 100), (100, 100), 2, 0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            said([kind("count", *BOTH, predicted=True)]),
            "new is better than base: it takes the anon_vma lock up to 2.50 times less often (fork-chain, depth 8: 2"
            " acquisitions per fork against 5), better in 1 of 2 comparisons, exact to the digit in 2 of 2 over 8 boots"
            " with 1 and 2 vCPUs, 2 as the model predicts (evidence: count).",
        ),
        (
            said([kind("count", ((105, 105), (100, 100), 1, 3))]),
            "new is worse than base: it takes the anon_vma lock up to 5% more often (fork-chain, depth 3: 10.50"
            " acquisitions per fork against 10), worse in 1 of 1 comparison, exact to the digit in 1 of 1 over 4 boots"
            " with 1 vCPU (evidence: count).",
        ),
        (
            said([kind("count", ((50, 50), (50, 50), 2, 0))]),
            "new and base are the same: the comparison does not differ by more than 1%, exact to the digit in 1 of 1"
            " over 4 boots with 2 vCPUs (evidence: count).",
        ),
        (
            said([kind("count", ((50, 50), (50, 50), 1, 0), ((50, 50), (50, 50), 2, 0))]),
            "new and base are the same: none of 2 comparisons differs by more than 1%, exact to the digit in 2 of 2"
            " over 8 boots with 1 and 2 vCPUs (evidence: count).",
        ),
        (
            said([kind("count", ((40, 60), (50, 50), 1, 0), ((50, 50), (50, 50), 1, 1))]),
            "Inconclusive: count: in 1 of 2 comparisons the boots differ so much that a difference above 1% can be"
            " neither shown nor excluded.",
        ),
        (
            said([KindVerdict("model", I, "the baseline declares no profile"), kind("count", ((5, 5), (5, 5), 1, 0))]),
            "Inconclusive: model: the baseline declares no profile; count says same.",
        ),
        (
            said([kind("count", ((5, 5), (0, 0), 1, 0))]),
            "new is worse than base: it takes the anon_vma lock where base never does (fork-chain, depth 0: 0.50"
            " acquisitions per fork against 0), worse in 1 of 1 comparison, exact to the digit in 1 of 1 over 4 boots"
            " with 1 vCPU (evidence: count).",
        ),
        (said([], FAULT), "Broken: new: bad; nothing like it in base."),
        (said([], STUCK), "Could not run: base on 1 vCPU: hang: no end."),
        (said([KindVerdict("count", I, "no boot gave counts")]), "Inconclusive: count: no boot gave counts."),
    ],
)
def test_sentences(text: str, wanted: str) -> None:
    assert text == wanted


def test_a_sentence_names_kinds_that_say_otherwise_and_disagreements() -> None:
    better, same = kind("model", ((20, 20), (50, 50), None, 8)), kind("count", ((5, 5), (5, 5), 1, 0))
    assert said([better, same]).endswith("; count says same.")
    text = said([same], disagree=1)
    assert text.startswith("Model and kernel disagree in 1 count, so one of them is not understood; new and base are")


def test_of_several_arms_the_worst_is_named() -> None:
    first, second = kind("count", ((60, 60), (50, 50), 1, 0)), kind("count", ((90, 90), (50, 50), 1, 0), arm="third")
    whole = KindVerdict("count", W, "", first.comparisons + second.comparisons)
    assert said([whole]).startswith("third is worse than base: it takes the anon_vma lock up to 80% more often")
    assert "over 6 boots" in said([whole])


def test_a_broken_arm_is_set_beside_those_that_are_not() -> None:
    exp = experiment(("base", "one", "two", "three", "four"))
    faults = tuple(Fault(name, f"{name}: bad") for name in ("one", "three"))
    attribution = Attribution(faults, once=(Fault("four", "four: seen once"),))
    text = sentence(exp, Judgement(X, False, 1, 0), [], attribution)
    assert text == "Broken: one: bad; three is broken too; nothing like it in base and two."


@pytest.mark.parametrize(("profile", "wanted"), [(None, I), ("6.1", S)])
def test_code_that_never_ran_takes_no_part_where_the_model_says_what_it_does(
    profile: str | None, wanted: Verdict
) -> None:
    exp = experiment()
    exp = replace(exp, arms=(exp.arms[0], replace(exp.arms[1], profile=profile)))
    idle = Exercised("new", changed=("move_page_tables",), asked=1)
    assert idle.idle
    assert judge(exp, [KindVerdict("count", S, "")], NONE, [idle]).verdict is wanted
