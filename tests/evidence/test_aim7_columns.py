"""The columns of AIM7's report: figures worked out by hand, from boots of three users."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.evidence import aim7, time
from kit.evidence.aim7 import timing_index
from kit.records import Boot, Results, UserTime, WindowResult, WorkloadSpec
from kit.workload.longer import round_name
from tests.evidence.test_time_evidence import EMULATED, EXP, did

USERS = WorkloadSpec("aim7", "mix", {"mix": {"fork_test": 1}, "users": [3], "jobs": 10})
AIM = replace(EXP, workloads=(USERS,))
TOOK = (20, 30, 40)  # seconds of each user


def ran(boot: Boot, idle: int | None, slow: int = 1) -> Boot:
    """A boot whose users took 20, 30 and 40 s in the rounds that count, and ten times as long in the first."""

    def window(n: int) -> WindowResult:
        took = [t * slow * (10 if n == 0 else 1) * 10**9 for t in TOOK]
        users = tuple(UserTime(i, t) for i, t in enumerate(took))
        return WindowResult(round_name("mix/u3", n), max(took), (), users, None if idle is None else idle * 10**9)

    return replace(boot, results=Results("6.1", 2, {}, tuple(window(n) for n in range(3))))


def columns(idle: int | None) -> list[dict[str, object]]:
    specs = [s for s in time.boots(AIM, EMULATED) if s.block == 0]
    boots = [ran(did(s, 1.0), idle, 2 if s.arm == "new" else 1) for s in specs]
    return aim7.rows(["base", "new"], time.loads_of(AIM), range(1, 3), boots)


def test_the_suite_s_numbers() -> None:
    """30 jobs in 40 s are 45 a minute; deviation of (20, 30, 40) is 8.165, of a mean of 30."""
    base, new = columns(idle=70)
    assert base == {
        **{"arm": "base", "workload": "mix", "cpus": 2, "tasks": 3, "boots": 1},
        **{"jobs_per_minute": 45.0, "jobs_per_minute_per_task": 15.0, "real": 40.0, "cpu": 10.0},
        "jti": pytest.approx((1 - 8.16496580927726 / 30) * 100),
    }
    assert (new["jobs_per_minute"], new["real"], new["cpu"]) == (22.5, 80.0, 90.0)


def test_processes_behind_the_users_are_none_of_them() -> None:
    """As the clients of a mail server: neither JTI nor jobs of a task count them."""
    (spec, *_) = [s for s in time.boots(AIM, EMULATED) if s.block == 0 and s.arm == "base"]
    boot = ran(did(spec, 1.0), None)
    assert boot.results is not None
    beside = (UserTime(3, 1), UserTime(4, 1))
    windows = tuple(replace(w, users=(*w.users, *beside)) for w in boot.results.windows)
    both = [
        aim7.rows(["base"], time.loads_of(AIM), range(1, 3), [one])
        for one in (boot, replace(boot, results=replace(boot.results, windows=windows)))
    ]
    assert both[0] == both[1] != []


def test_cpu_time_is_unknown_where_idle_time_is() -> None:
    assert [row["cpu"] for row in columns(idle=None)] == [None, None]


@pytest.mark.parametrize(
    ("took", "index"), [((5,), 100.0), ((5, 5, 5), 100.0), ((0, 0), 100.0), ((1, 3), 50.0), ((1, 1, 1, 97), 0.0)]
)
def test_the_job_timing_index(took: tuple[float, ...], index: float) -> None:
    assert timing_index(took) == pytest.approx(index)


def test_they_are_told_beside_the_comparisons_and_marked_as_emulated() -> None:
    boots = [ran(did(spec, 1.0), 70) for spec in time.boots(AIM, EMULATED)]
    found = time.judge(AIM, [replace(boot, accel="tcg") for boot in boots])
    assert not found.decides
    (table,) = aim7.table({"evidence": {"time": {"details": found.details, "decides": found.decides}}}, "time")
    assert table.title == "EMULATED AIM7's columns (time)"
    assert [row for row in table.rows if row[0] == "base"] == [
        ("base", "mix", "2", "3", "45.0", "73", "15.0", "40.00", "10.00", "3")
    ]


def test_without_users_there_are_none() -> None:
    boots = [did(spec, 1.0) for spec in time.boots(EXP, EMULATED)]
    found = time.judge(EXP, boots)
    assert "aim7" not in found.details
    assert aim7.table({"evidence": {"time": {"details": found.details, "decides": True}}}, "time") == ()
