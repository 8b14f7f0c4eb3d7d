"""The model against real kernels, operation by operation: every window of every program, on three arms of Linux 6.1.

With `kit test --record` what was measured is written below tests/model/data, where `pytest tests/model` checks it
without a kernel.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from kit.experiment.reader import PROJECT
from kit.model.program import Program
from tests.boot.conftest import ARMS, Run
from tests.boot.programs import PROGRAMS
from tests.boot.recorder import DATA, anon_vma_rows, lock_stat_version, record
from tests.properties.whole import whole_programs

pytestmark = pytest.mark.boot

SERIES = ("unbatch-clone.patch", "unbatch-unlink.patch")
LADDER = {
    **ARMS,
    "neither": {"series": [str(PROJECT / "patches/v6.1" / p) for p in SERIES], "profile": "6.1-unbatched"},
}
HEALTH = list(HealthCheck)


def test_every_operation_counts_as_predicted(run: Run) -> None:
    """Two boots of each arm on 1, 2 and 4 vCPUs; counts are exact, except for users that share a root: these are in
    their interval."""
    loads = [{"program": {"name": name, "text": text}} for name, text in PROGRAMS.items()]
    result = run({"arms": LADDER, "baseline": "neither", "guest": {"cpus": [1, 2, 4]}, "workloads": loads})
    rows = result.verdict["evidence"]["count"]["details"]["predictions"]
    wrong = [row for row in rows if not row["agrees"]]
    assert not wrong, wrong[:5]
    assert {row["window"].split("/")[0] for row in rows} == set(PROGRAMS)
    ranges = {row["window"] for row in rows if row["predicted"][0] != row["predicted"][1]}
    assert {name.split("/")[0] for name in ranges} <= {"users"}
    if os.environ.get("KIT_TEST_RECORD"):
        record(result, LADDER)


def test_random_programs_count_as_predicted(run: Run) -> None:
    """Random programs of the whole language: 50, or as many as KIT_RANDOM_PROGRAMS says. The seed is printed."""
    drawn_with = int(os.environ.get("KIT_RANDOM_SEED") or random.SystemRandom().randrange(1 << 32))
    programs = draw(int(os.environ.get("KIT_RANDOM_PROGRAMS", "50")), drawn_with)
    print(f"\n{len(programs)} random programs; again with KIT_RANDOM_SEED={drawn_with}")
    predicted = 0
    for first in range(0, len(programs), 50):
        loads = [
            {"program": {"name": f"r{first + n}", "text": program.text()}}
            for n, program in enumerate(programs[first : first + 50])
        ]
        result = run({"guest": {"cpus": [random.Random(drawn_with + first).choice([1, 2, 4])]}, "workloads": loads})
        assert result.verdict["boots"]["failed"] == 0, (drawn_with, result.verdict["sentence"])
        rows = result.verdict["evidence"]["count"]["details"]["predictions"]
        wrong = [row for row in rows if row["agrees"] is False]
        assert not wrong, (drawn_with, wrong[:3])
        predicted += sum(row["agrees"] is True for row in rows)
    print(f"{predicted} counts of two arms as predicted")
    assert predicted >= 2 * len(programs)


def draw(count: int, drawn_with: int) -> list[Program]:
    """So many programs, the same ones for the same seed."""
    out: list[Program] = []

    @seed(drawn_with)
    @settings(max_examples=count, database=None, phases=[Phase.generate], deadline=None, suppress_health_check=HEALTH)
    @given(whole_programs(users=True))
    def collect(program: Program) -> None:
        out.append(program)

    collect()
    return out[:count]


def test_the_recorder_reads_a_results_file() -> None:
    """The rows of the golden file, which a real boot made."""
    raw = (PROJECT / "tests" / "golden" / "results-6.1.txt").read_text(encoding="utf-8")
    rows = dict(anon_vma_rows(raw))
    assert rows
    assert any("&anon_vma->rwsem" in line for lines in rows.values() for line in lines)
    assert lock_stat_version(raw) == "0.4"
    assert Path(DATA).is_dir()
