"""`callers` evidence: acquisitions of the named locks by call chain, in a counting kernel that QEMU's plugin watches.

One vCPU whose clock counts its instructions: each arm boots once, and the baseline a second time, to check that it
repeats. In every window the chains of a lock must add up to lock_stat's number, which is counted in the same boot. What
each function takes stands beside what the model predicts of the operation that the function is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kit.base.words import several
from kit.evidence.contended import PARTS
from kit.evidence.locks import acquisitions, classes, named
from kit.evidence.predictions import predict_arm
from kit.evidence.reading import Asked, Reading, unwanted, windows_of
from kit.evidence.request import Site
from kit.model.predict import Prediction
from kit.model.profiles import profile
from kit.model.steps import OPERATIONS
from kit.records import (
    Boot,
    BootSpec,
    CallTree,
    Comparison,
    Experiment,
    KindVerdict,
    Machine,
    Outcome,
    Verdict,
    WindowResult,
    digest,
)
from kit.stats.blocks import block_order
from kit.stats.counts import Counted, compare, judge_all
from kit.vm.plugin.compiled import content
from kit.workload.catalog import make_loads
from kit.workload.load import WindowInfo, boot_program

KIND = "callers"
INSTRUMENT = "counting"
ACCEL = "icount"
SHOWN = 12  # chains of a lock and workload
PRIMITIVE = re.compile(
    r"lock_acquire|_*(raw_)?(spin|read|write)_(try)?lock\w*|_*mutex_(try)?lock\w*|"
    r"_*down(_(read|write|nested|trylock|killable|interruptible|timeout|nest_lock|common))*"
)
"""Functions that take any lock: the caller is the first above them."""
_CELLS = {"fork": "fork-link", "put": "free"}  # cells of a profile that are called otherwise than their operation
_INTO = {"do_brk_flags": "adjust", "move_page_tables": "move"}  # in which those of a profile are inlined, or done again

Chain = tuple[str, ...]


@dataclass(frozen=True)
class Share:
    """Acquisitions of a lock by a function, in all windows of a workload. `operation`: what the function is to the
    model, else empty; `predicted`: its acquisitions, None if they are not predicted."""

    lock: str
    arm: str
    workload: str
    function: str
    operation: str
    count: int
    share: float
    predicted: int | None
    jobs: int


@dataclass(frozen=True)
class ChainRow:
    """Acquisitions of a lock by a call chain, the caller first, in all windows of a workload: `counts` by arm."""

    lock: str
    workload: str
    chain: Chain
    counts: Mapping[str, int]


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """One boot of each arm, and the baseline's again."""
    program = boot_program(make_loads(exp.workloads, exp.seed))
    machine = Machine(exp.arch, 1, exp.memory, ACCEL)
    arms = [a.name for a in exp.arms if (a.name, INSTRUMENT) in site.kernels]
    places = [(arm, 0) for arm in block_order(arms, exp.orders, 0, KIND)]
    if exp.baseline in arms:
        places.append((exp.baseline, 1))
    key = digest([site.guest_key, content()])
    return [
        BootSpec(arm, site.kernels[arm, INSTRUMENT], KIND, program, machine, "", exp.orders, repeat, 0, order, key)
        for order, (arm, repeat) in enumerate(places)
    ]


def by_chain(window: WindowResult, tree: CallTree, lock: str) -> Counter[Chain]:
    """Acquisitions of a lock (alias or class) by call chain, the function that called lock_acquire first."""
    wanted = {number for number, name in enumerate(tree.names) if name in classes(lock)}
    out: Counter[Chain] = Counter()
    for chain, what, count in window.chains:
        if what in wanted:
            out[tree.chain(chain)[1:]] += count
    return out


