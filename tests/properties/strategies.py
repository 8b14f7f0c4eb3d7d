"""Random programs that make sense, for hypothesis: regions are mapped before they are written; windows never nest."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from kit.model.program import (
    Exec,
    Fork,
    Hold,
    Madvise,
    Map,
    Mprotect,
    Munmap,
    Op,
    Orphan,
    Program,
    Release,
    Repeat,
    Script,
    Stack,
    Threads,
    Users,
    Window,
    Write,
)
from tests.model.scenes import WORKER, Line

KINDS = ["map", "write", "write", "fork", "fork", "repeat", "script", "window", "users", "exec", "hold", "more"]
# Made once: hypothesis checks each strategy anew that it is given.
some_kinds = st.lists(st.sampled_from(KINDS), max_size=5)
region_numbers, lengths, times = st.integers(0, 5), st.integers(1, 4), st.integers(1, 6)
seldom = st.integers(0, 4).map(lambda n: n == 0)
more = st.sampled_from([Release(), Stack(1), Stack(2), Threads(2, (Fork(),))])


@st.composite
def blocks(draw: st.DrawFn, names: Iterator[int], mapped: frozenset[int], depth: int, inside: bool) -> tuple[Op, ...]:
    """A block of a process with the regions `mapped`; `inside` a window or a repeat, no window opens."""
    ops: list[Op] = []
    for kind in draw(some_kinds):
        if kind == "map":
            region = draw(region_numbers)
            if region not in mapped:
                mapped |= {region}
                ops.append(Map(region, draw(lengths)))
        elif kind == "write" and mapped:
            ops.append(Write(draw(st.sampled_from(sorted(mapped))), 0))
        elif kind == "script" and draw(seldom):
            ops.append(Script())
        elif kind == "more":
            ops.append(draw(more))
        elif kind == "hold" and depth:
            ops.append(Hold(draw(blocks(names, mapped, depth - 1, inside))))
        elif kind == "exec" and depth:
            ops.append(Exec(draw(blocks(names, frozenset(), depth - 1, inside))))
        elif kind == "fork" and depth:
            ops.append(Fork(draw(blocks(names, mapped, depth - 1, inside))))
        elif kind == "repeat" and depth:
            body = (Fork(draw(blocks(names, mapped, depth - 1, True))), *written(draw, mapped))
            ops.append(Repeat(draw(times), body))
        elif kind == "window" and depth and not inside:
            body = draw(blocks(names, mapped, depth - 1, True))
            mapped |= {op.region for op in body if isinstance(op, Map)}
            ops.append(Window(f"w{next(names)}", body))
        elif kind == "users" and depth and not inside:
            each = [draw(blocks(names, mapped, depth - 1, True)) for _ in range(draw(lengths))]
            ops.append(Users(f"u{next(names)}", tuple(each)))
    return tuple(ops)


def written(draw: Callable[..., Any], mapped: frozenset[int]) -> tuple[Op, ...]:
    """With some probability, one more write."""
    return (Write(draw(st.sampled_from(sorted(mapped))), 0),) if mapped and draw(st.booleans()) else ()


@st.composite
def programs(draw: st.DrawFn, depth: int = 4) -> Program:
    return Program(draw(blocks(itertools.count(), frozenset(), depth, False)))


STACK = next(line for line in WORKER if line.name == "[stack]")


other_lines = st.lists(st.sampled_from([line for line in WORKER if line is not STACK]), unique=True)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[Line, ...]:
    """Some of a worker's VMAs, its stack among them, in any order."""
    some = draw(other_lines)
    return tuple(draw(st.permutations([*some, STACK])))


PAGES = 4
firsts = st.integers(0, PAGES - 1)
up_to = {most: st.integers(1, most) for most in range(1, PAGES + 1)}
kinds_of_change = st.sampled_from(["write", "write", "munmap", "mprotect", "mprotect", "madvise"])
accesses, advices = st.sampled_from(["ro", "rw"]), st.sampled_from(["dontfork", "wipeonfork"])


@st.composite
def changes(draw: st.DrawFn) -> Op:
    """An operation on region 0, which has, or had, four pages."""
    first = draw(firsts)
    count = draw(up_to[PAGES - first])
    kind = draw(kinds_of_change)
    if kind == "write":
        return Write(0, first)
    if kind == "munmap":
        return Munmap(0, first, count)
    if kind == "mprotect":
        return Mprotect(0, first, count, draw(accesses))
    return Madvise(0, draw(advices))


def lives(depth: int) -> st.SearchStrategy[tuple[Op, ...]]:
    """Blocks of changes, forks, orphans and repeats; not all of them make sense."""
    one: st.SearchStrategy[Op] = changes()
    if depth:
        inner = lives(depth - 1)
        forks = inner.map(Fork)
        one = st.one_of(one, forks, inner.map(Orphan), forks.map(lambda fork: Repeat(3, (fork,))))
    return st.lists(one, max_size=4).map(tuple)


def rough_programs() -> st.SearchStrategy[Program]:
    """A mapped region, and what a forked process does with it, in one window."""
    return lives(3).map(lambda body: Program((Map(0, PAGES), Window("w", (Write(0, 0), Fork(body))))))
