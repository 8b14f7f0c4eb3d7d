"""How the search by probability fares on many simulated histories at once, by the arithmetic that `kit bisect` has.

    python3 tests/bench/crowd.py [--trials N] [SHAPE …]

Ten times faster than bisection.py, which asks the search itself, history by history. What happens at the end of a
search is not in here: the second look at offsets of kernels and at second changes, repetitions beside a large change.
What is best possible: `-known` searches know levels and noise; `-chosen` do not, but one that does chooses their tests.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from kit.search.belief import Belief, Weighed, believe, fresh, told  # noqa: E402
from kit.search.doubts import ENOUGH, FENCE  # noqa: E402
from kit.search.levels import Levels  # noqa: E402
from kit.search.noisy import UNCHANGED  # noqa: E402
from kit.search.protocol import LESS  # noqa: E402
from kit.search.rates import CLEAN, Rates  # noqa: E402
from kit.search.tally import Sides, of_sums  # noqa: E402

COUNT, ASKED, MOST = 129, 0.95, 1500
Floats = NDArray[np.float64]
Levelled = tuple[Floats, NDArray[np.int64]]  # level of each commit, culprit (0: none) of each history


@dataclass(frozen=True)
class Known(Levels):
    """Values with a standard deviation of 1 about 0 before the change, and about `after` from it on."""

    after: float = 1.0

    @property
    def margin(self) -> float:
        """Nothing is estimated, so the posterior is right."""
        return 1.0

    def weigh(self, sums: Sides, direction: str = "", spare: tuple[float, float] = (0.0, 0.0)) -> Weighed:
        """The log likelihood of each split; that nothing changed is out of the question."""
        number, total, squares = (each[..., 0, :] for each in (sums.number, sums.total, sums.squares))
        levels = np.array([0.0, self.after])[:, None, None] - np.asarray(sums.origin)[..., None]
        log = -0.5 * (squares - 2 * levels * total + levels * levels * number).sum(axis=0)
        ones, never = np.ones(log.shape), np.full(log.shape, -1e9)
        own = np.stack([0 * ones, self.after * ones])
        return Weighed(log, log.max(axis=-1) - 50, never, own, ones, ones[..., None, :], 1e-9 * np.stack([ones, ones]))


@dataclass(frozen=True)
class Shape:
    """`chooser`: the model by which tests are chosen; default: the same."""

    make: Callable[[np.random.Generator, int], Levelled]
    draw: Callable[[Floats, np.random.Generator], Floats]
    model: Levels | Rates
    chooser: Known | None = None


def step(before: float, after: float) -> Callable[[np.random.Generator, int], Levelled]:
    def make(rng: np.random.Generator, trials: int) -> Levelled:
        culprits = rng.integers(1, COUNT, trials)
        return np.where(np.arange(COUNT) < culprits[:, None], before, after).astype(float), culprits

    return make


def creep(whole: float) -> Callable[[np.random.Generator, int], Levelled]:
    return lambda _, trials: (np.tile(np.linspace(0, whole, COUNT), (trials, 1)), np.zeros(trials, dtype=np.int64))


def normal(level: Floats, rng: np.random.Generator) -> Floats:
    return level + rng.normal(size=level.shape)


def two_modes(level: Floats, rng: np.random.Generator) -> Floats:
    return level + 0.97 * rng.choice([-1, 1], level.shape) + np.sqrt(1 - 0.97**2) * rng.normal(size=level.shape)


def outcome(level: Floats, rng: np.random.Generator) -> Floats:
    return (rng.random(level.shape) < level).astype(float)


SHAPES = {
    "3sd": Shape(step(0, 3), normal, Levels()),
    "2sd": Shape(step(0, 2), normal, Levels()),
    "1sd": Shape(step(0, 1), normal, Levels()),
    **{f"{d}sd-known": Shape(step(0, d), normal, Known(after=d)) for d in (1, 2, 3)},
    **{f"{d}sd-chosen": Shape(step(0, d), normal, Levels(), Known(after=d)) for d in (1, 2, 3)},
    "2sd-modes": Shape(step(0, 2), two_modes, Levels()),
    "creep-4sd": Shape(creep(4), normal, Levels()),
    "creep-2sd": Shape(creep(2), normal, Levels()),
    ".05/.95": Shape(step(0.05, 0.95), outcome, Rates()),
    ".2/.8": Shape(step(0.2, 0.8), outcome, Rates()),
    ".4/.6": Shape(step(0.4, 0.6), outcome, Rates()),
    ".01/.1": Shape(step(0.01, 0.1), outcome, Rates()),
    "splat-0/1": Shape(step(0, 1), outcome, Rates(CLEAN)),
    "splat-0/.3": Shape(step(0, 0.3), outcome, Rates(CLEAN)),
}


def believed(shape: Shape, values: Floats, at: NDArray[np.int64]) -> tuple[Belief, Floats]:
    """The model's belief for the values of each history, (histories, tests), and the number of tests of each commit."""
    many, tests = values.shape
    origin = np.zeros(many)
    if isinstance(shape.model, Levels):
        if tests >= ENOUGH:
            ordered = np.sort(values, axis=1)
            low, high = ordered[:, tests // 4], ordered[:, -1 - tests // 4]
            far = np.where(high > low, FENCE * (high - low), np.inf)
            values = np.clip(values, (low - far)[:, None], (high + far)[:, None])
        origin = values.mean(axis=1)
        values = values - origin[:, None]
    place = (at + COUNT * np.arange(many)[:, None]).ravel()
    weights = (np.ones(values.size), values.ravel(), (values * values).ravel())
    sums = (np.bincount(place, w, many * COUNT).reshape(many, COUNT) for w in weights)
    number, total, squares = sums
    prior = np.full(COUNT, (1 - UNCHANGED) / (COUNT - 1))
    prior[0] = UNCHANGED
    return believe(shape.model.weigh(of_sums(number, total, squares, origin, (0.0,)), LESS), prior), number


def ended(shape: Shape, belief: Belief, best: NDArray[np.int64]) -> list[str]:
    """How each search ends; "" if it goes on."""
    out = []
    for i, chances in enumerate(belief.chances):
        crept, against = float(belief.creep[i].sum()), float(belief.against[i])
        said = {"found": 1 - (1 - chances[best[i]]) / shape.model.margin, "creep": crept, "other": against}
        said["none"] = float(chances[0]) - crept - against
        out.append(next((name for name, chance in said.items() if chance >= ASKED), ""))
    return out


def run(name: str, trials: int) -> str:
    """A line of results."""
    shape, rng = SHAPES[name], np.random.default_rng([20110617, *name.encode()])
    levels, culprits = shape.make(rng, trials)
    left = np.arange(trials)
    ends: Counter[str] = Counter()
    right, spent = 0, []
    values, at = np.zeros((trials, MOST)), np.zeros((trials, MOST), dtype=np.int64)
    following = np.zeros(trials, dtype=np.int64)
    for tests in range(MOST):
        values[left, tests], at[left, tests] = shape.draw(levels[left, following], rng), following
        if tests == 0:
            following = np.full(trials, COUNT - 1)
            continue
        belief, number = believed(shape, values[left, : tests + 1], at[left, : tests + 1])
        best = belief.chances[:, 1:].argmax(axis=1) + 1
        said = ended(shape, belief, best)
        for i, end in enumerate(said):
            if end:
                ends[end] += 1
                spent.append(tests + 1)
                right += culprits[left[i]] == (best[i] if end == "found" else 0)
        chooser = belief
        if shape.chooser is not None:
            as_known = replace(shape, model=shape.chooser)
            chooser, _ = believed(as_known, values[left, : tests + 1], at[left, : tests + 1])
        rate = told(chooser, isinstance(shape.model, Rates)) * fresh(chooser, number) * (1 + 1e-9 * (number > 0))
        fewer = np.where(number[:, 0] <= number[:, -1], 0, COUNT - 1)
        nothing = belief.chances[:, 0] - belief.creep.sum(axis=-1)
        following = np.where(nothing > 0.5, fewer, rate.argmax(axis=1))
        going = np.array([not end for end in said])
        left, following = left[going], following[going]
        if not len(left):
            break
    error = np.std(spent) / np.sqrt(max(len(spent), 1))
    return f"{name}: {right} of {trials} right, {np.mean(spent):.1f} ± {error:.1f} tests, {dict(ends)}"


def main() -> int:
    """A line for each shape."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE")
    asked = parser.parse_args()
    for name in asked.shapes or SHAPES:
        print(run(name, asked.trials), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
