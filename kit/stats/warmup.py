"""The warm-up rule: the iterations of many boots in; how many first iterations of each boot to drop out.

One number for all boots of all arms, found from their average, so that it cannot favour an arm. The rule is MSER
(White, Simulation 69, 1997): drop as many as make the standard error of the rest the smallest, never more than half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST = 5  # fewer iterations show no warm-up


def warm_up(boots: Sequence[Sequence[float]]) -> int:
    """How many first iterations to drop. `boots`: iterations above 0 of each boot, in order of time; only as many are
    looked at as the shortest boot has. 0 below five."""
    length = min((len(b) for b in boots), default=0)
    if length < LEAST:
        return 0
    logs = np.log(np.array([b[:length] for b in boots], dtype=float))
    course = (logs - logs.mean(axis=1, keepdims=True)).mean(axis=0)
    rests = [course[k:] for k in range(length // 2 + 1)]
    errors = [float(np.sum((r - r.mean()) ** 2)) / len(r) ** 2 for r in rests]
    return int(np.argmin(errors))


def boot_value(iterations: Sequence[float], drop: int) -> float:
    """The sample of one boot: the geometric mean of its iterations after the warm-up."""
    return float(np.exp(np.mean(np.log(np.asarray(iterations[drop:], dtype=float)))))
