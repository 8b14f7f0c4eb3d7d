"""The language in which a profile says what a kernel does: steps, passes, cells, each cell with its source.

A step is one action of a function in mm/rmap.c; the method of the same name in kit.model.rmap changes the state. The
numbers of acquisitions are nowhere here: they result from executing the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property

OPERATIONS = (
    *("prepare", "clone", "fork-link", "unlink", "free", "adjust", "expand", "move"),
    *("referenced", "unmap", "migrate"),
)


class Step(Enum):
    """One action, described by the value; done by the method of kit.model.rmap.Rmap with that name in lower case."""

    ALLOC_ANON_VMA = "allocate an anon_vma, unless one was found"
    ALLOC_KERNEL = "allocate a chain entry, GFP_KERNEL"
    ALLOC_NOWAIT = "allocate a chain entry, GFP_NOWAIT; if that fails, unlock and use GFP_KERNEL"
    FIND_MERGEABLE = "look for a neighbour's anon_vma (find_mergeable_anon_vma)"
    LOCK = "lock the root"
    LOCK_ONCE = "lock the root unless it is held (lock_anon_vma_root)"
    LOCK_OWN = "lock the root of the VMA's own anon_vma"
    LOCK_SOURCE = "lock the root of the source's own anon_vma"
    UNLOCK = "unlock the root"
    UNLOCK_HELD = "unlock the root if it is held (unlock_anon_vma_root)"
    OWN = "make the anon_vma the VMA's own"
    LINK = "link the entry into the VMA and into the anon_vma (anon_vma_chain_link)"
    ASSIGN = "link the entry into the VMA only (anon_vma_chain_assign)"
    INSERT = "insert the entry into the anon_vma"
    REMOVE = "take the entry out of the anon_vma"
    KEEP_EMPTY = "next entry if the anon_vma is now empty: this one stays for the second pass"
    FREE_ENTRY = "take the entry out of the VMA and free it"
    PUT_ENTRY = "put the entry's anon_vma"
    PUT_EMPTY = "put the anon_vma if it is now empty"
    PUT_EMPTY_UNPINNED = "put the anon_vma if it is now empty and has no external reference"
    SKIP_UNUSED = "return if the VMA cloned from has no anon_vma"
    SKIP_OWNLESS = "return if the VMA has no anon_vma"
    FORGET = "forget the inherited anon_vma"
    CLONE_PARENT = "clone the parent's chain (anon_vma_clone)"
    DONE_IF_REUSED = "return if an anon_vma was reused"
    DONE_IF_REUSED_PUT = "if an anon_vma was reused, give back what was allocated, and return"
    ADOPT_ROOT = "take root and parent from the parent's VMA"
    PIN_ROOT = "get a reference to the root"
    REUSE_CHILDLESS = "own the anon_vma if none is owned yet, num_children < 2 and num_active_vmas == 0"
    REUSE_CHILDLESS_COUNT = "likewise, if this is a fork; then num_active_vmas++ at once"
    REUSE_BY_DEGREE = "own the anon_vma if none is owned yet, it is not the source's own, and degree < 2"
    COUNT_ROOT_CHILD = "num_children++ of a new root: it is its own parent"
    COUNT_CHILD = "num_children++ of the parent"
    DROP_CHILD_EMPTY = "num_children-- of the parent if the anon_vma is now empty"
    COUNT_ACTIVE = "num_active_vmas++ of the anon_vma"
    COUNT_OWN_ACTIVE = "num_active_vmas++ of the VMA's own anon_vma, if it has one"
    COUNT_ACTIVE_IF_OWN = "num_active_vmas++ of the entry's anon_vma, if it is the VMA's own"
    DROP_OWN_ACTIVE = "num_active_vmas-- of the VMA's own anon_vma, and forget it"
    COUNT_OWN_ACTIVE_UNLESS_FORK = "num_active_vmas++ of the VMA's own anon_vma, unless this is a fork"
    DEGREE_FIRST_VMA = "degree = 1 of a new anon_vma: its first VMA"
    DEGREE_LINK = "degree++ of the anon_vma: a VMA, or a new root's link to itself"
    DEGREE_CHILD = "degree++ of the parent"
    DEGREE_OWN = "degree++ of the VMA's own anon_vma, if it has one"
    DEGREE_DROP_CHILD_EMPTY = "degree-- of the parent if the anon_vma is now empty"
    DEGREE_DROP_OWN = "degree-- of the VMA's own anon_vma"
    DROP_ACTIVE_IF_OWN = "num_active_vmas-- of the entry's anon_vma if it is the VMA's own, and forget it"
    LOCK_ADJUSTED = "lock the root of the VMA's anon_vma, or of its neighbour's if the boundary moves, if there is one"
    LOCK_UNLESS_END_ONLY = "lock the root of the VMA's anon_vma, if pages are imported or vm_start moves"
    LOCK_UNLESS_END_OR_INSERT = "likewise, or if a VMA is inserted"
    FREE = "free the anon_vma (anon_vma_free)"
    PUT_ROOT = "put the root that the anon_vma pinned"
    DROP_ROOT_LOCKING = "drop the root's external reference; the last one goes under its lock (atomic_dec_and_lock)"
    SYNC_IF_LOCKED = "lock and unlock the root if it is locked"
    RELEASE = "give the memory back"
    PREPARE_OWN = "give the VMA an anon_vma first (anon_vma_prepare)"
    LOCK_SHARED = "lock the root in read mode"
    TRY_LOCK_SHARED = "lock the root in read mode, or return if somebody else holds it"
    VISIT = "look at every VMA of the anon_vma (rmap_walk)"
    PIN = "get a reference to the anon_vma"
    UNPIN = "put the anon_vma"
    RCU_LOCK = "enter an RCU read-side section"
    RCU_UNLOCK = "leave it"
    PUT_UNMAPPED = "put the anon_vma and return, if the page is mapped no more"
    UNPIN_LOCKING = "drop the external reference; the last one goes under the lock (atomic_dec_and_lock)"
    FREE_ALLOCATED = "free the chain entries that were not linked"
    PUT_NEW = "put the anon_vma that was allocated, if the VMA does not own it"
    DETACH = "detach the VMA from everything (unlink_anon_vmas)"
    DROP_ASSIGNED = "free the entries, which are in no anon_vma yet (cleanup_partial_anon_vmas)"
    FORGET_UNCOUNTED = "forget the VMA's anon_vma unless num_active_vmas counts it already"


class MergeRule(StrEnum):
    """When a VMA may grow over a part of another one, if only one of them has an anon_vma (is_mergeable_anon_vma)."""

    ANY = "always"
    TARGET_SINGULAR = "if the one that grows has a chain of one"  # so never if it has no anon_vma
    SINGULAR = "if the one that has it has a chain of one"


class Removal(StrEnum):
    """How one VMA grows over two others."""

    EACH_IMPORTS = "one after the other"
    EACH_LOCKS = "the chain is cloned once, the lock taken for each"
    TOGETHER = "under one lock"


class Over(StrEnum):
    """Over what a pass repeats its steps."""

    ONCE = "once"
    FORWARD = "for each entry of the chain"  # list_for_each_entry(_safe): until 7.0 the newest comes first
    BACKWARD = "for each entry of the chain, backward"  # list_for_each_entry_reverse
    OWN_BACKWARD = "for each entry of the VMA's own chain, backward"


@dataclass(frozen=True)
class Pass:
    """Steps, and the entries of a chain that they are done for."""

    over: Over
    steps: tuple[Step, ...]

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The names of the steps' methods."""
        return tuple(step.name.lower() for step in self.steps)


