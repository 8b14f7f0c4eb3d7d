"""Every comparison of a verdict.json in one shape: plain data in, a Number each out, with the verdict that it stands
for and a name that tells it from all others."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from kit.base.words import place
from kit.records import MORE, At, Comparison, Verdict
from kit.stats.counts import judge_one

Row = Mapping[str, Any]
_KNOWN = {f.name for f in fields(Comparison)}


@dataclass(frozen=True)
class Number:
    """One comparison. `decides`: its kind takes part in the verdict. `name` is unique in its run."""

    kind: str
    decides: bool
    comparison: Comparison
    verdict: Verdict
    name: str

    @property
    def what(self) -> str:
        """What was measured: `anon_vma acquisitions per fork`."""
        return what_of(self.comparison)

    @property
    def where(self) -> str:
        """`fork-chain, depth 8, 4 vCPUs`."""
        return place(self.comparison.at)

    @property
    def better(self) -> bool | None:
        """Whether the ratio lies on the good side of 1; None where it is 1 or there is none."""
        ratio = self.comparison.ratio
        if ratio is None or ratio == 1:
            return None
        return (ratio > 1) is (self.comparison.direction == MORE)


def numbers(verdict: Row) -> list[Number]:
    """All comparisons of a run, in the order of its kinds. Those of `model` are predictions: n is 0."""
    out: list[Number] = []
    limit = limit_of(verdict)
    for kind, said in verdict["evidence"].items():
        for row in said["comparisons"]:
            c = comparison_from_json(row)
            out.append(Number(kind, bool(said.get("decides", True)), c, judge_one(c, limit), _name(kind, c)))
    return out


def comparison_from_json(row: Row) -> Comparison:
    """The Comparison that was written; of a later kit's fields, those that are known."""
    known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k in _KNOWN}
    known["at"] = At(**row["at"])
    known["said"] = None if row.get("said") is None else Verdict(row["said"])
    return Comparison(**known)


def what_of(c: Comparison) -> str:
    """`anon_vma acquisitions per fork`; a rate is named by its unit."""
    words = [c.at.lock or "", "" if c.metric in c.unit else c.metric, c.unit]
    return " ".join(w for w in words if w)


def _name(kind: str, c: Comparison) -> str:
    arm = f"{c.arm} (A/A)" if c.aa else c.arm
    return f"{kind}/{arm}/{what_of(c)}/{place(c.at)}"


def spread(values: Sequence[float]) -> float | None:
    """The standard deviation as a share of the mean; None below two values, or where the mean is 0."""
    if len(values) < 2 or not (mean := statistics.fmean(values)):
        return None
    return statistics.stdev(values) / abs(mean)


def limit_of(verdict: Row) -> float:
    """The share below which a difference does not matter."""
    return float(verdict["limits"]["difference"])
