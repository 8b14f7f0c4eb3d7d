"""The functions of mm/rmap.c that take the anon_vma lock, executed step by step as a profile says.

In: VMAs of kit.model.state; out: their new state, and what the recorder saw. Read beside mm/rmap.c: the first methods
are functions there, `Frame` holds the local variables of a call, and each other method is the step of the same name.
What the kernel may only do under the root's lock is checked to be done so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from kit.model.errors import ModelError
from kit.model.recorder import Recorder
from kit.model.state import AnonVma, AnonVmaChain, Vma
from kit.model.steps import CELLS, Over, Pass, Profile


class Frame:
    """The local variables of one call."""

    __slots__ = (
        *("allocated", "anon_vma", "empty", "entry", "forking", "found", "importing", "inserting", "moving"),
        *("operation", "root", "src", "vma"),
    )

    def __init__(self, operation: str, vma: Vma, src: Vma | None = None, anon_vma: AnonVma | None = None) -> None:
        self.operation = operation
        self.vma = vma
        self.src = src
        self.anon_vma = anon_vma  # the one that the steps are about
        self.entry: AnonVmaChain | None = None  # the entry of the walk
        self.root: AnonVma | None = None  # held since lock_anon_vma_root
        self.allocated = 0  # chain entries not yet linked
        self.empty = False  # the last removal left the anon_vma without entries
        self.found = False  # anon_vma is a neighbour's
        self.forking = False  # anon_vma_clone is called by anon_vma_fork
        self.inserting = self.importing = self.moving = False  # what vma_adjust is called for


Handler = Callable[[Frame], "bool | None"]


class Rmap:
    """One kernel's mm/rmap.c. `alive` is the number of anon_vmas that exist."""

    def __init__(self, profile: Profile, recorder: Recorder) -> None:
        self.profile = profile
        self.recorder = recorder
        self.alive = 0
        self._passes = {name: self._compile(profile.cells[name].passes) for name in CELLS}

    def _compile(self, passes: tuple[Pass, ...]) -> list[tuple[Over, list[Handler]]]:
        return [(p.over, [getattr(self, step.name.lower()) for step in p.steps]) for p in passes]

    def prepare(self, vma: Vma) -> None:
        """anon_vma_prepare: before the first page of its own, a VMA gets an anon_vma."""
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
        """unlink_anon_vmas: detach a VMA from everything, and free what nobody is attached to any more."""
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
        """The lock that vma_adjust takes while boundaries move: of `vma`, or of the `neighbour` whose start moves.

        `inserting` the other half of a split, `importing` pages from a VMA that shrinks or goes, `moving` vm_start.
        """
        frame = Frame("adjust", vma, neighbour)
        frame.inserting, frame.importing, frame.moving = inserting, importing, moving
        self._call("adjust", frame)

    def get(self, anon_vma: AnonVma) -> None:
        """get_anon_vma, as page migration and KSM do."""
        anon_vma.refcount += 1

    def put(self, anon_vma: AnonVma, vma: Vma) -> None:
        """put_anon_vma; `vma` only for the trace."""
        anon_vma.refcount -= 1
        if anon_vma.refcount < 0:
            raise ModelError(f"{anon_vma.name} is put more often than it was got")
        if anon_vma.refcount == 0:
            self._call("put", Frame("free", vma, None, anon_vma))

    def _call(self, cell: str, frame: Frame) -> None:
        held = len(self.recorder.held)
        for over, handlers in self._passes[cell]:
            if over is not Over.ONCE:
                self._walk(frame, over, handlers)
            elif any(handler(frame) for handler in handlers):
                break
        if len(self.recorder.held) != held:
            self._broken(frame, "returns with a lock held that it took")
        if frame.root is not None:
            self._broken(frame, "forgets to let go of the root (unlock_anon_vma_root)")
        if frame.allocated:
            self._broken(frame, "leaks a chain entry")
        if cell == "unlink" and frame.vma.chain:
            self._broken(frame, "leaves the VMA attached")

    @staticmethod
    def _walk(frame: Frame, over: Over, handlers: list[Handler]) -> None:
        vma = frame.vma if frame.src is None or over is Over.OWN_BACKWARD else frame.src
        for entry in vma.chain[::-1] if over is Over.FORWARD else vma.chain[:]:
            frame.entry = entry
            frame.anon_vma = entry.anon_vma
            for handler in handlers:
                if handler(frame):
                    break

    def _broken(self, frame: Frame, what: str) -> NoReturn:
        raise ModelError(f"{frame.operation} of {frame.vma} {what} (profile {self.profile.name})")

    def _note(self, frame: Frame, what: str, anon_vma: AnonVma) -> None:
        if self.recorder.trace is not None:
            self.recorder.note(frame.operation, what, frame.vma, anon_vma.name)

    def _subject(self, frame: Frame) -> AnonVma:
        if frame.anon_vma is None:
            self._broken(frame, "has no anon_vma to work on")
        return frame.anon_vma

    def _changes(self, frame: Frame, anon_vma: AnonVma) -> None:
        """What others can see changes only under the root's lock."""
        if anon_vma.published and anon_vma.root not in self.recorder.held:
            self._broken(frame, f"changes {anon_vma.name} without the lock of its root")

    # Allocation

    def alloc_anon_vma(self, frame: Frame) -> None:
        if frame.found:
            return
        self.recorder.allocate(frame.operation, frame.vma, "anon_vma")
        frame.anon_vma = AnonVma(f"anon_vma of {frame.vma}")
        self.alive += 1

    def alloc_kernel(self, frame: Frame) -> None:
        self.recorder.allocate(frame.operation, frame.vma, "chain entry")
        frame.allocated += 1

    def alloc_nowait(self, frame: Frame) -> None:
        if not self.recorder.allocate(frame.operation, frame.vma, "chain entry", nowait=True):
            self.unlock_held(frame)
            self.recorder.allocate(frame.operation, frame.vma, "chain entry")
        frame.allocated += 1

    def find_mergeable(self, frame: Frame) -> None:
        frame.anon_vma = find_mergeable_anon_vma(frame.vma)
        frame.found = frame.anon_vma is not None

    # The lock

    def lock(self, frame: Frame) -> None:
        self.recorder.lock(frame.operation, frame.vma, self._subject(frame))

    def lock_once(self, frame: Frame) -> None:
        new_root = self._subject(frame).root
        if frame.root is new_root:
            return
        if frame.root is not None:  # WARN_ON_ONCE(root)
            self._broken(frame, "met two roots in one chain")
        frame.root = new_root
        self.recorder.lock(frame.operation, frame.vma, new_root)

    def lock_own(self, frame: Frame) -> None:
        self._lock_of(frame, frame.vma)

    def lock_source(self, frame: Frame) -> None:
        self._lock_of(frame, self._parent(frame))

    def _lock_of(self, frame: Frame, vma: Vma) -> None:
        if vma.anon_vma is None:
            self._broken(frame, "has no anon_vma to lock")
        frame.root = vma.anon_vma.root
        self.recorder.lock(frame.operation, frame.vma, frame.root)

    def unlock(self, frame: Frame) -> None:
        self.recorder.unlock(frame.operation, frame.vma, self._subject(frame))

    def unlock_held(self, frame: Frame) -> None:
        if frame.root is not None:
            self.recorder.unlock(frame.operation, frame.vma, frame.root)
            frame.root = None

    def lock_adjusted(self, frame: Frame) -> None:
        if frame.vma.anon_vma is not None:
            self._lock_of(frame, frame.vma)
        elif frame.src is not None and frame.src.anon_vma is not None:
            self._lock_of(frame, frame.src)

    def lock_unless_end_only(self, frame: Frame) -> None:
        if frame.vma.anon_vma is not None and (frame.importing or frame.moving):
            self._lock_of(frame, frame.vma)

    def lock_unless_end_or_insert(self, frame: Frame) -> None:
        if frame.vma.anon_vma is not None and (frame.inserting or frame.importing or frame.moving):
            self._lock_of(frame, frame.vma)

    # The chain

    def own(self, frame: Frame) -> None:
        frame.vma.anon_vma = self._subject(frame)
        self._note(frame, "own", frame.vma.anon_vma)

    def link(self, frame: Frame) -> None:
        self._assign(frame)
        self.insert(frame)

    def assign(self, frame: Frame) -> None:
        self._assign(frame)
        self._note(frame, "assign", self._subject(frame))

    def _assign(self, frame: Frame) -> None:
        if not frame.allocated:
            self._broken(frame, "links a chain entry that it did not allocate")
        frame.allocated -= 1
        frame.entry = AnonVmaChain(frame.vma, self._subject(frame))
        frame.vma.chain.append(frame.entry)

    def insert(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        if anon_vma.root not in self.recorder.held:
            self._broken(frame, f"links into {anon_vma.name} without the lock of its root")
        if frame.entry is None or frame.entry.vma is not frame.vma or frame.entry in anon_vma.chain:
            self._broken(frame, "inserts an entry that is not its own, or does so twice")
        anon_vma.chain[frame.entry] = None
        anon_vma.published = True
        self._note(frame, "link", anon_vma)

    def remove(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        self._changes(frame, anon_vma)
        if frame.entry is None or frame.entry not in anon_vma.chain:
            self._broken(frame, f"is not linked into {anon_vma.name}")
        del anon_vma.chain[frame.entry]
        frame.empty = not anon_vma.chain
        self._note(frame, "remove", anon_vma)

    def keep_empty(self, frame: Frame) -> bool:
        return frame.empty

    def free_entry(self, frame: Frame) -> None:
        if frame.entry is None or frame.entry in frame.entry.anon_vma.chain:
            self._broken(frame, "frees a chain entry that is still linked")
        if frame.entry not in frame.vma.chain:
            self._broken(frame, "frees a chain entry twice")
        frame.vma.chain.remove(frame.entry)

    # Fork

    def skip_unused(self, frame: Frame) -> bool:
        return self._parent(frame).anon_vma is None

    def skip_ownless(self, frame: Frame) -> bool:
        return frame.vma.anon_vma is None

    def forget(self, frame: Frame) -> None:
        frame.vma.anon_vma = None

    def clone_parent(self, frame: Frame) -> None:
        self.clone(frame.vma, self._parent(frame), forking=True)

    def done_if_reused(self, frame: Frame) -> bool:
        return frame.vma.anon_vma is not None

    def done_if_reused_put(self, frame: Frame) -> bool:
        if frame.vma.anon_vma is None:
            return False
        frame.allocated -= 1
        self.put(self._subject(frame), frame.vma)
        return True

    def adopt_root(self, frame: Frame) -> None:
        anon_vma, above = self._subject(frame), self._parent(frame).anon_vma
        if above is None:
            self._broken(frame, "has a parent without an anon_vma")
        anon_vma.root = above.root
        anon_vma.parent = above

    def pin_root(self, frame: Frame) -> None:
        self.get(self._subject(frame).root)

    def reuse_childless(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        if (
            frame.vma.anon_vma is None
            and self._parent(frame).anon_vma is not None
            and anon_vma.num_children < 2
            and anon_vma.num_active_vmas == 0
        ):
            frame.vma.anon_vma = anon_vma
            self._note(frame, "reuse", anon_vma)

    def reuse_childless_count(self, frame: Frame) -> None:
        if frame.forking and frame.vma.anon_vma is None:
            self.reuse_childless(frame)
            self.count_own_active(frame)

    def reuse_by_degree(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        if frame.vma.anon_vma is None and anon_vma is not self._parent(frame).anon_vma and anon_vma.degree < 2:
            frame.vma.anon_vma = anon_vma
            self._note(frame, "reuse", anon_vma)

    def _parent(self, frame: Frame) -> Vma:
        if frame.src is None:
            self._broken(frame, "has no parent")
        return frame.src

    # Counters of 6.0 (2555283eb40d)

    def count_root_child(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        if not frame.found:
            self._changes(frame, anon_vma)
            anon_vma.num_children += 1
            self._note(frame, "child+", anon_vma)

    def count_child(self, frame: Frame) -> None:
        parent = self._subject(frame).parent
        self._changes(frame, parent)
        parent.num_children += 1
        self._note(frame, "child+", parent)

    def drop_child_empty(self, frame: Frame) -> None:
        parent = self._subject(frame).parent
        if frame.empty:
            self._changes(frame, parent)
            parent.num_children -= 1
            self._note(frame, "child-", parent)

    def count_active(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        self._changes(frame, anon_vma)
        anon_vma.num_active_vmas += 1
        self._note(frame, "active+", anon_vma)

    def count_own_active(self, frame: Frame) -> None:
        own = frame.vma.anon_vma
        if own is not None:
            self._changes(frame, own)
            own.num_active_vmas += 1
            self._note(frame, "active+", own)

    def count_active_if_own(self, frame: Frame) -> None:
        if frame.anon_vma is frame.vma.anon_vma:
            self.count_own_active(frame)

    def drop_own_active(self, frame: Frame) -> None:
        own = frame.vma.anon_vma
        if own is not None:
            self._changes(frame, own)
            own.num_active_vmas -= 1
            self._note(frame, "active-", own)
            frame.vma.anon_vma = None

    def drop_active_if_own(self, frame: Frame) -> None:
        if frame.anon_vma is frame.vma.anon_vma:
            self.drop_own_active(frame)

    def count_own_active_unless_fork(self, frame: Frame) -> None:
        if not frame.forking:
            self.count_own_active(frame)

    # The counter of 3.19 (7a3ef208e662)

    def _degree(self, frame: Frame, anon_vma: AnonVma | None, by: int) -> None:
        if anon_vma is not None:
            self._changes(frame, anon_vma)
            anon_vma.degree += by
            self._note(frame, "degree+" if by > 0 else "degree-", anon_vma)

    def degree_first_vma(self, frame: Frame) -> None:
        if not frame.found:
            self._degree(frame, self._subject(frame), 1)

    def degree_link(self, frame: Frame) -> None:
        self._degree(frame, self._subject(frame), 1)

    def degree_child(self, frame: Frame) -> None:
        self._degree(frame, self._subject(frame).parent, 1)

    def degree_own(self, frame: Frame) -> None:
        self._degree(frame, frame.vma.anon_vma, 1)

    def degree_drop_child_empty(self, frame: Frame) -> None:
        if frame.empty:
            self._degree(frame, self._subject(frame).parent, -1)

    def degree_drop_own(self, frame: Frame) -> None:
        self._degree(frame, frame.vma.anon_vma, -1)

    # The end of an anon_vma

    def put_entry(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        if anon_vma.num_children or anon_vma.num_active_vmas or anon_vma.degree:  # VM_WARN_ON, before 6.0 BUG_ON
            self._broken(frame, f"puts {anon_vma.name}, which still has children or active VMAs")
        self.put(anon_vma, frame.vma)

    def put_empty(self, frame: Frame) -> None:
        if frame.empty:
            self.put_entry(frame)

    def put_empty_unpinned(self, frame: Frame) -> None:
        if frame.empty and self._subject(frame).refcount == 1:
            self.put_entry(frame)

    def free(self, frame: Frame) -> None:
        self._call("free", Frame("free", frame.vma, None, self._subject(frame)))

    def put_root(self, frame: Frame) -> None:
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
        if self.recorder.is_locked(frame.operation, frame.vma, self._subject(frame)):
            self.lock(frame)
            self.unlock(frame)

    def release(self, frame: Frame) -> None:
        anon_vma = self._subject(frame)
        if anon_vma.freed or anon_vma.refcount or anon_vma.chain:
            self._broken(frame, f"frees {anon_vma.name}, which is still in use or was freed before")
        anon_vma.freed = True
        self.alive -= 1
        self._note(frame, "free", anon_vma)


def find_mergeable_anon_vma(vma: Vma) -> AnonVma | None:
    """A neighbour's anon_vma, next one first, if it touches, differs only in access, and never went through a fork."""
    before, after = vma.mm.around(vma)
    for near, touches in ((after, after and vma.end == after.start), (before, before and before.end == vma.start)):
        alike = near is not None and (near.kind, near.flags) == (vma.kind, vma.flags)
        if near is not None and touches and alike and len(near.chain) == 1:
            return near.anon_vma
    return None
