"""Several tests at once: they differ from one after the other, and end the search in fewer rounds."""

from __future__ import annotations

import numpy as np
import pytest
from histories import History, normal, outcome, step_levels

from kit.search.noisy import NoisySearch
from kit.search.parallel import several
from kit.search.protocol import LESS, Done, Seen
from kit.search.rates import CLEAN, Rates

COUNT = 65


def rounds(search: NoisySearch, history: History, workers: int) -> tuple[Done, int]:
    seen: list[Seen] = []
    for number in range(1000):
        step = several(search, workers, seen)
        if isinstance(step, Done):
            return step, number
        assert 1 <= len(step) <= workers
        seen += [history.test(measure.commit) for measure in step]
    raise AssertionError("no end")


@pytest.mark.parametrize("yes_no", [True, False])
def test_more_workers_need_fewer_rounds(yes_no: bool) -> None:
    means = {}
    for workers in (1, 2, 4):
        took = []
        for seed in range(6):
            culprit = 5 + 9 * seed
            rng = np.random.default_rng(seed)
            levels = step_levels(COUNT, culprit, 0, 1 if yes_no else 4)
            history = History(levels, outcome if yes_no else normal, rng=rng)
            search = (
                NoisySearch(COUNT, model=Rates(CLEAN), direction=LESS) if yes_no else NoisySearch(COUNT, direction=LESS)
            )
            done, number = rounds(search, history, workers)
            assert done.culprits == (culprit,)
            took.append(number)
        means[workers] = np.mean(took)
    assert means[2] < 0.8 * means[1]
    assert means[4] < 0.6 * means[1]


def test_the_first_is_what_the_search_would_test() -> None:
    search = NoisySearch(COUNT, direction=LESS)
    seen = [Seen(0, 1.0), Seen(COUNT - 1, 5.0)]
    step = several(search, 3, seen)
    assert not isinstance(step, Done)
    assert step[0] == search.next(seen)
    assert len({m.commit for m in step}) == 3
