"""`instructions` evidence: instructions per job in the plain kernel, arm against baseline.

One vCPU whose clock counts its instructions (QEMU's -icount): a window's nanoseconds are the instructions that it took,
the same in every boot of the same layout, to the digit or nearly so. One more harmless word on the kernel's command
line shifts memory, and with it the number. So every arm boots once in each of several layouts, windows are long, arms
are compared inside each layout, and the interval comes from the layouts. A window in which the guest was idle is void:
waiting would count as work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kit.base.words import percent, several
from kit.evidence.reading import Asked, Reading, unwanted, windows_of
from kit.evidence.request import Site
from kit.records import LESS, Boot, BootSpec, Experiment, KindVerdict, Machine, Outcome, Verdict, WindowResult
from kit.stats.blocks import block_order
from kit.stats.layouts import conclude
from kit.stats.paired import Pairs
from kit.workload.catalog import make_loads
from kit.workload.load import Load, WindowInfo, boot_program
from kit.workload.longer import longer

KIND = "instructions"
INSTRUMENT = "plain"
ACCEL = "icount"
STEADY_SHARE = 1e-5  # two boots of a layout must differ by less; measured: 0, and 2 in a million on a busy host
IDLE_SHARE = 1e-4  # a tenth of the default limit: more idle time could look like a difference


def layout_word(number: int) -> str:
    """The word on the kernel's command line for a layout, from 0 (no word). The kernel does not know it and passes it
    to init's environment; its length shifts later allocations."""
    return f"layout={'x' * (1 + 7 * number)}" if number else ""


def limit(exp: Experiment) -> float:
    """Differences up to this share do not matter."""
    return exp.instructions.limit


def repeats(window: WindowResult, locks: Sequence[str]) -> Mapping[str, int]:
    """What must repeat if a boot is done again: the window's instructions."""
    return {KIND: window.elapsed}


def read(asked: Asked, boots: Sequence[Boot]) -> Reading:
    """The instructions of the windows, on average over the boots. No value if the guest was idle: waiting would count.
    """
    if (void := unwanted(asked, boots)) is not None:
        return void
    windows = windows_of(asked, boots)
    if any(w.idle is None or w.idle > IDLE_SHARE * w.elapsed for w in windows):
        return Reading(None, "void: the guest was idle", again=False)
    return Reading(sum(w.elapsed for w in windows) / len(boots))


def loads_of(exp: Experiment) -> tuple[Load, ...]:
    """The experiment's loads with long windows: in a short one a single timer tick makes a difference."""
    return tuple(longer(load, exp.instructions.times) for load in make_loads(exp.workloads, exp.seed))


def boots(exp: Experiment, site: Site) -> list[BootSpec]:
    """Every boot that this kind wants: one block for each layout, and the baseline's first boot again, to check that it
    repeats."""
    program = boot_program(loads_of(exp))
    machine = Machine(exp.arch, 1, exp.memory, ACCEL)
    arms = [a.name for a in exp.arms if (a.name, INSTRUMENT) in site.kernels]
    places = [(arm, n, 0) for n in range(exp.instructions.layouts) for arm in block_order(arms, exp.orders, n, KIND)]
    if exp.baseline in arms:
        places.append((exp.baseline, 0, 1))
    return [
        BootSpec(
            arm, site.kernels[arm, INSTRUMENT], KIND, program, machine, layout_word(n), exp.orders, repeat, n, order,
            site.guest_key,
        )
        for order, (arm, n, repeat) in enumerate(places)
    ]  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """`took`: (arm, layout) → window → instructions, of the first boot there; `void`: window → why; `share`: the
    largest difference between two boots of one layout (None: none was done twice); `unsteady`: what did not repeat, or
    empty."""

    took: dict[tuple[str, int], dict[str, int]]
    void: dict[str, str]
    share: float | None
    unsteady: str


def judge(exp: Experiment, done: Sequence[Boot]) -> KindVerdict:
    """Compares every arm with the baseline, layout by layout."""
    good = [b for b in done if b.evidence == KIND and b.outcome is Outcome.OK and b.results]
    if not good:
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, "no boot gave a number")
    seen = _look(good)
    if seen.unsteady:
        why = f"two boots of one kernel in one layout do not take the same: {seen.unsteady}"
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why)
    pairs = [p for info in _windows(exp) if info.name not in seen.void for p in _pairs(exp, info, seen)]
    notes = tuple(f"{window}: void, {why}" for window, why in seen.void.items())
    if not pairs:
        lonely = "no layout has boots of an arm and of the baseline"
        why = f"void: {next(iter(seen.void.values()))}" if seen.void else lonely
        return KindVerdict(KIND, Verdict.INCONCLUSIVE, why, notes=notes)
    verdict, comparisons = conclude(pairs, exp.alpha, limit(exp))
    layouts = min(p.blocks for p in pairs)
    why = (
        f"{several(len(pairs), 'comparison')} over {several(layouts, 'layout')} of memory, against a limit of"
        f" {percent(limit(exp))}; {_repeats(seen.share)}"
    )
    return KindVerdict(KIND, verdict, why, comparisons, notes, repeats="layouts of memory")


def _windows(exp: Experiment) -> list[WindowInfo]:
    return [info for load in loads_of(exp) for info in load.windows]


def _look(good: Sequence[Boot]) -> _Seen:
    took: dict[tuple[str, int], dict[str, int]] = {}
    void: dict[str, str] = {}
    share: float | None = None
    unsteady = ""
    for boot in good:
        windows = boot.results.windows if boot.results else ()
        void.update({w.name: why for w in windows if (why := _why_void(w))})
        counted = {w.name: w.elapsed for w in windows}
        first = took.setdefault((boot.arm, boot.block), counted)
        if first is counted:
            continue
        for name in first.keys() & counted.keys():
            differs = abs(counted[name] / max(first[name], 1) - 1)
            if differs > max(share or 0, STEADY_SHARE):
                unsteady = f"{name} of {boot.arm} took {first[name]} instructions, then {counted[name]}"
            share = max(share or 0.0, differs)
    return _Seen(took, void, share, unsteady)


def _why_void(window: WindowResult) -> str:
    if window.idle is None:
        return "the kernel does not say whether it was idle"
    if window.idle > IDLE_SHARE * window.elapsed:
        return f"the guest was idle for {percent(window.idle / max(window.elapsed, 1))} of it"
    return ""


def _pairs(exp: Experiment, info: WindowInfo, seen: _Seen) -> list[Pairs]:
    """The pairs of each arm that has a layout in common with the baseline."""
    out = []
    for arm in (a.name for a in exp.arms if a.name != exp.baseline):
        both = [
            (seen.took[arm, n][info.name] / info.jobs, seen.took[exp.baseline, n][info.name] / info.jobs)
            for n in range(exp.instructions.layouts)
            if info.name in seen.took.get((arm, n), {}) and info.name in seen.took.get((exp.baseline, n), {})
        ]
        if both:
            mine, base = zip(*both, strict=True)
            at = replace(info.at, cpus=1)
            out.append(Pairs(KIND, f"per {info.unit}", LESS, arm, exp.baseline, at, mine, base))
    return out


def _repeats(share: float | None) -> str:
    if share is None:
        return "no boot was done twice"
    within = f"to within {share * 1e6:.2g} in a million" if share else "to the digit"
    return f"a boot done again took the same {within}"
