"""Where an exploration starts: a short history of one operation after the other, told in words that can be read again.

In: a profile's engine and a history; out: a world at rest. A history is a list of `Op`, as in "write P", "fork P",
"exit P.1", "split P", "merge P" (its VMAs 0 and 1), "unmap P 1": P is the first process, P.1 its first child. In "split
P failing 2+3" the second and the third allocation fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.model.errors import ModelError
from kit.model.explore.engine import WALK_OPERATIONS, Do, Engine
from kit.model.explore.invariants import at_rest
from kit.model.explore.world import NOBODY, World

OPERATIONS = ("fork", "exit", "write", "split", "merge", "unmap", "move", "expand", *WALK_OPERATIONS)
WHOLE = ("fork", "exit")  # of a whole process


FAILING = "failing"


@dataclass(frozen=True, order=True)
class Op:
    """One operation: what, by which process, on which of its VMAs (by rising address).

    `fails`: the numbers, from 1, of its allocations that fail. Only an operation of a start has them: in a scene the
    scheduler decides.
    """

    do: str
    process: str
    at: int = 0
    fails: tuple[int, ...] = ()

    def __str__(self) -> str:
        at = f" {self.at}" if self.at else ""
        return f"{self.do} {self.process}{at}" + (f" {FAILING} {'+'.join(map(str, self.fails))}" if self.fails else "")


History = tuple[Op, ...]


_N = "[0-9]{1,9}"
_OP = re.compile(rf"({'|'.join(OPERATIONS)}) +(\S+)(?: +({_N}))?(?: +{FAILING} +({_N}(?:\+{_N})*))?")


def read_op(text: str) -> Op:
    """ "fork P.1", "unmap P 1" or "split P failing 2+3". ModelError for what is no operation."""
    found = _OP.fullmatch(" ".join(text.split()))
    if found is None:
        raise ModelError(
            f"{text!r} is no operation: one of {', '.join(OPERATIONS)}, a process, a VMA's number if it is not 0, and "
            f"in a start `{FAILING}` and the numbers of the allocations that fail, as in 2+3"
        )
    do, process, at, fails = found.groups()
    return Op(do, process, int(at or 0), tuple(map(int, fails.split("+"))) if fails else ())


def meant(w: World, op: Op) -> Do:
    """The operation on the objects of a world. ModelError if there is no such process or VMA."""
    space = next((s for s in w.spaces.values() if s.name == op.process and not s.gone), None)
    if space is None:
        raise ModelError(f"{op}: there is no process {op.process}")
    if op.do in WHOLE:
        return Do(op.do, space.id)
    wanted = op.at + (op.do == "merge")
    if wanted >= len(space.areas):
        raise ModelError(f"{op}: {op.process} has {len(space.areas)} VMAs")
    other = space.areas[wanted] if op.do == "merge" else NOBODY
    return Do(op.do, space.id, space.areas[op.at], other)


def perform(engine: Engine, w: World, op: Op) -> None:
    """One operation by itself, to its end; then everything must be in order. Raises Violation, ModelError."""
    engine.begin(w, (meant(w, op),))
    engine.alone(w, w.tasks[0], op.fails)
    w.tasks = []
    at_rest(w)


def started(engine: Engine, history: Iterable[Op]) -> World:
    """The world that a history leads to, its trace empty. Raises Violation, ModelError.

    The last one is kept: many scenes begin there one after the other, and each is begun anew while it is shrunk.
    """
    ops = tuple(history)
    if engine.start is None or engine.start[0] != ops:
        w = engine.fresh()
        for op in ops:
            perform(engine, w, op)
        w.trace = None
        engine.start = ops, w
    return engine.start[1].copy()


def applicable(w: World, dos: Sequence[str], most: int) -> list[Op]:
    """The operations of these kinds that some process can do, with at most `most` processes and two VMAs each."""
    spaces = [s for s in w.spaces.values() if not s.gone]
    found: list[Op] = []
    for space in spaces:
        for do in dos:
            if (do == "fork" and len(spaces) >= most) or (do == "split" and len(space.areas) != 1):
                continue
            if do == "merge" and len(space.areas) != 2:
                continue
            if do in WHOLE or do == "merge":
                found.append(Op(do, space.name))
            else:
                found += [Op(do, space.name, at) for at in range(len(space.areas))]
    return found


def outline(w: World) -> object:
    """Equal for worlds at rest that differ in names and numbers only: all is told in the order of meeting it."""
    numbers: dict[int, int] = {}
    order: list[int] = []

    def number(av: int) -> int:
        if av not in numbers:
            numbers[av] = len(order)
            order.append(av)
        return numbers[av]

    parts: list[object] = []
    for space in w.spaces.values():
        if space.gone:
            continue
        for n in space.areas:
            area = w.areas[n]
            chain = [number(w.entries[e].av) for e in area.chain]
            own = -1 if area.own == NOBODY else number(area.own)
            parts.append((area.low, area.high, own, tuple(chain), tuple(sorted(number(p) for p in sorted(area.pages)))))
        parts.append(None)
    for n in order:
        av = w.avs[n]
        counts = (av.ref, av.children, av.active, av.degree, len(av.tree))
        parts.append((number(av.root), number(av.parent), *counts))
    return tuple(parts)
