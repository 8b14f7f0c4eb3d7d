"""What the functions of mm/rmap.c do in each kernel generation, as data. Each cell has its source.

The names with 3.0 are the ladder of June 2011 on blob 0eb463ea88dd of mm/rmap.c: 3.0-rc1, then bb4aa39676f7 (posted as
637fbbf96fdd), then eee2acbae955, then dd34739c03f2.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.model.steps import Cell, Over, Pass, Source, Step

S = Step
Cells = Mapping[str, Cell]


def once(*steps: Step) -> Pass:
    """A pass whose steps are done once."""
    return Pass(Over.ONCE, steps)


def own_backward(*steps: Step) -> Pass:
    """A pass over the VMA's own chain, backward."""
    return Pass(Over.OWN_BACKWARD, steps)


def forward(*steps: Step) -> Pass:
    """A pass over the chain."""
    return Pass(Over.FORWARD, steps)


def backward(*steps: Step) -> Pass:
    """A pass over the chain, backward."""
    return Pass(Over.BACKWARD, steps)


def _again(cell: Cell, source: Source) -> Cell:
    """The same cell with another kernel as source."""
    return Cell(cell.passes, source, cell.failure)


# 2.6.38: the spinlock. Read: blob 941bf82e8961 of mm/rmap.c, e9fd04ca1e51 of include/linux/rmap.h.

_PREPARE_2_6_38 = Cell(
    (once(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.LOCK, S.OWN, S.LINK, S.UNLOCK),),
    Source("2.6.38", "941bf82e8961", "anon_vma_prepare"),
    (S.FREE_ALLOCATED,),
)

_CLONE_2_6_38 = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.UNLOCK),),
    Source("2.6.38", "941bf82e8961", "anon_vma_clone, anon_vma_chain_link"),
    (S.DETACH,),
)

_FORK_2_6_38 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.CLONE_PARENT, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.ADOPT_ROOT, S.OWN),
            *(S.LOCK, S.LINK, S.UNLOCK),
        ),
    ),
    Source("2.6.38", "941bf82e8961", "anon_vma_fork"),
    (S.PUT_NEW, S.DETACH),
)

# CONFIG_KSM or CONFIG_MIGRATION: get_anon_vma() and drop_anon_vma() are not empty.
_FORK_2_6_38_KSM = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.CLONE_PARENT, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN),
            *(S.LOCK, S.LINK, S.UNLOCK),
        ),
    ),
    Source("2.6.38", "941bf82e8961", "anon_vma_fork"),
    (S.PUT_NEW, S.DETACH),
)

_UNLINK_2_6_38 = Cell(
    (forward(S.LOCK, S.REMOVE, S.UNLOCK, S.PUT_EMPTY_UNPINNED, S.FREE_ENTRY),),
    Source("2.6.38", "941bf82e8961", "unlink_anon_vmas, anon_vma_unlink"),
)

_PUT_2_6_38 = Cell((once(S.FREE),), Source("2.6.38", "941bf82e8961", "anon_vma_unlink"))

_PUT_2_6_38_KSM = Cell(
    (once(S.DROP_ROOT_LOCKING, S.FREE),), Source("2.6.38", "941bf82e8961", "anon_vma_unlink, drop_anon_vma")
)

_FREE_2_6_38 = Cell((once(S.RELEASE),), Source("2.6.38", "941bf82e8961", "anon_vma_free"))

# 3.0: the mutex. Read: the mail's patch (blobs 0eb463ea88dd and f286697c61dc), 3.0.1 (blob 23295f65ae43), and for what
# lies between them the diff of 3.0-rc3 against steps 1 and 2 in Hugh Dickins's mail of 17 June 2011 (Message-ID
# alpine.LSU.2.00.1106171040460.7018@sister.anvils), which also has the lockdep report of allocating under the lock.

_PREPARE_3_0 = Cell(
    (once(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.LOCK, S.OWN, S.LINK, S.UNLOCK),),
    Source("3.0", "2b575eb64f7a", "anon_vma_prepare"),
    (S.FREE_ALLOCATED,),
)

# anon_vma_chain_link() locks and unlocks by itself.
_CLONE_3_0_RC1 = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.UNLOCK),),
    Source("3.0-rc1", "2b575eb64f7a", "anon_vma_clone, anon_vma_chain_link"),
    (S.DETACH,),
)

