"""The plan: an experiment and the boots done so far in, the next boots out. Pure. Checking, estimating, running and
resuming all use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from kit.evidence import EVIDENCE
from kit.evidence.request import Site
from kit.records import BEYOND, Boot, BootSpec, Experiment, Outcome, Stop
from kit.stats.attribution import seen_once
from kit.stats.failures import MOST, given_up, tries_wanted, undecided
from kit.stats.noisy import Decision
from kit.workload.load import own_limit

TRIES = 2  # a boot that fails is tried once more before it counts (design.md, Attribution)
LIMIT_TIMES = 10  # a guest counts as hung after this many times the seconds of the baseline's
LIMIT_LEAST = 60.0  # seconds; hung-task detection of the checking kernel reports after 30 (configs/kernel)


@dataclass(frozen=True)
class Plan:
    """The boots that an experiment wants, in order. Its `budget.minutes` bounds the time spent in boots."""

    exp: Experiment
    wanted: tuple[BootSpec, ...]

    @classmethod
    def of(cls, exp: Experiment, site: Site) -> Plan:
        """The plan with every boot of every kind of evidence, of the arms that have a kernel."""
        specs = [s for kind in exp.evidence for s in EVIDENCE[kind].boots(exp, site)]
        return cls(exp, tuple(specs))

    def next(self, done: Sequence[Boot]) -> list[BootSpec] | Stop:
        """The boots that are still wanted: first those never tried, then those that failed or showed a splat once. A
        kind that may be decided early gets one block at a time.

        The result depends only on `done`, so a resumed run continues as it would have without the interruption.
        """
        asked = self._asked(done)
        missing, again = asked.missing, asked.again
        if not missing and not again:
            again = self.more(done)
        if not missing and not again:
            return Stop("; ".join(["every boot of the plan is done", *asked.said]))
        if sum(b.seconds for b in done if not b.reused) > self.exp.minutes * 60:
            left = len(missing) + len(again)
            return Stop(f"the budget of {self.exp.minutes:g} minutes is spent; {left} boots were not done")
        return missing + again

    def beyond(self, done: Sequence[Boot]) -> dict[str, str]:
        """Kind of evidence → why it needs more boots than its pilot."""
        return self._asked(done).beyond

    def _asked(self, done: Sequence[Boot]) -> _Asked:
        asked = _Asked()
        so_far = _SoFar.of(self.exp, done)
        for kind in self.exp.evidence:
            before, machines = asked.boots, tuple[int, ...]()
            for whole in self._blocks(kind):
                block = [s for s in whole if not machines or s.machine.cpus in machines]
                new, second = self._open(block, so_far)
                asked.missing += new
                asked.again += second
                pilot = EVIDENCE[kind].pilot
                if EVIDENCE[kind].stop is None or not block or block[0].block + 1 < pilot:
                    continue
                if asked.boots > before:
                    break
                asked.beyond.pop(kind, None)
                if (decision := self._decision(kind, block[0].block, done)).stop:
                    asked.said.append(f"{kind}: {decision.why}")
                    break
                if self._all_given_up(block, so_far):
                    asked.said.append(f"{kind}: no arm ends a boot well")
                    break
                machines = decision.machines
                if pilot:
                    asked.beyond[kind] = decision.why
        return asked

    def _blocks(self, kind: str) -> Iterator[list[BootSpec]]:
        mine = [s for s in self.wanted if s.evidence == kind]
        for _, block in groupby(mine, key=lambda s: s.block):
            yield list(block)

    def _open(self, block: Sequence[BootSpec], so_far: _SoFar) -> tuple[list[BootSpec], list[BootSpec]]:
        """The boots of a block that were never tried, and those to try again."""
        missing, again = [], []
        for spec in block:
            tries = so_far.tries.get((spec.key, spec.arm), ())
            if not tries and not so_far.is_given_up(spec):
                missing.append(spec)
            elif tries and so_far.wants_again(spec, tries):
                again.append(spec)
        return missing, again

    def _all_given_up(self, block: Sequence[BootSpec], so_far: _SoFar) -> bool:
        """Whether every arm but the baseline has been given up."""
        others = {a.name for a in self.exp.arms} - {self.exp.baseline}
        asked = [s for s in block if s.arm in others]
        return bool(asked) and all(map(so_far.is_given_up, asked))

    def more(self, done: Sequence[Boot]) -> list[BootSpec]:
        """Boots beyond the plan, of an arm and of the baseline: one boot failed in every try and another of the same
        kernel did not, so more boots must show whether the failure is chance."""
        out: dict[tuple[str, str], BootSpec] = {}
        for arm, boot in undecided(self.exp, done):
            mine = next((s for s in self.wanted if (s.key, s.arm) == (boot.key, arm)), None)
            if mine is None:
                continue
            for name in (arm, self.exp.baseline):
                like = (s for s in self.wanted if s.arm == name and _place(s) == _place(mine))
                if (spec := next(like, None)) is not None and (next_ := self._following(spec, done)) is not None:
                    out[next_.key, next_.arm] = next_
        return sorted(out.values(), key=lambda spec: self._times(spec, done))  # in turn

    def _times(self, spec: BootSpec, done: Sequence[Boot]) -> int:
        """How many boots of that arm, evidence and number of vCPUs were done."""
        cell = (spec.arm, spec.machine.cpus, spec.evidence)
        return sum((b.arm, b.cpus, b.evidence) == cell for b in done)

    def _following(self, spec: BootSpec, done: Sequence[Boot]) -> BootSpec | None:
        """The same boot with the next unused `repeat`; None if there were MOST already."""
        known = {(b.key, b.arm) for b in done}
        if self._times(spec, done) >= MOST:
            return None
        numbers = (replace(spec, repeat=BEYOND + n, order=len(self.wanted) + n) for n in range(MOST))
        return next((s for s in numbers if (s.key, s.arm) not in known), None)

    def knows(self, boot: Boot) -> bool:
        """Whether the boot belongs to the plan, or is one beyond it of the same kernel and machine."""
        beyond = boot.repeat >= BEYOND and (boot.arm, boot.kernel_key, boot.evidence, boot.cpus) in self._places
        return beyond or (boot.key, boot.arm) in self._keys

    @cached_property
    def _keys(self) -> frozenset[tuple[str, str]]:
        return frozenset((s.key, s.arm) for s in self.wanted)

    @cached_property
    def _places(self) -> frozenset[tuple[str, str, str, int]]:
        return frozenset((s.arm, s.kernel_key, s.evidence, s.machine.cpus) for s in self.wanted)

    def _decision(self, kind: str, block: int, done: Sequence[Boot]) -> Decision:
        """The kind's decision after a block, from all blocks up to it."""
        stop = EVIDENCE[kind].stop
        assert stop is not None
        return stop(self.exp, [b for b in done if b.evidence == kind and b.block <= block])

    @property
    def sure(self) -> list[BootSpec]:
        """The boots to expect: all, but of a kind with a pilot only the pilot's, or as many as `budget.least` asks."""
        kinds = {kind: EVIDENCE[kind].pilot for kind in self.exp.evidence}
        return [s for s in self.wanted if not kinds[s.evidence] or s.block < max(kinds[s.evidence], self.exp.least)]

    def left(self, done: Sequence[Boot]) -> int:
        """How many of the expected boots have not been tried."""
        tried = {(b.key, b.arm) for b in done}
        return sum((s.key, s.arm) not in tried for s in self.sure)

    def so_far(self, done: Sequence[Boot]) -> tuple[int, int]:
        """(boots tried, boots expected in total)."""
        tried = len({(b.key, b.arm) for b in done})
        return tried, tried + self.left(done)

    def limit(self, spec: BootSpec, done: Sequence[Boot]) -> float | None:
        """Seconds that this boot may take: the experiment's limit, else one derived from the baseline's boots of the
        same evidence (with the same vCPUs if there are any). None if there is neither."""
        if self.exp.boot_limit is not None:
            return self.exp.boot_limit
        like = (self.exp.baseline, spec.evidence)
        known = [b for b in done if b.outcome is Outcome.OK and (b.arm, b.evidence) == like]
        took = [b.seconds for b in known if b.cpus == spec.machine.cpus] or [b.seconds for b in known]
        return limit_by(max(took), spec.program) if took else None


