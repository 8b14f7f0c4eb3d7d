"""One boot, prepared and done: a kernel, a program and a machine in; how the boot ended out.

Every boot of kit is made here: its nonce, the guest's settings, its initramfs, its limits, and a reader for its
results. Afterwards the addresses in its splats are decoded, and a full disk is told apart from a guest that failed.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit.base.errors import MachineError
from kit.base.frames import FrameError
from kit.base.progress import Progress
from kit.base.words import several
from kit.evidence import EVIDENCE
from kit.kernel.symbols import decode
from kit.records import BootSpec, Kernel, Machine, Outcome, Results
from kit.records.arches import ARCHES
from kit.run.ran import Ran, Range
from kit.store.files import write_atomic
from kit.vm.boot import BootRun, run_boot
from kit.vm.console import Limits
from kit.vm.debug import DAY, debug_boot
from kit.vm.hostfiles import HostFiles, host_files
from kit.vm.hostload import cores
from kit.vm.lent import Options, both, nothing
from kit.vm.plugin.found import Plugin, options
from kit.vm.plugin.records import JOB as COVERAGE
from kit.vm.plugin.records import read_file
from kit.vm.qemu import user_of
from kit.vm.session import Session, run_session
from kit.workload.guestimage import boot_initramfs
from kit.workload.load import own_limit, wanted_host
from kit.workload.results import read_results

TOTAL_SECONDS = {"tcg": 900.0, "icount": 900.0, "kvm": 300.0}  # limit until a boot of the baseline was measured
FIRST_LINE_SHARE, INIT_SHARE = 1 / 6, 1 / 2  # of a boot's limit, if that is more than the defaults of `Limits`
DEBUG_SECONDS = int(7 * DAY)  # limit for a guest with gdb attached
SPACE_BYTES = 4 << 20  # enough for a boot's log, results and temporary files
PROBE_PROGRAM = "worker probe\nwindow probe\nfork\nend\nend\n"
PROBE_MEMORY = 256  # MiB
UNMOVED = "nokaslr"  # a kernel parameter: its code is where vmlinux says, with a configuration of the user's too


@dataclass(frozen=True)
class BootRequest:
    """A boot with all that it needs. `raw`: path for the results as the guest sent them; `append`: more kernel
    parameters; `extra`: makes more options of QEMU; `host`: what it sees of the host's files; `cores`: the cores to
    pin the vCPUs of a timed boot to; `sources`: folders that may have the kernel's scripts."""

    kernel: Kernel
    machine: Machine
    initramfs: bytes = field(repr=False)
    nonce: str
    limits: Limits
    console: Path
    raw: Path | None = None
    append: str = ""
    extra: Options = nothing
    host: HostFiles | None = None
    cores: tuple[int, ...] | None = None
    sources: tuple[Path, ...] = ()

    @property
    def as_root(self) -> bool:
        """Whether QEMU must be root, if kit is."""
        return self.host is not None and bool(self.host.only_root())

    def read(self, data: bytes) -> tuple[Outcome, str, Results | None]:
        """Reads the results of this boot: outcome, why, results (None if damaged). Keeps a copy at `raw`. A guest whose
        kernel did not bring up all CPUs has failed: its counts are those of another machine."""
        if self.raw is not None:
            write_atomic(self.raw, data)  # the guest's own words, lock_stat's rows among them
        outcome, why, results = read_results(data, self.nonce)
        if results is not None and results.cpus != self.machine.cpus:
            return Outcome.FAILED, f"the kernel runs on {results.cpus} of {several(self.machine.cpus, 'vCPU')}", None
        return outcome, why, results


def host_of(program: str) -> HostFiles | None:
    """What a guest with this program sees of the host's files; None if it needs none."""
    wanted = wanted_host(program)
    return host_files(wanted.folders, home=wanted.home) if wanted else None


def request(
    kernel: Kernel,
    base: Path,
    program: str,
    machine: Machine,
    console: Path,
    *,
    seconds: float | None = None,
    conf: Mapping[str, str] | None = None,
) -> BootRequest:
    """The request for any program. `base`: the archive of the guest's programs; `seconds`: the boot's limit, by default
    that of a first boot; `conf`: settings of the guest to add or replace."""
    nonce = secrets.token_hex(8)
    total = seconds or TOTAL_SECONDS[machine.accel] + own_limit(program)
    host = host_of(program)
    told = {"nonce": nonce, "limit": str(int(total)), **(host.conf() if host else {}), **(conf or {})}
    return BootRequest(
        kernel,
        machine,
        boot_initramfs(base, program, told),
        nonce,
        limits_of(total, machine.accel),
        console,
        extra=host.options if host else nothing,
        host=host,
    )


def request_for(
    spec: BootSpec,
    kernel: Kernel,
    base: Path,
    console: Path,
    *,
    raw: Path | None = None,
    seconds: float | None = None,
    sources: Sequence[Path] = (),
    debug: bool = False,
) -> BootRequest:
    """The request for a boot of a plan. `debug`: gdb will be attached, so the guest itself has a long limit."""
    kind = EVIDENCE[spec.evidence]
    conf = {**({"limit": str(DEBUG_SECONDS)} if debug else {}), **kind.conf}
    made = request(kernel, base, spec.program, spec.machine, console, seconds=seconds, conf=conf)
    timed = cores() if kind.timed else None
    return replace(made, raw=raw, append=spec.layout, cores=timed, sources=tuple(sources))


