"""The functions of mm/rmap.c that take the anon_vma lock, executed step by step as a profile says.

Read it beside mm/rmap.c. The first methods are functions there (and places in mm/*.c that take the lock themselves). A
Frame holds the local variables of a call. Each step is the method of the same name, here, in kit.model.linking or in
kit.model.counting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from kit.model.counting import Counting
from kit.model.errors import ModelError, OutOfMemoryError
from kit.model.frame import Frame
from kit.model.linking import Linking
from kit.model.recorder import Recorder
from kit.model.state import AnonVma, Vma
from kit.model.steps import Cell, Over, Profile


class Rmap(Linking, Counting):
    """One kernel's mm/rmap.c. If a failing allocation ends a call, it raises OutOfMemoryError after undoing its
    changes."""

    def __init__(self, profile: Profile, recorder: Recorder) -> None:
        super().__init__(profile, recorder)
        self._passes: dict[str, list[tuple[Over, tuple[Handler, ...]]]] = {}

    def _compiled(self, cell: str) -> list[tuple[Over, tuple[Handler, ...]]]:
        """A cell's passes as functions; cached, since they are called very often."""
        passes = self._cell(cell).passes
        found = self._passes[cell] = [(one.over, _functions(one.methods)) for one in passes]
        return found

    def _cell(self, cell: str) -> Cell:
        found: Cell = getattr(self.profile, cell)
        return found

    def prepare(self, vma: Vma) -> None:
        """anon_vma_prepare: gives a VMA an anon_vma before its first own page."""
        if vma.anon_vma is None:
            self._call("prepare", Frame("prepare", vma))

    def clone(self, dst: Vma, src: Vma, *, forking: bool = False) -> None:
        """anon_vma_clone: attach `dst` to all that `src` is attached to."""
        frame = Frame("clone", dst, src)
        frame.forking = forking
        self._call("clone", frame)

    def fork(self, vma: Vma, pvma: Vma) -> None:
        """anon_vma_fork: clone the parent's chain, then add an anon_vma of the child's own."""
        self._call("fork", Frame("fork-link", vma, pvma))

    def unlink(self, vma: Vma) -> None:
        """unlink_anon_vmas: detaches a VMA from everything, and frees what nobody is attached to any more."""
        self._call("unlink", Frame("unlink", vma))

    def adjust(
        self,
        vma: Vma,
        neighbour: Vma | None = None,
        *,
        inserting: bool = False,
        importing: bool = False,
        moving: bool = False,
    ) -> None:
        """The lock that vma_adjust takes while boundaries move: that of `vma`, or of the `neighbour` whose start moves.

        `inserting`: the other half of a split is inserted; `importing`: pages come from a VMA that shrinks or goes;
        `moving`: vm_start moves.
        """
        frame = Frame("adjust", vma, neighbour)
        frame.inserting, frame.importing, frame.moving = inserting, importing, moving
        self._call("adjust", frame)

    def expand(self, vma: Vma) -> None:
        """expand_downwards: the lock that is held while a stack's vm_start moves."""
        self._call("expand", Frame("expand", vma))

    def move(self, vma: Vma) -> None:
        """take_rmap_locks: the lock that is held while the page tables of `vma` move."""
        self._call("move", Frame("move", vma))

    def walk(self, anon_vma: AnonVma, vma: Vma, how: str) -> list[Vma]:
        """Every VMA that a walk for a page of `vma` in `anon_vma` meets, in each of its turns.

        `how` is a cell: referenced (reclaim asks whether the page was used), unmap (try_to_unmap) or migrate.
        """
        frame = Frame(how, vma, None, anon_vma)
        self._call(how, frame)
        return list(frame.seen)

    def get(self, anon_vma: AnonVma) -> None:
        """get_anon_vma, as page migration and KSM do."""
        anon_vma.refcount += 1

    def put(self, anon_vma: AnonVma, vma: Vma) -> None:
        """put_anon_vma; `vma` is only for the trace."""
        anon_vma.refcount -= 1
        if anon_vma.refcount < 0:
            raise ModelError(f"{anon_vma.name} is put more often than it was got")
        if anon_vma.refcount == 0:
            self._call("put", Frame("free", vma, None, anon_vma))

    def _call(self, cell: str, frame: Frame) -> None:
        recorder = self.recorder
        held = len(recorder.held)
        try:
            self._run(self._passes.get(cell) or self._compiled(cell), frame)
        except OutOfMemoryError:
            for step in self._cell(cell).failure:
                getattr(self, step.name.lower())(frame)
            self._returns(cell, frame, held)
            if frame.vma.chain:
                self._broken(frame, "fails, but leaves the VMA attached")
            raise
        if len(recorder.held) != held or frame.root is not None or frame.allocated or cell == "unlink":
            self._returns(cell, frame, held)

    def _run(self, passes: list[tuple[Over, tuple[Handler, ...]]], frame: Frame) -> None:
        for over, handlers in passes:
            if over is Over.ONCE:
                for handler in handlers:
                    if handler(self, frame):
                        return
                continue
            vma = frame.vma if frame.src is None or over is Over.OWN_BACKWARD else frame.src
            for entry in vma.chain[::-1] if over is Over.FORWARD else vma.chain[:]:
                frame.entry = entry
                frame.anon_vma = entry.anon_vma
                for handler in handlers:
                    if handler(self, frame):
                        break

    def _returns(self, cell: str, frame: Frame, held: int) -> None:
        """Checks what must hold when a call returns, whether it failed or not."""
        if len(self.recorder.held) != held:
            self._broken(frame, "returns with a lock held that it took")
        if frame.root is not None:
            self._broken(frame, "forgets to let go of the root (unlock_anon_vma_root)")
        if frame.allocated:
            self._broken(frame, "leaks a chain entry")
        if cell == "unlink" and frame.vma.chain:
            self._broken(frame, "leaves the VMA attached")

    # Fork

    def skip_unused(self, frame: Frame) -> bool:
        """Return if the source VMA has no anon_vma."""
        return self._parent(frame).anon_vma is None

    def skip_ownless(self, frame: Frame) -> bool:
        """Return if the VMA has no anon_vma."""
        return frame.vma.anon_vma is None

    def forget(self, frame: Frame) -> None:
        """Forget the inherited anon_vma."""
        frame.vma.anon_vma = None

    def clone_parent(self, frame: Frame) -> None:
        """Clone the parent's chain (anon_vma_clone)."""
        self.clone(frame.vma, self._parent(frame), forking=True)

    def done_if_reused(self, frame: Frame) -> bool:
        """Return if an anon_vma was reused."""
        return frame.vma.anon_vma is not None

    def done_if_reused_put(self, frame: Frame) -> bool:
        """If an anon_vma was reused, give back what was allocated, and return."""
        if frame.vma.anon_vma is None:
            return False
        frame.allocated -= 1
        self.put(self._subject(frame), frame.vma)
        return True

    def adopt_root(self, frame: Frame) -> None:
        """Take root and parent from the parent's VMA."""
        anon_vma, above = self._subject(frame), self._parent(frame).anon_vma
        if above is None:
            self._broken(frame, "has a parent without an anon_vma")
        anon_vma.root = above.root
        anon_vma.parent = above

    def pin_root(self, frame: Frame) -> None:
        """Get a reference to the root."""
        self.get(self._subject(frame).root)

    def prepare_own(self, frame: Frame) -> None:
        """Give the VMA an anon_vma first (anon_vma_prepare)."""
        self.prepare(frame.vma)

    # Walks

    def visit(self, frame: Frame) -> None:
        """rmap_one for each VMA in the interval tree (until 3.7 the list) of the page's own anon_vma."""
        anon_vma = self._subject(frame)
        if anon_vma.root not in self.recorder.held:
            self._broken(frame, f"walks {anon_vma.name} without the lock of its root")
        frame.seen = [*frame.seen, *(entry.vma for entry in anon_vma.chain)]
        self._note(frame, "walk", anon_vma)

    def pin(self, frame: Frame) -> None:
        """Get a reference to the anon_vma."""
        self.get(self._subject(frame))
        self._note(frame, "pin", self._subject(frame))

    def unpin(self, frame: Frame) -> None:
        """Drop that reference."""
        self._note(frame, "unpin", self._subject(frame))
        self.put(self._subject(frame), frame.vma)

    def unpin_locking(self, frame: Frame) -> None:
        """drop_anon_vma of 2.6.38: the last external reference is dropped under the lock."""
        anon_vma = self._subject(frame)
        self._note(frame, "unpin", anon_vma)
        anon_vma.refcount -= 1
        if anon_vma.refcount == 1:
            self.lock(frame)
            self.unlock(frame)

    def rcu_lock(self, frame: Frame) -> None:
        """Nothing: only one task runs at a time, so nothing can disappear."""

    def rcu_unlock(self, frame: Frame) -> None:
        """As rcu_lock."""

    def put_unmapped(self, frame: Frame) -> None:
        """As rcu_lock."""

    # What is undone when an allocation failed

    def put_new(self, frame: Frame) -> None:
        """Put the anon_vma that was allocated, unless the VMA owns it."""
        if frame.new is not None:
            self.put(frame.new, frame.vma)

    def detach(self, frame: Frame) -> None:
        """Detach the VMA from everything (unlink_anon_vmas)."""
        self.unlink(frame.vma)

    # The end of an anon_vma

    def put_entry(self, frame: Frame) -> None:
        """Put the entry's anon_vma."""
        anon_vma = self._subject(frame)
        if anon_vma.num_children or anon_vma.num_active_vmas or anon_vma.degree:  # VM_WARN_ON, before 6.0 BUG_ON
            self._broken(frame, f"puts {anon_vma.name}, which still has children or active VMAs")
        self.put(anon_vma, frame.vma)

    def put_empty(self, frame: Frame) -> None:
        """Put the anon_vma if it is now empty."""
        if frame.empty:
            self.put_entry(frame)

    def put_empty_unpinned(self, frame: Frame) -> None:
        """Put the anon_vma if it is now empty and has no external reference."""
        if frame.empty and self._subject(frame).refcount == 1:
            self.put_entry(frame)

    def free(self, frame: Frame) -> None:
        """Free the anon_vma (anon_vma_free)."""
        self._call("free", Frame("free", frame.vma, None, self._subject(frame)))

    def put_root(self, frame: Frame) -> None:
        """Put the root that the anon_vma pinned."""
        anon_vma = self._subject(frame)
        root = anon_vma.root
        if root is anon_vma:
            return
        root.refcount -= 1
        if root.refcount == 0:
            self._call("free", Frame("free", frame.vma, None, root))

    def drop_root_locking(self, frame: Frame) -> None:
        """drop_anon_vma of 2.6.38; its external_refcount is one less than `refcount` here."""
        root = self._subject(frame).root
        if root is frame.anon_vma:
            return
        root.refcount -= 1
        if root.refcount == 1:
            self.recorder.lock(frame.operation, frame.vma, root)
            self.recorder.unlock(frame.operation, frame.vma, root)
            if not root.chain:
                self.put(root, frame.vma)

    def sync_if_locked(self, frame: Frame) -> None:
        """Lock and unlock the root if it is locked."""
        if self.recorder.is_locked(frame.operation, frame.vma, self._subject(frame)):
            self.lock(frame)
            self.unlock(frame)

    def release(self, frame: Frame) -> None:
        """Give the memory back."""
        anon_vma = self._subject(frame)
        if anon_vma.freed or anon_vma.refcount or anon_vma.chain:
            self._broken(frame, f"frees {anon_vma.name}, which is still in use or was freed before")
        anon_vma.freed = True
        self.alive -= 1
        self._note(frame, "free", anon_vma)


Handler = Callable[[Rmap, Frame], "bool | None"]


@cache
def _functions(methods: tuple[str, ...]) -> tuple[Handler, ...]:
    """The steps of a pass by the names of their methods: the same for every machine."""
    return tuple(getattr(Rmap, method) for method in methods)
