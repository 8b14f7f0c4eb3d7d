"""Randomised blocks: the order of the arms in each block.

Orders are balanced: within a run of blocks every arm comes first, second and so on equally often, and follows each
other arm equally often (a Williams design, Australian J. Sci. Res. A 2, 1949). For each run of blocks, the assignment
of arms to the design and the order of its rows are drawn anew. So whatever a position in a block costs (the first boot
after a pause, a machine that warms up) is the same for all arms, not only on average.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

RUN = 6  # at least so many blocks: with fewer orders, a cost that alternates in step with them weighs more


def block_order(arms: Sequence[str], seed: int | str, block: int, place: str = "") -> tuple[str, ...]:
    """The order of the arms in one block. It depends only on the seed, the block's number (from 0) and the place (as in
    `4 cpus`), not on how the arms were listed."""
    run, row = divmod(block, run_length(len(arms)))
    return _run(tuple(sorted(arms)), f"{seed}/{place}/{run}")[row]


@lru_cache
def run_length(arms: int) -> int:
    """The number of blocks after which the orders of `arms` arms are balanced."""
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
    """The rows of a Williams design: from 0 alternately up and down, then each number added to all; for an odd number
    of arms also all of these reversed."""
    first = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(arms)]
    rows = [tuple((i + shift) % arms for i in first) for shift in range(arms)]
    return tuple(rows + [row[::-1] for row in rows] if arms % 2 and arms > 1 else rows)