def probe(kernel: Kernel, base: Path, arch: str, console: Path, limits: Limits) -> BootRequest:
    """The request for a boot that only shows whether KVM runs a kernel here."""
    machine = Machine(arch, 1, PROBE_MEMORY, "kvm")
    return replace(request(kernel, base, PROBE_PROGRAM, machine, console, seconds=limits.total), limits=limits)


def limits_of(total: float, accel: str) -> Limits:
    """The limits for a guest that may take `total` seconds. A longer total (for a slow host) also lengthens the limits
    for the first line and for init. Under icount only the total counts, since nothing is printed before init runs."""
    if accel == "icount":
        return Limits(first_line=total, init=total, total=total)
    first = max(Limits.first_line, total * FIRST_LINE_SHARE)
    return Limits(first_line=first, init=max(Limits.init, total * INIT_SHARE), total=total)


def boot(asked: BootRequest, progress: Progress) -> BootRun:
    """Does the boot. Raises MachineError if QEMU is missing or a disk is full."""
    _tell(asked, progress)
    with progress.busy.work():
        run = run_boot(
            Path(asked.kernel.image),
            asked.initramfs,
            asked.machine,
            console=asked.console,
            read=asked.read,
            limits=asked.limits,
            append=asked.append,
            extra=asked.extra,
            as_root=asked.as_root,
            on_command=progress.command,
            cores=asked.cores,
        )
    return _seen(asked, run, progress)


def debug(asked: BootRequest, progress: Progress, say: Callable[[str], None], *, stopped: bool) -> BootRun:
    """Does the boot with a gdb stub: `stopped` before its first instruction, else left running for gdb if it hangs.
    Raises MachineError if QEMU does not start."""
    run = debug_boot(
        Path(asked.kernel.image),
        asked.initramfs,
        asked.machine,
        console=asked.console,
        read=asked.read,
        limits=asked.limits,
        stopped=stopped,
        say=say,
        append=asked.append,
        extra=asked.extra,
        as_root=asked.as_root,
        on_command=progress.command,
    )
    return _seen(asked, run, progress)


def _tell(asked: BootRequest, progress: Progress) -> None:
    """Says once what of the host a guest sees, and if its QEMU must be root."""
    user = user_of(asked.machine)
    why = asked.host.only_root() if asked.host and user.id is not None else user.why
    if why:
        progress.once(f"QEMU runs as root, since {why} (kit help security)")
    if asked.host is not None:
        progress.once(asked.host.said())


def covered(asked: BootRequest, plugin: Plugin, ranges: Sequence[Range], progress: Progress) -> Ran:
    """Does the boot with QEMU's plugin; what ran of these ranges (in order, without overlaps). Raises MachineError if
    QEMU does not start or a disk is full."""
    with tempfile.TemporaryDirectory(prefix="kit-boot-plugin-") as name:
        folder = Path(name)
        told = "".join(f"{begin:x} {end:x}\n" for begin, end in ranges)
        more = options(plugin, ARCHES[asked.machine.arch], COVERAGE, folder, asked.nonce, told)
        run = boot(replace(asked, append=UNMOVED, extra=both(asked.extra, more)), progress)
        if run.results is None:
            return Ran(why=f"the boot with QEMU's plugin: {run.outcome}: {run.why}", seconds=run.seconds)
        try:
            found = read_file(folder / "records", asked.nonce, ranges)
        except FrameError as error:
            return Ran(why=f"the records of QEMU's plugin: {error}", seconds=run.seconds)
    return Ran.of(found, [window.name for window in run.results.windows], run.seconds)


def session(asked: BootRequest, progress: Progress, *, interactive: bool, seconds: float | None) -> Session:
    """Does the boot with this process's terminal or streams in the guest. `seconds`: the limit, None for no limit."""
    _tell(asked, progress)
    return run_session(
        Path(asked.kernel.image),
        asked.initramfs,
        asked.machine,
        interactive=interactive,
        extra=asked.extra,
        as_root=asked.as_root,
        limit=seconds,
        on_command=progress.command,
    )


def _seen(asked: BootRequest, run: BootRun, progress: Progress) -> BootRun:
    """The boot with the addresses in its splats decoded. Raises MachineError if a disk is full."""
    if run.outcome is not Outcome.OK:
        _require_space(asked)
    return replace(run, splats=decode(run.splats, Path(asked.kernel.vmlinux), asked.sources, progress))


def _require_space(asked: BootRequest) -> None:
    """Raises MachineError if a disk is full: then the guest is not to blame for missing results."""
    for place in (asked.console.parent, Path(tempfile.gettempdir())):
        if shutil.disk_usage(place).free < SPACE_BYTES:
            hint = "free some space and start again; a run goes on with --resume"
            raise MachineError("the disk is full", where=str(place), hint=hint)
