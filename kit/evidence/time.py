"""`time` evidence: how fast the plain kernel runs the workloads on many vCPUs, arm against baseline.

The boot is the statistical unit. A boot does all loads several times; the first rounds are dropped (they warm caches
and the allocator), and the others give one value for each window. A block is every arm once with one number of vCPUs,
in a balanced order drawn from the seed. Each block also has the baseline's kernel under a second name (A/A); the report
shows by how much it differs. Before the first block each kernel boots once with each number of vCPUs to warm up the
host; those boots are not judged. A failed boot is not replaced by its second try, which may be faster by selection: its
block counts as the worst possible value. Under emulation all this is shown but decides nothing: it is the time of an
interpreter, not of hardware.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import geometric_mean
from typing import Any

from kit.base.words import join, percent
from kit.evidence import aim7, ramp
from kit.evidence.reading import Asked, Reading, unwanted, windows_of
from kit.evidence.request import Site
from kit.records import (
    MORE,
    At,
    Boot,
    BootSpec,
    Experiment,
    HostState,
    KindVerdict,
    Machine,
    Outcome,
    Verdict,
    WindowResult,
)
from kit.stats.blocks import block_order
from kit.stats.design import Design
from kit.stats.failures import INFRASTRUCTURE
from kit.stats.noisy import Decision, conclude, decide
from kit.stats.paired import Pairs
from kit.stats.warmup import still_warm
from kit.vm.hostload import stolen
from kit.wording.phrase import signed
from kit.workload.catalog import make_loads
from kit.workload.load import Load, WindowInfo
from kit.workload.longer import ROUND, longer, ramping, round_name, rounds_program

KIND = "time"
INSTRUMENT = "plain"
HARDWARE = ("kvm",)  # accelerators whose time is the hardware's
EMULATED_BLOCKS = 3  # under emulation: enough to show what would be measured
EMULATED = "emulated (TCG): its time is no evidence of hardware"
WARM_UP = -1  # the block of the boots before the first
WHOLE = "all windows"  # the name for the geometric mean over all windows
MINUTE, SECOND = 60e9, 1e9  # nanoseconds
RATES = {"job": ("jobs", "per minute", MINUTE), "fork": ("forks", "per second", SECOND)}
OF_RAMPS = {what: (what, f"in {unit}") for what, unit in ramp.UNITS.items()}


def again(exp: Experiment) -> str:
    """The name of the A/A arm, which no arm of the experiment has."""
    name = f"{exp.baseline}-again"
    while any(a.name == name for a in exp.arms):
        name += "-again"
    return name


def repeats(window: WindowResult, locks: Sequence[str]) -> Mapping[str, int]:
    """Nothing: time does not repeat."""
    return {}


def read(asked: Asked, boots: Sequence[Boot]) -> Reading:
    """The time of the windows after the warm-up, summed over all boots of a test, in milliseconds."""
    if (void := unwanted(asked, boots)) is not None:
        return void
    windows = windows_of(asked, boots)
    warm = [w for w in windows if int(w.name.partition(ROUND)[2] or 0) >= asked.exp.time.warmup]
    return Reading(sum(w.elapsed for w in warm) / 1e6)


def loads_of(exp: Experiment) -> tuple[Load, ...]:
    """The experiment's loads, with windows made long compared with a clock tick; ramps instead of what stands for them.
    """
    return tuple(ramping(longer(load, exp.time.times)) for load in make_loads(exp.workloads, exp.seed))


def design_of(exp: Experiment, accel: str) -> Design:
    """The number of blocks, the level alpha, and whether to stop early."""
    if accel not in HARDWARE:
        return Design(min(exp.blocks, EMULATED_BLOCKS), exp.alpha, sequential=False)
    return Design(exp.blocks, exp.alpha, exp.sequential)


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """Every boot that this kind may want, in order. It may be decided before the last block."""
    kernels = {a.name: site.kernels[a.name, INSTRUMENT] for a in exp.arms if (a.name, INSTRUMENT) in site.kernels}
    if exp.baseline not in kernels:
        return []
    kernels[again(exp)] = kernels[exp.baseline]
    program = rounds_program(loads_of(exp), exp.time.rounds)
    out = _warm_up(exp, site, kernels, program)
    for block in range(design_of(exp, site.accel).blocks):
        for cpus in exp.cpus:
            machine = Machine(exp.arch, cpus, exp.memory, site.accel)
            for arm in block_order(list(kernels), exp.orders, block, f"{cpus} cpus"):
                place = (exp.orders, block, block, len(out))
                out.append(BootSpec(arm, kernels[arm], KIND, program, machine, "", *place, site.guest_key))
    return out


def _warm_up(exp: Experiment, site: Site, kernels: Mapping[str, str], program: str) -> list[BootSpec]:
    """The warm-up: each kernel once with each number of vCPUs; none under emulation."""
    if site.accel not in HARDWARE:
        return []
    arms = {kernels[a.name]: a.name for a in reversed(exp.arms) if a.name in kernels}
    machines = [Machine(exp.arch, cpus, exp.memory, site.accel) for cpus in exp.cpus]
    names = list(arms.values())
    places = [(m, arm) for m in machines for arm in block_order(names, exp.orders, 0, f"warm-up {m.cpus}")]
    return [
        BootSpec(arm, kernels[arm], KIND, program, m, "", exp.orders, WARM_UP, WARM_UP, n, site.guest_key)
        for n, (m, arm) in enumerate(places)
    ]


def _judged(done: Sequence[Boot]) -> list[Boot]:
    """The boots that are judged: all but the warm-up."""
    return [b for b in done if b.evidence == KIND and b.block != WARM_UP]


def stop(exp: Experiment, done: Sequence[Boot]) -> Decision:
    """Whether more blocks are wanted; `done`: all boots of the blocks done so far. Pure, so a resumed run decides the
    same."""
    mine = _judged(done)
    return decide(design_of(exp, _accel(mine)), _all_pairs(exp, mine), exp.limit)


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares every arm with the baseline. Under emulation the result does not take part in the verdict."""
    mine = _judged(done)
    pairs = _all_pairs(exp, mine)
    if not any(p.blocks for p in pairs if not p.aa):
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no block has a boot of an arm and of the baseline")
    accel = _accel([b for b in done if b.evidence == KIND])
    design = design_of(exp, accel)
    void = "" if accel in HARDWARE else EMULATED
    last = not decide(design, pairs, exp.limit).stop
    found = conclude(design, pairs, exp.limit, last=last, void=void)
    details: dict[str, object] = {"accel": accel, "blocks": found.blocks, "design": design, "again": again(exp)}
    if columns := _as_aim7(exp, mine):
        details["aim7"] = columns
    ramps = ramp.rows([a.name for a in exp.arms], loads_of(exp), _kept(exp), _good(mine), exp.alpha)
    if ramps:
        details["ramps"] = [vars(row) for row in ramps]
    notes = (*lost_notes(exp, mine), *ramp.uncrossed(ramps), *found.notes, *adjusted_notes(pairs))
    notes += (*warm_notes(exp, mine), *host_notes(mine))
    said = KindVerdict(KIND, found.verdict, found.why, found.comparisons, notes, details)
    return replace(said, decides=not void, repeats="boots")


