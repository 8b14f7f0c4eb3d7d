"""A second, naive model that shares nothing with the first: it counts by formulas over explicit sets.

It knows that a VMA's chain is a list of names, that one name may be on the chains of several VMAs, and what each
operation costs for a chain of c entries. It knows no steps, locks, counters or references. It has no reuse: while
parents wait for their children there is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kit.model.program import (
    Exec,
    Fork,
    Hold,
    Map,
    Op,
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
from tests.model.scenes import Line

Formula = Callable[[int], int]


def each(c: int) -> int:
    return c


def once(c: int) -> int:
    return min(c, 1)


FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "2.6.38": (each, each),
    "2.6.38-ksm": (each, each),
    "3.0-rc1": (each, each),
    "3.0-637fbbf": (once, each),
    "3.0-eee2acba": (once, once),
    "3.0-dd34739c": (once, once),
    "3.8": (once, once),
    "3.19": (once, once),
    "6.0": (once, once),
    "6.1": (once, once),
    "6.12": (once, once),
    "7.0": (once, once),
    "6.1-unbatched-clone": (each, once),
    "6.1-unbatched": (each, each),
}

Chains = dict[str, list[int]]  # a process: the names on the chain of each VMA


@dataclass
class Twin:
    clone: Formula
    unlink: Formula
    asks: bool  # freeing asks whether the root is locked
    drops: bool  # the last reference to a root but its own is dropped under its lock
    names: Iterable[int] = field(default_factory=itertools.count)
    processes: list[Chains] = field(default_factory=list)
    costs: list[tuple[str, int, int | None, int]] = field(default_factory=list)  # operation, cost, user, root
    freed: list[tuple[int | None, int]] = field(default_factory=list)
    user: int | None = None
    windows: dict[str, object] = field(default_factory=dict)
    scripts: int = 0
    layout: tuple[Line, ...] = ()
    set_up: tuple[int, int] = (1, 2)  # expansions of the stack by execve, and adjustments that shift it
    held: dict[int, list[Chains]] = field(default_factory=dict)

    def cost(self, operation: str, n: int, root: int) -> None:
        self.costs.append((operation, n, self.user, root))

    def prepare(self, process: Chains, vma: str) -> None:
        if not process[vma]:
            process[vma] = [next(iter(self.names))]
            self.cost("prepare", 1, process[vma][0])

    def fork(self, process: Chains) -> Chains:
        child: Chains = {}
        self.processes.append(child)
        for vma, chain in process.items():
            child[vma] = list(chain)
            if chain:
                self.cost("clone", self.clone(len(chain)), chain[0])
                self.cost("fork-link", 1, chain[0])
                child[vma].append(next(iter(self.names)))
        return child

    def finish(self, process: Chains) -> None:
        self.release(process)
        self.exit(process)

    def release(self, process: Chains) -> None:
        for child in self.held.pop(id(process), []):
            self.finish(child)

    def execute(self, process: Chains) -> None:
        """Another image, with roots of its own. Growth of the stack before its final form is counted for its root."""
        self.detach(process)
        process.clear()
        for line in sorted(self.layout, key=lambda line: line.start):
            process[hex(line.start)] = []
            if line.anonymous:
                self.prepare(process, hex(line.start))
        stack = next(process[hex(line.start)][0] for line in self.layout if line.name == "[stack]")
        self.cost("expand", self.set_up[0], stack)
        self.cost("adjust", self.set_up[1], stack)

    def exit(self, process: Chains) -> None:
        self.detach(process)
        self.processes = [other for other in self.processes if other is not process]

    def detach(self, process: Chains) -> None:
        for vma, chain in process.items():
            process[vma] = []
            left = {name for other in self.processes for c in other.values() for name in c}
            if chain:
                self.cost("unlink", self.unlink(len(chain)), chain[0])
                gone = [name for name in chain if name not in left]
                self.freed += [(self.user, chain[0]) for name in gone if self.asks]
                related = {n for other in self.processes for c in other.values() if c[:1] == chain[:1] for n in c}
                if self.drops and set(gone) - {chain[0]} and not related - {chain[0]}:
                    self.cost("free", 1, chain[0])

    def block(self, process: Chains, ops: Iterable[Op]) -> None:
        for op in ops:
            self.op(process, op)

    def op(self, process: Chains, op: Op) -> None:
        if isinstance(op, Map):
            process[f"region {op.region}"] = []
        elif isinstance(op, Write):
            self.prepare(process, f"region {op.region}")
        elif isinstance(op, (Fork, Script, Exec)):
            self.scripts += isinstance(op, Script)
            child = self.fork(process)
            if isinstance(op, Exec):
                self.execute(child)
            self.block(child, () if isinstance(op, Script) else op.body)
            self.finish(child)
        elif isinstance(op, Hold):
            self.held.setdefault(id(process), []).append(self.fork(process))
            self.block(self.held[id(process)][-1], op.body)
        elif isinstance(op, Release):
            self.release(process)
        elif isinstance(op, Threads):
            self.block(process, op.body)
        elif isinstance(op, Stack):
            stack = next(hex(line.start) for line in self.layout if line.name == "[stack]")
            self.cost("expand", op.pages, process[stack][0])
        elif isinstance(op, Repeat):
            for _ in range(op.times):
                self.block(process, op.body)
        elif isinstance(op, Window):
            mark = len(self.costs), len(self.freed), self.scripts
            self.block(process, op.body)
            self.close(op.name, *mark)
        elif isinstance(op, Users):
            children = [(self.fork(process), body) for body in op.users]
            mark = len(self.costs), len(self.freed), self.scripts
            for self.user, (child, body) in enumerate(children):
                self.block(child, body)
            self.user = None
            self.close(op.name, *mark)
            for child, _ in children:
                self.finish(child)

    def close(self, name: str, costs: int, freed: int, scripts: int) -> None:
        if self.scripts != scripts:
            self.windows[name] = None
            return
        spent = self.costs[costs:]
        low = sum(n for _, n, _, _ in spent)
        more = sum(
            any(n and user is not None and user != who and root == of for _, n, who, of in spent)
            for user, root in self.freed[freed:]
        )
        operations = {what: sum(n for op, n, _, _ in spent if op == what) for what in {op for op, _, _, _ in spent}}
        self.windows[name] = (low, low + more, {what: n for what, n in operations.items() if n})


def recount(program: Program, layout: Iterable[Line], profile: str) -> dict[str, object]:
    """(low, high, acquisitions by operation) of each window; None if it holds a script."""
    twin = Twin(*FORMULAS[profile], asks=not profile.startswith("2.6.38"), drops=profile == "2.6.38-ksm")
    twin.layout = tuple(layout)
    twin.set_up = (1 + (profile[0] in "23"), 1 if profile.startswith(("2.6.38", "3.0")) else 2)
    worker: Chains = {}
    for line in sorted(layout, key=lambda line: line.start):
        worker[hex(line.start)] = [next(iter(twin.names))] if line.anonymous else []
    twin.processes.append(worker)
    twin.block(worker, program.ops)
    twin.finish(worker)
    assert not twin.processes
    return twin.windows
