"""Kinds of simulated histories, by name, and how well a search does on many of each: for the tests and the bench."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from histories import History, Search, normal, outcome, run, step_levels

from kit.search.exact import ExactSearch
from kit.search.levels import Levels
from kit.search.noisy import NoisySearch
from kit.search.protocol import LESS, Done, End
from kit.search.rates import CLEAN, Rates

COUNT = 129  # 128 candidates and the good end
ASKED = 0.95


@dataclass(frozen=True)
class Drawn:
    """One history, and its right answers: sets of culprits (empty: none at all). `wide`: a larger set that contains the
    culprit is right too (kernels with offsets of their own need one); without a culprit, anything but a single commit
    is."""

    history: History
    right: tuple[tuple[int, ...], ...]
    search: Search
    wide: bool = False

    def holds(self, done: Done) -> bool:
        """Whether a search has ended correctly."""
        culprits = () if done.end is End.NO_DIFFERENCE else done.culprits
        within = done.end is End.SET and set(self.right[-1]) <= set(culprits)
        return culprits in self.right or (self.wide and within)


@dataclass(frozen=True)
class Scenario:
    """`draw`: makes a history from random numbers. `bar`: the allowed mean number of tests, ends included."""

    name: str
    draw: Callable[[np.random.Generator], Drawn]
    bar: float | None = None


@dataclass(frozen=True)
class Fared:
    """How a search did on `trials` histories. `told`: how many ended with a note; `squares`: the sum of the squared
    numbers of tests."""

    name: str
    trials: int
    right: int
    mean: float
    median: float
    most: int
    told: int
    squares: int
    ends: dict[str, int]


def step(search: Callable[[], Search], before: float, after: float, draw: Callable[..., float]) -> Callable[..., Drawn]:
    """One culprit anywhere, the first and last candidate included."""

    def drawn(rng: np.random.Generator) -> Drawn:
        culprit = int(rng.integers(1, COUNT))
        level = rng.uniform(-50, 50) if draw is not outcome else 0.0
        history = History(step_levels(COUNT, culprit, level + before, level + after), draw, rng=rng)
        return Drawn(history, ((culprit,),), search())

    return drawn


def measured() -> NoisySearch:
    return NoisySearch(COUNT, ASKED, Levels(), LESS, budget=4000)


def judged() -> NoisySearch:
    return NoisySearch(COUNT, ASKED, Rates(), LESS, budget=4000)


def splats() -> NoisySearch:
    """The good end never shows the splat."""
    return NoisySearch(COUNT, ASKED, Rates(CLEAN), LESS, budget=4000)


def at_an_end(rng: np.random.Generator) -> Drawn:
    culprit = int(rng.choice([1, COUNT - 1]))
    return Drawn(History(step_levels(COUNT, culprit, 0, 2), normal, rng=rng), ((culprit,),), measured())


def with_skips(rng: np.random.Generator) -> Drawn:
    """Three ranges of up to 12 commits and ten single commits cannot be built."""
    culprit = int(rng.integers(1, COUNT))
    lost = {int(c) for c in rng.integers(1, COUNT - 1, 10)}
    for start in rng.integers(1, COUNT - 13, 3):
        lost |= set(range(int(start), int(start + rng.integers(1, 13))))
    skipped = frozenset(lost - {0, COUNT - 1})
    low = max(c for c in range(culprit) if c not in skipped)
    high = min(c for c in range(culprit, COUNT) if c not in skipped)
    history = History(step_levels(COUNT, culprit, 0, 2), normal, skipped, rng=rng)
    return Drawn(history, (tuple(range(low + 1, high + 1)),), measured())


def with_flakes(rng: np.random.Generator) -> Drawn:
    """One test in ten is no evidence."""
    culprit = int(rng.integers(1, COUNT))
    return Drawn(History(step_levels(COUNT, culprit, 0, 2), normal, flaky=0.1, rng=rng), ((culprit,),), measured())


def two(first: float, second: float) -> Callable[[np.random.Generator], Drawn]:
    """Two culprits, at least 16 commits apart; either is a right answer, and so is that no single commit did it."""

    def drawn(rng: np.random.Generator) -> Drawn:
        a = int(rng.integers(1, COUNT - 16))
        b = int(rng.integers(a + 16, COUNT))
        levels = step_levels(COUNT, a, 0, first) + step_levels(COUNT, b, 0, second)
        search = NoisySearch(COUNT, ASKED, Levels(), LESS if second > 0 else "", budget=4000)
        return Drawn(History(levels, normal, rng=rng), ((a,), (b,), (a, b)), search, wide=True)

    return drawn


def none(search: Callable[[], Search], level: float, draw: Callable[..., float]) -> Callable[..., Drawn]:
    def drawn(rng: np.random.Generator) -> Drawn:
        return Drawn(History(np.full(COUNT, level), draw, rng=rng), ((),), search())

    return drawn


def heavy(level: float, rng: np.random.Generator) -> float:
    """Student's t with 3 degrees of freedom, scaled to a standard deviation of 1."""
    return float(level + rng.standard_t(3) / np.sqrt(3))


def skewed(level: float, rng: np.random.Generator) -> float:
    """Lognormal (sigma 0.75), scaled to a standard deviation of 1."""
    s = 0.75
    mean, variance = np.exp(s * s / 2), (np.exp(s * s) - 1) * np.exp(s * s)
    return float(level + (rng.lognormal(0, s) - mean) / np.sqrt(variance))


def outliers(level: float, rng: np.random.Generator) -> float:
    """Normal, but one value in twenty is 10 standard deviations too high."""
    return float(rng.normal(level, 1.0) + 10 * (rng.random() < 0.05))


