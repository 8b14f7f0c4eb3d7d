"""Steps of mm/rmap.c that allocate, lock, and link a VMA to its anon_vmas. Each changes the state of a call (its
Frame).

Changes that the kernel may only make under the root's lock are checked.
"""

from __future__ import annotations

from kit.model.errors import OutOfMemoryError
from kit.model.frame import Base, Frame
from kit.model.recorder import READ
from kit.model.state import AnonVma, AnonVmaChain, Vma


class Linking(Base):
    """Each method is the step of the same name."""

    # Allocation

    def alloc_anon_vma(self, frame: Frame) -> None:
        """Allocate an anon_vma, unless one was found."""
        if frame.found:
            return
        self._allocate(frame, "anon_vma")
        frame.anon_vma = frame.new = AnonVma(f"anon_vma of {frame.vma}")
        self.alive += 1

    def alloc_kernel(self, frame: Frame) -> None:
        """Allocate a chain entry, GFP_KERNEL."""
        self._allocate(frame, "chain entry")
        frame.allocated += 1

    def alloc_nowait(self, frame: Frame) -> None:
        """Allocate a chain entry, GFP_NOWAIT; if that fails, unlock and use GFP_KERNEL."""
        if not self.recorder.allocate(frame.operation, frame.vma, "chain entry", nowait=True):
            self.unlock_held(frame)
            self._allocate(frame, "chain entry")
        frame.allocated += 1

    def _allocate(self, frame: Frame, what: str) -> None:
        if not self.recorder.allocate(frame.operation, frame.vma, what):
            raise OutOfMemoryError(f"{frame.operation} of {frame.vma} gets no {what}")

    def free_allocated(self, frame: Frame) -> None:
        """Free the chain entries that were not linked."""
        frame.allocated = 0

    def find_mergeable(self, frame: Frame) -> None:
        """Look for a neighbour's anon_vma (find_mergeable_anon_vma)."""
        frame.anon_vma = find_mergeable_anon_vma(frame.vma)
        frame.found = frame.anon_vma is not None

    # The lock

    def lock(self, frame: Frame) -> None:
        """Lock the root."""
        self.recorder.lock(frame.operation, frame.vma, self._subject(frame))

    def lock_shared(self, frame: Frame) -> None:
        """Lock the root in read mode."""
        self.recorder.lock(frame.operation, frame.vma, self._subject(frame), READ)

    def try_lock_shared(self, frame: Frame) -> bool:
        """Whether the walk ends before it began, because another task holds the lock."""
        if self._subject(frame).root in self.recorder.held:
            return True
        self.lock_shared(frame)
        return False

    def lock_once(self, frame: Frame) -> None:
        """Lock the root unless it is held (lock_anon_vma_root)."""
        new_root = self._subject(frame).root
        if frame.root is new_root:
            return
        if frame.root is not None:  # WARN_ON_ONCE(root)
            self._broken(frame, "met two roots in one chain")
        frame.root = new_root
        self.recorder.lock(frame.operation, frame.vma, new_root)

    def lock_own(self, frame: Frame) -> None:
        """Lock the root of the VMA's own anon_vma."""
        self._lock_of(frame, frame.vma)

    def lock_source(self, frame: Frame) -> None:
        """Lock the root of the source's own anon_vma."""
        self._lock_of(frame, self._parent(frame))

    def _lock_of(self, frame: Frame, vma: Vma) -> None:
        if vma.anon_vma is None:
            self._broken(frame, "has no anon_vma to lock")
        frame.root = vma.anon_vma.root
        self.recorder.lock(frame.operation, frame.vma, frame.root)

    def unlock(self, frame: Frame) -> None:
        """Unlock the root."""
        self.recorder.unlock(frame.operation, frame.vma, self._subject(frame))

    def unlock_held(self, frame: Frame) -> None:
        """Unlock the root if it is held (unlock_anon_vma_root)."""
        if frame.root is not None:
            self.recorder.unlock(frame.operation, frame.vma, frame.root)
            frame.root = None

    def lock_adjusted(self, frame: Frame) -> None:
        """Lock the root of the VMA's anon_vma, or of its neighbour's if the boundary moves, if there is one."""
        if frame.vma.anon_vma is not None:
            self._lock_of(frame, frame.vma)
        elif frame.src is not None and frame.src.anon_vma is not None:
            self._lock_of(frame, frame.src)

    def lock_unless_end_only(self, frame: Frame) -> None:
        """Lock the root of the VMA's anon_vma, if pages are imported or vm_start moves."""
        if frame.vma.anon_vma is not None and (frame.importing or frame.moving):
            self._lock_of(frame, frame.vma)

    def lock_unless_end_or_insert(self, frame: Frame) -> None:
        """As `lock_unless_end_only`, or if a VMA is inserted."""
        if frame.vma.anon_vma is not None and (frame.inserting or frame.importing or frame.moving):
            self._lock_of(frame, frame.vma)

    # The chain

    def own(self, frame: Frame) -> None:
        """Make the anon_vma the VMA's own."""
        frame.vma.anon_vma = self._subject(frame)
        frame.new = None
        self._note(frame, "own", frame.vma.anon_vma)

    def link(self, frame: Frame) -> None:
        """Link the entry into the VMA and into the anon_vma (anon_vma_chain_link)."""
        self._assign(frame)
        self.insert(frame)

    def assign(self, frame: Frame) -> None:
        """Link the entry into the VMA only (anon_vma_chain_assign)."""
        self._assign(frame)
        self._note(frame, "assign", self._subject(frame))

    def _assign(self, frame: Frame) -> None:
        if not frame.allocated:
            self._broken(frame, "links a chain entry that it did not allocate")
        frame.allocated -= 1
        frame.entry = AnonVmaChain(frame.vma, self._subject(frame))
        frame.vma.chain.append(frame.entry)

    def insert(self, frame: Frame) -> None:
        """Insert the entry into the anon_vma."""
        anon_vma = self._subject(frame)
        if anon_vma.root not in self.recorder.held:
            self._broken(frame, f"links into {anon_vma.name} without the lock of its root")
        if frame.entry is None or frame.entry.vma is not frame.vma or frame.entry in anon_vma.chain:
            self._broken(frame, "inserts an entry that is not its own, or does so twice")
        anon_vma.chain[frame.entry] = None
        anon_vma.published = True
        self._note(frame, "link", anon_vma)

    def remove(self, frame: Frame) -> None:
        """Take the entry out of the anon_vma."""
        anon_vma = self._subject(frame)
        self._changes(frame, anon_vma)
        if frame.entry is None or frame.entry not in anon_vma.chain:
            self._broken(frame, f"is not linked into {anon_vma.name}")
        del anon_vma.chain[frame.entry]
        frame.empty = not anon_vma.chain
        self._note(frame, "remove", anon_vma)

    def keep_empty(self, frame: Frame) -> bool:
        """Next entry if the anon_vma is now empty: this one stays for the second pass."""
        return frame.empty

    def free_entry(self, frame: Frame) -> None:
        """Take the entry out of the VMA and free it."""
        if frame.entry is None or frame.entry in frame.entry.anon_vma.chain:
            self._broken(frame, "frees a chain entry that is still linked")
        if frame.entry not in frame.vma.chain:
            self._broken(frame, "frees a chain entry twice")
        frame.vma.chain.remove(frame.entry)

    def drop_assigned(self, frame: Frame) -> None:
        """cleanup_partial_anon_vmas: the entries are in no anon_vma yet."""
        for entry in frame.vma.chain:
            if entry in entry.anon_vma.chain:
                self._broken(frame, "frees a chain entry that is still linked")
        frame.vma.chain.clear()


def find_mergeable_anon_vma(vma: Vma) -> AnonVma | None:
    """The anon_vma of an adjacent VMA, the next one first, if that differs only in access rights and never went through
    a fork."""
    before, after = vma.mm.around(vma)
    for near, lower, upper in ((after, vma, after), (before, before, vma)):
        if near is None or lower is None or upper is None or not lower.goes_on_in(upper):
            continue
        if (near.kind, near.flags) == (vma.kind, vma.flags) and len(near.chain) == 1:
            return near.anon_vma
    return None
