"""Asks a hanging guest where it hangs, before it is killed.

First by sysrq on the serial line: blocked tasks (w) and backtraces of all CPUs (l). That needs MAGIC_SYSRQ, a console
that a process has open, and a CPU that takes interrupts. If there is no answer, an NMI makes CPU 0 panic
(unknown_nmi_panic), so that it prints its registers and stack even with interrupts off.
"""

from __future__ import annotations

import contextlib
import socket
import time

from kit.vm.qmp import Monitor

QUESTIONS = (b"w", b"l")
FIRST_SECONDS = 3.0
QUIET_SECONDS = 1.0
PANIC_SECONDS = 10.0  # a panic's print-out ends with QEMU, and may stand still for long where the host is busy
MOST_SECONDS = 30.0
PANIC = b"Kernel panic"
MOST_BYTES = 1 << 20


def ask(console: socket.socket, monitor: socket.socket, opened: bool) -> bytes:
    """The guest's answer, as bytes from the console. `opened`: whether init runs and so has the console open."""
    said = b""
    with Monitor(monitor) as qemu:
        if opened:
            said = b"".join(_sysrq(console, qemu, key) for key in QUESTIONS)
        if b"sysrq" not in said.lower() and qemu.do("inject-nmi"):  # a kernel without sysrq only echoes the key
            said += _read(console)
    return said


def _sysrq(console: socket.socket, qemu: Monitor, key: bytes) -> bytes:
    """Sends a break and this key; returns the guest's answer."""
    if not qemu.do("chardev-send-break", id="console"):
        return b""
    with contextlib.suppress(OSError):
        console.sendall(key)
    return _read(console)


def _read(console: socket.socket) -> bytes:
    """Reads what the guest prints until it pauses; a panic, until QEMU ends."""
    end, quiet, said = time.monotonic() + MOST_SECONDS, FIRST_SECONDS, b""
    while (left := end - time.monotonic()) > 0 and len(said) < MOST_BYTES:
        console.settimeout(min(quiet, left))
        try:
            data = console.recv(65536)
        except OSError:  # a time-out, or QEMU gone
            break
        if not data:
            break
        said += data
        quiet = PANIC_SECONDS if PANIC in said else QUIET_SECONDS
    return said