def _as_aim7(exp: Experiment, mine: Sequence[Boot]) -> list[dict[str, Any]]:
    """AIM7's columns of each arm, the A/A arm left out."""
    return aim7.rows([a.name for a in exp.arms], loads_of(exp), _kept(exp), _good(mine))


def _kept(exp: Experiment) -> range:
    """The rounds after the warm-up."""
    return range(exp.time.warmup, exp.time.rounds)


def _good(mine: Sequence[Boot]) -> list[Boot]:
    return [b for b in _first_tries(mine) if b.outcome is Outcome.OK]


def warm_notes(exp: Experiment, mine: Sequence[Boot]) -> tuple[str, ...]:
    """Notes on windows whose first round after the warm-up still differs, so that more rounds should be dropped."""
    kept = _kept(exp)
    out = []
    for info in (info for load in loads_of(exp) for info in load.windows):
        took = [{w.name: w.elapsed for w in b.results.windows} for b in mine if b.results is not None]
        names = [round_name(info.name, n) for n in kept]
        boots = [[float(t[name]) for name in names] for t in took if all(t.get(name, 0) > 0 for name in names)]
        if (off := still_warm(boots, exp.limit)) is not None:
            out.append(f"{info.name}: round {kept[0] + 1} still takes {signed(1 + off)}: time.warmup should be larger")
    return tuple(out)


