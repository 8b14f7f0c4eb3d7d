"""Actions that take and release locks: which lock an action wants, and what it does when it has it."""

from __future__ import annotations

from collections.abc import Callable

from kit.model.explore.base import WALKS, Arg, Base
from kit.model.explore.world import NOBODY, Av, Call, Space, Task, World

Wanted = Callable[[World, Task, Call], "Av | Space | None"]


class Locks(Base):
    """Locks of roots and of mms."""

    def _take(self, w: World, t: Task, f: Call, root: Av, *, shared: bool = False) -> None:
        what = "lock" if not shared else "share"
        if w.holds(t.id, root):
            w.emit(t.id, "again", f, root.id, root.name)
        if shared:
            root.readers |= {t.id}
        else:
            root.holder = t.id
        w.emit(t.id, what, f, root.id, root.name)

    def _drop(self, w: World, t: Task, f: Call, root: Av) -> None:
        w.emit(t.id, "unlock", f, root.id, root.name)
        if root.holder == t.id:
            root.holder = NOBODY
        root.readers -= {t.id}

    def _unmapped(self, w: World, f: Call) -> bool:
        """A walk looks again when it has the lock, or its reference: the page may be mapped no more."""
        return f.cell in WALKS and not f.pinned and not w.mapped(f.av)

    def lock(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root."""
        if self._unmapped(w, f):
            self.leave(w, t, f, arg)
            return
        self._take(w, t, f, w.root(f.av))

    def lock_shared(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root in read mode."""
        if self._unmapped(w, f):
            self.leave(w, t, f, arg)
            return
        self._take(w, t, f, w.root(f.av), shared=True)

    def try_lock_shared(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root in read mode, or return if somebody else holds it."""
        if self._unmapped(w, f) or w.root(f.av).holder != NOBODY:
            self.leave(w, t, f, arg)
            return
        self._take(w, t, f, w.root(f.av), shared=True)

    def lock_once(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root unless it is held (lock_anon_vma_root)."""
        root = w.root(f.av)
        if f.root == root.id:
            return
        f.root = root.id
        self._take(w, t, f, root)

    def lock_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root of the VMA's own anon_vma."""
        self._lock_of(w, t, f, f.vma)

    def lock_source(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root of the source's own anon_vma."""
        self._lock_of(w, t, f, f.src)

    def lock_adjusted(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root of the VMA's anon_vma, or of its neighbour's if the boundary moves, if there is one."""
        self._lock_of(w, t, f, _adjusted(w, f))

    def lock_unless_end_only(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root of the VMA's anon_vma, if pages are imported or vm_start moves."""
        if f.importing or f.moving:
            self._lock_of(w, t, f, f.vma)

    def lock_unless_end_or_insert(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """As `lock_unless_end_only`, or if a VMA is inserted."""
        if f.inserting or f.importing or f.moving:
            self._lock_of(w, t, f, f.vma)

    def _lock_of(self, w: World, t: Task, f: Call, vma: int) -> None:
        if vma != NOBODY and w.areas[vma].own != NOBODY:
            root = w.root(w.areas[vma].own)
            f.root = root.id
            self._take(w, t, f, root)

    def lock_root(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Lock the root."""
        self._take(w, t, f, w.root(f.av))

    def unlock(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Unlock the root."""
        self._drop(w, t, f, w.root(f.av))

    def unlock_root(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Unlock the root."""
        self._drop(w, t, f, w.root(f.av))

    def unlock_held(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Unlock the root if it is held (unlock_anon_vma_root)."""
        if f.root != NOBODY:
            self._drop(w, t, f, w.avs[f.root])
            f.root = NOBODY

    def ask(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """anon_vma_free: is the root locked?"""
        root = w.root(f.av)
        w.emit(t.id, "ask", f, root.id, root.name)
        if root.holder == NOBODY and not root.readers:
            f.at = int(arg)

    def rcu_lock(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Enter a read-side section of RCU."""
        t.rcu += 1

    def rcu_unlock(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Leave a read-side section of RCU."""
        t.rcu -= 1

    # mmap_lock

    def mm_lock(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Take the lock of the address space for writing (mmap_lock)."""
        space = w.spaces[f.space]
        if space.holder == t.id:
            w.emit(t.id, "again", f, space.id, space.name)
        space.holder = t.id
        w.emit(t.id, "mmlock", f, space.id, space.name)

    def mm_unlock(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Release the lock of the address space (mmap_lock)."""
        w.spaces[f.space].holder = NOBODY
        w.emit(t.id, "mmunlock", f, f.space, w.spaces[f.space].name)


def _adjusted(w: World, f: Call) -> int:
    return f.vma if w.areas[f.vma].own != NOBODY else f.src


def _of(w: World, vma: int) -> Av | None:
    return w.root(w.areas[vma].own) if vma != NOBODY and w.areas[vma].own != NOBODY else None


def _once(w: World, t: Task, f: Call) -> Av | None:
    root = w.root(f.av)
    return None if f.root == root.id else root


def _walked(w: World, t: Task, f: Call) -> Av | None:
    """What a walk waits for; a page that is mapped no more ends it without waiting."""
    return None if f.cell in WALKS and not f.pinned and not w.mapped(f.av) else w.root(f.av)


WANTS: dict[str, Wanted] = {
    "lock": _walked,
    "lock_shared": _walked,
    "lock_once": _once,
    "lock_root": lambda w, t, f: w.root(f.av),
    "lock_own": lambda w, t, f: _of(w, f.vma),
    "lock_source": lambda w, t, f: _of(w, f.src),
    "lock_adjusted": lambda w, t, f: _of(w, _adjusted(w, f)),
    "lock_unless_end_only": lambda w, t, f: _of(w, f.vma) if f.importing or f.moving else None,
    "lock_unless_end_or_insert": lambda w, t, f: _of(w, f.vma) if f.inserting or f.importing or f.moving else None,
    "mm_lock": lambda w, t, f: w.spaces[f.space],
}
"""The lock that an action waits for, or None if it waits for none this time."""


def blocked(w: World, t: Task, f: Call, action: str) -> bool:
    """Whether the task must wait for somebody else; who waits for itself goes on, to be found out."""
    wanted = WANTS[action](w, t, f) if action in WANTS else None
    if wanted is None:
        return False
    if isinstance(wanted, Space):
        return wanted.holder not in (NOBODY, t.id)
    if wanted.holder != NOBODY:
        return wanted.holder != t.id
    return action != "lock_shared" and bool(wanted.readers - {t.id})
