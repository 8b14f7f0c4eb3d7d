"""The host's state, from made-up /proc and /sys, and of this host."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kit.vm.hostload import CPUS, cores, host_state, stolen

STAT = "cpu  100 5 50 800 10 1 2 32 7 0\ncpu0 50 2 25 400 5 0 1 16 3 0\n"


def host(root: Path, files: dict[str, str]) -> Path:
    for name, text in {"proc/stat": STAT, "proc/loadavg": "1.50 0.70 0.30 2/300 4242\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_host_that_says_all(tmp_path: Path) -> None:
    governors = {f"{CPUS}/cpu{n}/cpufreq/scaling_governor": "performance\n" for n in (0, 1)}
    files = {**governors, f"{CPUS}/smt/active": "1\n", f"{CPUS}/intel_pstate/no_turbo": "1\n"}
    state = host_state(host(tmp_path, files))
    assert (state.load, state.total_ticks, state.steal_ticks) == (1.5, 1000, 32)
    assert (state.governor, state.smt, state.turbo) == ("performance", "on", "off")


@pytest.mark.parametrize(("boost", "turbo"), [("1", "on"), ("0", "off"), ("", "")])
def test_other_drivers_say_boost(tmp_path: Path, boost: str, turbo: str) -> None:
    assert host_state(host(tmp_path, {f"{CPUS}/cpufreq/boost": boost})).turbo == turbo


def test_a_host_that_says_nothing(tmp_path: Path) -> None:
    state = host_state(tmp_path)
    assert (state.load, state.total_ticks, state.governor, state.smt, state.turbo) == (0, 0, "", "", "")


def test_stolen_time_is_a_share_of_what_passed(tmp_path: Path) -> None:
    before = host_state(host(tmp_path, {}))
    after = replace(before, total_ticks=before.total_ticks + 200, steal_ticks=before.steal_ticks + 50)
    assert stolen(before, after) == 0.25
    assert stolen(before, before) == 0


def test_this_host() -> None:
    assert host_state().total_ticks > 0
    assert set(cores()) == os.sched_getaffinity(0)