_CLONE_637FBBF = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK_ONCE, S.LINK), once(S.UNLOCK_HELD)),
    Source("3.0-rc4", "bb4aa39676f7", "anon_vma_clone"),
    (S.UNLOCK_HELD, S.DETACH),
)

_CLONE_DD34739C = Cell(
    (backward(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK), once(S.UNLOCK_HELD)),
    Source("3.0-rc4", "dd34739c03f2", "anon_vma_clone"),
    (S.DETACH,),
)

_FORK_3_0 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.CLONE_PARENT, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN),
            *(S.LOCK, S.LINK, S.UNLOCK),
        ),
    ),
    Source("3.0", "2b575eb64f7a", "anon_vma_fork"),
    (S.PUT_NEW, S.DETACH),
)

_UNLINK_3_0_RC1 = Cell(
    (forward(S.LOCK, S.REMOVE, S.UNLOCK, S.PUT_EMPTY, S.FREE_ENTRY),),
    Source("3.0-rc1", "2b575eb64f7a", "unlink_anon_vmas, anon_vma_unlink"),
)

_UNLINK_EEE2ACBA = Cell(
    (
        forward(S.LOCK_ONCE, S.REMOVE, S.KEEP_EMPTY, S.FREE_ENTRY),
        once(S.UNLOCK_HELD),
        forward(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    Source("3.0-rc4", "eee2acbae955", "unlink_anon_vmas"),
)

# The root is put first, so freeing the child then reads a lock in freed memory. 3.19.8 has the order swapped.
_PUT_3_0 = Cell((once(S.PUT_ROOT, S.FREE),), Source("3.0", "2b575eb64f7a", "put_anon_vma, __put_anon_vma"))

_FREE_3_0 = Cell((once(S.SYNC_IF_LOCKED, S.RELEASE),), Source("3.0", "2b575eb64f7a", "anon_vma_free"))

# 3.8: the rwsem. Read: blob 2c78f8cadc95 of mm/rmap.c (3.8.0), compared with 3.0.1's: nothing else that counts differs.

_PREPARE_3_8 = _again(_PREPARE_3_0, Source("3.8", "5a505085f043", "anon_vma_prepare"))
_CLONE_3_8 = _again(_CLONE_DD34739C, Source("3.8", "5a505085f043", "anon_vma_clone"))
_FORK_3_8 = _again(_FORK_3_0, Source("3.8", "5a505085f043", "anon_vma_fork"))
_UNLINK_3_8 = _again(_UNLINK_EEE2ACBA, Source("3.8", "5a505085f043", "unlink_anon_vmas"))
_PUT_3_8 = _again(_PUT_3_0, Source("3.8", "2b575eb64f7a", "put_anon_vma, __put_anon_vma"))
_FREE_3_8 = _again(_FREE_3_0, Source("3.8", "5a505085f043", "anon_vma_free"))

# 3.19: reuse by degree. Read: blob ecb444a2ad50 of mm/rmap.c (3.19.8).

_PREPARE_3_19 = Cell(
    (
        once(
            *(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.DEGREE_FIRST_VMA),
            *(S.LOCK, S.OWN, S.LINK, S.DEGREE_LINK, S.UNLOCK),
        ),
    ),
    Source("3.19.8", "7a3ef208e662", "anon_vma_prepare, anon_vma_alloc"),
    (S.FREE_ALLOCATED,),
)

_CLONE_3_19 = Cell(
    (backward(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK, S.REUSE_BY_DEGREE), once(S.DEGREE_OWN, S.UNLOCK_HELD)),
    Source("3.19.8", "7a3ef208e662", "anon_vma_clone"),
    (S.FORGET, S.DETACH),
)

_FORK_3_19 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.CLONE_PARENT, S.DONE_IF_REUSED, S.ALLOC_ANON_VMA, S.DEGREE_FIRST_VMA),
            *(S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN, S.LOCK, S.LINK, S.DEGREE_CHILD, S.UNLOCK),
        ),
    ),
    Source("3.19.8", "7a3ef208e662", "anon_vma_fork, anon_vma_alloc"),
    (S.PUT_NEW, S.DETACH),
)

