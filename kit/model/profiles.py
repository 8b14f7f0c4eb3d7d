"""The profiles: what each kernel generation does, as data. One row a generation, each cell with where it was read.

Rows share cells where the source is the same. Names of 3.0 are the ladder of June 2011 on blob 0eb463ea88dd of
mm/rmap.c: 3.0-rc1, then bb4aa39676f7 (posted as 637fbbf96fdd), then eee2acbae955, then dd34739c03f2.
"""

from __future__ import annotations

from kit.model.errors import ModelError
from kit.model.steps import Cell, MergeRule, Merging, Over, Pass, Profile, Removal, Source, Step

S = Step


def once(*steps: Step) -> Pass:
    return Pass(Over.ONCE, steps)


def own_backward(*steps: Step) -> Pass:
    return Pass(Over.OWN_BACKWARD, steps)


def forward(*steps: Step) -> Pass:
    return Pass(Over.FORWARD, steps)


def backward(*steps: Step) -> Pass:
    return Pass(Over.BACKWARD, steps)


# 2.6.38: the spinlock. Read: blob 941bf82e8961 of mm/rmap.c, e9fd04ca1e51 of include/linux/rmap.h.

_PREPARE_2_6_38 = Cell(
    (once(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.LOCK, S.OWN, S.LINK, S.UNLOCK),),
    Source("2.6.38", "941bf82e8961", "anon_vma_prepare"),
)

_CLONE_2_6_38 = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.UNLOCK),),
    Source("2.6.38", "941bf82e8961", "anon_vma_clone, anon_vma_chain_link"),
)

_FORK_2_6_38 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.CLONE_PARENT, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.ADOPT_ROOT, S.OWN),
            *(S.LOCK, S.LINK, S.UNLOCK),
        ),
    ),
    Source("2.6.38", "941bf82e8961", "anon_vma_fork"),
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
)

# anon_vma_chain_link() locks and unlocks by itself.
_CLONE_3_0_RC1 = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.UNLOCK),),
    Source("3.0-rc1", "2b575eb64f7a", "anon_vma_clone, anon_vma_chain_link"),
)

_CLONE_637FBBF = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK_ONCE, S.LINK), once(S.UNLOCK_HELD)),
    Source("3.0-rc4", "bb4aa39676f7", "anon_vma_clone"),
)

_CLONE_DD34739C = Cell(
    (backward(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK), once(S.UNLOCK_HELD)),
    Source("3.0-rc4", "dd34739c03f2", "anon_vma_clone"),
)

_FORK_3_0 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.CLONE_PARENT, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN),
            *(S.LOCK, S.LINK, S.UNLOCK),
        ),
    ),
    Source("3.0", "2b575eb64f7a", "anon_vma_fork"),
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

# The root goes first, and then the child's freeing reads its lock. 3.19.8 has the order swapped.
_PUT_3_0 = Cell((once(S.PUT_ROOT, S.FREE),), Source("3.0", "2b575eb64f7a", "put_anon_vma, __put_anon_vma"))

_FREE_3_0 = Cell((once(S.SYNC_IF_LOCKED, S.RELEASE),), Source("3.0", "2b575eb64f7a", "anon_vma_free"))

# 3.8: the rwsem. Read: blob 2c78f8cadc95 of mm/rmap.c (3.8.0), compared with 3.0.1's: nothing else that counts differs.

_PREPARE_3_8 = Cell(_PREPARE_3_0.passes, Source("3.8", "5a505085f043", "anon_vma_prepare"))
_CLONE_3_8 = Cell(_CLONE_DD34739C.passes, Source("3.8", "5a505085f043", "anon_vma_clone"))
_FORK_3_8 = Cell(_FORK_3_0.passes, Source("3.8", "5a505085f043", "anon_vma_fork"))
_UNLINK_3_8 = Cell(_UNLINK_EEE2ACBA.passes, Source("3.8", "5a505085f043", "unlink_anon_vmas"))
_PUT_3_8 = Cell(_PUT_3_0.passes, Source("3.8", "2b575eb64f7a", "put_anon_vma, __put_anon_vma"))
_FREE_3_8 = Cell(_FREE_3_0.passes, Source("3.8", "5a505085f043", "anon_vma_free"))

# 3.19: reuse by degree. Read: blob ecb444a2ad50 of mm/rmap.c (3.19.8).

