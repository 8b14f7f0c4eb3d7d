"""`callgraph` evidence: where the instructions of `instructions` are executed, by function and call chain.

The same boots (kit.evidence.instructions): one vCPU whose clock counts its instructions, each arm once in each of
several layouts of memory, the baseline's first boot again. QEMU's plugin counts in them. Arms are compared inside each
layout, function by function; what the layouts do to a function's difference is its floor. The differences of all
functions are the difference of the whole, to the digit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from kit.base.words import percent, several
from kit.evidence import instructions
from kit.evidence.request import Site
from kit.records import LESS, Boot, BootSpec, Experiment, KindVerdict, Outcome, Results, Verdict, WindowResult, digest
from kit.stats.alone import plain_interval
from kit.stats.layouts import conclude
from kit.stats.paired import Pairs
from kit.vm.plugin.compiled import content
from kit.workload.load import WindowInfo

KIND = "callgraph"
CLOCK = "[clock]"  # what the guest's own clock has more than the functions: where a window begins and ends
REST = "[others]"
SHOWN = 30  # functions of a window
# Two boots of a layout must differ by less, chain by chain. Measured: 5e-5, since the timer's ticks come elsewhere.
STEADY_SHARE = 1e-4
LEVEL = 0.05  # of the interval that is a function's floor


@dataclass(frozen=True)
class FunctionRow:
    """Instructions of a function per job in one window: means over the layouts. `low` and `high` bound the difference
    (t over the layouts); None for one layout. `beyond`: the difference is beyond that floor."""

    arm: str
    window: str
    unit: str
    function: str
    baseline_value: float
    arm_value: float
    difference: float
    low: float | None
    high: float | None
    beyond: bool


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """The boots of `instructions`, watched."""
    key = digest([site.guest_key, content()])
    return [replace(spec, evidence=KIND, guest_key=key) for spec in instructions.boots(exp, site)]


def by_function(window: WindowResult, results: Results) -> Counter[str]:
    """Function → its instructions in a window; they add up to the window's own number."""
    out: Counter[str] = Counter()
    for count in window.chains:
        out[results.calls.names[count.what]] += count.times
    out[CLOCK] = window.elapsed - out.total()
    return out


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares every arm with the baseline, function by function inside each layout."""
    good = [b for b in done if b.evidence == KIND and b.outcome is Outcome.OK and b.results]
    if not good:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no boot was counted")
    took = {(b.arm, b.block): _took(b) for b in reversed(good)}
    again = [(b, first) for b in good if (first := _first(good, b)) is not b]
    apart = max((_apart(b, first) for b, first in again), default=0.0)
    if apart > STEADY_SHARE:
        why = "two boots of one kernel in one layout do not execute the same"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, f"{why}: {percent(apart)} apart")
    infos = {info.name: info for load in instructions.loads_of(exp) for info in load.windows}
    pairs = [p for arm in _others(exp) for info in infos.values() for p in _pairs(exp, arm, info, took)]
    if not pairs:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no layout has boots of an arm and of the baseline")
    verdict, comparisons = conclude(pairs, exp.alpha, exp.instructions.limit)
    rows = [r for arm in _others(exp) for info in infos.values() for r in _functions(exp, arm, info, took)]
    layouts = min(p.blocks for p in pairs)
    why = (
        f"{several(len(comparisons), 'comparison')} over {several(layouts, 'layout')} of memory, against a limit of"
        f" {percent(exp.instructions.limit)}; the functions' differences add up to each"
    )
    if again:
        within = f"to within {apart * 1e6:.2g} in a million" if apart else "to the digit"
        why += f"; a boot done again executed the same {within}, by call chain"
    details = {"by_function": [vars(row) for row in rows]}
    return KindVerdict(KIND, verdict, why, comparisons, details=details, repeats="layouts of memory")


def _others(exp: Experiment) -> list[str]:
    return [a.name for a in exp.arms if a.name != exp.baseline]


def _took(boot: Boot) -> dict[str, Counter[str]]:
    assert boot.results is not None
    return {w.name: by_function(w, boot.results) for w in boot.results.windows}


def _first(good: Sequence[Boot], boot: Boot) -> Boot:
    """The first boot of its arm in its layout."""
    return next(b for b in good if (b.arm, b.block) == (boot.arm, boot.block))


def _apart(one: Boot, other: Boot) -> float:
    """The largest share, of a window's instructions, that two boots executed in different chains."""
    assert one.results is not None
    assert other.results is not None
    out = 0.0
    for a, b in zip(one.results.windows, other.results.windows, strict=True):
        mine, its = chains_of(a, one.results), chains_of(b, other.results)
        differ = sum(abs(mine[chain] - its[chain]) for chain in mine.keys() | its.keys())
        out = max(out, (differ + abs(a.elapsed - b.elapsed)) / max(a.elapsed, 1))
    return out


def chains_of(window: WindowResult, results: Results) -> Counter[tuple[str, ...]]:
    """A function and its callers, that which called it first → the instructions of the function there."""
    out: Counter[tuple[str, ...]] = Counter()
    for count in window.chains:
        out[results.calls.names[count.what], *results.calls.chain(count.chain)] += count.times
    return out


Took = Mapping[tuple[str, int], Mapping[str, Counter[str]]]


def _both(exp: Experiment, arm: str, info: WindowInfo, took: Took) -> Iterator[tuple[Counter[str], Counter[str]]]:
    """The arm's and the baseline's functions in a window, in each layout that has both."""
    for layout in range(exp.instructions.layouts):
        mine, base = (took.get((name, layout), {}).get(info.name) for name in (arm, exp.baseline))
        if mine is not None and base is not None:
            yield mine, base


def _pairs(exp: Experiment, arm: str, info: WindowInfo, took: Took) -> Iterator[Pairs]:
    both = [(mine.total() / info.jobs, base.total() / info.jobs) for mine, base in _both(exp, arm, info, took)]
    if both:
        mine, base = zip(*both, strict=True)
        at = replace(info.at, cpus=1)
        yield Pairs("instructions", f"per {info.unit}", LESS, arm, exp.baseline, at, mine, base)


def _functions(exp: Experiment, arm: str, info: WindowInfo, took: Took) -> Iterator[FunctionRow]:
    """The functions that differ most, those beyond their floor first; the others together, so that all add up."""
    both = list(_both(exp, arm, info, took))
    if not both:
        return
    names = {name for each in both for counts in each for name in counts}
    rows = [_row(exp, arm, info, name, [(m[name], b[name]) for m, b in both]) for name in names]
    rows.sort(key=lambda r: (not r.beyond, -abs(r.difference), r.function))
    yield from rows[:SHOWN]
    if rest := {r.function for r in rows[SHOWN:]}:
        each = [(sum(m[n] for n in rest), sum(b[n] for n in rest)) for m, b in both]
        yield _row(exp, arm, info, REST, each)


def _row(
    exp: Experiment, arm: str, info: WindowInfo, function: str, each: Sequence[tuple[int, int]]
) -> FunctionRow:
    jobs = info.jobs
    mean, low, high = plain_interval([(m - b) / jobs for m, b in each], LEVEL)
    beyond = low is not None and high is not None and mean != 0 and not low <= 0 <= high
    values = fmean(b for _, b in each) / jobs, fmean(m for m, _ in each) / jobs
    return FunctionRow(arm, info.name, info.unit, function, *values, mean, low, high, beyond)
