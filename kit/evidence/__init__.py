"""The kinds of evidence, one module each: which kernels and boots a kind wants, and boots → its verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kit.evidence import check, count, instructions, model, scatter, time
from kit.evidence.request import Site
from kit.records import Boot, BootSpec, Experiment, KindVerdict
from kit.stats.noisy import Decision


@dataclass(frozen=True)
class Evidence:
    """A kind: the instruments whose kernels it boots, the boots that it wants, and its judgement of them.

    `stop`, of a kind that may be decided before its last block: from the boots of the blocks done, whether it is.
    `pilot`: so many blocks are done whatever they show, and mostly no more; 0 where all are reckoned with.
    `alone`: its boots measure time, so nothing else may run beside them.
    """

    instruments: tuple[str, ...]
    boots: Callable[[Experiment, Site], list[BootSpec]]
    judge: Callable[[Experiment, Sequence[Boot]], KindVerdict]
    stop: Callable[[Experiment, Sequence[Boot]], Decision] | None = None
    alone: bool = False
    pilot: int = 0


EVIDENCE: Mapping[str, Evidence] = {
    "model": Evidence((), model.boots, model.judge),
    "count": Evidence(("counting",), count.boots, count.judge, count.stop, pilot=scatter.PILOT),
    "instructions": Evidence(("plain",), instructions.boots, instructions.judge),
    "check": Evidence(("checking",), check.boots, check.judge),
    "time": Evidence(("plain",), time.boots, time.judge, time.stop, alone=True),
}