def two_modes(level: float, rng: np.random.Generator) -> float:
    """Every other boot is slow: modes 2 x 0.97 apart, with a standard deviation of 1 in all."""
    return float(level + rng.choice([-0.97, 0.97]) + rng.normal(0, np.sqrt(1 - 0.97**2)))


def offsets(spread: float) -> Callable[[np.random.Generator], Drawn]:
    """Each kernel has an offset of its own; the change is 2 standard deviations of a boot."""

    def drawn(rng: np.random.Generator) -> Drawn:
        culprit = int(rng.integers(1, COUNT))
        levels = step_levels(COUNT, culprit, 0, 2) + rng.normal(0, spread, COUNT)
        search = NoisySearch(COUNT, ASKED, Levels(), LESS, budget=500)
        return Drawn(History(levels, normal, rng=rng), ((culprit,),), search, wide=True)

    return drawn


def creeping(whole: float, even: bool) -> Callable[[np.random.Generator], Drawn]:
    """The level grows from each commit to the next, by equal or by exponential steps: no single commit did it."""

    def drawn(rng: np.random.Generator) -> Drawn:
        steps = np.ones(COUNT - 1) if even else rng.exponential(1, COUNT - 1)
        levels = np.concatenate([[0.0], steps.cumsum()]) / steps.sum() * whole
        search = NoisySearch(COUNT, ASKED, Levels(), LESS, budget=500)
        return Drawn(History(levels, normal, rng=rng), ((),), search, wide=True)

    return drawn


def drifting(rng: np.random.Generator) -> Drawn:
    """The machine gets slower by one standard deviation in 50 tests."""
    culprit, tests = int(rng.integers(1, COUNT)), [0]

    def draw(level: float, rng: np.random.Generator) -> float:
        tests[0] += 1
        return float(rng.normal(level + tests[0] / 50, 1.0))

    return Drawn(History(step_levels(COUNT, culprit, 0, 2), draw, rng=rng), ((culprit,),), measured())


def halving(rng: np.random.Generator) -> Drawn:
    """Exact counts, with commits that cannot be built."""
    drawn = with_skips(rng)
    drawn.history.draw = lambda level, _rng: 15.0 + level
    return Drawn(drawn.history, drawn.right, ExactSearch(COUNT, "less is better"))


VALUES = tuple(
    Scenario(f"values, shift {shift} sd", step(measured, 0, shift, normal), bar)
    for shift, bar in ((1, 106), (2, 34), (3, 19))
)
OUTCOMES = tuple(
    Scenario(f"yes/no, rates {p}/{q}", step(judged, p, q, outcome), bar)
    for p, q, bar in ((0.05, 0.95, 21), (0.2, 0.8, 57), (0.4, 0.6, 521))
)
OTHERS = (
    Scenario("shift 2 sd, culprit at an end", at_an_end),
    Scenario("shift 2 sd, ranges that cannot be built", with_skips),
    Scenario("shift 2 sd, one test in ten no evidence", with_flakes),
    Scenario("shift 2 sd, t(3) noise", step(measured, 0, 2, heavy)),
    Scenario("shift 2 sd, lognormal noise", step(measured, 0, 2, skewed)),
    Scenario("shift 2 sd, one value in twenty off by 10 sd", step(measured, 0, 2, outliers)),
    Scenario("shift 2 sd, drift of 1 sd in 50 tests", drifting),
    Scenario("shift 2 sd, noise of two modes", step(measured, 0, 2, two_modes)),
    Scenario("shift 2 sd, kernels with offsets of 0.5 sd", offsets(0.5)),
    Scenario("shift 2 sd, kernels with offsets of 1 sd", offsets(1.0)),
    Scenario("creep, 2 sd in even steps", creeping(2, True)),
    Scenario("creep, 4 sd in even steps", creeping(4, True)),
    Scenario("creep, 4 sd in exponential steps", creeping(4, False)),
    Scenario("yes/no, rates 0.01/0.1", step(judged, 0.01, 0.1, outcome)),
    Scenario("splat, rates 0/1", step(splats, 0, 1, outcome)),
    Scenario("splat, rates 0/0.3", step(splats, 0, 0.3, outcome)),
    Scenario("splat, rates 0/0.02", step(splats, 0, 0.02, outcome)),
    Scenario("two culprits, 3 and 3 sd", two(3, 3)),
    Scenario("two culprits, 3 and -5 sd", two(3, -5)),
    Scenario("none at all, values", none(measured, 7.0, normal)),
    Scenario("none at all, yes/no at 0.3", none(judged, 0.3, outcome)),
    Scenario("exact counts, ranges that cannot be built", halving),
)


def fare(scenario: Scenario, seeds: Iterable[int], instead: Callable[[Drawn], Search] | None = None) -> Fared:
    """Runs a scenario with these seeds; `instead` replaces kit's search by another."""
    right, tests, told = 0, [], 0
    ends: dict[str, int] = {}
    for seed in seeds:
        drawn = scenario.draw(np.random.default_rng([seed, 20110617]))
        done, seen = run(instead(drawn) if instead else drawn.search, drawn.history)
        right += drawn.holds(done)
        tests.append(len(seen))
        told += bool(done.notes)
        ends[str(done.end)] = ends.get(str(done.end), 0) + 1
    squares = sum(n * n for n in tests)
    mean, median = float(np.mean(tests)), float(np.median(tests))
    return Fared(scenario.name, len(tests), right, mean, median, max(tests), told, squares, ends)
