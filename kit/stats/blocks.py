"""Randomised blocks: names and a seed in, the order of each block out.

Orders are balanced: in each run of blocks every arm stands as often first, second, and so on, and follows each other
arm as often (a design of Williams, Australian J. Sci. Res. A 2, 1949). Which arm is which in the design, and the order
of its rows, are drawn anew for each run of blocks. So what a place in a block costs (the first boot after a pause, the
machine that warms up) is the same for all arms, and not only on average.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

RUN = 6  # blocks at least: the fewer orders are left open, the more weighs what alternates in step with them


def block_order(arms: Sequence[str], seed: int | str, block: int, place: str = "") -> tuple[str, ...]:
    """Every arm once, in an order that depends only on the seed, the block's number (from 0) and the place (as
    `4 cpus`). It does not depend on how the arms were listed."""
    run, row = divmod(block, run_length(len(arms)))
    return _run(tuple(sorted(arms)), f"{seed}/{place}/{run}")[row]


@lru_cache
def run_length(arms: int) -> int:
    """After how many blocks the orders of so many arms are balanced."""
    rows = len(_rows(arms))
    return rows * -(-RUN // rows)


@lru_cache(maxsize=256)
def _run(arms: tuple[str, ...], seed: str) -> tuple[tuple[str, ...], ...]:
    """The orders of one run of blocks."""
    draw = random.Random(seed)
    names = draw.sample(arms, len(arms))
    rows = _rows(len(arms))
    orders = [tuple(names[i] for i in row) for row in rows * (run_length(len(arms)) // len(rows))]
    draw.shuffle(orders)
    return tuple(orders)


@lru_cache
def _rows(arms: int) -> tuple[tuple[int, ...], ...]:
    """Williams' design: from 0, up, down, up … and so on, every number added to it; of an odd number of arms also all
    of these backwards."""
    first = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(arms)]
    rows = [tuple((i + shift) % arms for i in first) for shift in range(arms)]
    return tuple(rows + [row[::-1] for row in rows] if arms % 2 and arms > 1 else rows)