_PREPARE_3_19 = Cell(
    (
        once(
            *(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.DEGREE_FIRST_VMA),
            *(S.LOCK, S.OWN, S.LINK, S.DEGREE_LINK, S.UNLOCK),
        ),
    ),
    Source("3.19.8", "7a3ef208e662", "anon_vma_prepare, anon_vma_alloc"),
)

_CLONE_3_19 = Cell(
    (backward(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK, S.REUSE_BY_DEGREE), once(S.DEGREE_OWN, S.UNLOCK_HELD)),
    Source("3.19.8", "7a3ef208e662", "anon_vma_clone"),
)

_FORK_3_19 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.CLONE_PARENT, S.DONE_IF_REUSED, S.ALLOC_ANON_VMA, S.DEGREE_FIRST_VMA),
            *(S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN, S.LOCK, S.LINK, S.DEGREE_CHILD, S.UNLOCK),
        ),
    ),
    Source("3.19.8", "7a3ef208e662", "anon_vma_fork, anon_vma_alloc"),
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
_FREE_3_19 = Cell(_FREE_3_0.passes, Source("3.19.8", "5a505085f043", "anon_vma_free"))

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
)

_CLONE_6_1 = Cell(
    (
        backward(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK, S.REUSE_CHILDLESS),
        once(S.COUNT_OWN_ACTIVE, S.UNLOCK_HELD),
    ),
    Source("6.1.192", "2555283eb40d", "anon_vma_clone"),
)

# The reversed ladder: what 6.1 would do had bb4aa39676f7, and then eee2acbae955 too, not been written.
_CLONE_6_1_UNBATCHED = Cell(
    (backward(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.REUSE_CHILDLESS, S.COUNT_ACTIVE_IF_OWN, S.UNLOCK),),
    Source("6.1.192", "patches/v6.1/unbatch-clone.patch", "anon_vma_clone"),
)

_FORK_6_1 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.CLONE_PARENT, S.DONE_IF_REUSED, S.ALLOC_ANON_VMA, S.COUNT_ACTIVE),
            *(S.ALLOC_KERNEL, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN, S.LOCK, S.LINK, S.COUNT_CHILD, S.UNLOCK),
        ),
    ),
    Source("6.1.192", "2555283eb40d", "anon_vma_fork"),
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

_PREPARE_7_0 = Cell(_PREPARE_6_1.passes, Source("7.0", "022798c9f4a7", "__anon_vma_prepare"))

# Two list walks, the first forward: a copy's chain is in the reverse of the source's order.
_CLONE_7_0 = Cell(
    (
        once(S.SKIP_UNUSED),
        forward(S.ALLOC_KERNEL, S.ASSIGN),
        once(S.LOCK_SOURCE),
        own_backward(S.INSERT, S.REUSE_CHILDLESS_COUNT),
        once(S.COUNT_OWN_ACTIVE_UNLESS_FORK, S.UNLOCK_HELD),
    ),
    Source("7.0", "022798c9f4a7", "anon_vma_clone, maybe_reuse_anon_vma"),
)

_FORK_7_0 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.CLONE_PARENT, S.DONE_IF_REUSED_PUT),
            *(S.COUNT_ACTIVE, S.ADOPT_ROOT, S.PIN_ROOT, S.OWN, S.ASSIGN, S.LOCK, S.INSERT, S.COUNT_CHILD, S.UNLOCK),
        ),
    ),
    Source("7.0", "022798c9f4a7", "anon_vma_fork"),
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

_PUT_7_0 = Cell(_PUT_6_1.passes, Source("7.0", "022798c9f4a7", "put_anon_vma, __put_anon_vma"))
_FREE_7_0 = Cell(_FREE_6_1.passes, Source("7.0", "022798c9f4a7", "anon_vma_free"))

_SPINLOCK = ("&(&anon_vma->lock)->rlock", Source("2.6.38", "941bf82e8961", "anon_vma_ctor"))
_MUTEX = ("&anon_vma->mutex", Source("3.0", "2b575eb64f7a", "anon_vma_ctor"))
_RWSEM = ("&anon_vma->rwsem", Source("3.8", "5a505085f043", "anon_vma_ctor"))

_CELLS_2_6_38 = (_PREPARE_2_6_38, _CLONE_2_6_38, _FORK_2_6_38, _UNLINK_2_6_38, _PUT_2_6_38, _FREE_2_6_38)
_CELLS_KSM = (_PREPARE_2_6_38, _CLONE_2_6_38, _FORK_2_6_38_KSM, _UNLINK_2_6_38, _PUT_2_6_38_KSM, _FREE_2_6_38)
_CELLS_3_8 = (_PREPARE_3_8, _CLONE_3_8, _FORK_3_8, _UNLINK_3_8, _PUT_3_8, _FREE_3_8)
_CELLS_3_19 = (_PREPARE_3_19, _CLONE_3_19, _FORK_3_19, _UNLINK_3_19, _PUT_3_19, _FREE_3_19)
_CELLS_7_0 = (_PREPARE_7_0, _CLONE_7_0, _FORK_7_0, _UNLINK_7_0, _PUT_7_0, _FREE_7_0)


