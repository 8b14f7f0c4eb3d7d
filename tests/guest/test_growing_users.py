"""How the users of a ramp grow (guest/ramp.c), on the host, against numbers worked out by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kit.workload.guestimage import SOURCES
from tests.guest.conftest import Compile

HERE = Path(__file__).resolve().parent
GENTLE = list(range(1, 11))


@pytest.fixture(scope="module")
def growing(compiled: Compile) -> Path:
    return compiled(HERE / "growing.c", SOURCES / "ramp.c")


def windows(growing: Path, most: int, crossover_ms: int, seconds: int) -> list[int]:
    argv = [str(growing), *map(str, (most, crossover_ms, seconds))]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [name for name, _, _ in rows] == [f"mix/u{users}~3" for _, users, _ in rows]
    assert {first for _, _, first in rows} == {"7"}
    return [int(users) for _, users, _ in rows]


def test_steps_grow_where_users_cost_little_and_shrink_where_much_until_the_crossover(growing: Path) -> None:
    """Ratios of times: 5/4.5 is below 1.2, so 1 becomes 2.1; 6/5 and 9/7 are between; 17/13 is above 1.3: 8 becomes 3.

    From 116 users on the crossover is near: half of the way to 123.4.
    """
    later = [12, 14, 18, 22, 26, 34, 37, 43, 55, 67, 79, 105, 116, 119, 121, 122, 123, 124]
    assert windows(growing, 512, 61_700, 10_000) == [*GENTLE, *later]


def test_it_ends_with_all_users(growing: Path) -> None:
    assert windows(growing, 16, 61_000, 10_000) == [*GENTLE, 12, 14, 16]
    assert windows(growing, 1, 61_000, 10_000) == [1]


def test_it_ends_with_the_first_window_beyond_the_crossover(growing: Path) -> None:
    assert windows(growing, 512, 2_000, 10_000) == [1, 2, 3, 4]
    assert windows(growing, 512, 1_000, 10_000) == [1]


def test_no_window_begins_that_would_end_too_late(growing: Path) -> None:
    """1, 1, 1.5 and 2 s are 5.5 s; the next takes 2.5 s."""
    assert windows(growing, 512, 61_000, 8) == [1, 2, 3, 4, 5]
    assert windows(growing, 512, 61_000, 7) == [1, 2, 3, 4]
