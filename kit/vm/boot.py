"""Boots a kernel once in QEMU, and says how the boot ended and what it sent.

A boot succeeds only with complete results (with their end marker). Any other ending has its own `records.Outcome` and a
sentence that says why.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kit.base.errors import MachineError
from kit.records import HostRecord, Machine, Outcome, Pinned, Results, Splat
from kit.records.arches import Arch
from kit.vm.console import Ended, Limits, Phase, Watched, watch
from kit.vm.hang import ask
from kit.vm.hostload import host_state
from kit.vm.lent import Options, nothing
from kit.vm.pin import pin
from kit.vm.process import running
from kit.vm.qemu import Files, arch, lending_for, qemu_argv
from kit.vm.splats import classify, first_fatal
from kit.vm.stuck import stuck

# How long QEMU may take to exit after it closed the console.
EXIT_SECONDS = 20.0

# Reads the bytes of the results channel: outcome (OK, NO_END, DAMAGED or FAILED), why, and the results if OK.
ReadResults = Callable[[bytes], tuple[Outcome, str, Results | None]]
OnCommand = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class BootRun:
    """How one boot ended. `seconds` (to the end) and `to_init` are wall time from QEMU's start; `results` only if the
    outcome is OK; `console`: the path of the log; `host`: the host's state, only for a timed boot."""

    outcome: Outcome
    why: str
    seconds: float
    to_init: float | None
    console: Path
    results: Results | None
    results_bytes: int
    splats: tuple[Splat, ...]
    host: HostRecord | None = None


@dataclass(frozen=True)
class Ending:
    """What is known once QEMU is gone. `status`: its exit status (negative: a signal), None if it had to be killed.

    `answers`: what a hanging guest printed when it was asked where it hangs.
    """

    watched: Watched
    status: int | None
    stderr: str
    answers: bytes
    pinned: Pinned | None = None


@dataclass(frozen=True)
class _Pair:
    """Both ends of a socket pair."""

    ours: socket.socket
    theirs: socket.socket


@dataclass(frozen=True)
class _Pins:
    """A second QEMU monitor, to find the vCPUs' threads; the number of vCPUs; the cores for them."""

    monitor: _Pair
    vcpus: int
    cores: Sequence[int]


def run_boot(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    *,
    console: Path,
    read: ReadResults,
    limits: Limits | None = None,
    append: str = "",
    extra: Options = nothing,
    as_root: bool = False,
    on_command: OnCommand | None = None,
    cores: Sequence[int] | None = None,
) -> BootRun:
    """Boots `image` once, until it ends or reaches a limit, and says how it ended. Writes the console's log to
    `console`.

    `append` is added to the kernel's command line, `extra` to QEMU's. `as_root`: QEMU is to read what only root may.
    `cores` marks a timed boot: each vCPU is bound to
    one of them. However this function is left (Ctrl-C included), QEMU is killed. Raises MachineError if QEMU, setpriv
    or prlimit is missing, UserError for an unknown architecture.
    """
    limits = limits or Limits()
    _require(arch(machine.arch))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kit-boot-")))
        console_pair, monitor_pair = (_Pair(*map(stack.enter_context, socket.socketpair())) for _ in range(2))
        console_fd, monitor_fd = console_pair.theirs.fileno(), monitor_pair.theirs.fileno()
        pins = _pins(machine, cores, stack)
        pin_fd = pins.monitor.theirs.fileno() if pins else None
        files = Files(image, folder / "initramfs", console, console_fd, folder / "results", monitor_fd, pin_fd)
        files.lay_out(initramfs)
        lent = stack.enter_context(lending_for(machine, folder, as_root=as_root))
        argv = qemu_argv(machine, files, append, extra, lent)
        if on_command is not None:
            on_command(argv)
        before = host_state() if pins else None
        process = running(argv, _theirs(console_pair, monitor_pair, pins), folder / "stderr", lent.fds)
        ended = _run(process, console_pair, monitor_pair, folder / "stderr", limits, pins)
        host = HostRecord(before, host_state(), ended.pinned) if before else None
        console.write_bytes(ended.watched.heard + ended.answers)
        return replace(how_it_ended(ended, console, files.results.read_bytes(), read, limits), host=host)


def _pins(machine: Machine, cores: Sequence[int] | None, stack: ExitStack) -> _Pins | None:
    if cores is None:
        return None
    monitor = _Pair(*map(stack.enter_context, socket.socketpair()))
    return _Pins(monitor, machine.cpus, cores)


def _theirs(console: _Pair, monitor: _Pair, pins: _Pins | None) -> list[socket.socket]:
    return [pair.theirs for pair in (console, monitor, *([pins.monitor] if pins else []))]


def _require(host: Arch) -> None:
    for name in (host.qemu, "setpriv", "prlimit"):
        if shutil.which(name) is None:
            raise MachineError(f"there is no {name}", hint=f"install {host.packages[0]} and util-linux")


def _run(
    started: AbstractContextManager[subprocess.Popen[bytes]],
    console: _Pair,
    monitor: _Pair,
    stderr: Path,
    limits: Limits,
    pins: _Pins | None,
) -> Ending:
    with started as process:
        pinned = pin(pins.monitor.ours, pins.vcpus, pins.cores) if pins else None
        watched = watch(console.ours, limits)
        status, answers = None, b""
        if watched.ended is Ended.CLOSED:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(EXIT_SECONDS)
        elif watched.ended is Ended.LIMIT:
            answers = ask(console.ours, monitor.ours, watched.phase is Phase.RUNNING)
    return Ending(watched, status, stderr.read_text(errors="replace"), answers, pinned)


def how_it_ended(ended: Ending, console: Path, data: bytes, read: ReadResults, limits: Limits) -> BootRun:
    """Judges a finished boot: outcome, why, and splats. `data`: the bytes from the results channel."""
    heard = ended.watched.heard.decode(errors="replace")
    splats = classify(heard)
    hang = stuck(heard + ended.answers.decode(errors="replace"), heard.count("\n") + 1) if ended.answers else None
    outcome, why, results = _host_outcome(ended, splats, hang, limits) or read(data)
    if outcome in (Outcome.HANG, Outcome.FAILED, Outcome.NO_END) and splats:
        why += f", after {splats[0].kind}: {splats[0].title}"
    found = tuple(splats) + ((hang,) if hang else ())
    return BootRun(outcome, why, ended.watched.seconds, ended.watched.to_init, console, results, len(data), found)


def _host_outcome(
    ended: Ending, splats: Sequence[Splat], hang: Splat | None, limits: Limits
) -> tuple[Outcome, str, None] | None:
    """The outcome if it is known without the results; None if QEMU ended normally."""
    watched = ended.watched
    fatal = first_fatal(splats)
    if fatal is not None:
        return Outcome.PANIC, f"{fatal.title} ({watched.phase}, line {fatal.line} of the console)", None
    if watched.ended is Ended.FLOOD:
        return Outcome.HANG, f"more than {limits.console_bytes} bytes on the console, {watched.phase}", None
    if watched.ended is not Ended.CLOSED:
        where = f", {hang.title}" if hang else ""
        return Outcome.HANG, f"no end after {watched.seconds:.0f} s, {watched.phase}{where}", None
    if ended.status is None:
        return Outcome.HANG, f"QEMU closed the console and did not end within {EXIT_SECONDS:.0f} s", None
    return _exit_outcome(ended)


def _exit_outcome(ended: Ending) -> tuple[Outcome, str, None] | None:
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