# Splitting and merging: vma_adjust, vma_merge, is_mergeable_anon_vma.

_ADJUST_2_6_38 = Cell(
    (once(S.LOCK_UNLESS_END_OR_INSERT, S.UNLOCK_HELD),),
    Source("2.6.38", "2ec8eb5a9cdd", "vma_adjust", "mm/mmap.c"),
)
_ADJUST_3_0 = Cell(
    (once(S.LOCK_UNLESS_END_ONLY, S.UNLOCK_HELD),),
    Source("3.0.1", "d49736ff8a8d", "vma_adjust", "mm/mmap.c"),
)
_ADJUST_3_8 = Cell(
    (once(S.LOCK_ADJUSTED, S.UNLOCK_HELD),),
    Source("3.8", "d1e4124f3d0e", "vma_adjust", "mm/mmap.c"),
)


def _adjust(kernel: str, blob: str, function: str, file: str = "mm/mmap.c") -> Cell:
    """As 3.8, read again."""
    return Cell(_ADJUST_3_8.passes, Source(kernel, blob, function, file))


_ADJUST_3_19 = _adjust("3.19.8", "0bc66f1e9637", "vma_adjust")
_ADJUST_6_0 = _adjust("6.0.1", "9d780f415be3", "__vma_adjust")
_ADJUST_6_1 = _adjust("6.1.192", "1eb86aba7de5", "__vma_adjust")
_ADJUST_6_12 = _adjust("6.12", "7621384d64cf", "vma_prepare, vma_complete", "mm/vma.c")
_ADJUST_7_0 = _adjust("7.0", "c8df5f561ad7", "vma_prepare, vma_complete", "mm/vma.c")


def _merging(rule: MergeRule, stays: bool, removal: Removal, cell: Cell) -> Merging:
    """Read in the same file as the adjustment."""
    source = Source(cell.source.kernel, cell.source.commit, "vma_merge, is_mergeable_anon_vma", cell.source.file)
    return Merging(rule, stays, removal, source)


_MERGE_2_6_38 = _merging(MergeRule.ANY, True, Removal.EACH_IMPORTS, _ADJUST_2_6_38)
_MERGE_3_0 = _merging(MergeRule.TARGET_SINGULAR, True, Removal.EACH_IMPORTS, _ADJUST_3_0)
_MERGE_3_8 = _merging(MergeRule.TARGET_SINGULAR, True, Removal.EACH_IMPORTS, _ADJUST_3_8)
_MERGE_3_19 = _merging(MergeRule.TARGET_SINGULAR, True, Removal.EACH_IMPORTS, _ADJUST_3_19)
_MERGE_6_0 = _merging(MergeRule.TARGET_SINGULAR, False, Removal.EACH_LOCKS, _ADJUST_6_0)
_MERGE_6_1 = _merging(MergeRule.TARGET_SINGULAR, False, Removal.TOGETHER, _ADJUST_6_1)
_MERGE_6_12 = _merging(MergeRule.TARGET_SINGULAR, False, Removal.TOGETHER, _ADJUST_6_12)
_MERGE_7_0 = _merging(MergeRule.SINGULAR, False, Removal.TOGETHER, _ADJUST_7_0)

Cells = tuple[Cell, Cell, Cell, Cell, Cell, Cell]


def _read_again(kernel: str, blob: str, cells: Cells) -> Cells:
    """The same cells, read in another kernel."""
    prepare, clone, fork, unlink, put, free = (
        Cell(cell.passes, Source(kernel, blob, cell.source.function)) for cell in cells
    )
    return prepare, clone, fork, unlink, put, free


def _ladder(clone: Cell, unlink: Cell) -> Cells:
    return _PREPARE_3_0, clone, _FORK_3_0, unlink, _PUT_3_0, _FREE_3_0


def _on_6_1(clone: Cell, unlink: Cell) -> Cells:
    return _PREPARE_6_1, clone, _FORK_6_1, unlink, _PUT_6_1, _FREE_6_1


