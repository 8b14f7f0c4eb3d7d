"""Randomised blocks: names and a seed in, the order of each block out."""

from __future__ import annotations

import random
from collections.abc import Sequence


def block_order(arms: Sequence[str], seed: int | str, block: int, place: str = "") -> tuple[str, ...]:
    """Every arm once, in an order that depends only on the seed, the block's number (from 0) and the place (as
    `4 cpus`). It does not depend on how the arms were listed."""
    order = sorted(arms)
    random.Random(f"{seed}/{place}/{block}").shuffle(order)
    return tuple(order)
