"""One boot for gdb: the guest is stopped before its first instruction, or left running where it hangs.

The guest lives only as long as this process waits for it.
"""

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from kit.base.errors import MachineError
from kit.records import Machine
from kit.vm.boot import BootRun, Ending, OnCommand, ReadResults, how_it_ended
from kit.vm.console import Ended, Limits, Watched, watch
from kit.vm.lent import Options, both, nothing
from kit.vm.process import running
from kit.vm.qemu import Files, gdb_stub, lending_for, qemu_argv

DAY = 86400.0
PATIENT = Limits(first_line=7 * DAY, init=7 * DAY, total=7 * DAY, after_panic=7 * DAY)
START_SECONDS = 10.0
SOCKET_BYTES = 100  # of the folder's path with room for `/gdb`: Linux's sun_path holds 107


def debug_boot(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    *,
    console: Path,
    read: ReadResults,
    limits: Limits,
    stopped: bool,
    say: Callable[[str], None],
    append: str = "",
    extra: Options = nothing,
    as_root: bool = False,
    on_command: OnCommand | None = None,
) -> BootRun:
    """Boots with a gdb stub. `stopped`: the guest waits before its first instruction and has no limits; if not, it
    keeps running after a limit.

    `say` receives the command for gdb. Waits until the guest ends; Ctrl-C ends it. Raises MachineError if QEMU does not
    start.
    """
    with at_stub(image, initramfs, machine, console, stopped, append, extra, as_root, on_command) as guest:
        symbols = shlex.quote(str(image.with_name("vmlinux")))
        attach = f"gdb {symbols} -ex {shlex.quote(f'target remote {guest.stub}')}"
        if stopped:
            say(f"the guest is stopped before its first instruction. In another terminal:\n  {attach}\nCtrl-C ends it")
        limits = PATIENT if stopped else limits
        watched = _watch(guest.console, limits, attach, say)
        console.write_bytes(watched.heard)
        status = _status(guest.process) if watched.ended is Ended.CLOSED else None
        ended = Ending(watched, status, guest.stderr.read_text(errors="replace"), b"")
        return how_it_ended(ended, console, guest.results.read_bytes(), read, limits)


@dataclass(frozen=True)
class AtStub:
    """A guest with a gdb stub: QEMU, our end of the console's socket, the paths of the stub's socket and of QEMU's
    files."""

    process: subprocess.Popen[bytes]
    console: socket.socket
    stub: Path
    stderr: Path
    results: Path


@contextlib.contextmanager
def at_stub(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    console: Path,
    stopped: bool,
    append: str = "",
    extra: Options = nothing,
    as_root: bool = False,
    on_command: OnCommand | None = None,
) -> Iterator[AtStub]:
    """Starts a guest with a gdb stub, paused before its first instruction if `stopped`. Raises MachineError if QEMU
    does not start."""
    with ExitStack() as stack:
        folder = _short_folder(stack)
        ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
        files = Files(image, folder / "initramfs", console, theirs.fileno(), folder / "results")
        files.lay_out(initramfs)
        stub, stderr = folder / "gdb", folder / "stderr"
        lent = stack.enter_context(lending_for(machine, folder, as_root=as_root))
        lent.give(folder)  # QEMU makes the socket there
        argv = qemu_argv(machine, files, append, both(extra, lambda _: gdb_stub(stub, stopped=stopped)), lent)
        if on_command is not None:
            on_command(argv)
        process = stack.enter_context(running(argv, [theirs], stderr, lent.fds))
        _await_stub(stub, process, stderr)
        yield AtStub(process, ours, stub, stderr, files.results)


def _short_folder(stack: ExitStack) -> Path:
    for parent in (None, "/tmp"):
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kit-gdb-", dir=parent))
        if len(folder) < SOCKET_BYTES:
            break
    return Path(folder)


def _await_stub(stub: Path, process: subprocess.Popen[bytes], stderr: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not stub.exists():
        if process.poll() is not None or time.monotonic() > end:
            said = stderr.read_text(errors="replace").strip()
            raise MachineError(f"QEMU did not start: {said or 'it said nothing'}")
        time.sleep(0.01)


def _watch(console: socket.socket, limits: Limits, attach: str, say: Callable[[str], None]) -> Watched:
    """Reads the console to its end. If a limit is reached first, tells the user how to attach, and reads on."""
    watched = watch(console, limits)
    if watched.ended is not Ended.CLOSED:
        say(
            f"no end after {watched.seconds:.0f} s, {watched.phase}; the guest goes on. In another terminal:\n"
            f"  {attach}\nIt ends with gdb's `kill`, or with Ctrl-C here"
        )
        return replace(watched, heard=watched.heard + watch(console, PATIENT).heard)
    return watched


def _status(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
