"""One test of a bisection: the source at a place of a line in; a `Trial`, recorded on disk, out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from kit.base import commands
from kit.base.errors import BuildError, MachineError, UserError
from kit.base.project import PROJECT
from kit.bisection.line import Source
from kit.bisection.question import Question
from kit.bisection.readings import boots_of, metric_of
from kit.bisection.series import entries_of
from kit.bisection.trials import AGAIN, SAME, Trial, Trials
from kit.evidence import EVIDENCE
from kit.evidence.bisected import COMMAND
from kit.evidence.reading import BAD, GOOD, Reading
from kit.experiment.arms import build_input, config_of
from kit.kernel.build import BuildInput
from kit.kernel.image import same_code
from kit.kernel.trust import are_own
from kit.records import ArmSpec, Boot, BootSpec, Kernel, Outcome, to_json
from kit.run.plan import limit_by
from kit.run.runner import Ready, Runner, load_boots
from kit.run.workplace import Workplace
from kit.stats.failures import INFRASTRUCTURE

TRIES = 2  # a boot that fails by QEMU's fault is done once more
COMMAND_LIMIT = 3600.0  # seconds for the user's command
SAYS_NOTHING, LAST_VERDICT = 125, 127  # exit codes, as for git bisect run


class Workbench:
    """Builds and boots for one bisection. `tests` has all tests, those from before a resume too."""

    def __init__(self, question: Question, runner: Runner, place: Workplace) -> None:
        self.question, self.runner, self.place, self.progress = question, runner, place, place.progress
        self.tests = Trials(place.folder.path / "tests.jsonl")
        self.recorded: list[Boot] = load_boots(place.folder)
        place.spare(("boots", boot.key) for boot in self.recorded)
        self.accel = ""
        self.accel_why = ""
        # Whether all that is tested is of the tree's trust; what a proof takes out of a git tree is.
        self._own = question.series is None or are_own([str(entry.path) for entry in entries_of(question.series)])

    @property
    def instrument(self) -> str:
        """The instrument that kernels are built for."""
        wanted = self.question.wanted
        return wanted.instrument if wanted.evidence == COMMAND else metric_of(self.question).instrument

    def test(self, place: str, get_source: Callable[[], Source], role: str, known: Collection[str]) -> Trial:
        """Tests the source at a place. If its kernel's image is in `known`, it is not booted, and the test has the role
        `same`.

        Raises MachineError if the machine fails, UserError if the very first build fails by bad input.
        """
        start = time.monotonic()
        try:
            source = get_source()
            job = self._input(place, source)
            start = time.monotonic()  # reading a tree is no build
            kernel = self.runner.build(job)
        except (BuildError, UserError) as error:
            if isinstance(error, UserError) and not self.tests.done:
                raise  # at the first test the configuration is to blame, not a commit
            return self._add(place, role, Reading(None, _first_line(error), again=False), None, start, ())
        spent = time.monotonic() - start
        kernel = self._named(kernel)
        if kernel.image_sha256 in known and role != AGAIN:
            return self._add(place, SAME, Reading(None, "the same object code"), kernel, start, (), spent)
        self._choose_accel(kernel, source)
        if self.question.wanted.evidence == COMMAND:
            return self._add(place, role, self._command(place, kernel, source), kernel, start, (), spent)
        boots = [self._boot(spec, role) for spec in self._specs(place, role, kernel)]
        return self._add(place, role, metric_of(self.question).read(self.question, boots), kernel, start, boots, spent)

    def _named(self, kernel: Kernel) -> Kernel:
        """The kernel with the image hash of an earlier one that has the same code (apart from line numbers, build id).
        """
        config = Path(kernel.config).read_text(encoding="utf-8")
        for image, key in {t.image: t.kernel for t in self.tests.done if t.image}.items():
            other = self.place.cache.root / "kernels" / key / "vmlinux"
            if image == kernel.image_sha256 or (other.exists() and same_code(other, Path(kernel.vmlinux), config)):
                return replace(kernel, image_sha256=image)
        return kernel

    def _input(self, place: str, source: Source) -> BuildInput:
        exp, tree = self.question.exp, source.tree
        arm = ArmSpec(label(place), tree.ref, (), None)
        config = config_of(exp, self.instrument, tree.version, PROJECT / "configs")
        return build_input(exp, arm, self.instrument, tree, source.changed, config, self.place.tools, own=self._own)

    def _choose_accel(self, kernel: Kernel, source: Source) -> None:
        if self.accel or self.question.wanted.evidence == COMMAND:
            return
        kind = EVIDENCE[metric_of(self.question).evidence]
        self.accel, self.accel_why = kind.accel, kind.accel_why
        if not self.accel:
            exp, generation = self.question.exp, f"{source.tree.version} {self.instrument}"
            self.accel, self.accel_why = self.runner.accel(exp.accel, kernel, generation, exp.arch)
            self.progress.note(f"guests run by {self.accel.upper()}: {self.accel_why}")

    def _specs(self, place: str, role: str, kernel: Kernel) -> list[BootSpec]:
        """The boots of this test. A second test of a place gets new boots, not the first ones from the cache."""
        name = label(place) if role != AGAIN else f"{label(place)}-again"
        times = self.tests.times(place, role)
        specs = boots_of(self.question, name, kernel.key, self.accel, self.runner.guest_key)
        first = len(self.recorded)
        repeat = times + (1 if role == AGAIN else 0)
        return [replace(s, repeat=repeat, order=first + i) for i, s in enumerate(specs)]

    def _boot(self, spec: BootSpec, role: str) -> Boot:
        """One boot: one that was recorded before a kill, but belongs to no test yet, or a new one."""
        told = {name for t in self.tests.done for name in t.boots}
        mine = [b for b in self.recorded if (b.key, b.arm) == (spec.key, spec.arm) and b.console not in told]
        boot = next((b for b in mine if b.outcome not in INFRASTRUCTURE), None)
        for _ in range(TRIES):
            if boot is not None:
                break
            boot = self._once(spec, role)
            if boot.outcome in INFRASTRUCTURE:
                said, boot = boot, None
        if boot is None:
            raise MachineError(
                f"QEMU failed {TRIES} times: {said.why}", where=str(self.place.folder.path / said.console)
            )
        return boot

    def _once(self, spec: BootSpec, role: str) -> Boot:
        with self.progress.task(f"boot {spec.arm}, {spec.machine.cpus} vCPU"):
            boot = next(self.runner.boot([Ready(spec, self._limit(spec), fresh=role == AGAIN)]))
        self.place.folder.append_boot(to_json(boot))
        self.recorded.append(boot)
        return boot

    def _limit(self, spec: BootSpec) -> float | None:
        if self.question.exp.boot_limit is not None:
            return self.question.exp.boot_limit
        took = [b.seconds for b in self.recorded if b.outcome is Outcome.OK]
        return limit_by(took[0], spec.program) if took else None

    def _command(self, place: str, kernel: Kernel, source: Source) -> Reading:
        """Runs the user's command on a kernel. Raises UserError if its exit code asks to stop, MachineError if it takes
        too long."""
        command = self.question.wanted.command or ""
        log = self.place.folder.console(f"{len(self.tests.done):03d}-{label(place)}-command")
        env = {"KIT_IMAGE": kernel.image, "KIT_CONFIG": kernel.config, "KIT_COMMIT": place, "KIT_TREE": source.tree.ref}
        with self.progress.task(f"command for {label(place)}"):
            done = commands.run(
                ["sh", "-c", command],
                progress=self.progress,
                limit=COMMAND_LIMIT,
                env=env,
                log=log,
                cwd=Path(os.getcwd()),
            )
        if done.status == SAYS_NOTHING:
            return Reading(None, f"the command ended with {SAYS_NOTHING}", again=False)
        if not 0 <= done.status <= LAST_VERDICT:
            raise UserError(f"the command ended with status {done.status}: stopped", where=str(log))
        return Reading(GOOD if done.status == 0 else BAD)

    def _add(
        self,
        place: str,
        role: str,
        reading: Reading,
        kernel: Kernel | None,
        start: float,
        boots: Sequence[Boot],
        built_in: float | None = None,
    ) -> Trial:
        build_seconds = time.monotonic() - start if built_in is None else built_in
        test = Trial(
            place=place,
            role=role,
            value=reading.value,
            skip=reading.value is None and not reading.again,
            why=reading.why,
            image=kernel.image_sha256 if kernel else "",
            kernel=kernel.key if kernel else "",
            built=kernel is None or not kernel.cached,
            build_seconds=round(build_seconds, 2),
            boot_seconds=round(time.monotonic() - start - build_seconds, 2),
            boots=tuple(b.console for b in boots),
            reused=sum(bool(b.reused) for b in boots),
        )
        self.tests.add(test)
        return test


def label(place: str) -> str:
    """A place's name in file names: the first 12 digits of a commit's id, else the place itself."""
    return place[:12] if len(place) == 40 else place


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0])