def read(asked: Asked, boots: Sequence[Boot]) -> Reading:
    """Acquisitions of the lock by all chains in the windows, summed over the boots."""
    if (void := unwanted(asked, boots)) is not None:
        return void
    wanted = {w.name for w in windows_of(asked, boots)}
    every = [(w, b.results.calls) for b in boots if b.results for w in b.results.windows if w.name in wanted]
    return Reading(sum(by_chain(w, tree, asked.wanted.lock).total() for w, tree in every))


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares every arm with the baseline."""
    good = [b for b in done if b.evidence == KIND and b.outcome is Outcome.OK and b.results]
    if not good:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no boot gave call chains")
    locks = named(exp.locks)
    if not locks:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no lock is named whose callers could be told")
    if wrong := next(_wrong(locks, good), ""):
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, wrong)
    first = {b.arm: b for b in reversed(good)}
    comparisons = [c for lock in locks for info in _windows(exp) for c in _compared(exp, first, lock, info)]
    details = {
        "callers": [vars(row) for lock in locks for row in _shares(exp, first, lock)],
        "chains": [vars(row) for lock in locks for row in _chains(exp, first, lock)],
    }
    if not comparisons:
        why = "no arm and baseline have counts of the same window"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why, details=details)
    checked = sum(len(b.results.windows) for b in good if b.results) * len(locks)
    why = f"{several(len(comparisons), 'comparison')}; the chains add up to all {checked} numbers of lock_stat"
    why += _repeats(locks, good)
    return KindVerdict(KIND, judge_all(comparisons, exp.limit), why, tuple(comparisons), details=details)


def _wrong(locks: Sequence[str], good: Sequence[Boot]) -> Iterator[str]:
    """What keeps the chains from being exact."""
    for boot in good:
        assert boot.results is not None
        for window, lock in ((w, lock) for w in boot.results.windows for lock in locks):
            mine, own = by_chain(window, boot.results.calls, lock), acquisitions(window, lock)
            if mine.total() != own:
                yield f"the chains of {lock} in {window.name} of {boot.arm} are {mine.total()}, lock_stat has {own}"


def _repeats(locks: Sequence[str], good: Sequence[Boot]) -> str:
    """Whether a boot that was done again had the same chains; empty if none was."""
    seen: dict[tuple[str, str, str], Counter[Chain]] = {}
    same: list[bool] = []
    for boot, window, lock in ((b, w, k) for b in good if b.results for w in b.results.windows for k in locks):
        assert boot.results is not None
        mine, place = by_chain(window, boot.results.calls, lock), (boot.arm, window.name, lock)
        if place in seen:
            same.append(mine == seen[place])
        seen.setdefault(place, mine)
    return f"; a boot done again had the same chains in {sum(same)} of {several(len(same), 'window')}" if same else ""


def _windows(exp: Experiment) -> list[WindowInfo]:
    return [info for load in make_loads(exp.workloads, exp.seed) for info in load.windows]


def _window(boot: Boot, name: str) -> WindowResult | None:
    return next((w for w in boot.results.windows if w.name == name), None) if boot.results else None


def _compared(exp: Experiment, first: Mapping[str, Boot], lock: str, info: WindowInfo) -> Iterator[Comparison]:
    base = _window(first[exp.baseline], info.name) if exp.baseline in first else None
    at = replace(info.at, cpus=1, lock=lock)
    for arm in (a.name for a in exp.arms if a.name != exp.baseline and a.name in first):
        mine = _window(first[arm], info.name)
        if base and mine and (acquisitions(base, lock) or acquisitions(mine, lock)):
            counted = [Counted((acquisitions(w, lock),)) for w in (mine, base)]
            found = compare(at, arm, counted[0], exp.baseline, counted[1], info.jobs, info.unit)
            yield replace(found, exact=True)  # lock_stat and the chains agree


def _caller(chain: Chain) -> str:
    return next((name for name in chain if not PRIMITIVE.fullmatch(name)), "?")


def operations_of(name: str | None) -> Mapping[str, str]:
    """Function → operation of the model, by the functions that a profile names; by mm/rmap.c's for no profile."""
    if name is None:
        return PARTS
    out = dict(_INTO)
    for cell, found in profile(name).cells.items():
        for function in found.source.function.split(", "):
            out.setdefault(function, _CELLS.get(cell, cell))
    return out


def operation(chain: Chain, operations: Mapping[str, str]) -> tuple[str, str]:
    """(function, operation) of a chain: the first function that is one; else the caller, and empty."""
    return next(((name, operations[name]) for name in chain if name in operations), (_caller(chain), ""))


def _shares(exp: Experiment, first: Mapping[str, Boot], lock: str) -> Iterator[Share]:
    for arm in (a for a in exp.arms if a.name in first):
        results = first[arm.name].results
        assert results is not None
        predicted = predict_arm(exp, arm.profile, results.layouts) if arm.profile else {}
        operations = operations_of(arm.profile)
        for workload, infos in _workloads(exp).items():
            counts: Counter[tuple[str, str]] = Counter()
            for window in (w for w in results.windows if w.name in {i.name for i in infos}):
                for chain, count in by_chain(window, results.calls, lock).items():
                    counts[operation(chain, operations)] += count
            model = _predicted([predicted.get(i.name) for i in infos], lock)
            jobs, total = sum(i.jobs for i in infos), counts.total()
            by_operation: Counter[str] = Counter()
            for (_, what), count in counts.items():
                by_operation[what] += count
            for (function, what), count in counts.most_common():
                alone = by_operation[what] == count and what != ""
                own = model.get(what) if model is not None and alone else None
                yield Share(lock, arm.name, workload, function, what, count, count / total, own, jobs)


def _workloads(exp: Experiment) -> dict[str, list[WindowInfo]]:
    out: dict[str, list[WindowInfo]] = {}
    for info in _windows(exp):
        out.setdefault(info.at.workload, []).append(info)
    return out


def _predicted(found: Sequence[object], lock: str) -> dict[str, int] | None:
    """The model's acquisitions by operation, of all windows; None if it does not know one of them, or not exactly."""
    exact = [p for p in found if isinstance(p, Prediction) and p.low == p.high and p.lock_class in classes(lock)]
    if not exact or len(exact) < len(found):
        return None
    return {what: sum(p.by_operation[what] for p in exact) for what in OPERATIONS}


def _chains(exp: Experiment, first: Mapping[str, Boot], lock: str) -> Iterator[ChainRow]:
    """The chains that differ most between the arms, then the most frequent."""
    for workload, infos in _workloads(exp).items():
        names = {i.name for i in infos}
        counts: dict[str, Counter[Chain]] = {}
        for arm in (a.name for a in exp.arms if a.name in first):
            results = first[arm].results
            assert results is not None
            counts[arm] = Counter()
            for window in (w for w in results.windows if w.name in names):
                counts[arm].update(by_chain(window, results.calls, lock))
        chains = {chain for c in counts.values() for chain in c}

        def order(chain: Chain, counts: Mapping[str, Counter[Chain]] = counts) -> tuple[int, int, Chain]:
            each = [c[chain] for c in counts.values()]
            return min(each) - max(each), -sum(each), chain

        for chain in sorted(chains, key=order)[:SHOWN]:
            yield ChainRow(lock, workload, chain, {arm: c[chain] for arm, c in counts.items()})
