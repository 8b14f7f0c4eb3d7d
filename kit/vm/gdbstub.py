"""A client of QEMU's gdb stub: sets breakpoints, and reads where the guest stopped.

Speaks the part of the remote serial protocol that breakpoints need (gdb's manual, appendix "Remote Protocol", sections
"Overview" and "Packets").
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass

from kit.base.errors import MachineError
from kit.records.arches import ARCHES, DEFAULT, Arch

ANSWER_SECONDS = 30.0
INTERRUPT = b"\x03"


@dataclass
class Stub:
    """One session with a guest. The guest must be stopped for every call but `interrupt` and `stopped`."""

    end: socket.socket
    arch: Arch = ARCHES[DEFAULT]
    _buffer: bytes = b""

    def start(self) -> None:
        """Turns off the acknowledgement of packets."""
        self.ask(b"QStartNoAckMode")
        self.end.sendall(b"+")

    def insert(self, address: int) -> bool:
        """Sets a breakpoint; returns whether QEMU accepted it. No memory changes: TCG compares addresses."""
        return self.ask(b"Z0,%x,1" % address) == b"OK"

    def remove(self, address: int) -> None:
        """Removes a breakpoint."""
        self.ask(b"z0,%x,1" % address)

    def where(self) -> int:
        """The program counter of the CPU that stopped."""
        registers = bytes.fromhex(self.ask(b"g").decode("ascii", "replace").replace("x", "0"))
        at, size = self.arch.pc
        return int.from_bytes(registers[at : at + size], "little")

    def go_on(self) -> None:
        """Lets the guest run."""
        self._send(b"c")

    def interrupt(self) -> None:
        """Asks the running guest to stop; `stopped` says when it has."""
        self.end.sendall(INTERRUPT)

    def stopped(self, seconds: float) -> bool | None:
        """Waits for a stop: True if the guest stopped within `seconds`, False if not, None if QEMU is gone."""
        packet = self._packet(seconds)
        if packet is None:
            return False
        return None if packet[:1] in (b"W", b"X", b"") else packet[:1] in (b"T", b"S")

    def ask(self, packet: bytes) -> bytes:
        """Sends a packet and returns the answer. Raises MachineError if none comes."""
        self._send(packet)
        answer = self._packet(ANSWER_SECONDS)
        if answer is None:
            raise MachineError("QEMU's gdb stub does not answer", where=packet.decode())
        return answer

    def _send(self, packet: bytes) -> None:
        self.end.sendall(b"$%s#%02x" % (packet, sum(packet) & 255))

    def _packet(self, seconds: float) -> bytes | None:
        """The content of the next packet; empty if QEMU closed the connection, None if none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start + 1) if start >= 0 else -1
            if end >= 0 and len(self._buffer) >= end + 3:
                packet, self._buffer = self._buffer[start + 1 : end], self._buffer[end + 3 :]
                return packet
            self.end.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.end.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                return b""
            self._buffer += data
