"""Ramps: peak and crossover of boots, worked out by hand; their intervals; what is compared, and what is only told."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from kit.base.errors import UserError
from kit.base.project import PROJECT
from kit.bisection.question import read_question
from kit.evidence import aim7, ramp, time
from kit.model.program import Ramp
from kit.records import MORE, Boot, Experiment, Results, UserTime, WindowResult, WorkloadSpec, to_json
from kit.stats.alone import interval
from kit.workload.load import own_limit, ramp_limit
from tests.evidence.test_time_evidence import EMULATED, EXP, did

GROWS = WorkloadSpec("aim7", "mix", {"mix": {"fork_test": 1}, "users": "ramp", "most": 8, "jobs": 10, "crossover": 60})
AIM = replace(EXP, workloads=(GROWS,))
(LOAD,) = time.loads_of(AIM)
TOOK = {1: 4.0, 2: 5.0, 3: 6.0, 4: 12.0}
"""Seconds of each number of users, of whom each does 10 jobs: 150, 240, 300 and 200 jobs per minute; the level is
60, 120, 180 and 240."""
CROSSES = 3 + 120 / 160


def ran(boot: Boot, took: dict[int, float] = TOOK, slow: float = 1.0) -> Boot:
    """A boot whose users took so long in the rounds that count, and ten times as long in the first."""

    def window(users: int, n: int) -> WindowResult:
        each = tuple(UserTime(i, round(took[users] * slow * (10 if n == 0 else 1) * 1e9)) for i in range(users))
        return WindowResult(f"mix/u{users}~{n}", each[0].elapsed, (), each)

    windows = tuple(window(users, n) for n in range(3) for users in took)
    return replace(boot, results=Results("6.1", 2, {}, windows))


def boots(exp: Experiment, slow: float = 1.0, short: tuple[str, ...] = ()) -> list[Boot]:
    """All boots; those of `new` take so much longer, block by block a little more; arms in `short` never cross."""
    few = {users: TOOK[users] for users in (1, 2, 3)}
    specs = [s for s in time.boots(exp, EMULATED) if s.block >= 0]
    drift = {s: (slow if s.arm == "new" else 1.0) * (1 + s.block / 100) for s in specs}
    return [ran(did(s, 1.0), few if s.arm in short else TOOK, drift[s]) for s in specs]


def test_where_time_is_measured_the_ramp_stands_for_the_windows() -> None:
    (op,) = LOAD.program.ops
    assert isinstance(op, Ramp)
    assert (op.name, op.milliseconds, op.seconds, len(op.users)) == ("mix/u", 10_000, 300, 8)
    assert LOAD.windows == ()
    spec = time.boots(AIM, EMULATED)[0]
    assert [line for line in spec.program.splitlines() if line.startswith("ramp ")] == [
        f"ramp mix/u~{n} 10000 300" for n in range(3)
    ]
    assert ramp_limit(spec.program) == own_limit(spec.program) == 900


def test_longer_lists_have_a_later_crossover() -> None:
    (load,) = time.loads_of(replace(AIM, time=replace(AIM.time, times=5)))
    assert load.ramp is not None
    assert (load.ramp.jobs, load.program.text().splitlines()[0]) == (50, "ramp mix/u 50000 300")


@pytest.mark.parametrize(
    ("points", "level", "users"),
    [
        ([(1, 150.0), (2, 240.0), (3, 300.0), (4, 200.0)], 60, CROSSES),
        ([(1, 150.0), (2, 240.0), (3, 300.0)], 60, None),
        ([(1, 30.0)], 60, 0.5),
        ([(1, 90.0), (3, 180.0)], 60, 3.0),
        ([(1, 61.0), (2, 119.0), (3, 200.0), (4, 200.0)], 60, 1.5),
    ],
)
def test_a_crossover_lies_on_the_line_between_windows(
    points: list[tuple[int, float]], level: float, users: float | None
) -> None:
    assert ramp.crossing(points, level) == (pytest.approx(users) if users is not None else None)


def test_a_boot_gives_one_peak_and_one_crossover() -> None:
    boot = ran(did(time.boots(AIM, EMULATED)[0], 1.0))
    assert ramp.values(LOAD, boot, range(1, 3)) == pytest.approx({"mix/peak": 300.0, "mix/crossover": CROSSES})
    assert time.rates(AIM, boot) == ramp.values(LOAD, boot, range(1, 3))


def test_rounds_are_averaged_within_a_boot() -> None:
    first, second = (ran(did(time.boots(AIM, EMULATED)[0], 1.0), TOOK, slow) for slow in (1.0, 2.0))
    assert first.results is not None
    assert second.results is not None
    both = (*first.results.windows[:8], *second.results.windows[8:])
    boot = replace(first, results=replace(first.results, windows=both))
    found = ramp.values(LOAD, boot, range(1, 3))
    assert found["mix/peak"] == pytest.approx(math.sqrt(300 * 150))
    alone = ramp.values(LOAD, second, range(1, 3))["mix/crossover"]
    assert found["mix/crossover"] == pytest.approx((CROSSES + alone) / 2)


def test_arms_are_compared_in_peak_and_crossover() -> None:
    found = time.judge(AIM, boots(AIM, 1.25))
    mine = {c.metric: c for c in found.comparisons if not c.aa}
    assert set(mine) == {"peak", "crossover"}
    assert {c.direction for c in mine.values()} == {MORE}
    assert (mine["peak"].unit, mine["peak"].ratio) == ("in jobs per minute", pytest.approx(0.8))
    assert mine["crossover"].ratio is not None
    assert mine["crossover"].ratio < 1
    assert {c.n for c in mine.values()} == {3}
    assert not found.decides


def test_an_arm_that_does_not_cross_is_not_compared_but_told() -> None:
    found = time.judge(AIM, boots(AIM, short=("new",)))
    assert {c.metric for c in found.comparisons if not c.aa} == {"peak"}
    told = "mix, 2 vCPUs: crossover reached by new in 0 of 3 boots, within 3 users: not compared"
    assert told in found.notes
    _, table = aim7.table({"evidence": {"time": {"details": to_json(found.details), "decides": False}}}, "time")
    assert [row[4] for row in table.rows if row[0] == "new"] == ["297.0", "above 3"]


def test_each_arm_has_an_interval_over_its_boots() -> None:
    """t of two degrees of freedom at 95% is 4.3027."""
    found = ramp.rows(["base"], [LOAD], range(1, 3), [b for b in boots(AIM) if b.arm == "base"], 0.05)
    peak = next(row for row in found if row.metric == ramp.PEAK)
    logs = [math.log(300 / (1 + n / 100)) for n in range(3)]
    mean = sum(logs) / 3
    reach = 4.302653 * math.sqrt(sum((x - mean) ** 2 for x in logs) / 2 / 3)
    assert peak.value == pytest.approx(math.exp(mean))
    assert (peak.low, peak.high) == pytest.approx((math.exp(mean - reach), math.exp(mean + reach)))
    assert interval([5.0], 0.05) == (pytest.approx(5.0), None, None)
    assert interval([], 0.05) == (None, None, None)


def test_the_columns_have_each_number_of_users_that_a_boot_came_to() -> None:
    found = time.judge(AIM, boots(AIM, short=("new",)))
    rows = found.details["aim7"]
    assert isinstance(rows, list)
    assert [(r["arm"], r["tasks"], r["boots"]) for r in rows] == [
        *((arm, n, 3) for n in (1, 2, 3) for arm in ("new", "base")),
        ("base", 4, 3),
    ]
    columns, ramps = aim7.table({"evidence": {"time": {"details": to_json(found.details), "decides": False}}}, "time")
    assert columns.rows[1][:8] == ("base", "mix", "2", "1", "148.5", "100", "148.5", "4.04")
    assert ramps.title.startswith("EMULATED AIM7's ramp")


def test_a_ramp_is_not_bisected_by_time() -> None:
    workloads = "workloads=[{aim7: {mix: fork, users: ramp}}]"
    read_question(PROJECT / "configs/bisect.yaml", [workloads], {})
    with pytest.raises(UserError, match="more windows in a ramp"):
        read_question(PROJECT / "configs/bisect.yaml", [workloads, "bisect.evidence=time"], {})