def lost_notes(exp: Experiment, mine: Sequence[Boot]) -> tuple[str, ...]:
    """A note on how many boots of each arm failed in the guest, if any did."""
    first = _first_tries(mine)
    failed = {arm: [b for b in first if b.arm == arm] for arm in [*(a.name for a in exp.arms), again(exp)]}
    counts = {arm: (sum(map(_failed, boots)), len(boots)) for arm, boots in failed.items()}
    if not any(bad for bad, _ in counts.values()):
        return ()
    told = join([f"{bad} of {every} of {arm}" for arm, (bad, every) in counts.items()])
    return (f"boots that failed: {told}; their blocks count as the worst possible",)


def host_notes(mine: Sequence[Boot]) -> tuple[str, ...]:
    """A note on the host's load and settings, and on whether each vCPU had its own core."""
    hosts = [b.host for b in mine if b.host is not None]
    if not hosts:
        return ()
    load = max(h.before.load for h in hosts)
    steal = max(stolen(h.before, h.after) for h in hosts)
    settings = {f"{name} {said}" for h in hosts for name, said in _settings(h.before) if said}
    loose = sorted({h.pinned.why_not for h in hosts if h.pinned is not None and h.pinned.why_not})
    pinned = f"vCPUs not pinned: {join(loose)}" if loose else "each vCPU on a core of its own"
    told = ", ".join(sorted(settings)) or "governor, SMT and turbo unknown"
    return (f"host: load up to {load:.2g} before a boot, steal up to {percent(steal)}; {pinned}; {told}",)


def _settings(state: HostState) -> tuple[tuple[str, str], ...]:
    return ("governor", state.governor), ("SMT", state.smt), ("turbo", state.turbo)


def _accel(mine: Sequence[Boot]) -> str:
    """The accelerator of the boots; emulation if any boot was emulated."""
    other = [b.accel for b in mine if b.accel not in HARDWARE]
    return other[0] if other else mine[0].accel if mine else ""


def _failed(boot: Boot) -> bool:
    """Whether the guest failed. Failures of the machine do not count: they say nothing about an arm's speed."""
    return boot.outcome is not Outcome.OK and boot.outcome not in INFRASTRUCTURE


def _first_tries(mine: Sequence[Boot]) -> list[Boot]:
    """One boot for each arm, number of vCPUs and block: the first that did not fail by the machine's fault."""
    out: dict[tuple[str, int, int], Boot] = {}
    for boot in mine:
        place = (boot.arm, boot.cpus, boot.block)
        if place not in out or out[place].outcome in INFRASTRUCTURE:
            out[place] = boot
    return list(out.values())


def _all_pairs(exp: Experiment, mine: Sequence[Boot]) -> list[Pairs]:
    first = {(b.arm, b.cpus, b.block): b for b in _first_tries(mine)}
    good = {place: rates(exp, b) for place, b in first.items() if b.outcome is Outcome.OK and b.results is not None}
    lost = {place for place, b in first.items() if _failed(b)}
    beside = _covariates(first) if exp.time.adjust else {}
    arms = [a.name for a in exp.arms if a.name != exp.baseline] + [again(exp)]
    windows = [info for load in loads_of(exp) for info in (*load.windows, *ramp.infos(load))]
    out = []
    for arm in arms:
        for cpus in exp.cpus:
            mine_too = [v for (name, on, _), v in good.items() if on == cpus and name in (arm, exp.baseline)]
            whole = [i for i in windows if i.unit != ramp.CROSSOVER or all(i.name in v for v in mine_too)]
            found = [_pairs(exp, arm, cpus, info, good, lost, beside) for info in whole]
            out += [*found, *_whole([p for p in found if p.metric != ramp.CROSSOVER])]
    return out


