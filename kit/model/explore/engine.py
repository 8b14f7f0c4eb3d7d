"""Executes tasks on a world, one action at a time: what may run next, and running it. In: a profile; out: worlds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from kit.model.explore.around import Actions
from kit.model.explore.code import compiled
from kit.model.explore.invariants import SENSE, Violation, watch
from kit.model.explore.locks import WANTS, blocked
from kit.model.explore.world import NOBODY, PER_TASK, Area, Call, Space, Task, World
from kit.model.steps import Profile

Act = Callable[[World, Task, Call, "int | str"], None]

# Actions whose place among those of other tasks matters though nobody holds what they touch: taking a lock, asking for
# one, references, what is mapped, and freeing. Releasing a lock is none: whoever waits for it waits no longer than
# needed, and whoever asks may have asked when it was taken. Nor is getting a reference while another one is held.
SHARED = frozenset(
    {
        *(WANTS.keys() - {"mm_lock"}),
        *("try_lock_shared", "ask", "pin", "unpin_early", "unpin_last", "drop_early", "drop_last", "put", "put_root"),
        *("put_its_root", "put_new", "put_found", "release", "pick_page", "map_page", "drop_pages"),
        "unless_unmapped",
    }
)
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


class Engine:
    """One profile's kernel."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.muted: set[str] = set()  # rules of WARNINGS that are known to be broken
        self.codes = compiled(profile)
        self.actions = Actions(self.codes, profile.merging.rule)
        self.lines: dict[str, list[tuple[str, Act, int | str]]] = {
            name: [(action, getattr(self.actions, action), arg) for action, arg in code.actions]
            for name, code in self.codes.items()
        }

    def fresh(self) -> World:
        """One process, P, with one VMA of four pages that nobody has written to."""
        w = World(partial(watch, muted=self.muted), sleeps=not self.profile.lock_class.endswith(SPIN))
        w.spaces[1] = Space(1, "P", (1,))
        w.areas[1] = Area(1, "vma 0 of P", 1, 0, 4)
        return w

    def begin(self, w: World, *todo: tuple[Do, ...]) -> None:
        """Tasks for a world at rest, one for each row of operations. Their objects are numbered apart."""
        used = max(n // PER_TASK for n in (0, *w.avs, *w.entries, *w.areas, *w.spaces))
        w.base = (used + 1) * PER_TASK
        w.tasks = [Task(n, [], ops) for n, ops in enumerate(todo)]
        changed = [{do.space for do in ops if do.do not in WALK_OPERATIONS} for ops in todo]
        w.threads = any(one & other for n, one in enumerate(changed) for other in changed[:n])

    def next_line(self, w: World, task: Task) -> str:
        """The action that a task does next, "" if it has ended."""
        if not task.calls:
            return "begin" if task.todo else ""
        call = task.calls[-1]
        return self.lines[call.cell][call.at][0]

    def ready(self, w: World, task: Task) -> bool:
        """Whether a task may go on now."""
        if not task.calls:
            return bool(task.todo)
        call = task.calls[-1]
        action = self.lines[call.cell][call.at][0]
        return action not in WANTS or not blocked(w, task, call, action)

    def may_fail(self, w: World, task: Task) -> bool:
        """Whether what a task does next is an allocation that may still fail."""
        return w.fails > 0 and self.next_line(w, task) in ALLOCATES

    def local(self, w: World, task: Task, action: str) -> bool:
        """Whether nobody else can tell when a task does this, which is what it does next."""
        if action not in SHARED:
            return action != "mm_lock" or not w.threads
        return action in WANTS and WANTS[action](w, task, task.calls[-1]) is None

    def step(self, w: World, move: Move) -> None:
        """One action of one task. Raises Violation."""
        task = w.tasks[move.task]
        if not task.calls:
            do, task.todo = task.todo[0], task.todo[1:]
            if w.spaces[do.space].gone:
                return
            task.calls.append(Call(f"do-{do.do}", vma=do.vma, src=do.other, space=do.space))
            return
        call = task.calls[-1]
        action, act, arg = self.lines[call.cell][call.at]
        call.at += 1
        task.failed = move.fails
        try:
            act(w, task, call, arg)
        except (KeyError, IndexError):  # steps that were read, not written: an entry or an anon_vma that is not there
            raise Violation(SENSE, f"{call.cell}: {action} finds nothing to work on") from None

    def over(self, w: World) -> bool:
        """Whether every task has ended."""
        return all(not task.calls and not task.todo for task in w.tasks)
