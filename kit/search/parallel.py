"""Several tests at once, for machines side by side. Pure.

The first test is the one that the search would do by itself. Each further one is what it would do next if a test before
it came out good, or bad: the likeliest of these first.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from kit.search.noisy import NoisySearch
from kit.search.protocol import Cost, Done, Measure, Seen, equal_cost


def several(
    search: NoisySearch,
    number: int,
    seen: Sequence[Seen],
    cost: Cost = equal_cost,
    images: Mapping[int, object] | None = None,
) -> list[Measure] | Done:
    """At most `number` tests to do now that do not depend on each other, or the end of the search. One commit may occur
    twice. There are fewer if every possible continuation is already included."""
    step = search.next(seen, cost, images)
    if isinstance(step, Done):
        return step
    found: list[Measure] = []
    ahead: list[tuple[float, int, tuple[Seen, ...], Measure]] = [(-1.0, 0, (), step)]
    turn = 0
    while ahead and len(found) < number:
        chance, _, imagined, measure = heapq.heappop(ahead)
        found.append(measure)
        for share, value in search.outlook((*seen, *imagined), measure.commit, images):
            further = (*imagined, Seen(measure.commit, value))
            then = search.next((*seen, *further), cost, images)
            if isinstance(then, Measure) and share > 0:
                turn += 1
                heapq.heappush(ahead, (chance * share, turn, further, then))
    return found
