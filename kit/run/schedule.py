"""Builds and boots side by side: takes an experiment's arms and a runner, builds its kernels and does its boots.

Kernels are built one at a time in a thread of their own, in the order in which the evidence needs them. Meanwhile the
main thread does the boots whose kernels are ready. Boots that measure time (`Evidence.timed`) wait until all builds are
done. Ctrl-C reaches the main thread only, and ends both.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType

from kit.base.commands import Stopper
from kit.base.errors import BuildError
from kit.base.progress import Task
from kit.base.words import several
from kit.evidence import EVIDENCE
from kit.evidence.request import Site
from kit.experiment.arms import ResolvedArm
from kit.kernel.build import BuildInput
from kit.kernel.image import same_code
from kit.records import Boot, BootSpec, Experiment, Kernel, KernelSpec, Outcome, Stop, to_json
from kit.run.plan import Plan, instruments
from kit.run.runner import Ready, Runner, load_boots
from kit.run.workplace import Workplace

STOP_SECONDS = 8.0  # for make to end on SIGTERM; kit.base.commands.end gives it 5
IDLE_SECONDS = 1.0  # where no command runs, only another kit's lock can hold the thread


@dataclass(frozen=True)
class Built:
    """The result of a build: the kernel, or None and `fault`, the compiler's output."""

    job: BuildInput
    kernel: Kernel | None
    fault: str = ""


class Builds:
    """Builds kernels in order, in a thread that ends with this context. After the first it waits for `go_on`."""

    def __init__(self, jobs: Sequence[BuildInput], build: Callable[[BuildInput], Kernel]) -> None:
        self.jobs, self.build = jobs, build
        self.ended = False  # as far as `news` has told
        self._stopper = Stopper()
        self._queue: SimpleQueue[Built | BaseException | None] = SimpleQueue()
        self._may_go_on = threading.Event()
        # A daemon thread: it may wait for a lock of another process, which cannot be interrupted.
        self._thread = threading.Thread(target=self._run, name="builds", daemon=True)

    def __enter__(self) -> Builds:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._thread.is_alive():
                runs = self._stopper.stop(number)
                self._may_go_on.set()
                self._thread.join(STOP_SECONDS if runs else IDLE_SECONDS)

    def go_on(self) -> None:
        """Lets the thread build the kernels after the first."""
        self._may_go_on.set()

    def news(self, wait: bool) -> list[Built]:
        """The builds that ended since the last call. `wait`: wait for at least one, unless all are done. Raises the
        exception that ended the thread, if one did."""
        out: list[Built] = []
        while not self.ended:
            try:
                item = self._queue.get(block=wait and not out)
            except Empty:
                break
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self.ended = True
            else:
                out.append(item)
        return out

    def _run(self) -> None:
        self._stopper.take_this_thread()
        try:
            for number, job in enumerate(self.jobs):
                if number:
                    self._may_go_on.wait()
                if self._stopper.stopped:
                    return
                self._queue.put(self._built(job))
            self._queue.put(None)
        except BaseException as error:  # the main thread raises it in `news`
            self._queue.put(error)

    def _built(self, job: BuildInput) -> Built:
        try:
            return Built(job, self.build(job))
        except BuildError as error:
            return Built(job, None, str(error))


