"""A kind of evidence as one record, with all that the rest of kit needs to know of it: a row of EVIDENCE."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kit.evidence.locks import acquired
from kit.evidence.reading import Metric
from kit.evidence.request import Site
from kit.evidence.tables import Row, Table
from kit.records import Boot, BootSpec, Experiment, KindVerdict, WindowResult
from kit.stats.noisy import Decision


def same_limit(exp: Experiment) -> float:
    """The experiment's own limit."""
    return exp.limit


def no_tables(verdict: Row, kind: str) -> Sequence[Table]:
    """No tables beside the comparisons."""
    return ()


@dataclass(frozen=True)
class Evidence:
    """A kind of evidence: how its kernels are built and run, which boots it wants, and how it judges them.

    `instruments`: the kernels that it boots, none for a prediction. `stop`: decides from the boots of the blocks done
    whether more are wanted; None if all planned boots are done. `pilot`: the number of blocks that are done in any
    case, and usually suffice; 0: there is no pilot, and estimates count all blocks.

    `exact`: repeating a boot gives the same result, so boots are reused by key. `timed`: its boots measure time, so
    nothing else runs beside them, each vCPU has its own core, and the host is recorded. `accel`: how its guests run if
    the experiment has no choice, and `accel_why`. `conf`: more settings of the guest. `seconds`: a typical boot's time
    (two idle cores, Linux 6.1: tests/bench/README.md).

    `title`: of the table of comparisons with intervals; `subject`: the metric that this title already names.
    `void_title`: the title if the kind decides nothing. `tables`: makes its other tables from verdict.json's content.
    `bisected`: what a bisection can look for in its boots, by its name in experiments.

    `watched`: the job of QEMU's plugin that counts in its boots, by call chain; empty: none does.

    `repeats`: the numbers of a window that must be the same if the boot is done again, given the named locks. `limit`:
    differences up to this share do not matter.
    """

    instruments: tuple[str, ...]
    boots: Callable[[Experiment, Site], list[BootSpec]]
    judge: Callable[[Experiment, Sequence[Boot]], KindVerdict]
    stop: Callable[[Experiment, Sequence[Boot]], Decision] | None = None
    pilot: int = 0
    exact: bool = False
    timed: bool = False
    accel: str = ""
    accel_why: str = ""
    conf: Mapping[str, str] = field(default_factory=dict)
    watched: str = ""
    seconds: float = 15.0
    repeats: Callable[[WindowResult, Sequence[str]], Mapping[str, int]] = acquired
    limit: Callable[[Experiment], float] = same_limit
    title: str = ""
    subject: str = ""
    void_title: str = "{}: shown, decides nothing"
    tables: Callable[[Row, str], Sequence[Table]] = no_tables
    bisected: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def many(self) -> bool:
        """Whether it plans many boots from the start, and may be decided before the last."""
        return self.stop is not None and not self.pilot
