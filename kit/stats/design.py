"""The plan of a noisy comparison: when to look at the data, and how much of alpha each look may spend.

After a share t of the planned blocks, alpha * t**EXPONENT may be spent. Early looks are strict, so that the last one is
nearly as sharp as a test with a fixed number of blocks. What an early look cannot use (there are few patterns of signs
then) is left for later looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kit.stats.signflip import Look

ALPHA = 0.05
EXPONENT = 2.0
LOOKS = 12  # at most
LEAST = 3  # blocks: fewer show neither spread nor drift


@dataclass(frozen=True)
class Design:
    """How many blocks at most, at which level, and with which looks. `alpha` is for all comparisons and looks together:
    the chance that a run of equal kernels ends with a false verdict."""

    blocks: int
    alpha: float = ALPHA
    sequential: bool = True

    @property
    def least(self) -> int:
        """The fewest blocks that can decide at all: n blocks have 2**n patterns of signs. May be more than `blocks`."""
        return max(LEAST, math.ceil(1 - math.log2(self.alpha)))

    def spent(self, blocks: int, alpha: float | None = None) -> float:
        """How much of alpha (default: the design's) may be spent after so many blocks."""
        share = min(1.0, blocks / self.blocks)
        return (self.alpha if alpha is None else alpha) * (share**EXPONENT if self.sequential else float(share == 1))

    def looks(self, alpha: float | None = None, last: int | None = None) -> tuple[Look, ...]:
        """The looks in order. `alpha`: a comparison's share of it. `last`: the run ended after so many blocks because
        its minutes ran out; the look there spends all that is left."""
        return _looks(self, self.alpha if alpha is None else alpha, min(last or self.blocks, self.blocks))

    @cached_property
    def look_at(self) -> tuple[int, ...]:
        """The numbers of blocks after which to look, from the first at which a difference could be shown."""
        if not self.sequential:
            return (self.blocks,)
        able = (n for n in range(LEAST, self.blocks) if self.spent(n) >= 2.0 ** (1 - n))
        first = next(able, self.blocks)
        step = max(1, math.ceil((self.blocks - first) / (LOOKS - 1)))
        return (*range(first, self.blocks, step), self.blocks)


@lru_cache(maxsize=256)
def _looks(design: Design, alpha: float, end: int) -> tuple[Look, ...]:
    return (*(Look(n, design.spent(n, alpha)) for n in design.look_at if n < end), Look(end, alpha))