class Work:
    """The kernels and the boots of one experiment. `boots`: all recorded ones that belong to the plan, with those from
    before a resume; `build_faults`: arm → the compiler's output; `accel` and `why`: how guests run here."""

    def __init__(self, exp: Experiment, arms: Sequence[ResolvedArm], runner: Runner, place: Workplace) -> None:
        self.exp, self.arms, self.runner, self.folder = exp, arms, runner, place.folder
        self.progress = place.progress
        self.boots: list[Boot] = load_boots(place.folder)
        self.build_faults: dict[str, str] = {}
        self.accel, self.why = "tcg", "nothing is booted"
        self.kernels: dict[tuple[str, str], Kernel] = {}  # by arm and instrument
        self._keys: set[tuple[str, str]] = set()  # arm and key
        self.identical: dict[str, list[str]] = {}  # instrument → arms whose kernel is the baseline's own code
        self._failed: set[tuple[str, str]] = set()  # arm and key
        self._twins: set[tuple[str, str]] = set()  # the same, of arms that need no boot
        self._idle: set[str] = set()  # keys of the baseline's kernels with which nothing is left to compare

    @property
    def hopeless(self) -> bool:
        """Whether the baseline could not be built: nothing can be compared."""
        return self.exp.baseline in self.build_faults

    @property
    def unbooted(self) -> list[tuple[str, str]]:
        """(arm, instrument) of the kernels that need no boot."""
        left_out = ((pair, k.key) for pair, k in self.kernels.items())
        return [pair for pair, key in left_out if (pair[0], key) in self._twins or key in self._idle]

    def run(self, on_accel: Callable[[], None]) -> None:
        """Does all builds and boots of the plan. `on_accel` is called once when it is known how guests run."""
        with Builds(self._jobs(), self.runner.build) as builds:
            self._first(builds)
            if self.hopeless:
                return
            on_accel()
            builds.go_on()
            self._boot(builds)

    def _jobs(self) -> list[BuildInput]:
        arms = sorted(self.arms, key=lambda a: a.spec.name != self.exp.baseline)
        return [arm.builds[instrument] for instrument in instruments(self.exp) for arm in arms]

    def _first(self, builds: Builds) -> None:
        """Waits for the baseline's first kernel and tries KVM with it, while nothing else runs."""
        for built in builds.news(wait=True):
            self._note(built)
            if built.kernel is not None:
                version = next(a.tree.version for a in self.arms if a.spec.name == self.exp.baseline)
                generation = f"{version} {built.job.spec.instrument}"
                self.accel, self.why = self.runner.accel(self.exp.accel, built.kernel, generation, self.exp.arch)
        emulated = " Emulated time says nothing about hardware; counts are as exact." if self.accel == "tcg" else ""
        self.progress.note(f"guests run by {self.accel.upper()}: {self.why}.{emulated}")

    def _note(self, built: Built) -> None:
        spec = built.job.spec
        if built.kernel is None:
            self.build_faults[spec.arm] = built.fault
            self._failed.add((spec.arm, spec.key))
            self.progress.note(built.fault)
            return
        self._keys.add((spec.arm, built.kernel.key))
        self.kernels[spec.arm, spec.instrument] = built.kernel
        how = "from the cache" if built.kernel.cached else f"built in {built.kernel.seconds:.0f} s"
        self.progress.note(f"kernel {spec.arm} ({spec.instrument}): {how}")
        self._compare(spec)

    def _compare(self, spec: KernelSpec) -> None:
        """Drops the boots of an arm whose kernel has the baseline's code, and the baseline's boots if no other arm is
        left. Not in an A/A experiment, which compares just those."""
        base = self.kernels.get((self.exp.baseline, spec.instrument))
        if self.exp.aa or spec.arm == self.exp.baseline or base is None:
            return
        if not _same(base, self.kernels[spec.arm, spec.instrument]):
            return
        equal = self.identical.setdefault(spec.instrument, [])
        equal.append(spec.arm)
        self._twins.add((spec.arm, spec.key))
        if len(equal) == len(self.arms) - 1:
            self._idle.add(base.key)
        self.progress.note(f"{spec.instrument}: {spec.arm}: the same code as {self.exp.baseline}")

    def _boot(self, builds: Builds) -> None:
        keys = {(arm.spec.name, i): b.spec.key for arm in self.arms for i, b in arm.builds.items()}
        plan = Plan.of(self.exp, Site(keys, self.accel, self.runner.guest_key))
        with self.progress.task("boots", len(plan.sure)) as task:
            why = self._all_boots(plan, builds, task)
        self.progress.note(why)

    def _all_boots(self, plan: Plan, builds: Builds, task: Task) -> str:
        """Does boots as their kernels become ready, until none is left or the baseline's build failed; why it ended."""
        wait, told = False, set[str]()
        while True:
            for built in builds.news(wait):
                self._note(built)
            plan = Plan(self.exp, tuple(s for s in plan.wanted if self._wants(s)))
            self.boots = [b for b in self.boots if plan.knows(b)]  # a tree may have changed before a resume
            wanted = plan.next(self.boots)
            left = [] if isinstance(wanted, Stop) else wanted
            task.update(*plan.so_far(self.boots))
            ready = self._ready(left, builds.ended)
            if self.hopeless or (builds.ended and not ready):
                return wanted.why if isinstance(wanted, Stop) else f"{several(len(left), 'boot')} without a kernel"
            if after_pilot := {s.evidence for s in left if 0 < EVIDENCE[s.evidence].pilot <= s.block} - told:
                for kind, why in plan.beyond(self.boots).items():
                    self.progress.note(f"{kind}: {EVIDENCE[kind].pilot} boots of each arm are not enough: {why}")
                told |= after_pilot
            said = "; ".join(f"{s.arm}, {s.machine.cpus} vCPU, {s.evidence}" for s in ready)
            task.say(said or "waiting for a kernel")
            if ready:
                self._do(ready, plan)
            wait = not ready

    def _wants(self, spec: BootSpec) -> bool:
        """Whether this boot can still contribute to the verdict."""
        return (spec.arm, spec.kernel_key) not in self._failed | self._twins and spec.kernel_key not in self._idle

    def _has_kernel(self, spec: BootSpec) -> bool:
        """Whether the kernel of this boot is built. An arm that the experiment does not name has the baseline's."""
        named = any(a.spec.name == spec.arm for a in self.arms)
        return (spec.arm if named else self.exp.baseline, spec.kernel_key) in self._keys

    def _ready(self, wanted: Sequence[BootSpec], all_built: bool) -> list[BootSpec]:
        """The first boots whose kernel is built, at most as many as the runner has places. Timed boots only once all
        kernels are built."""
        able = (s for s in wanted if self._has_kernel(s))
        return list(islice((s for s in able if all_built or not EVIDENCE[s.evidence].timed), self.runner.places))

    def _do(self, ready: Sequence[BootSpec], plan: Plan) -> None:
        for boot in self.runner.boot([Ready(spec, plan.limit(spec, self.boots)) for spec in ready]):
            self.folder.append_boot(to_json(boot))
            self.boots.append(boot)
            if boot.outcome is not Outcome.OK:
                self.progress.note(f"boot {boot.order} ({boot.arm}, {boot.cpus} vCPU): {boot.outcome}: {boot.why}")


def _same(one: Kernel, other: Kernel) -> bool:
    """Whether two kernels of one instrument have the same code."""
    config = Path(one.config).read_text(encoding="utf-8")
    return one.key == other.key or same_code(Path(one.vmlinux), Path(other.vmlinux), config)
