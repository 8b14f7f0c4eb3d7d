"""What a kind of evidence is: all that the rest of kit needs to know of it, in one record. A row of EVIDENCE is one."""

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
    """Its comparisons say all."""
    return ()


@dataclass(frozen=True)
class Evidence:
    """A kind of evidence: how its kernels are built and run, which boots it wants, and how it judges them.

    `instruments`: the kernels that it boots, none for a prediction. `stop`, of a kind that may be decided before its
    last block: from the boots of the blocks done, whether it is. `pilot`: so many blocks are done whatever they show,
    and mostly no more; 0 where all are reckoned with.

    `exact`: the same boot again gives the same, so boots are reused by key. `timed`: its boots measure time, so nothing
    else runs beside them, each vCPU has a core of its own, and the host is watched. `accel`: how its guests run, where
    that is not the experiment's choice, and `accel_why`. `conf`: what its guests are told besides. `seconds`: about
    what a boot takes (two idle cores, Linux 6.1: tests/bench/README.md).

    `title`: of the table of its comparisons that have intervals; `subject`: the metric that this title names already.
    `void_title`: the title where the kind decides nothing. `tables`: what else it shows, of verdict.json's content.
    `bisected`: what a bisection can look for in its boots, by the name that experiments have for it.

    `repeats`: what a window of a boot done again must show again, by what it is, of the named locks. `limit`:
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
        """Whether it wants many boots from the start, and may be decided before the last of them."""
        return self.stop is not None and not self.pilot