@dataclass
class _Asked:
    """The boots that are wanted, new ones (`missing`) and those to repeat (`again`); `said`: why kinds were decided;
    `beyond`: kind → why it goes on after its pilot."""

    missing: list[BootSpec] = field(default_factory=list)
    again: list[BootSpec] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    beyond: dict[str, str] = field(default_factory=dict)

    @property
    def boots(self) -> int:
        """How many boots are wanted."""
        return len(self.missing) + len(self.again)


@dataclass(frozen=True)
class _SoFar:
    """The boots done so far: `tries` by (key, arm); `once`: those whose splat has to be confirmed by a repeat; `times`:
    in how many tries a hang must occur to count; `given_up`: (arm, vCPUs, evidence)."""

    tries: Mapping[tuple[str, str], Sequence[Boot]]
    once: frozenset[tuple[str, str]]
    times: int
    given_up: frozenset[tuple[str, int, str]]

    @classmethod
    def of(cls, exp: Experiment, done: Sequence[Boot]) -> _SoFar:
        tries: dict[tuple[str, str], list[Boot]] = {}
        for boot in done:
            tries.setdefault((boot.key, boot.arm), []).append(boot)
        many = [b for b in done if EVIDENCE[b.evidence].many]  # other kinds have only a few tries
        return cls(tries, seen_once(exp, done), tries_wanted(exp), given_up(exp, many))

    def is_given_up(self, spec: BootSpec) -> bool:
        """Whether the arm is known never to end a boot well there."""
        return (spec.arm, spec.machine.cpus, spec.evidence) in self.given_up

    def wants_again(self, spec: BootSpec, tries: Sequence[Boot]) -> bool:
        """Whether a boot that was tried is tried once more."""
        if len(tries) < TRIES and tries[0].outcome is not Outcome.OK:
            return not self.is_given_up(spec)
        if (spec.key, spec.arm) in self.once:
            return len(tries) < self.times
        hangs = all(b.outcome is Outcome.HANG for b in tries)
        return hangs and len(tries) < self.times and not spec.block and not self.is_given_up(spec)


def _place(spec: BootSpec) -> tuple[object, ...]:
    """What boots of two arms must have in common to be compared."""
    return spec.evidence, spec.machine, spec.layout, spec.program


def limit_by(seconds: float, program: str) -> float:
    """Seconds that a guest with this program may take, if one that ended well took `seconds`."""
    return max(LIMIT_LEAST + own_limit(program), LIMIT_TIMES * seconds)


def instruments(exp: Experiment) -> tuple[str, ...]:
    """The instruments whose kernels the experiment's evidence boots, in the order in which they are needed."""
    return tuple(dict.fromkeys(i for kind in exp.evidence for i in EVIDENCE[kind].instruments))
