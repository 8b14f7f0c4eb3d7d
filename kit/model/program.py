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
    crew NAME
      user ... end       threads of this process that run together, each on regions of its own, in a window; they only
    end                  map memory and write to it
    ramp NAME MILLISECONDS SECONDS
      user ... end       one of the users, then more and more of them, each number in a window of its own, called NAME
    end                  with the number behind it; the last takes MILLISECONDS, or runs all users, or the next would
                         not end within SECONDS (guest/ramp.c)
    reclaim ... end      the block, while kswapd takes memory back and swaps pages out to a RAM disk; in no other block
    munmap R FIRST COUNT            pages FIRST to FIRST + COUNT of region R go
    mprotect R FIRST COUNT ro|rw    they become read-only, or writable again
    madvise R dontfork|wipeonfork   all that is mapped of region R is not copied, or copied empty, by fork
    discard R FIRST COUNT           madvise(MADV_DONTNEED): the pages go, VMA and anon_vma stay
    mremap R FIRST COUNT TO         these pages move to the start of region TO, where nothing is mapped
    grow R PAGES                    the region, one VMA from page 0 on, becomes PAGES pages long, in its place
    mapfile R PAGES                 a private read-write mapping of PAGES pages of a file of 64
    brk PAGES                       the program break is set to PAGES pages above where it was at the start
    writebrk PAGE                   write one byte to page PAGE of it
    stack PAGES                     write to each page of the stack, down to PAGES pages deeper than ever before
    orphan ... end       inside a fork: fork; the child runs the block only when the process that forked it has exited,
                         and whoever waits for that one waits for the orphan too
    hold ... end         fork; the child runs the block and stays alive; the parent goes on when the block is done
    release              all children that are held exit, in the order of their forks; a process that ends does so too
    threads N ... end    N sleeping threads exist while the block runs
    exec ... end         fork; the child executes the worker anew, which runs the block and exits; the parent waits
    script               fork and exec of a small shell script, and wait
    shell NAME exec|system N  the same with a script that runs a second program (kit.model.program.SCRIPTS), whose
                         argument is N; or `sh -c` of it, as system() does
    spawn                posix_spawn of a second program, and wait: its process never has a copy of this one's memory
    job NAME N           a test of AIM suite VII that changes no VMA of its process (kit.model.jobs); N: its amount

Regions stand at 1 TiB + R * 16 MiB, so that no two of them touch and none can be merged. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

REGION_BASE = 1 << 40
REGION_STRIDE = 16 << 20
MAX_REGIONS = 64
MAX_OPERATIONS = 32768
MAX_PAGES = REGION_STRIDE // 4096 - 1  # one page less, so that two regions never touch
FILE_PAGES = 64
MAX_DEEPER = 1024  # pages of one `stack`
MAX_THREADS = 32
SCRIPTS = ("ls", "sleep")  # of `shell`: what runs `ls -l > /dev/null`, and what sleeps for a number of milliseconds


@dataclass(frozen=True)
class Map:
    """A new private anonymous region, in pages."""

    region: int
    pages: int


@dataclass(frozen=True)
class Write:
    """Writes one byte to a page, from 0, of a region."""

    region: int
    page: int


@dataclass(frozen=True)
class Munmap:
    """Unmaps `count` pages of a region from page `first` on."""

    region: int
    first: int
    count: int


@dataclass(frozen=True)
class Mprotect:
    """Changes the access of `count` pages of a region from page `first` on."""

    region: int
    first: int
    count: int
    access: str  # "ro" or "rw"


@dataclass(frozen=True)
class Madvise:
    """Advice for a whole region about fork."""

    region: int
    advice: str  # "dontfork" or "wipeonfork"


@dataclass(frozen=True)
class Discard:
    """Gives back `count` pages of a region (MADV_DONTNEED), from page `first` on."""

    region: int
    first: int
    count: int


@dataclass(frozen=True)
class Mremap:
    """Moves `count` pages of a region, from page `first` on, to the start of region `to`, where nothing is mapped."""

    region: int
    first: int
    count: int
    to: int


@dataclass(frozen=True)
class Grow:
    """Resizes a region, one VMA from page 0 on, in place to a larger number of pages."""

    region: int
    pages: int


@dataclass(frozen=True)
class MapFile:
    """A private read-write mapping of the first pages of a file."""

    region: int
    pages: int


@dataclass(frozen=True)
class Brk:
    """Sets the program break to a number of pages above its place at the start."""

    pages: int


@dataclass(frozen=True)
class WriteBrk:
    """Writes one byte to a page (from 0) above the program break's place at the start."""

    page: int


@dataclass(frozen=True)
class Stack:
    """Writes to each page of the stack, down to a number of pages deeper than ever before."""

    pages: int


