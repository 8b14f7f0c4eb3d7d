"""The job `bisect`: takes a question; builds, boots, finds the culprit and proves it; leaves bisect.json."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.base.errors import COULD_NOT_RUN, INCONCLUSIVE, OK, MachineError
from kit.base.progress import Progress
from kit.bisection.findings import Finding, Proof, Stage, as_json, in_words
from kit.bisection.history import read_history
from kit.bisection.line import Line, places
from kit.bisection.proving import Prover
from kit.bisection.question import SCHEME, Question, write_question
from kit.bisection.readings import bad_side
from kit.bisection.series import line_of, read_pieces
from kit.bisection.suspect import Named, name_change
from kit.bisection.trials import SEARCH
from kit.bisection.workbench import Workbench
from kit.evidence.bisected import METRICS
from kit.kernel.git import Repository
from kit.kernel.tree import Tree, resolve_tree
from kit.records import Boot
from kit.run.runner import Engine, LocalRunner
from kit.run.workplace import workplace
from kit.search.exact import ExactSearch
from kit.search.levels import SPREADS, Levels
from kit.search.noisy import NoisySearch
from kit.search.noted import note
from kit.search.odds import kinship
from kit.search.protocol import Change, Done, End, Measure, Seen
from kit.search.rates import CLEAN, Rates
from kit.store.cache import Cache
from kit.store.files import write_json
from kit.store.runfiles import resume_command
from kit.store.runfolder import RunFolder

APART = (0.2, 0.4, 0.4)  # prior of each spread of kernels' own offsets, after a commit was found wrongly
RULED_OUT = 3  # the search does not go on after this many wrong culprits
BUILD_SECONDS, BOOT_SECONDS = 30.0, 15.0  # estimates until some were done here
Watch = Callable[["Narrowed"], None]


@dataclass(frozen=True)
class Narrowed:
    """The state of a search. `chances`: for each commit the probability that it is the culprit; `seen`: all tests of
    the line so far; `images`: place → the kernel's image."""

    line: Line
    chances: tuple[float, ...]
    seen: tuple[Seen, ...]
    images: dict[int, str]


@dataclass(frozen=True)
class BisectResult:
    """The result of a bisection; `found` is the content of bisect.json."""

    folder: Path
    found: dict[str, Any]
    exit_code: int


def line_for(question: Question, cache: Cache, progress: Progress) -> tuple[Line, tuple[str, ...]]:
    """The line of commits that a question is about, and remarks on it. Raises UserError, MachineError."""
    if question.series is not None:
        pieces = read_pieces(question.series)  # before anything is downloaded
        return line_of(resolve_tree(question.tree, cache, progress), pieces), ()
    wanted, place = question.wanted, question.tree.removeprefix(SCHEME)
    root = Repository.open(Path(place).expanduser(), question.tree).root
    trees: dict[str, Tree] = {}

    def tree(sha: str) -> Tree:
        if sha not in trees:
            while len(trees) > 3:  # each lists every file of a kernel
                trees.pop(next(iter(trees)))
            trees[sha] = resolve_tree(f"{SCHEME}{root}@{sha}", cache, progress)
        return trees[sha]

    return read_history(root, wanted.good or "", wanted.bad or "", tree)


def bisect(
    question: Question,
    cache: Cache,
    progress: Progress,
    runs: Path,
    resume: Path | None = None,
    watch: Watch | None = None,
    engine: Engine = LocalRunner,
) -> BisectResult:
    """Finds the commit that changed the metric, or says why not. `watch` is called after every test.

    Raises UserError for bad input before anything is built, MachineError if the machine fails, KeyboardInterrupt with
    the command that resumes the bisection.
    """
    start = time.monotonic()
    with workplace(cache, progress, question.exp.toolchain) as place:
        line, notes = line_for(question, cache, progress)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        folder = RunFolder(resume) if resume else RunFolder.create(runs, question.exp.name, stamp)
        with place.at(folder):
            ends = None if question.series is not None else (line.place(0), line.place(len(line.commits)))
            write_question(question, folder.path, ends)
            workbench = Workbench(question, engine(place), place)
            job = _Job(question, line, workbench, progress, watch or (lambda _: None), list(notes), start)
            return _interruptible(job)


