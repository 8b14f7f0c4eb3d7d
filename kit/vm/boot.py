"""One boot: a kernel image, an initramfs and a machine in, how it ended and what it sent out.

Only results with their end marker are a success; everything else has an outcome of its own (`records.Outcome`) and a
sentence why.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kit.errors import MachineError
from kit.records import Machine, Outcome, Results, Splat
from kit.vm.console import Ended, Limits, Watched, watch
from kit.vm.qemu import Files, arch, qemu_argv
from kit.vm.splats import FATAL, classify

# Between the closing of the console and the end of the process.
EXIT_SECONDS = 20.0

# The bytes of the results channel in; outcome OK, NO_END, DAMAGED or FAILED, why, and the results if OK.
ReadResults = Callable[[bytes], tuple[Outcome, str, Results | None]]
OnCommand = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class BootRun:
    """How one boot ended. `seconds` and `to_init` are wall time from QEMU's start; `results` only when ok."""

    outcome: Outcome
    why: str
    seconds: float
    to_init: float | None
    console: Path
    results: Results | None
    results_bytes: int
    splats: tuple[Splat, ...]


@dataclass(frozen=True)
class _Ended:
    """What is known once QEMU is gone. `status` as subprocess has it; None if it had to be killed."""

    watched: Watched
    status: int | None
    stderr: str


def run_boot(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    *,
    console: Path,
    read: ReadResults,
    limits: Limits | None = None,
    append: str = "",
    on_command: OnCommand | None = None,
) -> BootRun:
    """Boot `image` once, to its end or a limit, and say how it ended. The console's log stays at `console`.

    QEMU is killed when this is left in any way, Ctrl-C included. Raises MachineError if QEMU, setpriv or prlimit is
    missing, UserError for an unknown architecture.
    """
    limits = limits or Limits()
    _require(arch(machine.arch).program)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kit-boot-")))
        ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
        files = Files(image, folder / "initramfs", console, theirs.fileno(), folder / "results")
        files.initrd.write_bytes(initramfs)
        files.results.touch()
        console.parent.mkdir(parents=True, exist_ok=True)
        console.write_bytes(b"")
        argv = qemu_argv(machine, files, append)
        if on_command is not None:
            on_command(argv)
        ended = _run(argv, ours, theirs, folder / "stderr", limits)
        return _boot_run(ended, console, files.results.read_bytes(), read, limits)


def _require(program: str) -> None:
    for name in (program, "setpriv", "prlimit"):
        if shutil.which(name) is None:
            raise MachineError(f"there is no {name}", hint="install qemu-system-x86 and util-linux")


def _run(argv: Sequence[str], ours: socket.socket, theirs: socket.socket, stderr: Path, limits: Limits) -> _Ended:
    with stderr.open("wb") as errors, _process(argv, theirs.fileno(), errors.fileno()) as process:
        # Ours is the only other end from here on, so that the end of QEMU closes the console.
        theirs.close()
        watched = watch(ours, limits)
        status = None
        if watched.ended is Ended.CLOSED:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(EXIT_SECONDS)
    return _Ended(watched, status, stderr.read_text(errors="replace"))


@contextlib.contextmanager
def _process(argv: Sequence[str], fd: int, stderr: int) -> Iterator[subprocess.Popen[bytes]]:
    """The running command, killed and reaped on the way out. A session of its own: Ctrl-C is for us alone."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=(fd,),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _boot_run(ended: _Ended, console: Path, data: bytes, read: ReadResults, limits: Limits) -> BootRun:
    splats = tuple(classify(console.read_text(errors="replace")))
    outcome, why, results = _host_outcome(ended, splats, limits) or read(data)
    return BootRun(outcome, why, ended.watched.seconds, ended.watched.to_init, console, results, len(data), splats)


def _host_outcome(ended: _Ended, splats: Sequence[Splat], limits: Limits) -> tuple[Outcome, str, None] | None:
    """What can be said without reading the results; None if QEMU ended as it should."""
    watched = ended.watched
    fatal = next((splat for splat in splats if splat.kind in FATAL), None)
    if fatal is not None:
        return Outcome.PANIC, f"{fatal.title} ({watched.phase}, line {fatal.line} of the console)", None
    if watched.ended is Ended.FLOOD:
        return Outcome.HANG, f"more than {limits.console_bytes} bytes on the console, {watched.phase}", None
    if watched.ended is not Ended.CLOSED:
        return Outcome.HANG, f"no end after {watched.seconds:.0f} s, {watched.phase}", None
    if ended.status is None:
        return Outcome.HANG, f"QEMU closed the console and did not end within {EXIT_SECONDS:.0f} s", None
    return _exit_outcome(ended)


def _exit_outcome(ended: _Ended) -> tuple[Outcome, str, None] | None:
    status = ended.status or 0
    said = ended.stderr.strip()[-2000:]
    if status < 0:
        return Outcome.QEMU_DIED, f"QEMU died by {_signal(-status)}, {ended.watched.phase}{said and ': '}{said}", None
    if status and ended.watched.silent:
        return Outcome.QEMU_REFUSED, said or f"QEMU exited with status {status} and said nothing", None
    if status:
        return Outcome.QEMU_DIED, f"QEMU exited with status {status}, {ended.watched.phase}: {said}", None
    return None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