@dataclass(frozen=True)
class Script:
    """Forks a child that executes a shell script, and waits for it."""

    pass


@dataclass(frozen=True)
class Shell:
    """Forks a child that executes a shell script, which forks and executes a second program; and waits for it.

    `script`: one of SCRIPTS; `how`: `exec`, or `system`: a shell with `-c` replaces itself by the script's. `argument`:
    of the script.
    """

    script: str
    how: str
    argument: int


@dataclass(frozen=True)
class Spawn:
    """posix_spawn of `sleep 0`, which vforks, and waits."""

    pass


@dataclass(frozen=True)
class Job:
    """Runs a job (one of kit.model.jobs.JOBS) in this process; it leaves the VMAs as they were."""

    job: str
    amount: int


@dataclass(frozen=True)
class Release:
    """Ends the held children."""

    pass


@dataclass(frozen=True)
class Fork:
    """Forks a child that runs `body` and exits, and waits for it."""

    body: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Orphan:
    """Forks a child that runs `body` after its parent has ended."""

    body: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Hold:
    """Forks a child that runs `body` and stays alive."""

    body: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Exec:
    """Forks a child that executes the program anew, runs `body` and exits."""

    body: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Threads:
    """Runs `body` while a number of sleeping threads exist."""

    count: int
    body: tuple[Op, ...]


@dataclass(frozen=True)
class Repeat:
    """Runs `body` a number of times."""

    times: int
    body: tuple[Op, ...]


@dataclass(frozen=True)
class Reclaim:
    """Runs `body` while kswapd swaps pages out, whose walks through VMAs depend on time: the model has none."""

    body: tuple[Op, ...]


@dataclass(frozen=True)
class Window:
    """Runs `body` while lock_stat counts, under a name."""

    name: str
    body: tuple[Op, ...]


@dataclass(frozen=True)
class Users:
    """Runs several users at once, each in a process, while lock_stat counts, under a name."""

    name: str
    users: tuple[tuple[Op, ...], ...]


@dataclass(frozen=True)
class Crew:
    """Runs several threads of this process at once, while lock_stat counts, under a name."""

    name: str
    users: tuple[tuple[Op, ...], ...]


@dataclass(frozen=True)
class Ramp:
    """Runs one user, then more of them, each number in a window of its own, until a window takes `milliseconds`, all
    run, or the next would end after `seconds`. How many windows there are depends on time: the model has none."""

    name: str
    milliseconds: int
    seconds: int
    users: tuple[tuple[Op, ...], ...]


Plain = Map | MapFile | Write | Munmap | Mprotect | Madvise | Discard | Mremap | Grow | Brk | WriteBrk | Stack
Block = Fork | Orphan | Hold | Exec | Threads | Repeat | Reclaim | Window
Op = Plain | Script | Shell | Spawn | Job | Release | Block | Users | Crew | Ramp

# The first word of the line of operations and blocks whose line is simply their fields in order.
WORDS: dict[type[Op], str] = {
    **{Map: "map", MapFile: "mapfile", Write: "write", Munmap: "munmap", Mprotect: "mprotect", Madvise: "madvise"},
    **{Discard: "discard", Mremap: "mremap", Grow: "grow", Brk: "brk", WriteBrk: "writebrk", Stack: "stack"},
    **{Script: "script", Shell: "shell", Spawn: "spawn", Job: "job", Release: "release", Fork: "fork"},
    **{Orphan: "orphan", Hold: "hold", Exec: "exec", Threads: "threads", Repeat: "repeat"},
    **{Reclaim: "reclaim", Window: "window", Users: "users", Crew: "crew", Ramp: "ramp"},
}


@dataclass(frozen=True)
class Program:
    """A whole program. `text()` is what the guest parses and what is part of a boot's key."""

    ops: tuple[Op, ...]

    def text(self) -> str:
        """The program as text, one operation a line; parse_program reads it back."""
        return "".join(f"{line}\n" for op in self.ops for line in _lines(op))


def _lines(op: Op) -> Iterator[str]:
    if isinstance(op, Users | Crew | Ramp):
        rules = [op.milliseconds, op.seconds] if isinstance(op, Ramp) else []
        yield " ".join([WORDS[type(op)], op.name, *map(str, rules)])
        for user in op.users:
            yield from _block("user", user)
        yield "end"
        return
    values = [getattr(op, field.name) for field in fields(op)]
    if isinstance(op, Block):
        yield from _block(" ".join([WORDS[type(op)], *map(str, values[:-1])]), op.body)
    else:
        yield " ".join([WORDS[type(op)], *map(str, values)])


def _block(head: str, body: tuple[Op, ...]) -> Iterator[str]:
    yield head
    for op in body:
        yield from _lines(op)
    yield "end"