_UNLINK_3_19 = Cell(
    (
        forward(S.LOCK_ONCE, S.REMOVE, S.DEGREE_DROP_CHILD_EMPTY, S.KEEP_EMPTY, S.FREE_ENTRY),
        once(S.DEGREE_DROP_OWN, S.UNLOCK_HELD),
        forward(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    Source("3.19.8", "7a3ef208e662", "unlink_anon_vmas"),
)

_PUT_3_19 = Cell((once(S.FREE, S.PUT_ROOT),), Source("3.19.8", "ecb444a2ad50", "put_anon_vma, __put_anon_vma"))
_FREE_3_19 = _again(_FREE_3_0, Source("3.19.8", "5a505085f043", "anon_vma_free"))

# 6.0 to 6.12: reuse by children. Read: Debian's 6.1.192, mm/rmap.c; 6.0.1 (blob 93d5a6f793d2) and 6.12 (blob
# 73d5998677d4) differ from it in comments, an assertion and a memory barrier only.

_PREPARE_6_1 = Cell(
    (
        once(
            *(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.COUNT_ROOT_CHILD),
            *(S.LOCK, S.OWN, S.LINK, S.COUNT_ACTIVE, S.UNLOCK),
        ),
    ),
    Source("6.1.192", "2555283eb40d", "__anon_vma_prepare"),
    (S.FREE_ALLOCATED,),
)

_CLONE_6_1 = Cell(
    (
        backward(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK, S.REUSE_CHILDLESS),
        once(S.COUNT_OWN_ACTIVE, S.UNLOCK_HELD),
    ),
    Source("6.1.192", "2555283eb40d", "anon_vma_clone"),
    (S.FORGET, S.DETACH),
)

# 6.1 with the ladder's steps taken back: without bb4aa39676f7, and then also without eee2acbae955.
_CLONE_6_1_UNBATCHED = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.REUSE_CHILDLESS, S.COUNT_ACTIVE_IF_OWN, S.UNLOCK),),
    Source("6.1.192", "patches/v6.1/unbatch-clone.patch", "anon_vma_clone"),
    (S.FORGET_UNCOUNTED, S.DETACH),
)

_FORK_6_1 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.CLONE_PARENT, S.DONE_IF_REUSED, S.ALLOC_ANON_VMA, S.COUNT_ACTIVE),
            *(S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN, S.LOCK, S.LINK, S.COUNT_CHILD, S.UNLOCK),
        ),
    ),
    Source("6.1.192", "2555283eb40d", "anon_vma_fork"),
    (S.PUT_NEW, S.DETACH),
)

_UNLINK_6_1 = Cell(
    (
        forward(S.LOCK_ONCE, S.REMOVE, S.DROP_CHILD_EMPTY, S.KEEP_EMPTY, S.FREE_ENTRY),
        once(S.DROP_OWN_ACTIVE, S.UNLOCK_HELD),
        forward(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    Source("6.1.192", "2555283eb40d", "unlink_anon_vmas"),
)

_UNLINK_6_1_UNBATCHED = Cell(
    (
        forward(
            *(S.LOCK, S.REMOVE, S.DROP_CHILD_EMPTY, S.DROP_ACTIVE_IF_OWN, S.UNLOCK),
            *(S.PUT_EMPTY, S.FREE_ENTRY),
        ),
    ),
    Source("6.1.192", "eee2acbae955 reversed", "unlink_anon_vmas"),
)

_PUT_6_1 = Cell((once(S.FREE, S.PUT_ROOT),), Source("6.1.192", "8e74d143433a", "put_anon_vma, __put_anon_vma"))

_FREE_6_1 = Cell((once(S.SYNC_IF_LOCKED, S.RELEASE),), Source("6.1.192", "5a505085f043", "anon_vma_free"))

# 7.0: chain entries are allocated before the lock is taken. Read: blob 022798c9f4a7 of mm/rmap.c (7.0.0), and 7.1.3's.

_PREPARE_7_0 = _again(_PREPARE_6_1, Source("7.0", "022798c9f4a7", "__anon_vma_prepare"))

# Two list walks, the first forward: a copy's chain is the source's in reverse order.
_CLONE_7_0 = Cell(
    (
        once(S.SKIP_UNUSED),
        forward(S.ALLOC_KERNEL, S.ASSIGN),
        once(S.LOCK_SOURCE),
        own_backward(S.INSERT, S.REUSE_CHILDLESS_COUNT),
        once(S.COUNT_OWN_ACTIVE_UNLESS_FORK, S.UNLOCK_HELD),
    ),
    Source("7.0", "022798c9f4a7", "anon_vma_clone, maybe_reuse_anon_vma"),
    (S.DROP_ASSIGNED, S.FORGET),
)

_FORK_7_0 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.CLONE_PARENT, S.DONE_IF_REUSED_PUT),
            *(S.COUNT_ACTIVE, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN, S.ASSIGN, S.LOCK, S.INSERT, S.COUNT_CHILD, S.UNLOCK),
        ),
    ),
    Source("7.0", "022798c9f4a7", "anon_vma_fork"),
    (S.PUT_NEW, S.FREE_ALLOCATED),
)

