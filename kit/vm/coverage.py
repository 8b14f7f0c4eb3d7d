"""One boot that finds which of some functions run, by breakpoints at their addresses.

QEMU's gdb stub sets the breakpoints, so the kernel needs no option. Each is removed at its first hit, so the guest soon
runs at full speed. The boot ends early once all were hit. The guest is always emulated: KVM has only four breakpoints.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import MachineError
from kit.records import Machine
from kit.vm.console import INIT
from kit.vm.debug import at_stub
from kit.vm.gdbstub import Stub
from kit.vm.qemu import arch

MOST = 128  # breakpoints; QEMU searches the list at every jump out of a page that has one
CONSOLE_BYTES = 16 << 20


@dataclass(frozen=True)
class Reached:
    """Addresses that were reached while init ran, and those reached only before it. `whole`: the guest ended normally,
    or all were reached; if not, `why`."""

    running: frozenset[int]
    booting: frozenset[int]
    whole: bool
    why: str
    seconds: float


def coverage_boot(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    addresses: Sequence[int],
    *,
    console: Path,
    limit: float,
    extra: Sequence[str] = (),
) -> Reached:
    """Boots once, for at most `limit` seconds, and watches the first MOST of `addresses`. `extra` is added to QEMU's
    command line.

    Raises MachineError if QEMU or its gdb stub does not start.
    """
    with (
        at_stub(image, initramfs, machine, console, stopped=True, extra=extra) as guest,
        socket.socket(socket.AF_UNIX) as end,
    ):
        try:
            end.connect(str(guest.stub))
            return _Watch(Stub(end, arch(machine.arch)), guest.console, addresses, limit).run()
        except OSError as error:
            raise MachineError(f"QEMU's gdb stub: {error}", where=str(console)) from error


class _Watch:
    def __init__(self, stub: Stub, console: socket.socket, addresses: Sequence[int], limit: float) -> None:
        self.stub, self.console, self.limit = stub, console, limit
        self.wanted = frozenset(addresses[:MOST])
        self.reached: dict[bool, set[int]] = {False: set(), True: set()}  # by whether init ran
        self.set: set[int] = set()
        self.init = False
        self.heard, self.bytes = b"", 0
        self.start = time.monotonic()

    def run(self) -> Reached:
        self.stub.start()
        self._set(self.wanted)
        self.stub.go_on()
        why = self._loop()
        booting = frozenset(self.reached[False] - self.reached[True])
        done = not why or self.reached[True] == self.wanted
        return Reached(frozenset(self.reached[True]), booting, done, why, time.monotonic() - self.start)

    def _loop(self) -> str:
        """Runs until the guest ends or has reached every address; returns why it was stopped before that, else ""."""
        while self.reached[True] != self.wanted:
            left = self.limit - (time.monotonic() - self.start)
            if left <= 0:
                return f"no end after {self.limit:.0f} s"
            if self.bytes > CONSOLE_BYTES:
                return f"more than {CONSOLE_BYTES} bytes on the console"
            ready = select.select([self.console, self.stub.end], [], [], left)[0]
            if self.console in ready and not self._listen():
                return "" if self.init else "the guest ended before init"
            if self.stub.end in ready and not self._stopped():
                return "" if self.init else "the guest ended before init"
        return ""

    def _listen(self) -> bool:
        """Reads the console; at init's first line, sets every breakpoint again. False if the console has closed."""
        data = b""
        with suppress(OSError):
            data = self.console.recv(65536)
        self.heard, self.bytes = (self.heard + data)[-4096:], self.bytes + len(data)
        if not self.init and INIT.encode() in self.heard:
            self.init = True
            self.stub.interrupt()
            while (stopped := self.stub.stopped(self.limit)) is False:
                pass
            if stopped:
                self._hit()
                self._set(self.wanted - self.set)
                self.stub.go_on()
        return bool(data)

    def _stopped(self) -> bool:
        stopped = self.stub.stopped(0.5)
        if stopped:
            self._hit()
            self.stub.go_on()
        return stopped is not None

    def _hit(self) -> None:
        """Records the address at which the guest stopped, if it is a breakpoint, and removes the breakpoint."""
        address = self.stub.where()
        if address in self.set:
            self.reached[self.init].add(address)
            self.set.discard(address)
            self.stub.remove(address)

    def _set(self, addresses: frozenset[int] | set[int]) -> None:
        for address in sorted(addresses):
            if not self.stub.insert(address):
                raise MachineError("QEMU refuses a breakpoint", where=f"{address:#x}")
            self.set.add(address)
