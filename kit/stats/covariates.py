"""Takes out of paired differences what covariates explain: host load, steal, the order of boots. Pure.

Each block has the difference d of an arm and the baseline, and the differences x of the covariates of their two boots.
From d is taken x times the slope of all blocks before it, so that no later block changes it. If the arm is the baseline
under another name, other names for a block's boots change the signs of its d and x together. They leave x'x and x'd,
and so every slope, as they are, and change the sign of what is left: a sequential test that flips signs keeps its
level exactly, as long as the arm itself does not change the covariates. x is 0 on average, since orders are random, so
a common difference stays as it is on average, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kit.stats.signflip import Floats

LEAST = 2  # blocks for each covariate and one more, before a slope is used


def adjusted(differences: Floats, beside: Sequence[Sequence[float]]) -> Floats:
    """The differences, each less what its covariates explain, if that made those before it smaller. `beside`: by block,
    the arm's covariates less the baseline's."""
    x = np.asarray(beside, dtype=float)
    left, out = differences.copy(), differences.copy()
    for block in range(LEAST * (x.shape[1] + 1), len(x)):
        slope = np.linalg.lstsq(x[:block], differences[:block], rcond=None)[0]
        left[block] -= x[block] @ slope
        if left[:block] @ left[:block] < differences[:block] @ differences[:block]:
            out[block] = left[block]
    return out