_CELLS_6_1 = _on_6_1(_CLONE_6_1, _UNLINK_6_1)
_CELLS_6_0 = _read_again("6.0.1", "93d5a6f793d2", _CELLS_6_1)
_CELLS_6_12 = _read_again("6.12", "73d5998677d4", _CELLS_6_1)

Layout = tuple[Cell, Merging, bool]

# The bool: MADV_WIPEONFORK is known.
_LAYOUT_2_6_38: Layout = (_ADJUST_2_6_38, _MERGE_2_6_38, False)
_LAYOUT_3_0: Layout = (_ADJUST_3_0, _MERGE_3_0, False)
_LAYOUT_3_8: Layout = (_ADJUST_3_8, _MERGE_3_8, False)
_LAYOUT_3_19: Layout = (_ADJUST_3_19, _MERGE_3_19, False)
_LAYOUT_6_0: Layout = (_ADJUST_6_0, _MERGE_6_0, True)
_LAYOUT_6_1: Layout = (_ADJUST_6_1, _MERGE_6_1, True)
_LAYOUT_6_12: Layout = (_ADJUST_6_12, _MERGE_6_12, True)
_LAYOUT_7_0: Layout = (_ADJUST_7_0, _MERGE_7_0, True)


Lock = tuple[str, Source]


def _row(name: str, about: str, lock: Lock, counters: str, cells: Cells, layout: Layout) -> Profile:
    lock_class, lock_source = lock
    prepare, clone, fork, unlink, put, free = cells
    adjust, merging, wipeonfork = layout
    pins_root = any(Step.PIN_ROOT in one.steps for one in fork.passes)
    return Profile(
        name,
        about,
        lock_class,
        lock_source,
        counters,
        prepare,
        clone,
        fork,
        unlink,
        put,
        free,
        adjust,
        merging,
        wipeonfork,
        pins_root,
    )


def _rung(name: str, about: str, clone: Cell, unlink: Cell) -> Profile:
    """A step of the ladder of June 2011."""
    return _row(name, about, _MUTEX, "", _ladder(clone, unlink), _LAYOUT_3_0)


def _modern(name: str, about: str, cells: Cells, layout: Layout) -> Profile:
    """6.0 and later."""
    return _row(name, about, _RWSEM, "children", cells, layout)


_ROWS = (
    _row("2.6.38", "spinlock; neither KSM nor MIGRATION", _SPINLOCK, "", _CELLS_2_6_38, _LAYOUT_2_6_38),
    _row("2.6.38-ksm", "spinlock; KSM or MIGRATION", _SPINLOCK, "", _CELLS_KSM, _LAYOUT_2_6_38),
    _rung("3.0-rc1", "mutex, for every entry", _CLONE_3_0_RC1, _UNLINK_3_0_RC1),
    _rung("3.0-637fbbf", "+ cloning once", _CLONE_637FBBF, _UNLINK_3_0_RC1),
    _rung("3.0-eee2acba", "+ unlinking once", _CLONE_637FBBF, _UNLINK_EEE2ACBA),
    _rung("3.0-dd34739c", "+ no reclaim under it", _CLONE_DD34739C, _UNLINK_EEE2ACBA),
    _row("3.8", "rwsem", _RWSEM, "", _CELLS_3_8, _LAYOUT_3_8),
    _row("3.19", "+ reuse by degree", _RWSEM, "degree", _CELLS_3_19, _LAYOUT_3_19),
    _modern("6.0", "+ reuse by children and active VMAs", _CELLS_6_0, _LAYOUT_6_0),
    _modern("6.1", "+ the maple tree", _CELLS_6_1, _LAYOUT_6_1),
    _modern("6.1-unbatched-clone", "6.1 without bb4aa39676f7", _on_6_1(_CLONE_6_1_UNBATCHED, _UNLINK_6_1), _LAYOUT_6_1),
    _modern(
        *("6.1-unbatched", "6.1 without it and eee2acbae955"),
        *(_on_6_1(_CLONE_6_1_UNBATCHED, _UNLINK_6_1_UNBATCHED), _LAYOUT_6_1),
    ),
    _modern("6.12", "as 6.1", _CELLS_6_12, _LAYOUT_6_12),
    _modern("7.0", "+ allocation before the lock", _CELLS_7_0, _LAYOUT_7_0),
)

PROFILES: dict[str, Profile] = {row.name: row for row in _ROWS}


def profile(name: str) -> Profile:
    """The profile of that name, or a ModelError that lists the names."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ModelError(f"no profile {name!r}; there are {', '.join(PROFILES)}") from None
