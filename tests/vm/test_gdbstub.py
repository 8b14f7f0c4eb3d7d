"""QEMU's gdb stub, played by a thread: requests, answers, and a stub that does not answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.base.errors import MachineError
from kit.vm import coverage, gdbstub
from kit.vm.coverage import Reached
from kit.vm.gdbstub import Stub


class Played:
    """A guest that runs through `path`: addresses, `init` (its first line), or `end`; breakpoints stop it."""

    def __init__(self, path: list[int | str]) -> None:
        self.path, self.asked = path, list[str]()
        self.points: set[int] = set()
        self.stub, theirs = socket.socketpair()
        self.console, self.printed = socket.socketpair()
        self.theirs = theirs
        self.at = 0
        self.thread = threading.Thread(target=self.play, daemon=True)
        self.thread.start()

    def play(self) -> None:
        buffer = b""
        while data := self.theirs.recv(4096):
            buffer += data
            while b"#" in buffer or buffer[:1] in (b"\x03", b"+"):
                if buffer[:1] in (b"\x03", b"+"):
                    if buffer[:1] == b"\x03":
                        self.answer("T02thread:01;")
                    buffer = buffer[1:]
                    continue
                end = buffer.index(b"#")
                packet, buffer = buffer[1:end].decode(), buffer[end + 3 :]
                if not self.reply(packet):
                    return

    def reply(self, packet: str) -> bool:
        self.asked.append(packet)
        if packet[:2] in ("Z0", "z0"):
            (self.points.add if packet[0] == "Z" else self.points.discard)(int(packet.split(",")[1], 16))
        if packet == "g":
            self.answer("00" * 128 + self.at.to_bytes(8, "little").hex())
        elif packet == "c":
            return self.run()
        else:
            self.answer("OK")
        return True

    def run(self) -> bool:
        while self.path:
            step = self.path.pop(0)
            if step == "init":
                self.printed.sendall(b"[    1.0] kit: init\n")
                return True
            if step == "flood":
                self.printed.sendall(b"again and again\n" * 64)
                return True
            if step == "end":
                self.answer("W00")
                self.theirs.close()
                self.printed.close()
                return False
            assert isinstance(step, int)
            self.at = step
            if step in self.points:
                self.answer("T05thread:01;")
                return True
        return True

    def answer(self, text: str) -> None:
        self.theirs.sendall(f"${text}#{sum(text.encode()) & 255:02x}".encode())


def watched(path: list[int | str], addresses: list[int], limit: float = 20) -> tuple[Reached, Played]:
    guest = Played(path)
    return coverage._Watch(Stub(guest.stub), guest.console, addresses, limit).run(), guest


def test_what_ran_before_init_is_told_from_what_ran_later() -> None:
    found, guest = watched([16, 32, "init", 32, 99, 48, "end"], [16, 32, 48, 64])
    assert (found.running, found.booting) == ({32, 48}, {16})
    assert found.whole
    assert guest.asked.count("z0,20,1") == 2


def test_it_ends_with_the_last_address_and_a_limit_ends_it_too() -> None:
    found, guest = watched(["init", 16, 16, 32], [16, 32])
    assert (found.running, found.whole) == ({16, 32}, True)
    assert guest.points == set()
    found, _ = watched(["init", 16], [16, 32], limit=0.3)
    assert (found.running, found.whole) == ({16}, False)
    assert "no end after" in found.why


def test_a_guest_that_ends_before_init_shows_nothing() -> None:
    found, _ = watched([16, "end"], [16, 32])
    assert (found.whole, found.why) == (False, "the guest ended before init")


def test_a_flood_on_the_console_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "CONSOLE_BYTES", 500)
    found, _ = watched(["flood"], [16])
    assert (found.whole, found.why) == (False, "more than 500 bytes on the console")


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.setattr(gdbstub, "ANSWER_SECONDS", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Stub(ours)


def test_a_stub_that_does_not_answer(mute: Stub) -> None:
    with pytest.raises(MachineError, match="does not answer"):
        mute.start()


@pytest.mark.parametrize(("sent", "stopped"), [(b"$W00#b7", None), (b"", None), (b"$S05#b8", True), (b"$T0", False)])
def test_how_a_guest_stops(sent: bytes, stopped: bool | None) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    if not sent:
        theirs.close()
    with ours, theirs:
        assert Stub(ours).stopped(0.05) is stopped


def test_the_packet_s_checksum(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send: Callable[[], None] = Stub(ours).go_on
        send()
        assert theirs.recv(99) == b"$c#63"
