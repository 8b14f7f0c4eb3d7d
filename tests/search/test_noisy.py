"""The noisy search on simulated histories: right often enough, in few enough tests, and honest if it cannot be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from histories import History, normal, run, step_levels
from scenarios import ASKED, COUNT, OTHERS, OUTCOMES, VALUES, Drawn, Fared, Scenario, fare, measured
from scipy.stats import binom

from kit.search.belief import Weighed
from kit.search.levels import Levels
from kit.search.noisy import REPEATS, NoisySearch
from kit.search.protocol import LESS, MORE, Done, End, Measure, Seen
from kit.search.rates import Rates, _grid
from kit.search.tally import Sides

BY_NAME = {s.name: s for s in (*VALUES, *OUTCOMES, *OTHERS)}
BY_CHANCE = 1e-3  # how often a search that is right as often as asked may fail a test here, were its seeds drawn anew


def faults(fared: Fared, bar: float | None = None, share: float = ASKED) -> list[str]:
    """Which bars a search misses: wrong more often than by chance, or too many tests on average."""
    found = []
    if binom.cdf(fared.right, fared.trials, share) < BY_CHANCE:
        found.append(f"right in {fared.right} of {fared.trials}")
    if bar is not None and fared.mean > bar:
        found.append(f"{fared.mean:.1f} tests on average, more than {bar:g}")
    return found


@pytest.mark.parametrize(
    ("name", "trials"),
    [
        ("values, shift 1 sd", 12),
        ("values, shift 2 sd", 40),
        ("values, shift 3 sd", 60),
        ("yes/no, rates 0.05/0.95", 60),
        ("yes/no, rates 0.2/0.8", 20),
        ("yes/no, rates 0.4/0.6", 2),
    ],
)
def test_bars_hold(name: str, trials: int) -> None:
    scenario = BY_NAME[name]
    assert scenario.bar is not None
    slack = 1 + 2 / np.sqrt(trials)  # the number of tests scatters from trial to trial by about half its mean
    fared = fare(scenario, range(trials))
    assert faults(fared, scenario.bar * slack) == []
    assert fared.told <= trials / 10, "a plain history leaves no doubt"


NOT_REACHED = ("shift 2 sd, kernels with offsets",)  # see tests/bench/bisection.md
LONG = {"none": 2, "creep": 4, "splat, rates 0/0.02": 1, "yes/no, rates 0.01": 2}  # trials, where each is long
TWO = "two culprits, 3 and 3 sd"


@pytest.mark.parametrize(
    "scenario", [s for s in OTHERS if not s.name.startswith(NOT_REACHED)], ids=lambda scenario: scenario.name
)
def test_right_where_histories_are_not_so_plain(scenario: Scenario) -> None:
    trials = next((n for name, n in LONG.items() if scenario.name.startswith(name)), 20 if scenario.name == TWO else 12)
    fared = fare(scenario, range(trials))
    assert faults(fared) == []
    assert fared.told >= 7 or scenario.name != TWO, "a second culprit is told"


class Stubborn:
    """A broken search: it bisects once, and believes each value."""

    def next(self, seen: list[Seen]) -> Measure | Done:
        low, high = 0, COUNT - 1
        for s in seen[2:]:
            near_bad = abs(s.value - seen[1].value) < abs(s.value - seen[0].value)
            low, high = (low, s.commit) if near_bad else (s.commit, high)
        if len(seen) < 2 or high - low > 1:
            return Measure((0, COUNT - 1)[len(seen)] if len(seen) < 2 else (low + high) // 2, "")
        return replace(run(measured(), History(step_levels(COUNT, high, 0, 99), normal))[0], notes=())


class Swapped(Levels):
    """A broken search: it uses the evidence of each split for the neighbouring one."""

    def weigh(self, sums: Sides, direction: str = "", spare: tuple[float, float] = (0.0, 0.0)) -> Weighed:
        weighed = super().weigh(sums, direction, spare)
        return replace(weighed, log=np.roll(weighed.log, 1))


@pytest.mark.parametrize("broken", [lambda d: Stubborn(), lambda d: NoisySearch(COUNT, model=Swapped(), budget=60)])
def test_a_broken_search_fails_the_bars(broken: object) -> None:
    assert faults(fare(BY_NAME["values, shift 2 sd"], range(8), broken)) != []  # type: ignore[arg-type]


def test_a_search_that_wastes_tests_fails_the_bars() -> None:
    def careless(_: Drawn) -> NoisySearch:
        return NoisySearch(COUNT, 1 - 1e-9)

    assert faults(fare(BY_NAME["values, shift 3 sd"], range(6), careless), 19) != []


@pytest.mark.parametrize("direction", ["", LESS, MORE])
@pytest.mark.parametrize("spread", [0.0, 0.7])
def test_evidence_of_values_is_the_integral_over_levels_and_noise(spread: float, direction: str) -> None:
    data = {0: [1.0, 1.4], 2: [3.1], 4: [2.5, 3.4]}
    model = Levels((2.0,), (spread,), (1.0,))
    weighed = model.weigh(model.sums(5, data), direction)
    by_hand = np.array([_integral(data, split, 2.0, spread, direction) for split in range(4)])
    none = _integral(data, 9, 2.0, spread, "")
    few = 0.25 if direction else 2e-3  # the sign of the shift by an approximation
    kept = by_hand > 0.05 * by_hand.max()
    assert np.exp(weighed.log - weighed.unchanged)[kept] == pytest.approx(by_hand[kept] / none, rel=few)


def _integral(data: dict[int, list[float]], split: int, g: float, spread: float, direction: str) -> float:
    """Numerically, over a grid of noise and shift; base level and commits' offsets by the normal distribution of all
    values."""
    values = np.array([v for several in data.values() for v in several])
    at = np.array([c for c, several in data.items() for _ in several])
    shape = np.linalg.inv(np.eye(len(values)) + spread**2 * (at[:, None] == at[None, :]))
    sigma = np.exp(np.linspace(-5, 5, 500))[:, None]
    d = np.linspace(-14, 14, 1401)[None, :]
    d = d[:, (d[0] > 0 if direction == LESS else d[0] < 0 if direction == MORE else d[0] > -99)]
    left = values[:, None, None] - (at > split)[:, None, None] * (d * sigma)[None]
    whole = shape.sum()
    around = np.einsum("iab,ij,jab->ab", left, shape, left)
    around = np.maximum(around - np.einsum("ij,jab->ab", shape, left) ** 2 / whole, 0.0)
    density = d * d * np.exp(-d * d / (2 * g)) / (g * np.sqrt(2 * np.pi * g)) * (2 if direction else 1)
    inside = sigma ** (1 - len(values)) * np.exp(-around / (2 * sigma**2)) * density
    return float(inside.sum() * np.sqrt(np.linalg.det(shape) / whole))  # over log sigma: the prior 1/sigma


@pytest.mark.parametrize("direction", ["", LESS, MORE])
def test_evidence_of_outcomes_is_the_sum_over_pairs_of_rates(direction: str) -> None:
    data = {0: [0.0, 0.0, 1.0], 3: [1.0, 1.0]}
    model = Rates()
    weighed = model.weigh(model.sums(4, data), direction)
    rates, _, prior, alone = _grid(model.clean)
    chance = {(k, n): rates**k * (1 - rates) ** (n - k) for k, n in ((1, 3), (2, 2), (3, 5))}
    pairs = prior.T if direction == MORE else prior if direction else (prior + prior.T) / 2
    assert prior.sum() == pytest.approx(1)
    assert alone.sum() == pytest.approx(1)
    assert np.exp(weighed.log) == pytest.approx(chance[1, 3] @ pairs @ chance[2, 2])
    assert np.exp(weighed.unchanged) == pytest.approx(alone @ chance[3, 5])
    mean = (rates * chance[1, 3]) @ pairs @ chance[2, 2] / (chance[1, 3] @ pairs @ chance[2, 2])
    assert weighed.levels[0] == pytest.approx(mean)


def test_the_scale_and_the_zero_of_a_metric_do_not_matter() -> None:
    seen = [Seen(0, 1.0), Seen(8, 4.0), Seen(4, 3.6), Seen(3, 0.8), Seen(4, 4.1)]
    moved = [replace(s, value=s.value * 1e-3 + 1e6) for s in seen if s.value is not None]
    search = NoisySearch(9)
    assert search.posterior(moved) == pytest.approx(search.posterior(seen), abs=1e-5)
    assert search.next(moved[:4]) == search.next(seen[:4])


def test_posterior_adds_up_and_knows_the_good_end() -> None:
    chances = NoisySearch(9).posterior([Seen(0, 1.0), Seen(8, 4.0), Seen(0, 1.1), Seen(8, 4.2)])
    assert chances.sum() == pytest.approx(1)
    assert chances[1:] == pytest.approx(np.full(8, chances[1]))
    assert chances[0] < 0.1  # nothing at all, or bit by bit


def test_what_was_seen_alone_decides_so_that_a_log_can_be_replayed() -> None:
    def once() -> list[Seen]:
        return run(measured(), History(step_levels(COUNT, 40, 0, 2), normal, rng=np.random.default_rng(5)))[1]

    seen = once()
    assert once() == seen
    for known in range(len(seen)):
        step = measured().next(seen[:known])
        assert isinstance(step, Measure)
        assert step.commit == seen[known].commit


def test_a_cached_kernel_is_preferred_and_a_new_one_costs_its_build() -> None:
    seconds = {"boots": 0.0, "halving": 0.0}
    for name in seconds:
        for seed in range(6):
            built = {0, COUNT - 1}

            def cost(commit: int, built: set[int] = built) -> float:
                return 5.0 if commit in built else 60.0

            history = History(step_levels(COUNT, 50, 0, 2), normal, rng=np.random.default_rng(seed))
            seen: list[Seen] = []
            while True:
                step = measured().next(seen, cost) if name == "boots" else measured().next(seen)
                if isinstance(step, Done):
                    break
                seconds[name] += cost(step.commit)
                built.add(step.commit)
                seen.append(history.test(step.commit))
    assert seconds["boots"] < 0.9 * seconds["halving"]


@pytest.mark.parametrize(("direction", "end"), [(LESS, End.FOUND), (MORE, End.OTHER_WAY), ("", End.FOUND)])
def test_a_change_for_the_better_is_no_regression(direction: str, end: End) -> None:
    search = NoisySearch(65, direction=direction)
    done, seen = run(search, History(step_levels(65, 5, 4, 9), normal, rng=np.random.default_rng(1)))
    assert done.end is end
    if done.changes:
        assert done.changes[0].before == pytest.approx(4, abs=1.5)
        assert done.changes[0].after == pytest.approx(9, abs=1.5)
    else:
        assert len(seen) < 12
        assert "better than the good one" in done.why


def test_ends_that_do_not_differ_stop_the_search() -> None:
    done, seen = run(measured(), History(np.full(COUNT, 3.0), normal, rng=np.random.default_rng(2)))
    assert done.end is End.NO_DIFFERENCE
    assert "no difference" in done.why
    assert done.confidence >= ASKED
    assert len(seen) < 250


def test_a_spent_budget_gives_the_smallest_set_with_the_asked_probability() -> None:
    search = NoisySearch(COUNT, budget=20)
    history = History(step_levels(COUNT, 60, 0, 1.5), normal, rng=np.random.default_rng(3))
    done, seen = run(search, history)
    chances = search.posterior(seen)
    inside = chances[list(done.culprits)]
    assert (done.end, len(seen)) == (End.SET, 20)
    assert 0 < done.confidence < ASKED
    assert "budget" in done.why
    assert inside.sum() >= ASKED * chances[1:].sum()
    assert inside.sum() - inside.min() < ASKED * chances[1:].sum()


def test_commits_with_the_same_object_code_cannot_have_changed_it() -> None:
    images = {c: c // 8 for c in range(COUNT)}
    history = History(np.array([3.0 * (c // 8 >= 9) for c in range(COUNT)]), normal, rng=np.random.default_rng(4))
    seen: list[Seen] = []
    while isinstance(step := measured().next(seen, images=images), Measure):
        seen.append(history.test(step.commit))
    assert step.culprits == (72,)
    chances = measured().posterior(seen, images)
    assert all(chances[c] == 0 for c in range(1, COUNT) if c % 8)


def test_ends_with_the_same_object_code_need_no_test() -> None:
    done = measured().next([], images={0: "a", COUNT - 1: "a"})
    assert isinstance(done, Done)
    assert done.end is End.NO_DIFFERENCE


def test_an_end_that_cannot_be_built_stops_the_search() -> None:
    done, _ = run(measured(), History(step_levels(COUNT, 5, 0, 9), normal, frozenset({0})))
    assert done.end is End.UNTESTABLE
    assert "the good end" in done.why


def test_values_without_any_noise_are_found_too() -> None:
    done, seen = run(measured(), History(step_levels(COUNT, 77, 15, 20), lambda level, _: level))
    assert done.culprits == (77,)
    assert len(seen) < 25


def test_a_large_change_is_believed_after_repetitions_on_both_sides() -> None:
    _, seen = run(measured(), History(step_levels(COUNT, 77, 15, 20), lambda level, _: level))
    assert [sum(s.commit == c for s in seen) for c in (76, 77)] == [REPEATS, REPEATS]


def test_two_modes_of_single_values_do_not_pass_for_values_without_noise() -> None:
    two_modes = BY_NAME["shift 2 sd, noise of two modes"]
    assert fare(two_modes, range(40)).right >= 36


def test_prior_weights_lead_the_search() -> None:
    weights = tuple(50.0 if c == 30 else 1.0 for c in range(1, COUNT))
    numbers = []
    for search in (NoisySearch(COUNT, weights=weights), NoisySearch(COUNT)):
        numbers.append(0)
        for seed in range(4):
            history = History(step_levels(COUNT, 30, 0, 3), normal, rng=np.random.default_rng(seed))
            numbers[-1] += len(run(search, history)[1])
    assert numbers[0] < 0.8 * numbers[1]


def test_a_drift_of_the_machine_is_told() -> None:
    rng = np.random.default_rng(8)
    tests = [0]

    def draw(level: float, rng: np.random.Generator) -> float:
        tests[0] += 1
        return float(rng.normal(level + tests[0] / 10, 0.2))

    done, _ = run(measured(), History(step_levels(COUNT, 60, 0, 6), draw, rng=rng))
    assert any("drift" in note for note in done.notes)


def test_a_commit_off_the_line_is_refused() -> None:
    with pytest.raises(ValueError, match="not on a line of 129"):
        measured().next([Seen(-1, 1.0)])
