"""What to do next, pure: an experiment and what is done in, boots to do out. Checking, estimating, running and
resuming all use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from kit.evidence import EVIDENCE
from kit.evidence.request import Site
from kit.records import Boot, BootSpec, Experiment, Outcome, Stop
from kit.stats.attribution import seen_once
from kit.stats.noisy import Decision
from kit.workload.load import own_limit

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
        """The boots that are still wanted: first those never tried, then those that failed or showed a splat once. Of a
        kind that may be decided early, those of one block at a time.

        A function of what is done alone, whatever came first: a run that is resumed goes on as it would have.
        """
        missing: list[BootSpec] = []
        again: list[BootSpec] = []
        said = []
        once = seen_once(self.exp, done)
        for kind in self.exp.evidence:
            for block in self._blocks(kind):
                new, second = self._open(block, done, once)
                missing, again = missing + new, again + second
                if EVIDENCE[kind].stop is None:
                    continue
                if new or second:
                    break
                if (decision := self._decision(kind, block[0].block, done)).stop:
                    said.append(f"{kind}: {decision.why}")
                    break
        if not missing and not again:
            return Stop("; ".join(["every boot of the plan is done", *said]))
        if sum(b.seconds for b in done if not b.reused) > self.exp.minutes * 60:
            return Stop(f"the budget of {self.exp.minutes:g} minutes is spent, {len(missing) + len(again)} boots short")
        return missing + again

    def _blocks(self, kind: str) -> Iterator[list[BootSpec]]:
        mine = [s for s in self.wanted if s.evidence == kind]
        for _, block in groupby(mine, key=lambda s: s.block):
            yield list(block)

    def _open(
        self, block: Sequence[BootSpec], done: Sequence[Boot], once: frozenset[tuple[str, str]]
    ) -> tuple[list[BootSpec], list[BootSpec]]:
        """Of these boots those never tried, and those to be tried again."""
        missing, again = [], []
        for spec in block:
            tries = [b for b in done if b.key == spec.key and b.arm == spec.arm]
            if not tries:
                missing.append(spec)
            elif len(tries) < TRIES and (tries[0].outcome is not Outcome.OK or (spec.key, spec.arm) in once):
                again.append(spec)
        return missing, again

    def _decision(self, kind: str, block: int, done: Sequence[Boot]) -> Decision:
        """What the kind decides after that block, from the blocks up to it."""
        stop = EVIDENCE[kind].stop
        assert stop is not None
        return stop(self.exp, [b for b in done if b.evidence == kind and b.block <= block])

    def left(self, done: Sequence[Boot]) -> int:
        """How many boots of the whole plan have not been tried: the most that can come."""
        tried = {(b.key, b.arm) for b in done}
        return sum((s.key, s.arm) not in tried for s in self.wanted)

    def limit(self, spec: BootSpec, done: Sequence[Boot]) -> float | None:
        """Seconds that this boot may take: what the experiment says, else by the baseline's boots of the same kind, on
        the same machine where there are any; payloads have their own limits besides. None where there are none."""
        if self.exp.boot_limit is not None:
            return self.exp.boot_limit
        like = (self.exp.baseline, spec.evidence)
        known = [b for b in done if b.outcome is Outcome.OK and (b.arm, b.evidence) == like]
        took = [b.seconds for b in known if b.cpus == spec.machine.cpus] or [b.seconds for b in known]
        return limit_by(max(took), spec.program) if took else None


def limit_by(seconds: float, program: str) -> float:
    """Seconds that a guest with this program may take where one that is known to run took so many."""
    return max(LIMIT_LEAST + own_limit(program), LIMIT_TIMES * seconds)


def instruments(exp: Experiment) -> tuple[str, ...]:
    """The instruments whose kernels the experiment's evidence boots, in the order in which it is needed."""
    return tuple(dict.fromkeys(i for kind in exp.evidence for i in EVIDENCE[kind].instruments))
