"""The plan of a noisy comparison: a budget of blocks and alpha in; when to look, and what each look may spend, out.

Spending: by a share t of the planned blocks, alpha * t**EXPONENT may be spent. Early looks are strict, so that the
last one is nearly as sharp as that of a fixed number of blocks; what an early look cannot use (there are few patterns
of signs then) is left for later ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kit.stats.signflip import Look

ALPHA = 0.05
EXPONENT = 2.0
LOOKS = 12  # no more looks than this
LEAST = 3  # fewer blocks show neither spread nor drift


@dataclass(frozen=True)
class Design:
    """How many blocks at most, at which level, and with which looks. `alpha` is for all comparisons and looks together:
    the chance that a run of equal kernels ends with a false verdict."""

    blocks: int
    alpha: float = ALPHA
    sequential: bool = True

    @property
    def least(self) -> int:
        """The fewest blocks that can decide at all: n blocks have 2**n patterns of signs. May be above `blocks`."""
        return max(LEAST, math.ceil(1 - math.log2(self.alpha)))

    def spent(self, blocks: int, alpha: float | None = None) -> float:
        """How much of alpha (of this design's, unless one is given) may be spent after so many blocks."""
        share = min(1.0, blocks / self.blocks)
        return (self.alpha if alpha is None else alpha) * (share**EXPONENT if self.sequential else float(share == 1))

    def looks(self, alpha: float | None = None, last: int | None = None) -> tuple[Look, ...]:
        """The looks in order. `alpha` where a comparison has only a share of it. `last`: the run ended after so many
        blocks, for want of minutes: the look there spends all."""
        return _looks(self, self.alpha if alpha is None else alpha, min(last or self.blocks, self.blocks))

    @cached_property
    def look_at(self) -> tuple[int, ...]:
        """After how many blocks the data are looked at: from the first at which a difference could be shown."""
        if not self.sequential:
            return (self.blocks,)
        able = (n for n in range(LEAST, self.blocks) if self.spent(n) >= 2.0 ** (1 - n))
        first = next(able, self.blocks)
        step = max(1, math.ceil((self.blocks - first) / (LOOKS - 1)))
        return (*range(first, self.blocks, step), self.blocks)


@lru_cache(maxsize=256)
def _looks(design: Design, alpha: float, end: int) -> tuple[Look, ...]:
    return (*(Look(n, design.spent(n, alpha)) for n in design.look_at if n < end), Look(end, alpha))
