"""Executes tasks on a world, one action at a time: what may run next, and running it. In: a profile; out: worlds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kit.model.explore.around import Actions
from kit.model.explore.code import compiled
from kit.model.explore.invariants import SENSE, Violation, watching
from kit.model.explore.locks import WANTS, blocked
from kit.model.explore.sight import Noticed, Sight
from kit.model.explore.world import NOBODY, PER_TASK, Area, Call, Space, Task, World
from kit.model.steps import Profile

Act = Callable[[World, Task, Call, "int | str"], None]
Line = tuple[str, Act, "int | str", Noticed | None]  # an action, what it does, its argument, who else may tell

WALK_OPERATIONS = ("referenced", "unmap-walk", "migrate")  # they take no mmap lock
ALLOCATES = frozenset({"alloc_kernel", "alloc_nowait", "alloc_anon_vma"})
SPIN = "rlock"  # how lock_stat names a spinlock: who waits for it does not sleep


@dataclass(frozen=True)
class Do:
    """One operation of one process: `do` (fork, exit, split …), the VMA, and for a merge the one behind it."""

    do: str
    space: int
    vma: int = NOBODY
    other: int = NOBODY


@dataclass(frozen=True)
class Move:
    """One decision of a scheduler: a task runs one action, and the allocation in it fails."""

    task: int
    fails: bool = False


Moves = tuple["Moves", Move] | None  # the last one first


class Stopped(Exception):
    """A task broke a rule while it went on alone."""

    def __init__(self, violation: Violation, moves: Moves) -> None:
        super().__init__(str(violation))
        self.violation = violation
        self.moves = moves


class Engine:
    """One profile's kernel: it executes tasks on worlds. `muted`: rules that may be broken."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.muted: set[str] = set()  # rules that are known to be broken
        self.watch = watching()
        self.start: tuple[object, World] | None = None  # the last that was asked for, and the world at its end
        self.codes = compiled(profile)
        self.actions = Actions(self.codes, profile.merging.rule)
        noticed = Sight(self.codes).rows
        self.lines: dict[str, list[Line]] = {
            name: [(action, getattr(self.actions, action), arg, noticed.get(action)) for action, arg in code.actions]
            for name, code in self.codes.items()
        }

    def mute(self, *rules: str) -> None:
        """Let these rules be broken from now on."""
        self.muted.update(rules)
        self.watch.clear()
        self.watch.update(watching(self.muted))

    def fresh(self) -> World:
        """One process, P, with one VMA of four pages that nobody has written to."""
        w = World(self.watch, sleeps=not self.profile.lock_class.endswith(SPIN))
        w.spaces[1] = Space(1, "P", (1,))
        w.areas[1] = Area(1, "vma 0 of P", 1, 0, 4)
        return w

    def begin(self, w: World, *todo: tuple[Do, ...]) -> None:
        """Tasks for a world at rest, one for each row of operations. Their objects are numbered apart."""
        w.base = (w.top // PER_TASK + 1) * PER_TASK
        w.tasks = [Task(n, [], ops) for n, ops in enumerate(todo)]
        w.threads = len(todo) > 1 and _share_mm(todo)

    def next_line(self, w: World, task: Task) -> str:
        """The action that a task does next, "" if it has ended."""
        if not task.calls:
            return "begin" if task.todo else ""
        call = task.calls[-1]
        return self.lines[call.cell][call.at][0]

    def ready(self, w: World, task: Task) -> bool:
        """Whether a task may go on now: it has something left to do, and waits for nobody."""
        if not task.calls:
            return bool(task.todo)
        call = task.calls[-1]
        action = self.lines[call.cell][call.at][0]
        try:
            return action not in WANTS or not blocked(w, task, call, action)
        except (KeyError, IndexError):  # it finds nothing to work on
            return True

    def may_fail(self, w: World, task: Task) -> bool:
        """Whether what a task does next is an allocation that may still fail."""
        return w.fails > 0 and self.next_line(w, task) in ALLOCATES

    def run(self, w: World, task: Task, moves: Moves) -> Moves:
        """A task goes on for as long as nobody else can tell, and no allocation may fail. Raises Stopped."""
        move, lines = Move(task.id), self.lines
        task.failed = False
        while task.calls or task.todo:
            if not task.calls:
                self._begin(w, task)
                moves = (moves, move)
                continue
            call = task.calls[-1]
            action, act, arg, noticed = lines[call.cell][call.at]
            if w.fails > 0 and action in ALLOCATES:
                break
            try:
                if noticed is not None and noticed(w, task, call):
                    break
                call.at += 1
                act(w, task, call, arg)
            except Violation as violation:
                raise Stopped(violation, (moves, move)) from None
            except (KeyError, IndexError):
                raise Stopped(_senseless(call, action), (moves, move)) from None
            moves = (moves, move)
        return moves

    def alone(self, w: World, task: Task, fails: Sequence[int] = ()) -> None:
        """A task goes on to its end; there is no other. `fails`: which of its allocations fail. Raises Violation."""
        calls, lines, allocated = task.calls, self.lines, 0
        while calls or task.todo:
            if not calls:
                self._begin(w, task)
                continue
            call = calls[-1]
            action, act, arg, _ = lines[call.cell][call.at]
            if fails and action in ALLOCATES:
                allocated += 1
                task.failed = allocated in fails
                w.fails = int(task.failed)
            call.at += 1
            try:
                act(w, task, call, arg)
            except (KeyError, IndexError):
                raise _senseless(call, action) from None

    def _begin(self, w: World, task: Task) -> None:
        do, task.todo = task.todo[0], task.todo[1:]
        if not w.spaces[do.space].gone:
            task.calls.append(Call(f"do-{do.do}", vma=do.vma, src=do.other, space=do.space))

    def step(self, w: World, move: Move) -> None:
        """One action of one task, which must be ready. Raises Violation."""
        task = w.tasks[move.task]
        if not task.calls:
            self._begin(w, task)
            return
        call = task.calls[-1]
        action, act, arg, _ = self.lines[call.cell][call.at]
        call.at += 1
        task.failed = move.fails
        try:
            act(w, task, call, arg)
        except (KeyError, IndexError):
            raise _senseless(call, action) from None

    def over(self, w: World) -> bool:
        """Whether every task has ended."""
        return all(not task.calls and not task.todo for task in w.tasks)


def _share_mm(todo: Sequence[Sequence[Do]]) -> bool:
    changed = [{do.space for do in ops if do.do not in WALK_OPERATIONS} for ops in todo]
    return any(one & other for n, one in enumerate(changed) for other in changed[:n])


def _senseless(call: Call, action: str) -> Violation:
    """Steps that were read, not written, may name an entry or an anon_vma that is not there."""
    return Violation(SENSE, f"{call.cell}: {action} finds nothing to work on")
