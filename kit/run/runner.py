"""The runner, which builds and boots: its protocol, and the runner of this machine, which reuses cached results.

build(BuildInput) → Kernel, boot(list of Ready) → Boots. A runner for other machines is another class with these
methods.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kit.base.errors import MachineError
from kit.evidence import EVIDENCE
from kit.kernel.build import BuildInput, build
from kit.kernel.debugobject import Lines, code_of_lines
from kit.kernel.functions import Image
from kit.records import BEYOND, Boot, BootSpec, Kernel, Machine, Outcome, digest, to_json
from kit.records.arches import ARCHES
from kit.records.decode import boot_from_json
from kit.run import bootrequest
from kit.run.bootrequest import BootRequest
from kit.run.ran import Ran, Range
from kit.run.watched import watched
from kit.run.workplace import Workplace
from kit.store.files import read_json, write_json
from kit.store.runfolder import RunFolder
from kit.vm.boot import BootRun
from kit.vm.console import Limits
from kit.vm.kvm import HostFacts, host_facts, probe
from kit.vm.plugin.found import Plugin, find_plugin
from kit.workload.guestimage import GuestImage, archive_name, build_guest, guest_key
from kit.workload.load import wanted_host


@dataclass(frozen=True)
class Ready:
    """A boot whose kernel is built. `limit`: seconds that it may take, None: as long as a first boot may; `fresh`: do
    not take it from the cache."""

    spec: BootSpec
    limit: float | None = None
    fresh: bool = False


class Runner(Protocol):
    """Builds kernels and boots them. Wherever that happens, this machine can read the kernel's files, and the logs and
    results of boots in the run folder."""

    @property
    def guest_key(self) -> str:
        """The content key of the programs that run in every guest."""
        ...

    @property
    def host(self) -> HostFacts:
        """Facts about the host that boots, for the records."""
        ...

    @property
    def guest_seconds(self) -> float:
        """Wall time of guests so far."""
        ...

    @property
    def places(self) -> int:
        """How many boots it can do at once. All boots of a block must run on one host, timed ones one at a time."""
        ...

    def build(self, job: BuildInput) -> Kernel:
        """The kernel of a spec, built or from the cache. Called from a thread of its own, for one kernel at a time.

        Raises BuildError with the compiler's output, UserError, MachineError.
        """
        ...

    def accel(self, request: str, kernel: Kernel, generation: str, arch: str) -> tuple[str, str]:
        """(kvm or tcg, why), by a real boot of `kernel`. Raises MachineError if `request` is kvm and KVM fails."""
        ...

    def boot(self, ready: Sequence[Ready]) -> Iterator[Boot]:
        """Does these boots, at most `places`; yields each when it has ended, in any order.

        Raises MachineError if a host fails: that is not an outcome of a boot.
        """
        ...

    def covered(
        self, name: str, kernel: Kernel, program: str, machine: Machine, ranges: Sequence[Range], seconds: float
    ) -> Ran:
        """What ran of these ranges of addresses in one more boot. `name`: of its log; `seconds`: its limit. Raises
        MachineError."""
        ...

    def line_code(
        self, job: BuildInput, wanted: Mapping[str, AbstractSet[int]], changed: AbstractSet[str], image: Image
    ) -> Lines:
        """The code that lines (path → numbers) have in a kernel that was built (kit.kernel.debugobject). Raises
        BuildError, MachineError."""
        ...


class Engine(Protocol):
    """Makes a runner for a job."""

    def __call__(self, place: Workplace, *, fresh: bool = False) -> Runner:
        """`fresh`: no boot of an earlier run is reused."""
        ...


class LocalRunner:
    """The runner of this machine: one boot at a time. `fresh`: no boot of an earlier run is reused."""

    places = 1

    def __init__(self, place: Workplace, *, fresh: bool = False) -> None:
        self.place, self.fresh = place, fresh
        self.cache, self.folder, self.tools, self.progress = place.cache, place.folder, place.tools, place.progress
        self.guest_seconds = 0.0
        self._kernels: dict[str, Kernel] = {}
        self._sources: dict[str, tuple[Path, ...]] = {}
        self._guest: GuestImage | None = None
        self.host: HostFacts = host_facts()

    @property
    def guest(self) -> GuestImage:
        """The initramfs that every boot shares, compiled on first use."""
        if self._guest is None:
            key = guest_key()
            self.cache.use("guest", archive_name(key))
            self._guest = build_guest(self.cache.folder("guest"), key=key, on_command=self.progress.command)
        return self._guest

    @property
    def guest_key(self) -> str:
        """The content key of `guest`."""
        return self.guest.key

    def build(self, job: BuildInput) -> Kernel:
        """The kernel of a spec, from the cache or built. Raises BuildError, UserError, MachineError."""
        self.place.spare_kernel(job)
        kernel = build(job, self.tools, self.cache, self.progress)
        self._kernels[kernel.key] = kernel
        # The tree's scripts are in one of these: the root of a git tree is a repository, perhaps without a work tree.
        self._sources[kernel.key] = (job.tree.root, self.cache.root / "objects" / job.objects / "src")
        return kernel

    def accel(self, request: str, kernel: Kernel, generation: str, arch: str) -> tuple[str, str]:
        """(kvm or tcg, why), by a real boot of `kernel`. The answer is kept for this host and kernel generation, so
        that a new patch does not wait for the watchdog again. Raises MachineError if `request` is kvm and KVM fails."""

        def attempt(limits: Limits) -> BootRun:
            with self.progress.task("does KVM really run a kernel here? A boot under a watchdog"):
                console = self._console("kvm-probe")
                return self._do(bootrequest.probe(kernel, self.guest.base_cpio_path, arch, console, limits))

        return probe(request, self.host, generation, attempt, self.cache.folder("kvm") / "answers.json")

    def boot(self, ready: Sequence[Ready]) -> Iterator[Boot]:
        """One boot after the other: done, or taken from the cache where its evidence is exact."""
        return map(self._boot, ready)

    def _boot(self, ready: Ready) -> Boot:
        spec = ready.spec
        name = f"{spec.order:03d}-{spec.arm}-{spec.machine.cpus}cpu-{spec.evidence}"
        self.place.spare([("boots", spec.key)])
        if not ready.fresh and (boot := self._reuse(spec, name)) is not None:
            return boot
        console = self._console(name)
        asked = bootrequest.request_for(
            spec, self._kernels[spec.kernel_key], self.guest.base_cpio_path, console,
            raw=self.folder.raw(console), seconds=ready.limit, sources=self._sources[spec.kernel_key],
        )  # fmt: skip
        job = EVIDENCE[spec.evidence].watched
        boot = _record(spec, self._watch(asked, job) if job else self._do(asked), self.folder)
        if boot.outcome is Outcome.OK and _is_exact(spec) and not boot.splats:
            self._keep(boot)
        return boot

    def covered(
        self, name: str, kernel: Kernel, program: str, machine: Machine, ranges: Sequence[Range], seconds: float
    ) -> Ran:
        """What ran of these ranges, by QEMU's plugin. Raises MachineError."""
        plugin = self._plugin(machine.arch)
        if plugin.file is None:
            return Ran(why=plugin.why)
        base = self.guest.base_cpio_path
        asked = bootrequest.request(kernel, base, program, machine, self._console(name), seconds=seconds)
        found = bootrequest.covered(asked, plugin, ranges, self.progress)
        self.guest_seconds += found.seconds
        return found

    def line_code(
        self, job: BuildInput, wanted: Mapping[str, AbstractSet[int]], changed: AbstractSet[str], image: Image
    ) -> Lines:
        """The code that lines have, by objects compiled once more. Raises BuildError, MachineError."""
        return code_of_lines(job, wanted, changed, image, self.tools, self.cache, self.progress)

    def _plugin(self, arch: str) -> Plugin:
        plugin = find_plugin(ARCHES[arch], self.cache.folder("plugin"), self.progress.command)
        if plugin.file is not None:
            self.cache.use("plugin", plugin.file.name)
        return plugin

    def _watch(self, asked: BootRequest, job: str) -> BootRun:
        """The boot with a job of QEMU's plugin. Raises MachineError if this QEMU has none."""
        plugin = self._plugin(asked.machine.arch)
        if plugin.file is None:
            raise MachineError(f"no {job}: {plugin.why}", hint="leave it out of evidence, or take QEMU from 7.2 on")
        run = watched(asked, plugin, job, self.progress)
        self.guest_seconds += run.seconds
        return run

    def _do(self, asked: BootRequest) -> BootRun:
        run = bootrequest.boot(asked, self.progress)
        self.guest_seconds += run.seconds
        return run

    def _console(self, name: str) -> Path:
        """A log's path; a second try does not overwrite the first."""
        path = self.folder.console(name)
        tries = 1
        while path.exists():
            tries += 1
            path = self.folder.console(f"{name}-try{tries}")
        return path

    def _reuse(self, spec: BootSpec, name: str) -> Boot | None:
        kept = self.cache.root / "boots" / spec.key
        record = _kept_boot(kept, spec.machine.cpus)
        if self.fresh or spec.repeat >= BEYOND or not _is_exact(spec) or record is None:
            return None
        console = self._console(name)
        try:
            shutil.copyfile(kept / "console.log", console)
        except FileNotFoundError:  # damaged, or just cleaned away
            return None
        self.cache.touch("boots", spec.key)
        fresh: dict[str, Any] = {
            **record["boot"],
            "arm": spec.arm,
            "block": spec.block,
            "order": spec.order,
            "console": str(console.relative_to(self.folder.path)),
            "reused": record["run"],
        }
        return boot_from_json(fresh)

    def _keep(self, boot: Boot) -> None:
        record = json.loads(json.dumps(to_json(boot)))
        with self.cache.new_folder("boots", boot.key) as draft:
            shutil.copyfile(self.folder.path / boot.console, draft / "console.log")
            write_json(draft / "boot.json", {"boot": record, "digest": digest(record), "run": self.folder.path.name})


