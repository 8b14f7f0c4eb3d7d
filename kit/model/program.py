"""Programs: what the guest's worker does, written once. The guest runs the text, the model executes the same tree.

A program is a list of operations of one process. Its text form has one operation a line; blocks end with `end`:

    map R PAGES          a private anonymous read-write region, number R, at an address of its own
    write R PAGE         write one byte to page PAGE (from 0) of region R
    fork ... end         fork; the child runs the block and _exits; the parent waits for it
    repeat N ... end     the block, N times
    window NAME ... end  lock_stat is cleared and on around the block, read after it
    users NAME           children forked together, held at a barrier while lock_stat is cleared and switched on,
      user ... end       let go, each running its own block, held again while it is switched off and read,
    end                  then they _exit and are waited for
    munmap R FIRST COUNT            pages FIRST to FIRST + COUNT of region R go
    mprotect R FIRST COUNT ro|rw    they become read-only, or writable again
    madvise R dontfork|wipeonfork   all that is mapped of region R is not copied, or copied empty, by fork
    orphan ... end       inside a fork: fork; the child runs the block only when the process that forked it has exited,
                         and whoever waits for that one waits for the orphan too
    script               fork and exec of a small shell script, and wait (AIM7's exec_test does it five times)

Regions stand at 1 TiB + R * 16 MiB, so that no two of them touch and none can be merged. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

REGION_BASE = 1 << 40
REGION_STRIDE = 16 << 20
MAX_REGIONS = 64
MAX_OPERATIONS = 32768


@dataclass(frozen=True)
class Map:
    region: int
    pages: int


@dataclass(frozen=True)
class Write:
    region: int
    page: int


@dataclass(frozen=True)
class Munmap:
    region: int
    first: int
    count: int


@dataclass(frozen=True)
class Mprotect:
    region: int
    first: int
    count: int
    access: str  # "ro" or "rw"


@dataclass(frozen=True)
class Madvise:
    region: int
    advice: str  # "dontfork" or "wipeonfork"


@dataclass(frozen=True)
class Script:
    pass


@dataclass(frozen=True)
class Fork:
    body: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Orphan:
    body: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Repeat:
    times: int
    body: tuple[Op, ...]


@dataclass(frozen=True)
class Window:
    name: str
    body: tuple[Op, ...]


@dataclass(frozen=True)
class Users:
    name: str
    users: tuple[tuple[Op, ...], ...]


Op = Map | Write | Munmap | Mprotect | Madvise | Script | Fork | Orphan | Repeat | Window | Users


@dataclass(frozen=True)
class Program:
    """A whole program. `text()` is what the guest parses and what enters a boot's key."""

    ops: tuple[Op, ...]

    def text(self) -> str:
        return "".join(f"{line}\n" for op in self.ops for line in _lines(op))


def _lines(op: Op) -> Iterator[str]:
    match op:
        case Map(region, pages):
            yield f"map {region} {pages}"
        case Write(region, page):
            yield f"write {region} {page}"
        case Munmap(region, first, count):
            yield f"munmap {region} {first} {count}"
        case Mprotect(region, first, count, access):
            yield f"mprotect {region} {first} {count} {access}"
        case Madvise(region, advice):
            yield f"madvise {region} {advice}"
        case Script():
            yield "script"
        case Fork(body):
            yield from _block("fork", body)
        case Orphan(body):
            yield from _block("orphan", body)
        case Repeat(times, body):
            yield from _block(f"repeat {times}", body)
        case Window(name, body):
            yield from _block(f"window {name}", body)
        case Users(name, users):
            yield f"users {name}"
            for user in users:
                yield from _block("user", user)
            yield "end"


def _block(head: str, body: tuple[Op, ...]) -> Iterator[str]:
    yield head
    for op in body:
        yield from _lines(op)
    yield "end"
