"""The one place where noisy evidence becomes a verdict: from values by block to "go on" or "stop", and the verdict.

`decide` is asked after every block; `conclude` once, when `decide` says stop or the minutes run out. Both are pure: the
runner, a resumed run and the calibration call the same two functions.

| first that holds | verdict of the kind |
| --- | --- |
| it must not decide here (time under emulation) | inconclusive, shown and marked |
| the baseline differs from itself (A/A, at 0.001) | inconclusive: the measurement is at fault |
| a comparison is worse | worse |
| a comparison is better | better |
| all comparisons are the same | same |
| otherwise | inconclusive |

Two modes in an arm's boots are reported, and decide nothing: signs of ranks are exact for them too. The A/A comparisons
are corrected for their number by Holm's rule. If signed ranks of so few blocks cannot reach that level, a t test is
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtr

from kit.base.words import percent, several
from kit.records import Comparison, Verdict
from kit.stats.combine import combined
from kit.stats.design import Design
from kit.stats.paired import Measured, Pairs, measure, record
from kit.stats.remarks import remarks
from kit.stats.signflip import p_value

AA_LEAST = 6  # blocks: with fewer, t trusts rounded values too early
AA_ALPHA = 0.001  # an A/A difference at this level is no chance; at alpha one run in twenty would have one


@dataclass(frozen=True)
class Decision:
    """Whether to stop, and why. `settled`: how many comparisons, out of `of`, need no more blocks. `machines`: the
    numbers of vCPUs that the next block is wanted on; None for all."""

    stop: bool
    why: str
    settled: int
    of: int
    machines: tuple[int, ...] = ()


@dataclass(frozen=True)
class Conclusion:
    """A kind's verdict and its facts. `why` is one clause; `notes`: drift, outliers, modes and A/A, one line each.

    `comparisons` are ready for KindVerdict, those of A/A last.
    """

    verdict: Verdict
    why: str
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    blocks: int


def decide(design: Design, pairs: Sequence[Pairs], limit: float) -> Decision:
    """Stop or go on after the blocks done so far. `pairs`: every comparison of the kind, including those of the A/A
    arm."""
    asked = [p for p in pairs if not p.aa]
    done = min((p.tried for p in asked), default=0)
    if done not in design.look_at:
        following = next((n for n in design.look_at if n > done), design.blocks)
        over = done >= design.blocks
        return Decision(over, _all_done(done) if over else f"the next look is after block {following}", 0, len(asked))
    found = measure_all(design, asked, limit, quick=True)
    settled = [m for m in found if m.verdict is not Verdict.INCONCLUSIVE]
    if any(m.verdict is Verdict.WORSE for m in found) or len(settled) == len(found):
        why = f"decided after {done} blocks"
    elif done >= design.blocks:
        why = _all_done(done)
    elif all(m.hopeless for m in found if m not in settled):
        why = f"after {done} blocks, the rest would hardly decide it"
    else:
        return Decision(False, f"{len(settled)} of {len(found)} comparisons are decided", len(settled), len(found))
    return Decision(True, why, len(settled), len(found))


def _all_done(blocks: int) -> str:
    return f"all {several(blocks, 'block')} are done"


def conclude(design: Design, pairs: Sequence[Pairs], limit: float, *, last: bool = False, void: str = "") -> Conclusion:
    """The verdict. `last`: the run ended before the design did, because its minutes ran out. `void`: why this evidence
    must not decide here (as in `emulated: no evidence of hardware`); it is then shown and marked."""
    found = measure_all(design, [p for p in pairs if not p.aa], limit, last)
    beside = [measure(p, design, limit, last=True) for p in pairs if p.aa]
    faults = objections([p for p in pairs if p.aa])
    verdict = Verdict.INCONCLUSIVE if void or faults else combined(m.verdict for m in found)
    blocks = min((p.tried for p in pairs), default=0)
    fault = f"the baseline differs from itself in {several(len(faults), 'comparison')}, at p <= {AA_ALPHA}"
    why = void or (fault if faults else _why(design, found, blocks, limit))
    return Conclusion(verdict, why, tuple(comparison_of(m, design) for m in (*found, *beside)), remarks(pairs), blocks)


def objections(beside: Sequence[Pairs]) -> list[Pairs]:
    """The A/A comparisons in which the baseline differs from itself, by Holm's rule at AA_ALPHA together."""
    tests = sorted(((_aa_p(p, AA_ALPHA / len(beside)), i) for i, p in enumerate(beside)), key=lambda test: test[0])
    out = []
    for rank, (p, i) in enumerate(tests):
        if p > AA_ALPHA / (len(beside) - rank):
            break
        out.append(beside[i])
    return out


def _aa_p(p: Pairs, level: float) -> float:
    """The p by signed ranks if they can reach the level, else by t; 1 for too few blocks."""
    if 2.0 ** (1 - p.blocks) <= level:
        return p_value(p.differences)
    if p.blocks < AA_LEAST:
        return 1.0
    return float(2 * stdtr(p.blocks - 1, -abs(p.mean) / p.error)) if p.error > 0 else float(p.mean == 0)


def _why(design: Design, found: Sequence[Measured], blocks: int, limit: float) -> str:
    """One clause: how many comparisons have which verdict, at which level, corrected how."""
    if not found:
        return "nothing was measured in both arms"
    if blocks < design.least:
        least = several(design.least, "block")
        return f"{several(blocks, 'block')}: {least} are the fewest that can show anything at alpha {design.alpha:g}"
    counts = [(v, sum(m.verdict is v for m in found)) for v in Verdict]
    said = ", ".join(f"{n} {v}" for v, n in counts if n)
    correction = f" over {len(found)} comparisons (Holm)" if len(found) > 1 else ""
    looks = " and all looks" if design.sequential else ""
    return (
        f"{said} in {several(blocks, 'block')}, against a limit of {percent(limit)};"
        f" false alarms at most {percent(design.alpha)}{correction}{looks}"
    )


def measure_all(
    design: Design, pairs: Sequence[Pairs], limit: float, last: bool = False, quick: bool = False
) -> list[Measured]:
    """Measures every comparison, corrected for their number by Holm's rule: each is tested at alpha / m, and if some
    differ, the others again at alpha / (m - those)."""
    found: dict[int, Measured] = {}
    open_ = list(range(len(pairs)))
    while open_:
        found |= {i: measure(pairs[i], design, limit, 1 / len(open_), last, quick) for i in open_}
        left = [i for i in open_ if not found[i].different]
        if len(left) == len(open_):
            break
        open_ = left
    return [found[i] for i in range(len(pairs))]


def comparison_of(m: Measured, design: Design) -> Comparison:
    """The record of a measured comparison. Its p is corrected for its looks and by Holm's rule."""
    p = min(1.0, m.walk.p * design.alpha / m.alpha)
    return record(m.pairs, m.verdict, m.bounds, p, m.detectable, m.pairs.shift)
