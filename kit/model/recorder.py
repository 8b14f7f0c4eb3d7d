"""The locks: who holds which, and how often each operation took one. Keeps counts and a trace.

A lock is that of an anon_vma's root. One task runs at a time, so waiting for a held lock would never end: that is an
error that names both operations.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kit.model.errors import ModelError
from kit.model.state import AnonVma, Vma

WRITE = "write"
READ = "read"


class Event(NamedTuple):
    """One line of a trace; `operation` is one of steps.OPERATIONS, window or repeat.

    `what` was done: alloc or nowait (an allocation that may or may not sleep), fail, lock, unlock, own, assign, link,
    remove, reuse, walk, pin, unpin, free, child+, child-, active+, active-, degree+, degree-; or hazard.
    """

    operation: str
    what: str
    vma: str
    subject: str  # the lock, the anon_vma, or what was allocated

    def __str__(self) -> str:
        return f"{self.operation:<10} {self.what:<7} {self.subject:<40} {self.vma}"


Tally = tuple[Counter[Any], ...]


@dataclass(slots=True)
class Recorder:
    """Counts acquisitions by (operation, mode), and notes what matters only while several users run.

    `fail_nowait` and `fail_kernel`: the numbers (from 1) of the GFP_NOWAIT and GFP_KERNEL allocations that fail.
    `hazards`: allocations that may sleep and reclaim while a root's lock is held: reclaim may want any root's lock
    (fixed by dd34739c03f2).
    """

    fail_nowait: frozenset[int] = frozenset()
    fail_kernel: frozenset[int] = frozenset()
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    held: dict[AnonVma, str] = field(default_factory=dict)
    hazards: Counter[Event] = field(default_factory=Counter)
    trace: list[Event] | None = None
    user: int | None = None
    taken_by: dict[AnonVma, set[int]] = field(default_factory=dict)
    synced: Counter[tuple[int, AnonVma]] = field(default_factory=Counter)
    nowait: int = 0
    kernel: int = 0

    def open(self) -> None:
        """Opens a window: lock_stat is cleared."""
        self.counts.clear()
        self.taken_by.clear()
        self.synced.clear()

    def tally(self) -> Tally:
        """What was counted so far."""
        return Counter(self.counts), Counter(self.synced), Counter(self.hazards)

    def again(self, times: int, before: Tally) -> None:
        """Counts everything since `before` another `times` times."""
        mine: Tally = (self.counts, self.synced, self.hazards)
        for now, then in zip(mine, before, strict=True):
            for key, n in (now - then).items():
                now[key] += n * times

    def note(self, operation: str, what: str, vma: Vma, subject: str) -> None:
        """Adds a line to the trace, if one is wanted."""
        if self.trace is not None:
            self.trace.append(Event(operation, what, f"{vma.name} of {vma.mm.name}", subject))

    def mark(self, operation: str, what: str, subject: str) -> None:
        """Adds a line to the trace that is about no VMA: a window opens or closes, a repeat is skipped."""
        if self.trace is not None:
            self.trace.append(Event(operation, what, "", subject))

    def lock(self, operation: str, vma: Vma, anon_vma: AnonVma, mode: str = WRITE) -> None:
        """Takes the lock of `anon_vma`'s root. Raises ModelError if it is held: the wait would never end."""
        root = anon_vma.root
        if root.freed:
            raise ModelError(f"{operation} of {vma} takes the lock of {root.name}, which was freed")
        if root in self.held:
            raise ModelError(
                f"deadlock: {operation} of {vma} wants the lock of {root.name}, which {self.held[root]} holds"
            )
        self.held[root] = f"{operation} of {vma}" if self.trace is not None else operation
        self.counts[operation, mode] += 1
        if self.user is not None:
            self.taken_by.setdefault(root, set()).add(self.user)
        if self.trace is not None:
            self.note(operation, "lock", vma, root.name)

    def unlock(self, operation: str, vma: Vma, anon_vma: AnonVma) -> None:
        """Releases the lock; raises ModelError if it is not held."""
        root = anon_vma.root
        if self.held.pop(root, None) is None:
            raise ModelError(f"{operation} of {vma} releases the lock of {root.name}, which nobody holds")
        if self.trace is not None:
            self.note(operation, "unlock", vma, root.name)

    def is_locked(self, operation: str, vma: Vma, anon_vma: AnonVma) -> bool:
        """Whether the root is locked now; remembers the question, since another user might have held the lock."""
        root = anon_vma.root
        if root.freed:
            raise ModelError(f"{operation} of {vma} reads the lock of {root.name}, which was freed")
        if self.user is not None:
            self.synced[self.user, root] += 1
        return root in self.held

    def allocate(self, operation: str, vma: Vma, what: str, *, nowait: bool = False) -> bool:
        """Whether the allocation succeeds. One that may sleep is noted as a hazard if a lock is held."""
        if nowait:
            self.nowait += 1
            fails = self.nowait in self.fail_nowait
        else:
            self.kernel += 1
            fails = self.kernel in self.fail_kernel
            if self.held:
                self.hazards[Event(operation, "hazard", str(vma), next(iter(self.held)).name)] += 1
        if self.trace is not None:
            self.note(operation, "fail" if fails else "nowait" if nowait else "alloc", vma, what)
        return not fails

    def might_have_been_locked(self) -> int:
        """The number of frees by one user that found the root unlocked, but whose root another user locked in the same
        window."""
        return sum(n for (user, root), n in self.synced.items() if self.taken_by.get(root, set()) - {user})
