"""The state that several tasks share, small enough to be copied and hashed at every step.

The objects are those of kit.model.state, known by numbers here: a task numbers what it allocates by itself, so two
orders of independent steps lead to equal states. Nothing here takes a lock or decides anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

NOBODY = -1
PER_TASK = 1000  # numbers that one task may give to its objects


@dataclasses.dataclass(slots=True)
class Av:
    """struct anon_vma. `holder` is the task that holds the lock of this root alone, `readers` those that share it."""

    id: int
    name: str
    root: int
    parent: int
    ref: int = 1
    children: int = 0
    active: int = 0
    degree: int = 0
    holder: int = NOBODY
    readers: frozenset[int] = frozenset()
    tree: frozenset[int] = frozenset()
    freed: bool = False
    published: bool = False

    def copy(self) -> Av:
        """One like it."""
        return Av(
            self.id,
            self.name,
            self.root,
            self.parent,
            self.ref,
            self.children,
            self.active,
            self.degree,
            self.holder,
            self.readers,
            self.tree,
            self.freed,
            self.published,
        )


@dataclasses.dataclass(slots=True)
class Entry:
    """struct anon_vma_chain."""

    vma: int
    av: int
    freed: bool = False

    def copy(self) -> Entry:
        """One like it."""
        return Entry(self.vma, self.av, self.freed)


@dataclasses.dataclass(slots=True)
class Area:
    """struct vm_area_struct: `chain` is same_vma, oldest first; `pages` the anon_vmas that its pages point to."""

    id: int
    name: str
    mm: int
    low: int
    high: int
    own: int = NOBODY
    chain: tuple[int, ...] = ()
    pages: frozenset[int] = frozenset()
    gone: bool = False

    def copy(self) -> Area:
        """One like it."""
        return Area(self.id, self.name, self.mm, self.low, self.high, self.own, self.chain, self.pages, self.gone)


@dataclasses.dataclass(slots=True)
class Space:
    """struct mm_struct: its VMAs by rising address; `holder` has its mmap lock for writing, or is its last user."""

    id: int
    name: str
    areas: tuple[int, ...] = ()
    holder: int = NOBODY
    gone: bool = False
    forks: int = 0

    def copy(self) -> Space:
        """One like it."""
        return Space(self.id, self.name, self.areas, self.holder, self.gone, self.forks)


@dataclasses.dataclass(slots=True)
class Call:
    """The local variables of one call, and where it stands in its code."""

    cell: str
    at: int = 0
    vma: int = NOBODY
    src: int = NOBODY
    av: int = NOBODY
    entry: int = NOBODY
    root: int = NOBODY  # held since lock_anon_vma_root
    space: int = NOBODY
    todo: tuple[int, ...] = ()
    spare: tuple[int, ...] = ()  # chain entries allocated and not linked
    new: int = NOBODY  # an anon_vma allocated here and not yet the VMA's own
    empty: bool = False
    unpinned: bool = False
    found: bool = False
    pinned: bool = False
    forking: bool = False
    inserting: bool = False
    importing: bool = False
    moving: bool = False

    def copy(self) -> Call:
        """One like it."""
        return Call(
            self.cell,
            self.at,
            self.vma,
            self.src,
            self.av,
            self.entry,
            self.root,
            self.space,
            self.todo,
            self.spare,
            self.new,
            self.empty,
            self.unpinned,
            self.found,
            self.pinned,
            self.forking,
            self.inserting,
            self.importing,
            self.moving,
        )


@dataclasses.dataclass(slots=True)
class Task:
    """One thread of control: its calls, innermost last, and the operations that it has yet to begin."""

    id: int
    calls: list[Call]
    todo: tuple[Any, ...] = ()
    rcu: int = 0
    made: int = 0  # objects numbered so far
    failed: bool = False

    def copy(self) -> Task:
        """One like it."""
        return Task(self.id, [call.copy() for call in self.calls], self.todo, self.rcu, self.made, self.failed)


# What a state is told by: all but the names.
_AV = attrgetter(*(field.name for field in dataclasses.fields(Av) if field.name != "name"))
_AREA = attrgetter(*(field.name for field in dataclasses.fields(Area) if field.name != "name"))
_SPACE = attrgetter("id", "areas", "holder", "gone", "forks")
_CALL = attrgetter(*(field.name for field in dataclasses.fields(Call)))


class Event(NamedTuple):
    """What one task did: `what`, in which function (a cell or an operation), for which VMA, to what."""

    task: int
    what: str
    cell: str
    vma: int
    subject: int  # an anon_vma, a chain entry or an mm, as `what` has it
    text: str

    @property
    def where(self) -> str:
        """The function or operation by its plain name."""
        return self.cell.removeprefix("do-")

    def __str__(self) -> str:
        return f"{self.cell:<10} {self.what:<8} {self.text}"


Trace = tuple["Trace", Event] | None  # the last event first: a copy shares what came before
Watch = Callable[["World", Event], None]


class World:
    """Everything, and `watch`, who is shown which events. `sleeps`: who waits for the lock sleeps."""

    __slots__ = (
        *("areas", "avs", "base", "entries", "fails", "sleeps", "spaces", "tasks", "threads", "top", "trace"),
        *("traced", "watch"),
    )

    def __init__(self, watch: Mapping[str, Watch], *, sleeps: bool) -> None:
        self.avs: dict[int, Av] = {}
        self.entries: dict[int, Entry] = {}
        self.areas: dict[int, Area] = {}
        self.spaces: dict[int, Space] = {}
        self.tasks: list[Task] = []
        self.base = 0  # where the numbers of the tasks of now begin
        self.top = 1  # the highest number that is given
        self.fails = 0  # allocations that may still fail
        self.threads = False  # two tasks use one mm
        self.trace: Trace = None
        self.traced = True
        self.watch = watch  # who looks at which kind of event
        self.sleeps = sleeps

    def copy(self) -> World:
        """A world of its own; the trace so far is shared."""
        new = World(self.watch, sleeps=self.sleeps)
        new.avs = {n: one.copy() for n, one in self.avs.items()}  # freed ones too: a wrong kernel may still lock them
        new.entries = {n: one.copy() for n, one in self.entries.items()}
        new.areas = {n: one if one.gone else one.copy() for n, one in self.areas.items()}
        new.spaces = {n: one if one.gone else one.copy() for n, one in self.spaces.items()}
        new.tasks = [task.copy() for task in self.tasks]
        new.base, new.top, new.fails, new.threads = self.base, self.top, self.fails, self.threads
        new.trace, new.traced = self.trace, self.traced
        return new

    def key(self) -> tuple[object, ...]:
        """Equal for equal states; how a state was reached is no part of it."""
        return (
            frozenset([_AV(one) for one in self.avs.values() if not one.freed]),
            frozenset([(n, one.vma, one.av) for n, one in self.entries.items() if not one.freed]),
            frozenset([_AREA(one) for one in self.areas.values() if not one.gone]),
            frozenset([_SPACE(one) for one in self.spaces.values() if not one.gone]),
            tuple([(tuple(map(_CALL, task.calls)), task.todo, task.rcu, task.made) for task in self.tasks]),
            self.fails,
        )

    def number(self, task: Task) -> int:
        """A number for an object that this task makes."""
        task.made += 1
        number = self.base + task.id * PER_TASK + task.made
        self.top = max(self.top, number)
        return number

    def root(self, av: int) -> Av:
        """The root of an anon_vma."""
        return self.avs[self.avs[av].root]

    def holds(self, task: int, root: Av) -> bool:
        """Whether a task holds the lock of a root, alone or shared."""
        return root.holder == task or task in root.readers

    def held(self, task: int) -> list[Av]:
        """The roots whose lock a task holds."""
        return [av for av in self.avs.values() if av.holder == task or task in av.readers]

    def attached(self) -> Iterator[Area]:
        """The VMAs that are still there."""
        return (area for area in self.areas.values() if not area.gone)

    def mapped(self, av: int) -> bool:
        """Whether a page of this anon_vma is mapped by any VMA."""
        return any(av in area.pages for area in self.areas.values() if not area.gone)

    def emit(self, task: int, what: str, call: Call, subject: int, text: str) -> None:
        """An event has happened: it enters the trace, and the rules look at it."""
        look = self.watch.get(what)
        if look is None and not self.traced:
            return
        event = Event(task, what, call.cell, call.vma, subject, text)
        if self.traced:
            self.trace = (self.trace, event)
        if look is not None:
            look(self, event)

    def events(self) -> list[Event]:
        """The trace, first event first."""
        found: list[Event] = []
        link = self.trace
        while link is not None:
            link, event = link
            found.append(event)
        return found[::-1]
