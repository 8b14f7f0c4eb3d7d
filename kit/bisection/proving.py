"""The proofs of a bisection: measures the good end again, and the bad end with the culprit reverted.

If tests scatter, each round measures both ends and the revert in turn, until the answer is as sure as was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.bisection.findings import Proof, Stage
from kit.bisection.line import Line, Source, places
from kit.bisection.question import Question
from kit.bisection.revert import reverted
from kit.bisection.trials import AGAIN, REVERTED, SAME, SEARCH, Trial
from kit.bisection.workbench import Workbench
from kit.search.doubts import fenced
from kit.search.noted import Noted, note
from kit.search.odds import MOST, MOST_OUTCOMES, Outcomes, Pairs, spread_about

PLACE = 39  # most characters of a revert's place: a place of 40 is taken for a commit's id
GetSource = Callable[[], Source]


class Prover:
    """Proves culprits. `line`: the whole line with both ends; the culprit may be on another line, inside a merge."""

    def __init__(self, question: Question, line: Line, workbench: Workbench, progress: Progress, noisy: bool) -> None:
        self.question, self.line, self.workbench, self.progress = question, line, workbench, progress
        self.noisy, self.tests = noisy, workbench.tests
        self.ends = line.place(0), line.place(len(line.commits))

    def prove(self, stage: Stage) -> Proof:
        """Measures the good end again and the bad end without the culprit. Raises MachineError."""
        place, source, why = f"revert-{stage.commit.name}"[:PLACE], None, ""
        proof = self._expected(stage)
        if not self.noisy:
            again = _values(self._times(1, self.ends[0], AGAIN, lambda: self.line.source(0)))
            proof = replace(proof, again=again)
            if proof.scatters:
                return proof
        try:
            source = reverted(stage.line, stage.culprit, self.line, self.progress)
        except UserError as error:
            why = f"{stage.commit.name} cannot be reverted on the bad end: {error}"
        if self.noisy:
            rounds = self._outcomes if self.question.yes_no else self._in_rounds
            return replace(rounds(proof, stage, place, source), why=why)
        return replace(proof, why=why) if source is None else self._without(proof, place, lambda: source)

    def _expected(self, stage: Stage) -> Proof:
        """A proof with the search's values, and nothing measured yet."""
        change, wanted = stage.change, self.question.wanted
        good, bad = self._measured(0), self._measured(len(self.line.commits))
        ends = good[0], fmean(bad) if bad else change.after
        return Proof((), (), *ends, change.before, change.after, wanted.threshold, self.question.within)

    def _without(self, proof: Proof, place: str, get_source: GetSource) -> Proof:
        """The bad end without the culprit, once: exact."""
        tests = self._times(1, place, REVERTED, get_source)
        images = {t.image: t.value for t in self.tests.done if t.value is not None and t.role == SEARCH}
        values = _values(tests)
        same = tuple(v for t in tests if t.role == SAME and (v := images.get(t.image)) is not None)
        why = "" if values or same else tests[-1].why
        return replace(proof, reverted=values or same[:1], same_image=bool(same) and not values, why=why)

    def _in_rounds(self, proof: Proof, stage: Stage, place: str, source: Source | None) -> Proof:
        """Measures good end, bad end and revert in turn; the answers come from the bad end's differences from the
        others.
        """
        last = len(self.line.commits)
        for round_ in range(1, MOST + 1):
            good = self._times(round_, self.ends[0], AGAIN, lambda: self.line.source(0))
            bad = self._times(round_, self.ends[1], AGAIN, lambda: self.line.source(last))
            without = [] if source is None else self._times(round_, place, REVERTED, lambda: source)
            again, gone = self._pairs(proof, stage, good, bad, without)
            if again.enough and (gone.enough or source is None):
                break
        decided = again.holds, gone.holds if source is not None else None
        return replace(proof, again=_values(good), reverted=_values(without), beside=_values(bad), decided=decided)

    def _pairs(
        self, proof: Proof, stage: Stage, good: Sequence[Trial], bad: Sequence[Trial], without: Sequence[Trial]
    ) -> tuple[Pairs, Pairs]:
        """What the rounds so far say about the good end and about the revert. The expected difference is that between
        all values of the two sides of the culprit. For the good end it is that of the ends' own (few) tests, if there
        are other changes too or the culprit is inside a merge."""
        spread, sure, change = self._spread(stage), self.question.wanted.probability, proof.after - proof.before
        ends = proof.bad - fmean(self._measured(0)) if stage.done.changes[1:] or stage.line is not self.line else change
        return Pairs(_differences(bad, good), ends, spread, sure), Pairs(
            _differences(bad, without), change, spread, sure
        )

    def _outcomes(self, proof: Proof, stage: Stage, place: str, source: Source | None) -> Proof:
        """Tests the good end and the revert, each until it is clear whether it has the good side's rate or the bad
        side's. A side's rate is estimated from all its tests."""
        sides, sure = self.sides(stage), self.question.wanted.probability
        good, bad = ((len(values), round(sum(values))) for values in sides)

        def ask(
            place: str, role: str, get_source: GetSource, known: Sequence[float]
        ) -> tuple[Sequence[float], bool | None]:
            for round_ in range(1, MOST_OUTCOMES + 1):
                tests = self._times(round_, place, role, get_source)
                said = Outcomes((*known, *_values(tests)), good, bad, sure)
                if said.enough or len(tests) < round_ or tests[-1].skip:
                    break
            return _values(tests), said.holds if _values(tests) else None

        again, as_it_was = ask(self.ends[0], AGAIN, lambda: self.line.source(0), self._measured(0, SEARCH))
        without, gone = ((), None) if source is None else ask(place, REVERTED, lambda: source, ())
        return replace(proof, again=tuple(again), reverted=tuple(without), decided=(as_it_was, gone))

    def _spread(self, stage: Stage) -> float:
        """Standard deviation of a test, as the search has seen it on both sides of the culprit."""
        return spread_about(self.sides(stage))

    def sides(self, stage: Stage) -> tuple[list[float], list[float]]:
        """All values before the culprit, and all from it on."""
        own = self._noted(stage.line).own
        drawn = own if self.question.yes_no else fenced(own)[0]
        before, after = ([v for c, several in drawn.items() if (c < stage.culprit) is first for v in several]
                         for first in (True, False))  # fmt: skip
        return before, after

    def _measured(self, index: int, role: str = "") -> Sequence[float]:
        """The values of the tests of a commit of the line, and of kernels with the same code. With `role`: only the
        commit's own tests of that role."""
        if role:
            mine = [t for t in self.tests.done if t.place == self.line.place(index) and t.role == role]
            return _values(mine)
        return self._noted(self.line).values.get(index, ())

    def _noted(self, line: Line) -> Noted:
        indices = places(line)
        return note(len(indices), self.tests.of(indices), self.tests.images(indices))

    def _times(self, times: int, place: str, role: str, get_source: GetSource) -> list[Trial]:
        """Does tests of a place for a proof until there are `times`; those done before a resume count. Fewer if it
        cannot be tested or its kernel has known code."""
        roles = (role, SAME) if role == REVERTED else (role,)
        what = {self.ends[0]: "the good end again", self.ends[1]: "the bad end again"}
        while True:
            done = [t for t in self.tests.done if t.place == place and t.role in roles]
            if done and (len(done) >= times or done[-1].role == SAME or done[-1].skip):
                return done
            known = {t.image for t in self.tests.done if t.role == SEARCH and t.value is not None}
            self.progress.note(f"proof: {what.get(place, 'the bad end without the culprit')}")
            self.workbench.test(place, get_source, role, () if self.noisy else known)


def _values(tests: Sequence[Trial]) -> tuple[float, ...]:
    return tuple(t.value for t in tests if t.value is not None)


def _differences(bad: Sequence[Trial], others: Sequence[Trial]) -> list[float]:
    """The differences in the rounds in which both gave a value."""
    return [b.value - o.value for b, o in zip(bad, others, strict=False) if b.value is not None and o.value is not None]
