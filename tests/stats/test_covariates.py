"""Paired differences, adjusted for covariates: exact under other names, stable while blocks come, and narrower."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_noisy_evidence import pairs

from kit.stats.covariates import adjusted
from kit.stats.design import Design
from kit.stats.noisy import conclude

BLOCKS = 40


def drawn(slope: float) -> tuple[np.ndarray, np.ndarray]:
    """(differences of 2% that follow the first of three covariates, the covariates by block)"""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(BLOCKS, 3))
    return 0.02 + rng.normal(0, 0.01, BLOCKS) + slope * x[:, 0], x


def test_other_names_of_the_boots_change_signs_alone() -> None:
    d, x = drawn(0.05)
    signs = np.random.default_rng(4).choice([-1.0, 1.0], BLOCKS)
    assert adjusted(d * signs, x * signs[:, None]) == pytest.approx(adjusted(d, x) * signs)


def test_no_later_block_changes_an_earlier_one() -> None:
    d, x = drawn(0.05)
    for done in (5, 8, 20, 39):
        assert adjusted(d[:done], x[:done]) == pytest.approx(adjusted(d, x)[:done])


def test_what_a_covariate_explains_is_gone_and_the_common_difference_stays() -> None:
    d, x = drawn(0.05)
    left = adjusted(d, x)[8:]
    assert left.std() < 0.5 * d.std()
    assert left.mean() == pytest.approx(0.02, abs=0.006)


def test_a_covariate_that_explains_nothing_costs_little() -> None:
    d, x = drawn(0.0)
    assert adjusted(d, x).std() < 1.1 * d.std()
    assert adjusted(d, np.zeros((BLOCKS, 3))) == pytest.approx(d)


def test_the_interval_is_narrower() -> None:
    plain = pairs(1.02, BLOCKS)
    load = np.random.default_rng(5).normal(size=BLOCKS)
    busy = replace(plain, arm_values=tuple((np.array(plain.arm_values) * np.exp(0.05 * load)).tolist()))
    told = replace(busy, beside=tuple((v,) for v in load.tolist()))
    (wide, narrow) = (conclude(Design(BLOCKS), [p], 0.01).comparisons[0] for p in (busy, told))
    assert (narrow.high or 0) - (narrow.low or 0) < 0.6 * ((wide.high or 0) - (wide.low or 0))
    assert (narrow.low or 0) < 1.02 < (narrow.high or 0)
    assert told.explained > 0.5
    assert busy.explained == 0