_UNLINK_7_0 = Cell(
    (
        once(S.SKIP_OWNLESS, S.LOCK_OWN),
        forward(S.REMOVE, S.DROP_CHILD_EMPTY, S.KEEP_EMPTY, S.FREE_ENTRY),
        once(S.DROP_OWN_ACTIVE, S.UNLOCK_HELD),
        forward(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    Source("7.0", "022798c9f4a7", "unlink_anon_vmas"),
)

_PUT_7_0 = _again(_PUT_6_1, Source("7.0", "022798c9f4a7", "put_anon_vma, __put_anon_vma"))
_FREE_7_0 = _again(_FREE_6_1, Source("7.0", "022798c9f4a7", "anon_vma_free"))


def _cells(prepare: Cell, clone: Cell, fork: Cell, unlink: Cell, put: Cell, free: Cell) -> Cells:
    return {"prepare": prepare, "clone": clone, "fork": fork, "unlink": unlink, "put": put, "free": free}


def _read_again(kernel: str, blob: str, cells: Cells) -> Cells:
    return {name: _again(cell, Source(kernel, blob, cell.source.function)) for name, cell in cells.items()}


def ladder(clone: Cell, unlink: Cell) -> Cells:
    """A step of the ladder of June 2011."""
    return _cells(_PREPARE_3_0, clone, _FORK_3_0, unlink, _PUT_3_0, _FREE_3_0)


def on_6_1(clone: Cell, unlink: Cell) -> Cells:
    """6.1 with steps of the ladder taken back."""
    return _cells(_PREPARE_6_1, clone, _FORK_6_1, unlink, _PUT_6_1, _FREE_6_1)


RMAP_2_6_38 = _cells(_PREPARE_2_6_38, _CLONE_2_6_38, _FORK_2_6_38, _UNLINK_2_6_38, _PUT_2_6_38, _FREE_2_6_38)
RMAP_KSM = _cells(_PREPARE_2_6_38, _CLONE_2_6_38, _FORK_2_6_38_KSM, _UNLINK_2_6_38, _PUT_2_6_38_KSM, _FREE_2_6_38)
RMAP_3_0_RC1 = ladder(_CLONE_3_0_RC1, _UNLINK_3_0_RC1)
RMAP_637FBBF = ladder(_CLONE_637FBBF, _UNLINK_3_0_RC1)
RMAP_EEE2ACBA = ladder(_CLONE_637FBBF, _UNLINK_EEE2ACBA)
RMAP_DD34739C = ladder(_CLONE_DD34739C, _UNLINK_EEE2ACBA)
RMAP_3_8 = _cells(_PREPARE_3_8, _CLONE_3_8, _FORK_3_8, _UNLINK_3_8, _PUT_3_8, _FREE_3_8)
RMAP_3_19 = _cells(_PREPARE_3_19, _CLONE_3_19, _FORK_3_19, _UNLINK_3_19, _PUT_3_19, _FREE_3_19)
RMAP_6_1 = on_6_1(_CLONE_6_1, _UNLINK_6_1)
RMAP_6_1_UNBATCHED_CLONE = on_6_1(_CLONE_6_1_UNBATCHED, _UNLINK_6_1)
RMAP_6_1_UNBATCHED = on_6_1(_CLONE_6_1_UNBATCHED, _UNLINK_6_1_UNBATCHED)
RMAP_6_0 = _read_again("6.0.1", "93d5a6f793d2", RMAP_6_1)
RMAP_6_12 = _read_again("6.12", "73d5998677d4", RMAP_6_1)
RMAP_7_0 = _cells(_PREPARE_7_0, _CLONE_7_0, _FORK_7_0, _UNLINK_7_0, _PUT_7_0, _FREE_7_0)
