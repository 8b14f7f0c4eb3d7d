"""Whether enough warm-up iterations were dropped: how far the first of the remaining iterations is off.

A fixed number of first iterations is dropped, the same for all boots and arms, so that it cannot favour an arm. If the
first of the remaining ones still differs from the rest, more should have been dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kit.stats.signflip import p_value

LEAST = 6  # boots; sign flips of fewer show nothing
ALPHA = 0.01


def still_warm(boots: Sequence[Sequence[float]], limit: float) -> float | None:
    """The fraction by which the first iteration differs from the mean of the later ones, if that is more than `limit`
    and sign flips over the boots confirm it (p <= 0.01). `boots`: the iterations of each boot after the drop, above 0.

    Else None, also with fewer than six boots, or boots with fewer than two iterations.
    """
    logs = [np.log(np.asarray(b, dtype=float)) for b in boots if len(b) > 1]
    if len(logs) < LEAST:
        return None
    off = [float(x[0] - x[1:].mean()) for x in logs]
    change = math.expm1(sum(off) / len(off))
    return change if abs(change) > limit and p_value(off) <= ALPHA else None
