"""A counterexample as a program for a guest (kit.model.program). In: the operations of a scene; out: a program.

P is a child of the guest's worker, with region 0 for its VMA. A program is a tree: a child is waited for, held, or an
orphan that goes on when its parent has ended. A scene that no tree says in its order, that needs several tasks at once,
failing allocations or reclaim is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kit.model.errors import ModelError
from kit.model.explore.engine import WALK_OPERATIONS
from kit.model.explore.findings import Finding
from kit.model.explore.starts import Op
from kit.model.program import Fork, Hold, Map, Mprotect, Mremap, Munmap, Orphan, Program, Release, Window, Write
from kit.model.program import Op as Line

PAGES = 4  # of P's VMA
WINDOW = "found"
NOT_IN_A_GUEST = {
    **dict.fromkeys(WALK_OPERATIONS, "reclaim and migration are not to be had on request"),
    "expand": "P's VMA is no stack",
}


@dataclass(frozen=True)
class Part:
    """One VMA: pages of a region, and whether they may be written to."""

    region: int
    first: int
    count: int
    writable: bool = True
    written: bool = False  # it has an anon_vma


@dataclass
class Process:
    """What a process has: its VMAs by rising address, and the children that it forked and holds."""

    parts: list[Part]
    forks: int = 0
    held: list[str] = field(default_factory=list)


def emitted(finding: Finding) -> Program:
    """The program that does what a finding does. ModelError says why there is none."""
    scene = finding.scene
    if len(scene.tasks) > 1:
        raise ModelError("it takes several tasks at once, and no program says when each of them goes on")
    ops = [*scene.history, *(op for ops in scene.tasks for op in ops)]
    if any(move.fails for move in finding.moves) or any(op.fails for op in ops):
        raise ModelError("it takes an allocation that fails, and no program makes one fail")
    for op in ops:
        if op.do in NOT_IN_A_GUEST:
            raise ModelError(f"it takes {op.do!r}: {NOT_IN_A_GUEST[op.do]}")
    lines = _Writer().block("P", list(_without_effect(ops)), Process([Part(0, 0, PAGES)]))
    return Program((Map(0, PAGES), Window(WINDOW, (Fork(tuple(lines)),))))


def _without_effect(ops: Sequence[Op]) -> Iterator[Op]:
    """Without writes to what has an anon_vma: nothing happens in them that the rules are about."""
    forks: dict[str, int] = {}
    written: set[str] = set()
    cut: set[str] = set()  # processes whose VMA was cut in two before it was written to
    for op in ops:
        if op.do == "write" and op.process in written:
            continue
        if op.do == "write" and op.process not in cut:
            written.add(op.process)
        if op.do == "split" and op.process not in written:
            cut.add(op.process)
        if op.do == "fork":
            forks[op.process] = forks.get(op.process, 0) + 1
            for known in (written, cut):
                if op.process in known:
                    known.add(f"{op.process}.{forks[op.process]}")
        yield op


class _Writer:
    def __init__(self) -> None:
        self.regions = 1  # used so far

    def block(self, name: str, ops: Sequence[Op], process: Process) -> list[Line]:
        """What a process and its children do, from its first operation to its end."""
        lines: list[Line] = []
        rest = list(ops)
        while rest:
            op = rest.pop(0)
            if op.process in process.held and op.do == "exit":
                if process.held != [op.process]:
                    raise ModelError("children that are held all end together")
                lines.append(Release())
                process.held.clear()
            elif op.process != name:
                raise ModelError(f"{op} comes when {name} is doing something else")
            elif op.do == "exit":
                if rest:
                    raise ModelError(f"{rest[0]} comes after the end of {name}")
                break
            elif op.do == "fork":
                lines.append(self.child(name, rest, process))
            else:
                lines += self.change(op, process)
        return lines

    def child(self, name: str, rest: list[Op], process: Process) -> Line:
        """A child, with what it does taken out of `rest`."""
        process.forks += 1
        child = f"{name}.{process.forks}"
        its = [op for op in rest if op.process == child or op.process.startswith(f"{child}.")]
        before = 0
        while before < len(rest) and rest[before] in its:
            before += 1
        end = Op("exit", name)
        copy = Process(list(process.parts))
        if before == len(its):
            rest[:] = rest[before:]
            body = tuple(self.block(child, its, copy))
            if Op("exit", child) in its:
                return Fork(body)
            process.held.append(child)
            return Hold(body)
        if end in rest and all(op not in its for op in rest[: rest.index(end)]):
            rest[:] = rest[: rest.index(end) + 1]
            return Orphan(tuple(self.block(child, its, copy)))
        if before == len(its) - 1 and its[-1] == Op("exit", child):
            rest[:] = rest[before:]
            process.held.append(child)
            return Hold(tuple(self.block(child, its[:-1], copy)))
        raise ModelError(f"{child} and {name} take turns")

    def change(self, op: Op, process: Process) -> list[Line]:
        """Something that a process does to its own VMAs."""
        parts = process.parts
        part = parts[op.at]
        if op.do == "write":
            if not part.writable:
                raise ModelError(f"{op}: it is read-only since it was split")
            parts[op.at] = Part(part.region, part.first, part.count, written=True)
            return [Write(part.region, part.first)]
        if op.do == "split":
            return self.split(op, parts)
        if op.do == "merge":
            other = parts.pop(op.at + 1)
            if (other.region, other.first) != (part.region, part.first + part.count):
                raise ModelError(f"{op}: the VMAs do not touch")
            written = part.written or other.written
            parts[op.at] = Part(part.region, part.first, part.count + other.count, written=written)
            return [Mprotect(other.region, other.first, other.count, "rw")]
        del parts[op.at]
        if op.do == "unmap":
            return [Munmap(part.region, part.first, part.count)]
        to, self.regions = self.regions, self.regions + 1
        parts.append(Part(to, 0, part.count, part.writable, part.written))
        return [Mremap(part.region, part.first, part.count, to)]

    @staticmethod
    def split(op: Op, parts: list[Part]) -> list[Line]:
        """The upper half becomes read-only."""
        part = parts[op.at]
        half = part.count // 2
        if not half or not part.writable:
            raise ModelError(f"{op}: it cannot be split any further")
        upper = Part(part.region, part.first + half, part.count - half, False, part.written)
        parts[op.at : op.at + 1] = [Part(part.region, part.first, half, written=part.written), upper]
        return [Mprotect(upper.region, upper.first, upper.count, "ro")]
