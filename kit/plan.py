"""What to do next, pure: an experiment and what is done in, boots to do out. Checking, estimating, running and
resuming all use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.evidence import EVIDENCE
from kit.evidence.request import Site
from kit.records import Boot, BootSpec, Experiment, Outcome, Stop

TRIES = 2  # a boot that fails is tried once more before it counts (design.md, Attribution)


@dataclass(frozen=True)
class Plan:
    """The boots that an experiment wants, in the order of its design. `minutes` bounds the time spent in boots."""

    wanted: tuple[BootSpec, ...]
    minutes: float

    @classmethod
    def of(cls, exp: Experiment, site: Site) -> Plan:
        """Every boot of every kind of evidence, of the arms that have a kernel."""
        specs = [s for kind in exp.evidence for s in EVIDENCE[kind].boots(exp, site)]
        return cls(tuple(specs), exp.minutes)

    def next(self, done: Sequence[Boot]) -> list[BootSpec] | Stop:
        """The boots that are still wanted: first those never tried, then those that failed once."""
        missing, again = [], []
        for spec in self.wanted:
            tries = [b for b in done if b.key == spec.key and b.arm == spec.arm]
            if not tries:
                missing.append(spec)
            elif all(b.outcome is not Outcome.OK for b in tries) and len(tries) < TRIES:
                again.append(spec)
        if not missing and not again:
            return Stop("every boot of the plan is done")
        if sum(b.seconds for b in done if not b.reused) > self.minutes * 60:
            return Stop(f"the budget of {self.minutes:g} minutes is spent, {len(missing) + len(again)} boots short")
        return missing + again


def instruments(exp: Experiment) -> tuple[str, ...]:
    """The instruments whose kernels the experiment's evidence boots, in the order in which it is needed."""
    return tuple(dict.fromkeys(i for kind in exp.evidence for i in EVIDENCE[kind].instruments))