def _whole(found: Sequence[Pairs]) -> list[Pairs]:
    """The geometric mean over all windows as one more comparison, since it has less noise than each of them."""
    if len(found) < 2 or len({(p.blocks, p.lost) for p in found}) > 1:
        return []
    mine, base = (tuple(map(geometric_mean, zip(*v, strict=True))) for v in _values(found))
    at = At(WHOLE, cpus=found[0].at.cpus)
    first = found[0]
    same = (first.aa, first.lost, first.beside)
    return [Pairs("speed", "geometric mean", MORE, first.arm, first.baseline, at, mine, base, *same)]


def _covariates(first: Mapping[tuple[str, int, int], Boot]) -> dict[tuple[str, int, int], tuple[float, ...]]:
    """Place of a boot → the host's load before it, steal during it, and its number in its block; only where known."""
    out: dict[tuple[str, int, int], tuple[float, ...]] = {}
    done = Counter[tuple[int, int]]()
    for place, boot in first.items():
        done[place[1:]] += 1
        if (h := boot.host) is not None:
            out[place] = (h.before.load, stolen(h.before, h.after), float(done[place[1:]]))
    return out


def adjusted_notes(pairs: Sequence[Pairs]) -> tuple[str, ...]:
    """A note on how much less the differences scatter when they are adjusted."""
    less = [p.explained for p in pairs if not p.aa]
    if not any(p.beside for p in pairs):
        return ()
    of = f"{sum(e > 0 for e in less)} of {len(less)} comparisons"
    return (
        f"adjusted for host load, steal and the order of boots: {of} scatter less, by {percent(max(less))} at most",
    )


def _values(found: Sequence[Pairs]) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    return [p.arm_values for p in found], [p.baseline_values for p in found]


def _pairs(
    exp: Experiment,
    arm: str,
    cpus: int,
    info: WindowInfo,
    good: Mapping[tuple[str, int, int], Mapping[str, float]],
    lost: Collection[tuple[str, int, int]],
    beside: Mapping[tuple[str, int, int], tuple[float, ...]],
) -> Pairs:
    """The blocks in which both arms have a value; `lost` are those in which a guest failed."""
    blocks = sorted({block for _, _, block in (*good, *lost)})
    values: list[tuple[float, float] | None] = []
    placed = []
    for n in blocks:
        mine, base = (good.get((name, cpus, n), {}).get(info.name) for name in (arm, exp.baseline))
        if mine is not None and base is not None:
            values.append((mine, base))
        elif {(arm, cpus, n), (exp.baseline, cpus, n)} & set(lost):
            values.append(None)
        else:
            continue
        placed.append(n)
    metric, unit = OF_RAMPS.get(info.unit) or _rate_of(info)[:2]
    at = replace(info.at, cpus=cpus)
    both = [v for v in values if v is not None]
    gone = tuple(i for i, v in enumerate(values) if v is None)
    ours, theirs = tuple(v for v, _ in both), tuple(v for _, v in both)
    kept = [((arm, cpus, n), (exp.baseline, cpus, n)) for n, v in zip(placed, values, strict=True) if v is not None]
    known = all(place in beside for two in kept for place in two)
    x = tuple(tuple(a - b for a, b in zip(beside[m], beside[o], strict=True)) for m, o in kept) if known else ()
    return Pairs(metric, unit, MORE, arm, exp.baseline, at, ours, theirs, arm == again(exp), gone, x)


def rates(exp: Experiment, boot: Boot) -> dict[str, float]:
    """Window → rate over all rounds after the warm-up; peak and crossover of ramps."""
    took = {w.name: w.elapsed for w in boot.results.windows} if boot.results else {}
    out = {}
    for info in (info for load in loads_of(exp) for info in load.windows):
        rounds = [round_name(info.name, n) for n in _kept(exp)]
        elapsed = sum(took.get(name, 0) for name in rounds)
        if elapsed > 0 and all(name in took for name in rounds):
            _, _, unit = _rate_of(info)
            out[info.name] = info.jobs * len(rounds) * unit / elapsed
    for load in loads_of(exp):
        out |= ramp.values(load, boot, _kept(exp))
    return out


def _rate_of(info: WindowInfo) -> tuple[str, str, float]:
    """Metric, unit, and the unit's time in nanoseconds."""
    return RATES.get(info.unit, (f"{info.unit}s", "per second", SECOND))
