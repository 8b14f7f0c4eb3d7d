"""What every step of mm/rmap.c works on: the local variables of a call and the recorder; and checks of kernel rules.

The steps are in kit.model.linking, counting and rmap. A broken rule of the kernel raises ModelError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from kit.model.errors import ModelError
from kit.model.recorder import Recorder
from kit.model.state import AnonVma, AnonVmaChain, Vma
from kit.model.steps import Profile


class Frame:
    """The local variables of one call: what is said here, until a step says otherwise."""

    entry: AnonVmaChain | None = None  # the current entry of the walk
    root: AnonVma | None = None  # held since lock_anon_vma_root
    allocated = 0  # chain entries not yet linked
    empty = False  # the last removal left the anon_vma without entries
    found = False  # anon_vma is a neighbour's, found for reuse
    new: AnonVma | None = None  # allocated in this call, not yet owned by the VMA
    seen: Sequence[Vma] = ()  # the VMAs that a walk visited
    forking = False  # anon_vma_clone is called by anon_vma_fork
    inserting = importing = moving = False  # why vma_adjust was called

    def __init__(self, operation: str, vma: Vma, src: Vma | None = None, anon_vma: AnonVma | None = None) -> None:
        self.operation = operation
        self.vma = vma
        self.src = src
        self.anon_vma = anon_vma  # the one that the next steps are about


class Base:
    """The state of one kernel's mm/rmap.c. `alive` is the number of anon_vmas that exist."""

    def __init__(self, profile: Profile, recorder: Recorder) -> None:
        self.profile = profile
        self.recorder = recorder
        self.alive = 0

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
        """Checks that what others can see changes only under the root's lock."""
        if anon_vma.published and anon_vma.root not in self.recorder.held:
            self._broken(frame, f"changes {anon_vma.name} without the lock of its root")

    def _parent(self, frame: Frame) -> Vma:
        if frame.src is None:
            self._broken(frame, "has no parent")
        return frame.src
