"""A guest that hangs, asked where it stands before it is killed: its console and QEMU's monitor in, what it prints out.

By sysrq on the serial line, which needs MAGIC_SYSRQ, a console that somebody has opened, and a CPU that takes
interrupts: blocked tasks (w), and what every CPU does (l). Where that says nothing, by an NMI to CPU 0, which panics
there (unknown_nmi_panic) and so prints its registers and its stack, with interrupts off too.
"""

from __future__ import annotations

import contextlib
import socket
import time

from kit.vm.qmp import Monitor

QUESTIONS = (b"w", b"l")
FIRST_SECONDS = 3.0
QUIET_SECONDS = 1.0
MOST_SECONDS = 15.0
MOST_BYTES = 1 << 20


def ask(console: socket.socket, monitor: socket.socket, opened: bool) -> bytes:
    """What the guest answers. `opened`: whether init runs, and so has the console open."""
    said = b""
    with Monitor(monitor) as qemu:
        if opened:
            said = b"".join(_sysrq(console, qemu, key) for key in QUESTIONS)
        if b"sysrq" not in said.lower() and qemu.do("inject-nmi"):  # a kernel without it only echoes the key
            said += _read(console)
    return said


def _sysrq(console: socket.socket, qemu: Monitor, key: bytes) -> bytes:
    """What the guest answers to a break and this key."""
    if not qemu.do("chardev-send-break", id="console"):
        return b""
    with contextlib.suppress(OSError):
        console.sendall(key)
    return _read(console)


def _read(console: socket.socket) -> bytes:
    """What the guest prints until it is quiet."""
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
        quiet = QUIET_SECONDS
    return said
