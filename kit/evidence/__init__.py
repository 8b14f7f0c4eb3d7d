"""The kinds of evidence, one module each: which kernels and boots a kind wants, and boots → its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kit.evidence import check, count, model
from kit.evidence.request import Site
from kit.records import Boot, BootSpec, Experiment, KindVerdict


@dataclass(frozen=True)
class Evidence:
    """A kind: the instruments whose kernels it boots, the boots that it wants, and its judgement of them."""

    instruments: tuple[str, ...]
    boots: Callable[[Experiment, Site], list[BootSpec]]
    judge: Callable[[Experiment, Sequence[Boot]], KindVerdict]


EVIDENCE: Mapping[str, Evidence] = {
    "model": Evidence((), model.boots, model.judge),
    "count": Evidence(("counting",), count.boots, count.judge),
    "check": Evidence(("checking",), check.boots, check.judge),
}
