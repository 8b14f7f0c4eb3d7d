"""Random programs drawn from the whole language, for hypothesis: they make sense, so a guest can run them too.

What a drawn program asks for in vain (a write to what is gone, a move out of two VMAs) is left out before it is used.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from kit.model.errors import ProgramError
from kit.model.execution import Execution
from kit.model.machine import Machine
from kit.model.profiles import profile
from kit.model.program import (
    Brk,
    Discard,
    Exec,
    Fork,
    Grow,
    Hold,
    Madvise,
    Map,
    MapFile,
    Mprotect,
    Mremap,
    Munmap,
    Op,
    Orphan,
    Plain,
    Program,
    Release,
    Repeat,
    Script,
    Shell,
    Stack,
    Threads,
    Users,
    Window,
    Write,
    WriteBrk,
)
from kit.model.state import Mm
from tests.model.scenes import WORKER

REGIONS = 3
PAGES = 8

counts = st.integers(1, REGIONS - 1)
regions = st.sampled_from([0, 0, 0, *range(REGIONS)])
pages = st.integers(1, PAGES)
page = st.integers(0, PAGES - 1)
up_to = {most: st.integers(0, most) for most in range(9)}  # made once: hypothesis checks each strategy it is given
ranges = page.flatmap(lambda first: st.tuples(st.just(first), st.integers(1, min(4, PAGES - first))))


KINDS = ("fork", "fork", "orphan", "hold", "release", "exec", "threads", "repeat", "script", "shell")


def plain() -> st.SearchStrategy[Op]:
    """One operation of a process on its own memory; operations that change most are the most frequent."""
    writes = st.builds(Write, regions, page)
    access = st.sampled_from(["ro", "rw"])
    protections = st.builds(lambda region, part, to: Mprotect(region, *part, to), regions, ranges, access)
    moves = st.builds(lambda region, part, to: Mremap(region, *part, (region + to) % REGIONS), regions, ranges, counts)
    gone = st.builds(lambda region, part: Munmap(region, *part), regions, ranges)
    discards = st.builds(lambda region, part: Discard(region, *part), regions, ranges)
    grows = st.builds(Grow, regions, st.integers(PAGES // 2, 2 * PAGES))
    advice = st.builds(Madvise, regions, st.sampled_from(["dontfork", "wipeonfork"]))
    breaks = st.one_of(st.builds(Brk, st.integers(0, 4)), st.builds(WriteBrk, st.integers(0, 3)))
    maps = st.one_of(st.builds(Map, regions, pages), st.builds(MapFile, regions, pages))
    often = [writes] * 6 + [protections] * 5 + [moves] * 4 + [maps] * 2 + [breaks] * 2
    return st.one_of(*often, gone, discards, grows, advice, st.builds(Stack, st.integers(1, 3)))


PLAIN = plain()
shells = st.sampled_from([Shell("ls", "exec", 0), Shell("ls", "system", 9), Shell("sleep", "exec", 1)])
kinds, times, once_or_twice, yes_or_no = st.sampled_from(KINDS), st.integers(1, 3), st.integers(1, 2), st.booleans()
some_plain = {most: st.lists(PLAIN, max_size=most) for most in (3, 8)}


@st.composite
def bodies(draw: st.DrawFn, depth: int, *, orphans: bool, most: int = 5) -> tuple[Op, ...]:
    """What a process does; `orphans`: whether it may have some, since a process that can wait for them waits for it."""
    ops: list[Op] = []
    for _ in range(draw(up_to[most])):
        if not depth or draw(up_to[2]):
            ops.append(draw(PLAIN))
            continue
        kind = draw(kinds)
        inner = bodies(depth - 1, orphans=True, most=most)
        if kind in ("fork", "hold", "exec"):
            ops.append({"fork": Fork, "hold": Hold, "exec": Exec}[kind](draw(inner)))
        elif kind == "orphan" and orphans:
            ops.append(Orphan(draw(inner)))
        elif kind == "threads":
            ops.append(Threads(draw(times), draw(bodies(depth - 1, orphans=orphans, most=most))))
        elif kind == "repeat":
            ops.append(Repeat(draw(times), draw(bodies(depth - 1, orphans=orphans, most=3))))
        else:
            ops += {"release": [Release()], "script": [Script()], "shell": [draw(shells)]}.get(kind, [])
    return tuple(ops)


@st.composite
def outlines(
    draw: st.DrawFn, names: Iterator[int], depth: int, *, users: bool, orphans: bool = False
) -> tuple[Op, ...]:
    """A process with windows, preparations between them, and children with windows too."""
    ops: list[Op] = [Map(0, PAGES), *draw(some_plain[8])]
    for _ in range(draw(once_or_twice)):
        ops.append(Window(f"w{next(names)}", draw(bodies(3, orphans=orphans))))
        ops += draw(some_plain[3])
        if depth and draw(yes_or_no):
            inner = draw(outlines(names, depth - 1, users=users, orphans=True))
            ops.append(draw(st.sampled_from([Fork, Fork, Hold, Exec]))(inner))
        if users and not draw(up_to[3]):
            each = draw(st.lists(bodies(2, orphans=True, most=3), min_size=1, max_size=3))
            ops.append(Users(f"u{next(names)}", tuple(each)))
    return tuple(ops)


def whole_programs(*, users: bool = True, depth: int = 2, prefix: str = "") -> st.SearchStrategy[Program]:
    """Programs that a 6.1 kernel executes to their end; names of windows begin with `prefix`."""
    made = outlines(itertools.count(), depth, users=users).map(lambda ops: sensible(Program(ops)))
    return made.map(lambda program: Program(tuple(_renamed(program.ops, itertools.count(), prefix))))


def _renamed(ops: tuple[Op, ...], names: Iterator[int], prefix: str) -> Iterator[Op]:
    """Numbers the windows as they open, so that the same draw is the same program."""
    for op in ops:
        if isinstance(op, (Window, Users)):
            op = dataclasses.replace(op, name=f"{prefix}{op.name[0]}{next(names)}")
        if isinstance(op, Users):
            yield op
        elif hasattr(op, "body"):
            yield dataclasses.replace(op, body=tuple(_renamed(op.body, names, prefix)))
        else:
            yield op


def sensible(program: Program) -> Program:
    """The program without its failing operations."""
    while failed := failures(program):
        program = Program(_without(program.ops, failed))
    return program


def failures(program: Program) -> list[Op]:
    """The operations that fail on 6.1, if a run passes over each of them and goes on."""
    execution = Watched(Machine(profile("6.1")), WORKER, None, shortcut=False, checked=False)
    execution.worker(program)
    return execution.failed


class Watched(Execution):
    """Remembers which operations failed, and goes on."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.failed: list[Op] = []

    def plain(self, mm: Mm, op: Plain) -> None:
        try:
            super().plain(mm, op)
        except ProgramError:
            self.failed.append(op)


def _without(ops: tuple[Op, ...], failed: list[Op]) -> tuple[Op, ...]:
    kept: list[Op] = []
    for op in ops:
        if any(op is one for one in failed):
            continue
        if isinstance(op, Users):
            kept.append(Users(op.name, tuple(_without(user, failed) for user in op.users)))
        elif hasattr(op, "body"):
            kept.append(dataclasses.replace(op, body=_without(op.body, failed)))
        else:
            kept.append(op)
    return tuple(kept)
