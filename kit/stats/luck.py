"""Bounds the chance that counts which scatter agree by luck.

Counts that never move are exact, and a difference between them needs no statistics. But two boots that count the same
may also have been lucky. Assume a boot scatters with a standard deviation s around a mean that both arms share. All n
boots of an arm agree with a chance of about n**-0.5 * (2 pi s**2)**((1 - n) / 2). The values that the two arms then
agree on differ by d or more with a chance of 2 Phi(-d / (s * sqrt(1/n + 1/k))). A small s makes the difference
unlikely, a large s the agreement: the bound is that of the worst s.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import bdtrc, ndtr

HALF = 0.5  # counts are whole numbers: a difference of d is one of at least d - 1/2 before rounding
SURE = 0.01  # the chance that luck makes anything of a run look exact: a class, a comparison


@lru_cache(maxsize=4096)
def luck(boots: int, base_boots: int, difference: float) -> float:
    """The chance, at the worst size of scatter, that the boots of two equal arms agree within each arm while the arms
    differ by `difference` steps (the unit of a count) or more. 1 if nothing can be said."""
    if min(boots, base_boots) < 2 or abs(difference) <= HALF:
        return 1.0
    pairs = boots + base_boots - 2
    shrunk = math.sqrt(1 / boots + 1 / base_boots)
    together = (2 * math.pi) ** (-pairs / 2) / math.sqrt(boots * base_boots)
    return float(min(1.0, together * (shrunk / (abs(difference) - HALF)) ** pairs * _worst(pairs)))


@lru_cache(maxsize=64)
def _worst(pairs: int) -> float:
    """The largest u**pairs * 2 Phi(-u)."""
    u = np.linspace(0.1, 3 + 2 * math.sqrt(pairs), 2000)
    return float(np.max(u**pairs * 2 * ndtr(-u)))


def windows_by_luck(found: int, windows: int, machines: int, boots: int, unlike: float) -> float:
    """The chance that, of so many windows, `found` or more show on every machine two arms that each agree in all their
    boots and differ from each other, if a count takes one of two values by chance (something else ran, or did not).
    `unlike`: the share of windows, machines and arms in which the boots of one arm differ. `boots`: of each arm."""
    either = min(0.25, unlike / boots)  # p (1 - p) of the two values: boots differ with 1 - p**n - (1 - p)**n
    one = (2 * either**boots) ** machines
    return float(bdtrc(found - 1, windows, one)) if found > 0 else 1.0
