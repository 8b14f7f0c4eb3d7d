"""A guest that the user works in, connected to kit's terminal or standard streams.

Interactive: the terminal is in raw mode, and every key and size change goes to the guest; Ctrl-] three times within a
second ends the guest. Otherwise three serial lines carry stdin, stdout and stderr. On every exit the terminal is
restored and the guest is killed.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kit.records import Machine
from kit.vm.console import INIT
from kit.vm.lent import Options, both, nothing
from kit.vm.process import running
from kit.vm.qemu import Files, lending_for, qemu_argv

BOOT_SECONDS = 180.0  # until init's first line
END_SECONDS = 20.0  # from the closing of the lines to the end of QEMU
ESCAPE, ESCAPE_TIMES, ESCAPE_SECONDS = 0x1D, 3, 1.0
CHUNK = 65536
KEPT = 1 << 20  # bytes of the console, to find a panic
TERMINAL = ("terminal", "control")
STREAMS = ("stdin", "stdout", "stderr")


@dataclass(frozen=True)
class Session:
    """How a session ended. `results`: the bytes of the results channel; `why`: the reason if the guest did not end by
    itself, else ""."""

    results: bytes
    console: str
    why: str


def size_of(fd: int) -> tuple[int, int]:
    """(rows, columns) of a terminal; 24 by 80 if unknown."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return 24, 80
    return rows, columns


def run_session(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    *,
    interactive: bool,
    extra: Options = nothing,
    as_root: bool = False,
    limit: float | None = None,
    on_command: Callable[[Sequence[str]], None] | None = None,
) -> Session:
    """Boots `image` and waits until the guest ends. `limit`: seconds from its start; None: no limit once init runs;
    `as_root`: QEMU is to read what only root may.

    Raises MachineError if QEMU does not start. SIGTERM and SIGHUP must raise an exception here (kit.cli.ending).
    """
    names = TERMINAL if interactive else STREAMS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kit-shell-")))
        pairs = {n: tuple(map(stack.enter_context, socket.socketpair())) for n in ("console", *names)}
        files = Files(image, folder / "initramfs", folder / "log", pairs["console"][1].fileno(), folder / "results")
        files.lay_out(initramfs)
        lent = stack.enter_context(lending_for(machine, folder, as_root=as_root))
        lines = _devices({n: pairs[n][1].fileno() for n in names})
        argv = qemu_argv(machine, files, "", both(extra, lambda _: lines), lent)
        if on_command is not None:
            on_command(argv)
        theirs = [pair[1] for pair in pairs.values()]
        process = stack.enter_context(running(argv, theirs, folder / "stderr", lent.fds))
        wire = _Wire({name: pair[0] for name, pair in pairs.items()}, interactive, limit)
        if interactive:
            stack.enter_context(_raw(sys.stdin.fileno()))
        wire.run()
        status = 0 if wire.why else _ended(process)  # a guest that was given up is killed at once
        said = (folder / "stderr").read_text(errors="replace").strip()
        why = wire.why or (f"QEMU ended with status {status}: {said}" if status else "")
        return Session(files.results.read_bytes(), wire.console.decode(errors="replace"), why)


def _devices(fds: dict[str, int]) -> list[str]:
    """QEMU options for the lines: a virtio console for the terminal, virtio ports for the rest."""
    out = ["-device", "virtio-serial-pci"]
    for name, fd in fds.items():
        device = "virtconsole" if name == "terminal" else "virtserialport"
        out += ["-chardev", f"socket,id={name},fd={fd}", "-device", f"{device},chardev={name},name=kit.{name}"]
    return out


@contextmanager
def _raw(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        return 0  # it is killed on exit; the results say how far the guest came


class _Wire:
    """Carries bytes between kit's streams and the guest's lines, until the console closes."""

    def __init__(self, lines: dict[str, socket.socket], interactive: bool, limit: float | None) -> None:
        self.lines, self.interactive, self.limit = lines, interactive, limit
        self.start = time.monotonic()
        self.console = b""
        self.booted = False
        self.why = ""
        self.escapes: list[float] = []
        self.to_guest = b""
        self.input_open = True
        self.keys = lines["terminal" if interactive else "stdin"]
        self.outputs = {lines[n]: fd for n, fd in (("terminal", 1), ("stdout", 1), ("stderr", 2)) if n in lines}
        for line in lines.values():
            line.setblocking(False)

    def run(self) -> None:
        with self._resizes() as resized:
            while not self.why and self._step(resized):
                pass

    @contextmanager
    def _resizes(self) -> Iterator[socket.socket]:
        """A socket that becomes readable after each SIGWINCH."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.setblocking(False)
            before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
            handler = signal.signal(signal.SIGWINCH, lambda number, frame: None)
            try:
                yield ours
            finally:
                signal.set_wakeup_fd(before)
                signal.signal(signal.SIGWINCH, handler)

    def _step(self, resized: socket.socket) -> bool:
        """Waits once for input and handles it; False when the console has closed."""
        readers = [self.lines["console"], resized, *self.outputs]
        if self.input_open and not self.to_guest:
            readers.append(sys.stdin.fileno())  # type: ignore[arg-type]
        ready, writable, _ = select.select(readers, [self.keys] if self.to_guest else [], [], 1.0)
        if resized in ready:
            resized.recv(CHUNK)
            self._send_size()
        if sys.stdin.fileno() in ready:
            self._typed(os.read(sys.stdin.fileno(), CHUNK))
        if writable:
            with suppress(BlockingIOError):
                self.to_guest = self.to_guest[self.keys.send(self.to_guest) :]
        self._close_input()
        for line in [line for line in self.outputs if line in ready]:
            self._printed(line)
        self._check_time()
        return self.lines["console"] not in ready or self._heard()

    def _typed(self, data: bytes) -> None:
        self.input_open = bool(data)
        self.to_guest += data
        if self.interactive and not data:
            self.why = "the terminal closed"
        if self.interactive:
            now = time.monotonic()
            self.escapes = [t for t in self.escapes if now - t < ESCAPE_SECONDS] + [now] * data.count(ESCAPE)
            if len(self.escapes) >= ESCAPE_TIMES:
                self.why = "ended by Ctrl-] three times"

    def _close_input(self) -> None:
        """Passes the end of stdin on to the guest, once all input is sent."""
        if not self.input_open and not self.to_guest and not self.interactive:
            with suppress(OSError):
                self.keys.shutdown(socket.SHUT_WR)

    def _printed(self, line: socket.socket) -> None:
        try:
            data = line.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            del self.outputs[line]
        while data:
            data = data[os.write(self.outputs[line], data) :]

    def _heard(self) -> bool:
        try:
            data = self.lines["console"].recv(CHUNK)
        except OSError:
            data = b""
        self.console = (self.console + data)[-KEPT:]
        if not self.booted and INIT.encode() in self.console:
            self.booted = True
            self._send_size()
        if not data:
            for line in list(self.outputs):  # read what is still in transit
                while line in self.outputs:
                    self._printed(line)
        return bool(data)

    def _send_size(self) -> None:
        if self.interactive:
            with suppress(OSError):
                self.lines["control"].send(b"%d %d\n" % size_of(sys.stdin.fileno()))

    def _check_time(self) -> None:
        took = time.monotonic() - self.start
        if not self.booted and took > BOOT_SECONDS:
            self.why = f"the guest did not reach init within {BOOT_SECONDS:.0f} s"
        elif self.limit is not None and took > self.limit:
            self.why = f"no end after {self.limit:.0f} s"
