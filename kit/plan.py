"""What to do next, pure: an experiment and what is done in, boots to do out. Checking, estimating, running and
resuming all use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.evidence import EVIDENCE
from kit.evidence.request import Site
from kit.records import Boot, BootSpec, Experiment, Outcome, Stop
from kit.stats.attribution import seen_once

TRIES = 2  # a boot that fails is tried once more before it counts (design.md, Attribution)
LIMIT_TIMES = 10  # a guest hangs if it takes so many times as long as the baseline's
LIMIT_LEAST = 60.0  # seconds; hung-task detection of the checking kernel speaks after 30 (configs/kernel)


@dataclass(frozen=True)
class Plan:
    """The boots that an experiment wants, in the order of its design. Its budget bounds the time spent in boots."""

    exp: Experiment
    wanted: tuple[BootSpec, ...]

    @classmethod
    def of(cls, exp: Experiment, site: Site) -> Plan:
        """Every boot of every kind of evidence, of the arms that have a kernel."""
        specs = [s for kind in exp.evidence for s in EVIDENCE[kind].boots(exp, site)]
        return cls(exp, tuple(specs))

    def next(self, done: Sequence[Boot]) -> list[BootSpec] | Stop:
        """The boots that are still wanted: first those never tried, then those that failed or showed a splat once."""
        missing, again = [], []
        once = seen_once(self.exp, done)
        for spec in self.wanted:
            tries = [b for b in done if b.key == spec.key and b.arm == spec.arm]
            if not tries:
                missing.append(spec)
            elif len(tries) < TRIES and (tries[0].outcome is not Outcome.OK or (spec.key, spec.arm) in once):
                again.append(spec)
        if not missing and not again:
            return Stop("every boot of the plan is done")
        if sum(b.seconds for b in done if not b.reused) > self.exp.minutes * 60:
            return Stop(f"the budget of {self.exp.minutes:g} minutes is spent, {len(missing) + len(again)} boots short")
        return missing + again

    def limit(self, spec: BootSpec, done: Sequence[Boot]) -> float | None:
        """Seconds that this boot may take: what the experiment says, else by the baseline's boots of the same kind, on
        the same machine where there are any. None where there are none."""
        if self.exp.boot_limit is not None:
            return self.exp.boot_limit
        like = (self.exp.baseline, spec.evidence)
        known = [b for b in done if b.outcome is Outcome.OK and (b.arm, b.evidence) == like]
        took = [b.seconds for b in known if b.cpus == spec.machine.cpus] or [b.seconds for b in known]
        return max(LIMIT_LEAST, LIMIT_TIMES * max(took)) if took else None


def instruments(exp: Experiment) -> tuple[str, ...]:
    """The instruments whose kernels the experiment's evidence boots, in the order in which it is needed."""
    return tuple(dict.fromkeys(i for kind in exp.evidence for i in EVIDENCE[kind].instruments))
