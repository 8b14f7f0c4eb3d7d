"""Where an exploration starts: a short history of one operation after the other, told in words that can be read again.

In: a profile's engine and a history; out: a world at rest. A history is a list of `Op`, as in "write P", "fork P",
"exit P.1", "split P", "merge P" (its VMAs 0 and 1), "unmap P 1": P is the first process, P.1 its first child.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.model.errors import ModelError
from kit.model.explore.engine import WALK_OPERATIONS, Do, Engine, Move
from kit.model.explore.invariants import at_rest
from kit.model.explore.world import NOBODY, World

OPERATIONS = ("fork", "exit", "write", "split", "merge", "unmap", "move", "expand", *WALK_OPERATIONS)
WHOLE = ("fork", "exit")  # of a whole process


@dataclass(frozen=True, order=True)
class Op:
    """One operation: what, by which process, on which of its VMAs (by rising address)."""

    do: str
    process: str
    at: int = 0

    def __str__(self) -> str:
        return f"{self.do} {self.process}" + (f" {self.at}" if self.at else "")


History = tuple[Op, ...]


def read_op(text: str) -> Op:
    """ "fork P.1" or "unmap P 1". ModelError for what is neither."""
    words = text.split()
    if not 2 <= len(words) <= 3 or words[0] not in OPERATIONS or (not words[-1].isdigit() and len(words) == 3):
        raise ModelError(f"{text!r} is no operation: one of {', '.join(OPERATIONS)}, a process, and a VMA's number")
    return Op(words[0], words[1], int(words[2]) if len(words) == 3 else 0)


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
    move, task = Move(0), w.tasks[0]
    while task.calls or task.todo:
        engine.step(w, move)
    w.tasks = []
    at_rest(w)


def started(engine: Engine, history: Iterable[Op]) -> World:
    """The world that a history leads to, its trace empty. Raises Violation, ModelError."""
    w = engine.fresh()
    for op in history:
        perform(engine, w, op)
    w.trace = None
    return w


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