def _interruptible(job: _Job) -> BisectResult:
    try:
        return job.run()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"go on with: {resume_command(job.folder.path)}") from None
    except MachineError as error:
        hint = "; ".join(x for x in (error.hint, f"go on with: {resume_command(job.folder.path)}") if x)
        raise MachineError(error.what, where=error.where, hint=hint) from error


class _Job:
    """One bisection. Its steps in order are the methods that `run` calls."""

    def __init__(
        self,
        question: Question,
        line: Line,
        workbench: Workbench,
        progress: Progress,
        watch: Watch,
        notes: list[str],
        start: float,
    ) -> None:
        self.question, self.line, self.workbench, self.progress = question, line, workbench, progress
        self.watch, self.notes, self.start = watch, notes, start
        self.tests, self.folder = workbench.tests, workbench.place.folder
        self.noisy = not question.exact
        self.limit = question.wanted.threshold  # a value is bad from there on; None: half way between a line's ends
        self.named: Named | None = None
        self.asked_model = False
        self.ruled_out: set[str] = set()  # places of commits whose revert left the bad end as it was

    def run(self) -> BisectResult:
        for said in self.notes:
            self.progress.note(said)
        stages = self._into_merges(Stage(self.line, self._search(self.line)))
        proof = self._proved(stages[-1])
        if proof.scatters and not self.noisy:
            self.noisy = True
            self.notes.append("the good end did not give the same value again: the search went on by probability")
            stages = self._into_merges(Stage(self.line, self._search(self.line)))
            proof = self._proved(stages[-1])
        while self.noisy and proof.revert_holds is False and self._rules_out(stages[-1]):
            stages = self._into_merges(Stage(self.line, self._search(self.line)))
            proof = self._proved(stages[-1])
        return self._finish(Finding(tuple(stages), self.named, proof, self.noisy))

    def _rules_out(self, stage: Stage) -> bool:
        """Rules the culprit out; False if it was ruled out before (a side's only commit is found again) or enough were.
        """
        place = stage.line.place(stage.culprit)
        if place in self.ruled_out or len(self.ruled_out) >= RULED_OUT:
            return False
        self.ruled_out.add(place)
        self.notes.append(f"{stage.commit.name} was ruled out: the bad end is as bad without it; the search went on")
        return True

    def _search_inside(self, side: Line, stage: Stage) -> Done:
        """Searches a side of a merge. First for the change that the merge made: what was merged back into a side may
        change more than the culprit does. Only if that shows nothing, for any difference between the side's ends."""
        if self.noisy:
            return self._innocent(side, stage) or self._search(side)
        if self.limit is None:
            self.limit = (stage.change.before + stage.change.after) / 2
            done = self._search(side)
            self.limit = None
            if done.end is not End.NO_DIFFERENCE:
                return done
        return self._search(side)

    def _innocent(self, side: Line, stage: Stage) -> Done | None:
        """Tests a side's last commit until it is clear which level it has. If it is like the commits before the merge,
        the side did not bring the change: NO_DIFFERENCE. None if it is like those after, or if it stays unclear.

        Both levels and the noise are known by then. A search between the side's ends would first have to show that they
        do not differ, which takes hundreds of tests and is sometimes wrong.
        """
        last, sure = len(side.commits), self.question.wanted.probability
        good, bad = Prover(self.question, stage.line, self.workbench, self.progress, noisy=True).sides(stage)
        while not self._spent():
            tests = [s for s in self.tests.of(places(side)) if s.commit == last]
            values = [s.value for s in tests if s.value is not None]
            if len(tests) - len(values) > len(values):
                return None
            said = kinship(values, good, bad, sure, yes_no=self.question.yes_no)
            if said.enough:
                why = f"#{last} is as good as the commits before the merge"
                return Done(End.NO_DIFFERENCE, (), sure, why) if said.holds else None
            self._test(side, last, ())
        return None

    def _proved(self, stage: Stage) -> Proof:
        if stage.done.end is not End.FOUND:
            return Proof()
        return Prover(self.question, self.line, self.workbench, self.progress, self.noisy).prove(stage)

    def _search(self, line: Line) -> Done:
        """Tests commits of a line until the search ends."""
        indices = places(line)
        while True:
            seen, images = self.tests.of(indices), self.tests.images(indices)
            step = self._step(line, seen, images)
            if isinstance(step, Done):
                if step.end is End.NOT_EXACT and not self.noisy:
                    self.noisy = True
                    self.notes.append(f"{in_words(line, step.why)}: the search goes on by probability")
                    continue
                return step
            if self._spent():
                return self._out_of_time(line, seen, images)
            measured = {s.commit for s in seen if s.value is not None}
            known = {image for index, image in images.items() if index in measured}
            self._test(line, step.commit, () if step.commit in images else known)
            now, images = self.tests.of(indices), self.tests.images(indices)
            self.watch(Narrowed(line, self._chances(line, now, images), tuple(now), images))

    def _test(self, line: Line, index: int, known: Collection[str]) -> None:
        self.workbench.test(line.place(index), lambda: line.source(index), SEARCH, known)

    def _step(self, line: Line, seen: Sequence[Seen], images: dict[int, str]) -> Measure | Done:
        count, direction = len(line.commits) + 1, self.question.direction

        def cost(commit: int) -> float:
            return self._boot_cost() + (0.0 if commit in images else self._build_cost())

        if self.noisy:
            return self._noisy_search(line).next(seen, cost, images)
        hint = self._hint(line, seen)
        return ExactSearch(count, direction, self.limit, hint, self.question.within).next(seen, cost, images)

    def _noisy_search(self, line: Line) -> NoisySearch:
        """A splat that the good end shows would be no good end; a command may fail there now and then."""
        wanted, count = self.question.wanted, len(line.commits) + 1
        of_outcomes = Rates(CLEAN) if METRICS[wanted.evidence].clean else Rates()
        of_values = Levels(spreads=SPREADS, common=APART) if self.ruled_out else Levels()
        model = of_outcomes if self.question.yes_no else of_values
        out = [line.place(i) in self.ruled_out for i in range(1, count)]
        weights = tuple(0.0 if o else 1.0 for o in out) if any(out) and not all(out) else None
        return NoisySearch(count, wanted.probability, model, self.question.direction, wanted.tests, weights)

    def _hint(self, line: Line, seen: Sequence[Seen]) -> int | None:
        """The commit that the model names, once both ends were booted."""
        ends = [self._boot_of(line.place(i)) for i in (0, len(line.commits))]
        if not self.asked_model and line is self.line and ends[0] and ends[1]:
            self.asked_model = True
            self.named = name_change(self.question, line, ends[0], ends[1])
            if self.named is not None:
                named = self.named
                self.progress.note(f"the model names {named.function}() ({named.file}): as in {named.like}")
        return self.named.commits[0] if self.named and self.named.commits and line is self.line else None

    def _boot_of(self, place: str) -> Boot | None:
        """The first good boot of a place."""
        names = {name for t in self.tests.done if t.place == place and t.value is not None for name in t.boots}
        return next((b for b in self.workbench.recorded if b.console in names and b.results), None)

    def _boot_cost(self) -> float:
        took = [t.boot_seconds for t in self.tests.done if t.boots]
        return sum(took) / len(took) if took else BOOT_SECONDS

    def _build_cost(self) -> float:
        took = [t.build_seconds for t in self.tests.done[1:] if t.built]
        return sum(took) / len(took) if took else BUILD_SECONDS

    def _spent(self) -> bool:
        return sum(t.boot_seconds for t in self.tests.done) > self.question.exp.minutes * 60

    def _out_of_time(self, line: Line, seen: Sequence[Seen], images: dict[int, str]) -> Done:
        """The result from what is known when the budget is spent."""
        why = f"the budget of {self.question.exp.minutes:g} minutes in guests is spent"
        if self.noisy:  # judge by the probabilities, not by single values
            done = replace(self._noisy_search(line), budget=len(seen)).next(seen, images=images)
            if isinstance(done, Done):
                return replace(done, why=f"{done.why.rpartition(':')[0]}: {why}") if done.end is End.SET else done
        known = self._bounds(line, seen, images)
        if known is None:
            return Done(End.UNTESTABLE, (), 0.0, f"{why} before both ends were measured")
        low, high, before, after = known
        change = Change(tuple(range(low + 1, high + 1)), before, after)
        return Done(End.SET, (change,), 0.0, f"{why}; {high - low} commits are left")

    def _bounds(self, line: Line, seen: Sequence[Seen], images: dict[int, str]) -> tuple[int, int, float, float] | None:
        """(last good, first bad, the ends' values), None before both ends were measured."""
        last = len(line.commits)
        values = {c: v[0] for c, v in note(last + 1, seen, images).values.items()}
        if 0 not in values or last not in values or values[0] == values[last]:
            return None
        good, bad = values[0], values[last]
        judged = {c: bad_side(v, good, bad, self.limit) for c, v in values.items()}
        high = min((c for c, is_bad in judged.items() if is_bad), default=last)
        return max((c for c, is_bad in judged.items() if not is_bad and c < high), default=0), high, good, bad

    def _chances(self, line: Line, seen: Sequence[Seen], images: dict[int, str]) -> tuple[float, ...]:
        """For each commit the probability that it is the culprit."""
        count = len(line.commits)
        if self.noisy:
            return tuple(float(c) for c in self._noisy_search(line).posterior(seen, images)[1:])
        known = self._bounds(line, seen, images)
        low, high = (0, count) if known is None else known[:2]
        return tuple(1 / (high - low) if low < c <= high else 0.0 for c in range(1, count + 1))

    def _into_merges(self, stage: Stage) -> list[Stage]:
        """The search, followed by those inside the merges that it led to."""
        stages = [stage]
        while stages[-1].merge and (found := self._side(stages[-1])) is not None:
            stages.append(found)
        return stages

    def _side(self, stage: Stage) -> Stage | None:
        """The search in the side of a merge that made the change; None if the merge itself did. If no side is found but
        one could not be tested, all commits of that side remain as candidates."""
        unknown = None
        for side in stage.line.inside(stage.culprit):
            self.progress.note(f"into the merge {stage.commit.name}: {side.good} to {side.bad}")
            done = self._search_inside(side, stage)
            if done.end in (End.FOUND, End.SET):
                return Stage(side, done)
            self.notes.append(f"in the merge {stage.commit.name}, {side.bad}: {in_words(side, done.why)}")
            if done.end is End.UNTESTABLE and unknown is None:
                every = tuple(range(1, len(side.commits) + 1))
                why = f"it came with the merge {stage.commit.name}, into which nobody could look: {done.why}"
                unknown = Stage(side, Done(End.SET, (replace(stage.change, candidates=every),), 0.0, why))
        return unknown

    def _finish(self, finding: Finding) -> BisectResult:
        found = as_json(self.question, self.line, finding, self.workbench, self.notes)
        found["seconds"] = round(time.monotonic() - self.start, 1)
        found["exit_code"] = exit_code(finding)
        write_json(self.folder.path / "bisect.json", found)
        return BisectResult(self.folder.path, found, found["exit_code"])


def exit_code(finding: Finding) -> int:
    """0: one commit, proved; 4: an end cannot be tested; 3: anything else."""
    end = finding.last.done.end
    if end is End.UNTESTABLE:
        return COULD_NOT_RUN
    return OK if end is End.FOUND and finding.proof.holds else INCONCLUSIVE
