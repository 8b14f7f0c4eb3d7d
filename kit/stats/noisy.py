"""The one place where noisy evidence becomes a verdict: values by block in; go on or stop, and the verdict, out.

`decide` is asked after every block; `conclude` once, when it said stop or the minutes ran out. Both are pure: the
runner, a run that is resumed and the calibration call the same two.

| first that holds | verdict of the kind |
| --- | --- |
| it must not decide here (time under emulation) | inconclusive, shown and marked |
| the baseline differs from itself (A/A) | inconclusive: the machine is not fit |
| a comparison is worse | worse |
| a comparison is better | better |
| all comparisons are the same | same |
| otherwise | inconclusive |

A comparison whose boots have more than one mode, and overlap, counts as inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kit.records import Comparison, Verdict
from kit.stats.design import Design
from kit.stats.paired import Measured, Pairs, measure


@dataclass(frozen=True)
class Decision:
    """Whether to stop, and why. `settled`: comparisons that need no more blocks, of `of`."""

    stop: bool
    why: str
    settled: int
    of: int


@dataclass(frozen=True)
class Conclusion:
    """A kind's verdict and its facts. `why` is one clause; `notes` say drift, outliers, modes, A/A, one line each.

    `comparisons` are ready for KindVerdict, A/A last.
    """

    verdict: Verdict
    why: str
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    blocks: int


def decide(design: Design, pairs: Sequence[Pairs], limit: float) -> Decision:
    """After the blocks done so far: stop or go on. `pairs`: every comparison of the kind, those of the A/A arm too."""
    asked = [p for p in pairs if not p.aa]
    done = min((p.blocks for p in asked), default=0)
    if done not in design.look_at:
        following = next((n for n in design.look_at if n > done), design.blocks)
        return Decision(done >= design.blocks, f"the next look is after block {following}", 0, len(asked))
    found = measure_all(design, asked, limit)
    settled = sum(m.verdict is not Verdict.INCONCLUSIVE for m in found)
    if any(m.verdict is Verdict.WORSE for m in found) or settled == len(found):
        return Decision(True, f"decided after {done} blocks", settled, len(found))
    if done >= design.blocks:
        return Decision(True, f"all {done} blocks are done", settled, len(found))
    return Decision(False, f"{settled} of {len(found)} comparisons are decided", settled, len(found))


def conclude(design: Design, pairs: Sequence[Pairs], limit: float, *, last: bool = False, void: str = "") -> Conclusion:
    """The verdict. `last`: the run ended before the design did, for want of minutes. `void`: why this evidence must not
    decide here (as `emulated: no evidence of hardware`); it is then shown and marked."""
    found = measure_all(design, [p for p in pairs if not p.aa], limit, last)
    beside = [measure(p, design, limit, last=True) for p in pairs if p.aa]
    verdict = Verdict.INCONCLUSIVE if void else overall(found)
    comparisons = tuple(comparison_of(m) for m in (*found, *beside))
    return Conclusion(verdict, void, comparisons, (), min((p.blocks for p in pairs), default=0))


def overall(found: Sequence[Measured]) -> Verdict:
    """Worse if any is, else better if any is, else same if all are."""
    said = {m.verdict for m in found}
    for verdict in (Verdict.WORSE, Verdict.BETTER):
        if verdict in said:
            return verdict
    return Verdict.SAME if said == {Verdict.SAME} else Verdict.INCONCLUSIVE


def measure_all(design: Design, pairs: Sequence[Pairs], limit: float, last: bool = False) -> list[Measured]:
    """Every comparison, corrected for their number by Holm's rule: each is tested at alpha / m, and where some are
    different, the others again at alpha / (m - those)."""
    return [measure(p, design, limit, 1 / len(pairs), last) for p in pairs]


def comparison_of(m: Measured) -> Comparison:
    """The record of a measured comparison."""
    p = m.pairs
    n = p.blocks
    return Comparison(
        metric=p.metric,
        unit=p.unit,
        direction=p.direction,
        arm=p.arm,
        baseline=p.baseline,
        at=p.at,
        ratio=m.ratio,
        low=m.low or None,
        high=m.high if m.high < math.inf else None,
        n=n,
        arm_value=sum(p.arm_values[:n]) / n if n else 0.0,
        baseline_value=sum(p.baseline_values[:n]) / n if n else 0.0,
        exact=False,
        baseline_n=n,
        p=m.p,
        detectable=m.detectable if m.detectable < math.inf else None,
        said=m.verdict,
        aa=p.aa,
    )
