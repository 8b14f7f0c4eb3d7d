"""The workload `micro`: users that each repeat one small thing, as will-it-scale's processes and threads do.

Users are forked from one process and so share the roots of its anon_vmas; or they are threads of it, each with memory
of its own, and share its mmap lock. Each loop is a program that the model knows, but for the one under memory pressure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from kit.model.program import (
    MAX_THREADS,
    Brk,
    Crew,
    Exec,
    Fork,
    Hold,
    Map,
    Mprotect,
    Mremap,
    Munmap,
    Op,
    Program,
    Reclaim,
    Release,
    Repeat,
    Shell,
    Spawn,
    Threads,
    Write,
    WriteBrk,
)
from kit.records import At
from kit.workload.kind import SWAP, Parameters, listed
from kit.workload.load import Load, WindowInfo, alike

REGION, OTHER = 0, 1  # of the loops; the master maps and writes REGION first where a loop needs it
WIDE, THREADS = 8, 8
RECLAIM = "reclaim"  # the loop that runs under memory pressure
Ops = tuple[Op, ...]


def _written(pages: int, region: int = OTHER) -> Ops:
    return (Map(region, pages), *(Write(region, page) for page in range(pages)))


def _faults(pages: int, region: int = OTHER) -> Ops:
    return (*_written(pages, region), Munmap(region, 0, pages))


def _maps(pages: int, region: int = OTHER) -> Ops:
    return (Map(region, pages), Munmap(region, 0, pages))


LOOPS: Mapping[str, tuple[str, Callable[[int], Ops]]] = {
    "fork": ("fork, exit, wait", lambda pages: (Fork(),)),
    "wide-fork": (f"{WIDE} children that live side by side, then exit", lambda pages: (*[Hold()] * WIDE, Release())),
    "exec": ("fork and exec of a static program", lambda pages: (Exec(),)),
    "spawn": ("posix_spawn of a static program: vfork and exec", lambda pages: (Spawn(),)),
    "shell": ("fork and exec of a shell script that runs `ls -l`", lambda pages: (Shell("ls", "exec", 0),)),
    "thread-fork": (f"a fork beside {THREADS} threads that sleep", lambda pages: (Threads(THREADS, (Fork(),)),)),
    "page-fault": ("anonymous memory mapped, each page written, unmapped", _faults),
    "mmap": ("anonymous memory mapped and unmapped, untouched", _maps),
    "brk": ("the break up, a page written, down", lambda pages: (Brk(pages), WriteBrk(0), Brk(0))),
    "mprotect": (
        "the first page read-only, and writable again: a split and a merge",
        lambda pages: (Mprotect(REGION, 0, 1, "ro"), Mprotect(REGION, 0, 1, "rw")),
    ),
    "mremap": (
        "written memory moved, and back",
        lambda pages: (Mremap(REGION, 0, pages, OTHER), Mremap(OTHER, 0, pages, REGION)),
    ),
    RECLAIM: (
        "written memory, a fork that writes to it too, unmapped, while kswapd swaps pages out to a RAM disk",
        lambda pages: (*_written(pages), Fork(_written(pages)[1:]), Munmap(OTHER, 0, pages)),
    ),
}
"""Name → what one turn is, in words and as operations for a number of pages."""


THREADED: Mapping[str, Callable[[int, int], Ops]] = {"page-fault": _faults, "mmap": _maps}
"""Loops that threads may do side by side: for a number of pages of a region."""


class Micro(Parameters):
    """Parameters of `micro`."""

    loop: str = Field(description=f"what is repeated: {', '.join(LOOPS)}")
    users: tuple[Annotated[int, Field(strict=True, ge=1, le=64)], ...] = Field(
        default=(1,), min_length=1, description="how many users at once; one window for each number"
    )
    form: Literal["process", "thread"] = Field(
        default="process", description=f"what a user is; threads of one process only for {', '.join(THREADED)}"
    )
    times: int = Field(default=100, ge=1, le=1_000_000, strict=True, description="turns of each user")
    pages: int = Field(default=16, ge=2, le=1024, strict=True, description="pages that a loop maps or moves")

    @field_validator("loop")
    @classmethod
    def _loop(cls, value: str) -> str:
        if value not in LOOPS:
            raise ValueError(f"no such loop: {value}; there are {', '.join(LOOPS)}")
        return value

    _listed = field_validator("users", mode="before")(listed)

    @model_validator(mode="after")
    def _threads(self) -> Micro:
        if self.form == "thread" and self.loop not in THREADED:
            raise ValueError(f"form: threads do {' or '.join(THREADED)}, not {self.loop}")
        if self.form == "thread" and max(self.users) > MAX_THREADS:
            raise ValueError(f"users: a process has {MAX_THREADS} threads at most")
        return self

    def load(self, name: str, seed: int) -> Load:
        """A program with one window for each number of users. `seed` decides nothing."""
        if self.form == "thread":
            return self._of_threads(name)
        turns, pressed = Repeat(self.times, LOOPS[self.loop][1](self.pages)), self.loop == RECLAIM
        before = _written(self.pages, REGION) if pressed else (Map(REGION, self.pages), Write(REGION, 0))
        load = alike(name, before, self.users, (turns,), self.times, "turn")
        return replace(load, program=Program((Reclaim(load.program.ops),))) if pressed else load

    def fragments(self) -> tuple[str, ...]:
        """Swap on a RAM disk, for the loop that wants it."""
        return (SWAP,) if self.loop == RECLAIM else ()

    def _of_threads(self, name: str) -> Load:
        """The same with threads: thread N has region OTHER + N."""
        turn, counts = THREADED[self.loop], dict.fromkeys(self.users)
        crews = (
            Crew(f"{name}/u{n}", tuple((Repeat(self.times, turn(self.pages, OTHER + i)),) for i in range(n)))
            for n in counts
        )
        windows = tuple(WindowInfo(f"{name}/u{n}", At(name, users=n), n * self.times, "turn") for n in counts)
        return Load(name, Program((Map(REGION, self.pages), Write(REGION, 0), *crews)), windows)


def suffix(raw: Mapping[str, object]) -> str:
    """The loop's name, and that its users are threads."""
    return str(raw.get("loop", "")) + ("-threads" if raw.get("form") == "thread" else "")
