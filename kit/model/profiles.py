"""The profiles: what each kernel generation does, as data. One row a generation, each cell with where it was read.

Rows share cells where the source is the same. Names of 3.0 are the ladder of June 2011 on blob 0eb463ea88dd of
mm/rmap.c: 3.0-rc1, then bb4aa39676f7 (posted as 637fbbf96fdd), then eee2acbae955, then dd34739c03f2.
"""

from __future__ import annotations

from kit.model.errors import ModelError
from kit.model.steps import Cell, Over, Pass, Profile, Source, Step

S = Step


def once(*steps: Step) -> Pass:
    return Pass(Over.ONCE, steps)


def newest_first(*steps: Step) -> Pass:
    return Pass(Over.NEWEST_FIRST, steps)


def oldest_first(*steps: Step) -> Pass:
    return Pass(Over.OLDEST_FIRST, steps)


# 3.0: the mutex. Read: the mail's patch (blobs 0eb463ea88dd and f286697c61dc), and 3.0.1 (blob 23295f65ae43).

_PREPARE_3_0 = Cell(
    (once(S.ALLOC_KERNEL, S.FIND_MERGEABLE, S.ALLOC_ANON_VMA, S.LOCK, S.OWN, S.LINK, S.UNLOCK),),
    Source("3.0", "2b575eb64f7a", "anon_vma_prepare"),
)

# anon_vma_chain_link() locks and unlocks by itself.
_CLONE_3_0_RC1 = Cell(
    (oldest_first(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.UNLOCK),),
    Source("3.0-rc1", "2b575eb64f7a", "anon_vma_clone, anon_vma_chain_link"),
)

_CLONE_637FBBF = Cell(
    (oldest_first(S.ALLOC_KERNEL, S.LOCK_ONCE, S.LINK), once(S.UNLOCK_HELD)),
    Source("3.0-rc4", "bb4aa39676f7", "anon_vma_clone"),
)

_CLONE_DD34739C = Cell(
    (oldest_first(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK), once(S.UNLOCK_HELD)),
    Source("3.0-rc4", "dd34739c03f2", "anon_vma_clone"),
)

_FORK_3_0 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.CLONE_PARENT, S.ALLOC_ANON_VMA, S.ALLOC_KERNEL, S.ADOPT_ROOT, S.OWN),
            *(S.LOCK, S.LINK, S.UNLOCK),
        ),
    ),
    Source("3.0", "2b575eb64f7a", "anon_vma_fork"),
)

_UNLINK_3_0_RC1 = Cell(
    (newest_first(S.LOCK, S.REMOVE, S.UNLOCK, S.PUT_EMPTY, S.FREE_ENTRY),),
    Source("3.0-rc1", "2b575eb64f7a", "unlink_anon_vmas, anon_vma_unlink"),
)

_UNLINK_EEE2ACBA = Cell(
    (
        newest_first(S.LOCK_ONCE, S.REMOVE, S.KEEP_EMPTY, S.FREE_ENTRY),
        once(S.UNLOCK_HELD),
        newest_first(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    Source("3.0-rc4", "eee2acbae955", "unlink_anon_vmas"),
)

# The root goes first, and then the child's freeing reads its lock: 7f39dda9d86f (3.16) has the order swapped.
_PUT_3_0 = Cell((once(S.PUT_ROOT, S.FREE),), Source("3.0", "2b575eb64f7a", "put_anon_vma, __put_anon_vma"))

_FREE_3_0 = Cell((once(S.SYNC_IF_LOCKED, S.RELEASE),), Source("3.0", "2b575eb64f7a", "anon_vma_free"))

# 6.1: the rwsem. Read: Debian's 6.1.192, mm/rmap.c.

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
        oldest_first(S.ALLOC_NOWAIT, S.LOCK_ONCE, S.LINK, S.REUSE_CHILDLESS),
        once(S.COUNT_OWN_ACTIVE, S.UNLOCK_HELD),
    ),
    Source("6.1.192", "2555283eb40d", "anon_vma_clone"),
)

