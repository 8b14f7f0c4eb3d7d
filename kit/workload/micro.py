"""The workload `micro`: users that each repeat one small thing, as will-it-scale's processes do.

Users are forked from one process and so share the roots of its anon_vmas. Each loop is a program that the model knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import Field, field_validator

from kit.model.program import (
    Brk,
    Exec,
    Fork,
    Hold,
    Map,
    Mprotect,
    Mremap,
    Munmap,
    Op,
    Release,
    Repeat,
    Shell,
    Spawn,
    Threads,
    Write,
    WriteBrk,
)
from kit.workload.kind import Parameters, listed
from kit.workload.load import Load, alike

REGION, OTHER = 0, 1  # of the loops; the master maps and writes REGION first where a loop needs it
WIDE, THREADS = 8, 8
Ops = tuple[Op, ...]


def _faults(pages: int) -> Ops:
    return (Map(OTHER, pages), *(Write(OTHER, page) for page in range(pages)), Munmap(OTHER, 0, pages))


LOOPS: Mapping[str, tuple[str, Callable[[int], Ops]]] = {
    "fork": ("fork, exit, wait", lambda pages: (Fork(),)),
    "wide-fork": (f"{WIDE} children that live side by side, then exit", lambda pages: (*[Hold()] * WIDE, Release())),
    "exec": ("fork and exec of a static program", lambda pages: (Exec(),)),
    "spawn": ("posix_spawn of a static program: vfork and exec", lambda pages: (Spawn(),)),
    "shell": ("fork and exec of a shell script that runs `ls -l`", lambda pages: (Shell("ls", "exec", 0),)),
    "thread-fork": (f"a fork beside {THREADS} threads that sleep", lambda pages: (Threads(THREADS, (Fork(),)),)),
    "page-fault": ("anonymous memory mapped, each page written, unmapped", _faults),
    "mmap": (
        "anonymous memory mapped and unmapped, untouched",
        lambda pages: (Map(OTHER, pages), Munmap(OTHER, 0, pages)),
    ),
    "brk": ("the break up, a page written, down", lambda pages: (Brk(pages), WriteBrk(0), Brk(0))),
    "mprotect": (
        "the first page read-only, and writable again: a split and a merge",
        lambda pages: (Mprotect(REGION, 0, 1, "ro"), Mprotect(REGION, 0, 1, "rw")),
    ),
    "mremap": (
        "written memory moved, and back",
        lambda pages: (Mremap(REGION, 0, pages, OTHER), Mremap(OTHER, 0, pages, REGION)),
    ),
}
"""Name → what one turn is, in words and as operations for a number of pages."""


class Micro(Parameters):
    """Parameters of `micro`."""

    loop: str = Field(description=f"what is repeated: {', '.join(LOOPS)}")
    users: tuple[Annotated[int, Field(strict=True, ge=1, le=64)], ...] = Field(
        default=(1,), min_length=1, description="how many users at once; one window for each number"
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

    def load(self, name: str, seed: int) -> Load:
        """A program with one window for each number of users. `seed` decides nothing."""
        turns = Repeat(self.times, LOOPS[self.loop][1](self.pages))
        return alike(name, (Map(REGION, self.pages), Write(REGION, 0)), self.users, (turns,), self.times, "turn")


def suffix(raw: Mapping[str, object]) -> str:
    """The loop's name."""
    return str(raw.get("loop", ""))