def _is_exact(spec: BootSpec) -> bool:
    """Whether repeating the boot gives the same result, so that it may be reused. Not so on the host's files, which no
    key covers, and after a kind's pilot, where boots are known to differ."""
    kind = EVIDENCE[spec.evidence]
    return kind.exact and wanted_host(spec.program) is None and (not kind.pilot or spec.block < kind.pilot)


def _record(spec: BootSpec, run: BootRun, folder: RunFolder) -> Boot:
    return Boot(
        key=spec.key,
        arm=spec.arm,
        kernel_key=spec.kernel_key,
        evidence=spec.evidence,
        cpus=spec.machine.cpus,
        accel=spec.machine.accel,
        repeat=spec.repeat,
        block=spec.block,
        order=spec.order,
        outcome=run.outcome,
        why=run.why,
        seconds=round(run.seconds, 2),
        console=str(run.console.relative_to(folder.path)),
        results=run.results,
        splats=tuple(run.splats),
        host=run.host,
    )


def _kept_boot(kept: Path, cpus: int) -> dict[str, Any] | None:
    """The record of a boot in the cache; None if there is none, its digest does not match, or its kernel ran on another
    number of CPUs than `cpus` (kit.run.bootrequest refuses such boots, but did not always)."""
    record = read_json(kept / "boot.json")
    whole = isinstance(record, dict) and {"boot", "digest", "run"} <= record.keys()
    if not whole or digest(record["boot"]) != record["digest"]:
        return None
    results = record["boot"]["results"]
    return record if results is None or results["cpus"] == cpus else None


def load_boots(folder: RunFolder) -> list[Boot]:
    """The boots that a run has recorded so far. Raises MachineError with the line of one that is no boot."""
    boots = []
    for number, record in folder.numbered_boots():
        try:
            boots.append(boot_from_json(record))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"not the record of a boot ({type(error).__name__}: {error})"
            hint = "delete the line; --resume then does the boot again"
            raise MachineError(what, where=f"{folder.boots}:{number}", hint=hint) from error
    return boots
