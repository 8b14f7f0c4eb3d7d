"""A client of QEMU's monitor protocol (QMP). The only module of kit that uses asyncio."""

from __future__ import annotations

import asyncio
import logging
import socket
from types import TracebackType

from qemu.qmp import QMPClient, QMPError

ANSWER_SECONDS = 5.0


class Monitor:
    """A session with QEMU's monitor, for a `with` block. Commands to a dead or silent QEMU return False, not raise."""

    def __init__(self, end: socket.socket) -> None:
        logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # its warnings would mix with kit's output
        self._end = end
        self._loop = asyncio.new_event_loop()
        self._client = QMPClient("kit")
        self._connected = False
        self._answer: object = None

    def __enter__(self) -> Monitor:
        self._connected = self._within(self._client.connect(self._end))
        return self

    def do(self, command: str, **arguments: object) -> bool:
        """Sends one command; returns whether QEMU did it."""
        return self._connected and self._within(self._client.execute(command, arguments or None))

    def answer(self, command: str) -> object:
        """QEMU's answer to a command without arguments; None if it fails."""
        return self._answer if self.do(command) else None

    def _within(self, work: object) -> bool:
        async def limited() -> None:
            self._answer = await asyncio.wait_for(work, ANSWER_SECONDS)  # type: ignore[arg-type]

        try:
            self._loop.run_until_complete(limited())
        except (QMPError, OSError, EOFError, TimeoutError, asyncio.CancelledError):
            return False
        return True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._within(self._client.disconnect())
        finally:
            self._loop.close()
