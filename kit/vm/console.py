"""Watches the guest's console through pexpect, up to some limits, and says how far the guest came.

QEMU writes a log too, which survives kit. But while its socket is full (280 single bytes are enough), QEMU 7.2 logs a
byte again for each retry (qemu_chr_write_buffer, chardev/char.c). What is read from the socket is exact.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass
from enum import StrEnum

import pexpect
from pexpect.socket_pexpect import SocketSpawn

from kit.vm.splats import FATAL, kind_of

# One line, or a piece of an endless one: pexpect's buffer stays below LINE_BYTES + READ_BYTES.
LINE_BYTES = 4096
READ_BYTES = 4096
LINE = re.compile(rb"[^\n]{0,%d}\n|[^\n]{%d}" % (LINE_BYTES - 1, LINE_BYTES))

INIT = "kit: init"


@dataclass(frozen=True)
class Limits:
    """How long a guest may take (seconds from its start) and how much it may print."""

    first_line: float = 30
    init: float = 90
    total: float = 600
    after_panic: float = 5  # seconds from the first line of a panic or oops
    console_bytes: int = 16 << 20


class Phase(StrEnum):
    """How far the guest came."""

    SILENT = "before the first line on the console"
    BOOTING = "before init"
    RUNNING = "in the workload"


class Ended(StrEnum):
    """Why the watch ended."""

    CLOSED = "closed"  # QEMU closed the socket: it has ended, or is about to
    LIMIT = "limit"  # a time limit of `Limits`
    FATAL = "fatal"  # a panic or oops, after which QEMU did not end
    FLOOD = "flood"  # more than `Limits.console_bytes`


@dataclass(frozen=True)
class Watched:
    """The result of a watch. `seconds`: its length; `to_init`: seconds until init's first line, None if it never came;
    `heard`: all that the guest printed."""

    phase: Phase
    ended: Ended
    seconds: float
    to_init: float | None
    heard: bytes

    @property
    def silent(self) -> bool:
        """Whether the guest never printed a line."""
        return self.phase is Phase.SILENT


def watch(console: socket.socket, limits: Limits) -> Watched:
    """Reads the console until QEMU closes it or a limit is reached. Does not end QEMU."""
    return _Watch(console, limits).run()


class _Watch:
    def __init__(self, console: socket.socket, limits: Limits) -> None:
        self.spawn = SocketSpawn(console, maxread=READ_BYTES, searchwindowsize=LINE_BYTES + READ_BYTES)
        self.limits = limits
        self.start = time.monotonic()
        self.phase = Phase.SILENT
        self.deadline = self.start + min(limits.first_line, limits.total)
        self.to_init: float | None = None
        self.fatal = False
        self.read = 0
        self.heard: list[bytes] = []

    def run(self) -> Watched:
        ended = None
        while ended is None:
            ended = self.step()
        rest = self.spawn.before if ended is Ended.CLOSED else self.spawn.buffer
        heard = b"".join(self.heard) + (rest if isinstance(rest, bytes) else b"")
        return Watched(self.phase, ended, time.monotonic() - self.start, self.to_init, heard)

    def step(self) -> Ended | None:
        left = self.deadline - time.monotonic()
        found = self.spawn.expect([LINE, pexpect.EOF, pexpect.TIMEOUT], timeout=max(left, 0))
        if found == 1:
            return Ended.CLOSED
        if found == 0 and isinstance(self.spawn.after, bytes):
            self.heard.append((self.spawn.before or b"") + self.spawn.after)
            self.line(self.spawn.after)
        if self.read > self.limits.console_bytes:
            return Ended.FLOOD
        if time.monotonic() < self.deadline:
            return None
        return Ended.FATAL if self.fatal else Ended.LIMIT

    def line(self, raw: bytes) -> None:
        self.read += len(raw)
        text = raw.decode(errors="replace").rstrip("\r\n")
        if self.phase is Phase.SILENT:
            self.enter(Phase.BOOTING, self.limits.init)
        if self.phase is Phase.BOOTING and text.endswith(INIT):
            self.to_init = time.monotonic() - self.start
            self.enter(Phase.RUNNING, self.limits.total)
        if not self.fatal and kind_of(text) in FATAL:
            self.fatal = True
            self.deadline = min(self.deadline, time.monotonic() + self.limits.after_panic)

    def enter(self, phase: Phase, limit: float) -> None:
        self.phase = phase
        if not self.fatal:
            self.deadline = self.start + min(limit, self.limits.total)
