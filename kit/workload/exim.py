"""The workload `exim`: a mail server under many connections, as Exim in MOSBENCH, which Tim Chen ran in June 2011.

A master with some thirty VMAs, written to, forks a process for each connection; that forks twice for each message: a
delivery process, and one that appends to the mailbox. Each touches pages that it shares with the master. Talk over
loopback and files are jobs (guest/aim7/mail.c). Each connection has a client, a process of its own on the same guest;
it forks nothing and touches only what it has written to before, so it takes no anon_vma lock. Source: Boyd-Wickizer et
al., OSDI 2010, section 3.1; MOSBENCH's Exim.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from kit.model.program import FILE_PAGES, MAX_REGIONS, Fork, Job, Map, MapFile, Op, Write
from kit.workload.kind import MESSAGES, Parameters, listed
from kit.workload.load import Load, alike

FILES = 3  # one VMA in so many maps a file
PAGES = 8  # of each VMA


class Exim(Parameters):
    """Parameters of `exim`."""

    connections: tuple[Annotated[int, Field(strict=True, ge=1, le=64)], ...] = Field(
        default=(1,), min_length=1, description="connections at once; one window for each number"
    )
    messages: int = Field(default=10, ge=1, le=1000, strict=True, description="messages of each connection")
    bytes: int = Field(default=20, ge=1, le=65536, strict=True, description="of a message")
    vmas: int = Field(
        default=30, ge=1, le=MAX_REGIONS, strict=True, description="VMAs of the master; every third one maps a file"
    )
    dirty: int = Field(
        default=4, ge=0, le=PAGES, strict=True, description=f"pages of each VMA that the master wrote, of {PAGES}"
    )
    touched: int = Field(default=3, ge=0, le=MAX_REGIONS, strict=True, description="pages that each process writes to")

    _listed = field_validator("connections", mode="before")(listed)

    def fragments(self) -> tuple[str, ...]:
        """Sockets."""
        return (MESSAGES,)

    def load(self, name: str, seed: int) -> Load:
        """The master's program, with one window for each number of connections. `seed` decides nothing."""
        client = (Job("mail_connect", 0), *[Job("mail_send", self.bytes)] * self.messages, Job("mail_leave", 0))
        return alike(
            name, self._master(), self.connections, self._connection(), self.messages, "message", beside=client
        )

    def _master(self) -> tuple[Op, ...]:
        ops: list[Op] = [Job("prepare", 1), Job("mail_listen", max(self.connections))]
        for region in range(self.vmas):
            ops.append(MapFile(region, min(PAGES, FILE_PAGES)) if region % FILES == FILES - 1 else Map(region, PAGES))
            ops += [Write(region, page) for page in range(self.dirty)]
        return tuple(ops)

    def _connection(self) -> tuple[Op, ...]:
        """What a connection's process does: it talks, and delivers each message by a child and its child."""
        touch: tuple[Op, ...] = tuple(Write(region, 0) for region in range(min(self.touched, self.vmas)))
        append: Op = Fork((*touch, Job("mail_deliver", self.bytes)))
        delivery: Op = Fork((*touch, append, Job("mail_remove", 0)))
        message: tuple[Op, ...] = (*touch, Job("mail_receive", self.bytes), delivery)
        return (Job("mail_accept", 0), *message * self.messages, Job("mail_quit", 0))
