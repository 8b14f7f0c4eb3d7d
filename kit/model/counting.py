"""Steps of mm/rmap.c that decide on reuse and keep the counters for it: `degree` (3.19), children and active VMAs
(6.0).

Each step changes the state of one call (its Frame).
"""

from __future__ import annotations

from kit.model.frame import Base, Frame
from kit.model.state import AnonVma


class Counting(Base):
    """Each method is the step of the same name."""

    def reuse_childless(self, frame: Frame) -> None:
        """Own the anon_vma if none is owned yet, num_children < 2 and num_active_vmas == 0."""
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
        """As `reuse_childless`, but only in a fork; then num_active_vmas++ at once."""
        if frame.forking and frame.vma.anon_vma is None:
            self.reuse_childless(frame)
            self.count_own_active(frame)

    def forget_uncounted(self, frame: Frame) -> None:
        """`dst->anon_vma = active`: what was not yet counted when an allocation failed must not be uncounted."""
        own = frame.vma.anon_vma
        if not any(entry.anon_vma is own for entry in frame.vma.chain):
            frame.vma.anon_vma = None

    def reuse_by_degree(self, frame: Frame) -> None:
        """Own the anon_vma if none is owned yet, it is not the source's own, and its degree is below 2."""
        anon_vma = self._subject(frame)
        if frame.vma.anon_vma is None and anon_vma is not self._parent(frame).anon_vma and anon_vma.degree < 2:
            frame.vma.anon_vma = anon_vma
            self._note(frame, "reuse", anon_vma)

    # Counters of 6.0 (2555283eb40d)

    def count_root_child(self, frame: Frame) -> None:
        """num_children++ of a new root: it is its own parent."""
        anon_vma = self._subject(frame)
        if not frame.found:
            self._changes(frame, anon_vma)
            anon_vma.num_children += 1
            self._note(frame, "child+", anon_vma)

    def count_child(self, frame: Frame) -> None:
        """num_children++ of the parent."""
        parent = self._subject(frame).parent
        self._changes(frame, parent)
        parent.num_children += 1
        self._note(frame, "child+", parent)

    def drop_child_empty(self, frame: Frame) -> None:
        """num_children-- of the parent if the anon_vma is now empty."""
        parent = self._subject(frame).parent
        if frame.empty:
            self._changes(frame, parent)
            parent.num_children -= 1
            self._note(frame, "child-", parent)

    def count_active(self, frame: Frame) -> None:
        """num_active_vmas++ of the anon_vma."""
        anon_vma = self._subject(frame)
        self._changes(frame, anon_vma)
        anon_vma.num_active_vmas += 1
        self._note(frame, "active+", anon_vma)

    def count_own_active(self, frame: Frame) -> None:
        """num_active_vmas++ of the VMA's own anon_vma, if it has one."""
        own = frame.vma.anon_vma
        if own is not None:
            self._changes(frame, own)
            own.num_active_vmas += 1
            self._note(frame, "active+", own)

    def count_active_if_own(self, frame: Frame) -> None:
        """num_active_vmas++ of the entry's anon_vma, if it is the VMA's own."""
        if frame.anon_vma is frame.vma.anon_vma:
            self.count_own_active(frame)

    def drop_own_active(self, frame: Frame) -> None:
        """num_active_vmas-- of the VMA's own anon_vma, and forget it."""
        own = frame.vma.anon_vma
        if own is not None:
            self._changes(frame, own)
            own.num_active_vmas -= 1
            self._note(frame, "active-", own)
            frame.vma.anon_vma = None

    def drop_active_if_own(self, frame: Frame) -> None:
        """num_active_vmas-- of the entry's anon_vma if it is the VMA's own, and forget it."""
        if frame.anon_vma is frame.vma.anon_vma:
            self.drop_own_active(frame)

    def count_own_active_unless_fork(self, frame: Frame) -> None:
        """num_active_vmas++ of the VMA's own anon_vma, unless this is a fork."""
        if not frame.forking:
            self.count_own_active(frame)

    # The counter of 3.19 (7a3ef208e662)

    def _degree(self, frame: Frame, anon_vma: AnonVma | None, by: int) -> None:
        if anon_vma is not None:
            self._changes(frame, anon_vma)
            anon_vma.degree += by
            self._note(frame, "degree+" if by > 0 else "degree-", anon_vma)

    def degree_first_vma(self, frame: Frame) -> None:
        """degree = 1 of a new anon_vma: its first VMA."""
        if not frame.found:
            self._degree(frame, self._subject(frame), 1)

    def degree_link(self, frame: Frame) -> None:
        """degree++ of the anon_vma: for a VMA, or for a new root's link to itself."""
        self._degree(frame, self._subject(frame), 1)

    def degree_child(self, frame: Frame) -> None:
        """degree++ of the parent."""
        self._degree(frame, self._subject(frame).parent, 1)

    def degree_own(self, frame: Frame) -> None:
        """degree++ of the VMA's own anon_vma, if it has one."""
        self._degree(frame, frame.vma.anon_vma, 1)

    def degree_drop_child_empty(self, frame: Frame) -> None:
        """degree-- of the parent if the anon_vma is now empty."""
        if frame.empty:
            self._degree(frame, self._subject(frame).parent, -1)

    def degree_drop_own(self, frame: Frame) -> None:
        """degree-- of the VMA's own anon_vma."""
        self._degree(frame, frame.vma.anon_vma, -1)