@dataclass(frozen=True)
class Source:
    """Where a cell comes from: kernel, commit or blob, file and function."""

    kernel: str
    commit: str
    function: str
    file: str = "mm/rmap.c"
    verified: bool = True

    def __str__(self) -> str:
        text = f"{self.kernel} ({self.commit}), {self.file}: {self.function}"
        return text if self.verified else f"{text} [unverified]"


@dataclass(frozen=True)
class Cell:
    """One function of one kernel generation: its passes in order, and its source.

    `failure`: the steps that undo it after a failed allocation, before the caller gets -ENOMEM.
    """

    passes: tuple[Pass, ...]
    source: Source
    failure: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Merging:
    """What vma_merge and vma_adjust do when VMAs merge, and the source.

    `middle_stays`: a VMA that merges with the next one takes that one's place (until e86f15ee64d8, 4.9).
    """

    rule: MergeRule
    middle_stays: bool
    removal: Removal
    source: Source
    copy_imports: bool  # a VMA without an anon_vma that takes over what mremap moves gets the mover's (7.0)
    unaccounts: bool  # after mprotect, memory never written to differs from written memory (it loses VM_ACCOUNT: 6.12)
    grow_merges: bool  # mremap in place merges with the next VMA (6.1)


@dataclass(frozen=True)
class Tables:
    """What mremap and madvise do with page tables (2 MiB each), and the source.

    `chunk`: the most pages moved under one lock (LATENCY_LIMIT, gone in 6.0). `whole`: a table that moves as a whole
    does so under the lock (HAVE_MOVE_PMD, 5.0). `discard_frees`: MADV_DONTNEED frees the tables that it empties
    (PT_RECLAIM, 6.14).
    """

    chunk: int
    whole: bool
    discard_frees: bool
    source: Source


@dataclass(frozen=True)
class Profile:
    """One kernel generation: the lock's class as lock_stat names it, and a cell for each function.

    `counters`: what an anon_vma keeps to decide on reuse: "" (before 3.19), "degree", or "children" (6.0 and later).
    `pins_root`: an anon_vma holds a reference to its root (all but 2.6.38 without KSM and MIGRATION).
    """

    name: str
    about: str
    lock_class: str
    lock_source: Source
    counters: str
    prepare: Cell
    clone: Cell
    fork: Cell
    unlink: Cell
    put: Cell
    free: Cell
    adjust: Cell
    expand: Cell
    move: Cell
    referenced: Cell
    unmap: Cell
    migrate: Cell
    merging: Merging
    tables: Tables
    guard_inside: bool  # the guard page belongs to the stack's VMA (320b2b8de126 until 1be7107fbe18, 4.12)
    wipeonfork: bool  # the kernel has MADV_WIPEONFORK (d2cd9ede6e19, 4.14)
    pins_root: bool = True

    @property
    def cells(self) -> dict[str, Cell]:
        """Cells by name, in the order in which a process meets them."""
        return {name: getattr(self, name) for name in CELLS}


CELLS = (
    *("prepare", "clone", "fork", "unlink", "put", "free", "adjust", "expand", "move"),
    *("referenced", "unmap", "migrate"),
)