# The reversed ladder: what 6.1 would do had bb4aa39676f7, and then eee2acbae955 too, not been written.
_CLONE_6_1_UNBATCHED = Cell(
    (oldest_first(S.ALLOC_KERNEL, S.LOCK, S.LINK, S.REUSE_CHILDLESS, S.COUNT_ACTIVE_IF_OWN, S.UNLOCK),),
    Source("6.1.192", "patches/v6.1/unbatch-clone.patch", "anon_vma_clone"),
)

_FORK_6_1 = Cell(
    (
        once(
            *(S.SKIP_UNUSED, S.FORGET, S.CLONE_PARENT, S.DONE_IF_REUSED, S.ALLOC_ANON_VMA, S.COUNT_ACTIVE),
            *(S.ALLOC_KERNEL, S.ADOPT_ROOT, S.OWN, S.LOCK, S.LINK, S.COUNT_CHILD, S.UNLOCK),
        ),
    ),
    Source("6.1.192", "2555283eb40d", "anon_vma_fork"),
)

_UNLINK_6_1 = Cell(
    (
        newest_first(S.LOCK_ONCE, S.REMOVE, S.DROP_CHILD_EMPTY, S.KEEP_EMPTY, S.FREE_ENTRY),
        once(S.DROP_OWN_ACTIVE, S.UNLOCK_HELD),
        newest_first(S.PUT_ENTRY, S.FREE_ENTRY),
    ),
    Source("6.1.192", "2555283eb40d", "unlink_anon_vmas"),
)

_UNLINK_6_1_UNBATCHED = Cell(
    (
        newest_first(
            *(S.LOCK, S.REMOVE, S.DROP_CHILD_EMPTY, S.DROP_ACTIVE_IF_OWN, S.UNLOCK),
            *(S.PUT_EMPTY, S.FREE_ENTRY),
        ),
    ),
    Source("6.1.192", "eee2acbae955 reversed", "unlink_anon_vmas"),
)

_PUT_6_1 = Cell((once(S.FREE, S.PUT_ROOT),), Source("6.1.192", "7f39dda9d86f", "put_anon_vma, __put_anon_vma"))

_FREE_6_1 = Cell((once(S.SYNC_IF_LOCKED, S.RELEASE),), Source("6.1.192", "5a505085f043", "anon_vma_free"))

_MUTEX = ("&anon_vma->mutex", Source("3.0", "2b575eb64f7a", "anon_vma_ctor"))
_RWSEM = ("&anon_vma->rwsem", Source("6.1.192", "5a505085f043", "anon_vma_ctor"))


def _mutex(name: str, about: str, clone: Cell, unlink: Cell) -> Profile:
    return Profile(name, about, *_MUTEX, "", _PREPARE_3_0, clone, _FORK_3_0, unlink, _PUT_3_0, _FREE_3_0)


def _rwsem(name: str, about: str, clone: Cell, unlink: Cell) -> Profile:
    return Profile(name, about, *_RWSEM, "children", _PREPARE_6_1, clone, _FORK_6_1, unlink, _PUT_6_1, _FREE_6_1)


PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        _mutex("3.0-rc1", "the mutex, taken for every entry", _CLONE_3_0_RC1, _UNLINK_3_0_RC1),
        _mutex("3.0-637fbbf", "+ bb4aa39676f7: cloning takes it once", _CLONE_637FBBF, _UNLINK_3_0_RC1),
        _mutex("3.0-eee2acba", "+ eee2acbae955: unlinking takes it once", _CLONE_637FBBF, _UNLINK_EEE2ACBA),
        _mutex("3.0-dd34739c", "+ dd34739c03f2: no reclaim under it", _CLONE_DD34739C, _UNLINK_EEE2ACBA),
        _rwsem("6.1", "the rwsem, taken once by each operation", _CLONE_6_1, _UNLINK_6_1),
        _rwsem("6.1-unbatched-clone", "6.1 without bb4aa39676f7", _CLONE_6_1_UNBATCHED, _UNLINK_6_1),
        _rwsem("6.1-unbatched", "6.1 without it and eee2acbae955", _CLONE_6_1_UNBATCHED, _UNLINK_6_1_UNBATCHED),
    )
}


def profile(name: str) -> Profile:
    """The profile of that name, or a ModelError that lists the names."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ModelError(f"no profile {name!r}; there are {', '.join(PROFILES)}") from None
