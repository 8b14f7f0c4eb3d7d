"""Whether enough was dropped for warm-up: the iterations that count, of many boots in; how far the first is off out.

The rule drops a fixed number of first iterations, the same for all boots and arms, so that it cannot favour an arm.
What is left is then looked at: if the first of it still differs from the rest, more should have been dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kit.stats.signflip import p_value

LEAST = 6  # boots; sign flips of fewer show nothing
ALPHA = 0.01


def still_warm(boots: Sequence[Sequence[float]], limit: float) -> float | None:
    """By which fraction the first iteration differs from the mean of those after it, where that is more than `limit`
    and sign flips over the boots show it (p <= 0.01). `boots`: the iterations of each after the drop, above 0.

    None otherwise; boots with fewer than two iterations, and fewer than six boots, show nothing.
    """
    logs = [np.log(np.asarray(b, dtype=float)) for b in boots if len(b) > 1]
    if len(logs) < LEAST:
        return None
    off = [float(x[0] - x[1:].mean()) for x in logs]
    change = math.expm1(sum(off) / len(off))
    return change if abs(change) > limit and p_value(off) <= ALPHA else None
