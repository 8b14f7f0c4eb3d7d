"""What mm/mmap.c, mremap.c, migrate.c and the callers of rmap walks do in each kernel generation, as data.

Each cell has its source. One `MmCells` describes one generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from kit.model.rmapcells import once
from kit.model.steps import Cell, MergeRule, Merging, Pass, Removal, Source, Step, Tables

S = Step


@dataclass(frozen=True)
class MmCells:
    """The cells of one generation, named as in Profile."""

    adjust: Cell
    expand: Cell
    move: Cell
    referenced: Cell
    unmap: Cell
    migrate: Cell
    merging: Merging
    tables: Tables
    guard_inside: bool
    wipeonfork: bool


@dataclass(frozen=True)
class _Read:
    """The files of a kernel that were read: its version, and their blob ids."""

    kernel: str
    mmap: str
    mremap: str
    rmap: str
    migrate: str
    memory: str
    file: str = "mm/mmap.c"

    def at(self, function: str) -> Source:
        return Source(self.kernel, self.mmap, function, self.file)

    def moves(self, function: str) -> Source:
        return Source(self.kernel, self.mremap, function, "mm/mremap.c")

    def walks(self, function: str) -> Source:
        return Source(self.kernel, self.rmap, function)

    def migrates(self, function: str) -> Source:
        return Source(self.kernel, self.migrate, function, "mm/migrate.c")


_2_6_38 = _Read("2.6.38", "2ec8eb5a9cdd", "1de98d492ddc", "941bf82e8961", "352de555626c", "5823698c2b71")
_3_0 = _Read("3.0.1", "d49736ff8a8d", "506fa44403df", "23295f65ae43", "666e4e677414", "d961e1914d17")
_3_8 = _Read("3.8", "d1e4124f3d0e", "e1031e1f6a61", "2c78f8cadc95", "2fd8b4af4744", "bb1369f7b9b4")
_3_19 = _Read("3.19.8", "0bc66f1e9637", "17fa018f5f39", "ecb444a2ad50", "be6d1edcfcb7", "6aa7822bb64d")
_6_0 = _Read("6.0.1", "9d780f415be3", "b522cd0259a0", "93d5a6f793d2", "63f956d246f7", "a78814413ac0")
_6_1 = _Read("6.1.192", "1eb86aba7de5", "ec66e7be8afe", "8e74d143433a", "72ee6896a2cb", "eba719ee76dc")
_6_12 = _Read("6.12", "7621384d64cf", "dee98ff2bbd6", "73d5998677d4", "dfa24e41e8f9", "bdf77a3ec47b", "mm/vma.c")
_7_0 = _Read("7.0", "c8df5f561ad7", "2be876a70cc0", "022798c9f4a7", "2c3d489ecf51", "cc98195b32c3", "mm/vma.c")

# Splitting and merging

_ADJUST = {
    _2_6_38: once(S.LOCK_UNLESS_END_OR_INSERT, S.UNLOCK_HELD),
    _3_0: once(S.LOCK_UNLESS_END_ONLY, S.UNLOCK_HELD),
}
_ADJUST_3_8 = once(S.LOCK_ADJUSTED, S.UNLOCK_HELD)
_ADJUST_NAMES = {_6_0: "__vma_adjust", _6_1: "__vma_adjust, vma_expand", **dict.fromkeys((_6_12, _7_0), "vma_prepare")}


def _adjust(read: _Read) -> Cell:
    return Cell((_ADJUST.get(read, _ADJUST_3_8),), read.at(_ADJUST_NAMES.get(read, "vma_adjust")))


def _merging(
    read: _Read,
    rule: MergeRule,
    removal: Removal,
    *,
    middle_stays: bool = False,
    copy_imports: bool = False,
    unaccounts: bool = False,
    grow_merges: bool = True,
) -> Merging:
    source = read.at("vma_merge, is_mergeable_anon_vma")
    return Merging(rule, middle_stays, removal, source, copy_imports, unaccounts, grow_merges)


# The stack. All generations are the same: they prepare, then hold the lock while vm_start moves.


def _expand(read: _Read) -> Cell:
    return Cell((once(S.PREPARE_OWN, S.LOCK_OWN, S.UNLOCK_HELD),), read.at("expand_downwards"))


# Moving page tables. 3.7 (38a76013ad80): under the lock if a walk may meet the copy first (need_rmap_locks).

_LOCKED = once(S.LOCK_ADJUSTED, S.UNLOCK_HELD)


def _move(read: _Read, *passes: Pass) -> Cell:
    return Cell(passes, read.moves("move_ptes" if read in (_2_6_38, _3_0, _3_8, _3_19) else "take_rmap_locks"))


def _tables(read: _Read) -> Tables:
    old = read in (_2_6_38, _3_0, _3_8, _3_19)
    return Tables(64 if old else 512, not old, read is _7_0, read.moves("move_page_tables"))


# Walks: 2.6.38 and 3.0 hold the lock alone, 3.8 (4fc3f1d66b1e) shares it. 5.19 (6d4675e60135): reclaim only tries
# it to ask whether a page was used. Migration walks twice: page_get_anon_vma needs no lock since 3.0 (746b18d421da).

_ALONE = (S.LOCK, S.VISIT, S.UNLOCK)
_SHARED = (S.LOCK_SHARED, S.VISIT, S.UNLOCK)
_TRIED = (S.TRY_LOCK_SHARED, S.VISIT, S.UNLOCK)


class _Walks(TypedDict):
    referenced: Cell
    unmap: Cell
    migrate: Cell


def _walks(read: _Read, referenced: tuple[Step, ...], walk: tuple[Step, ...]) -> _Walks:
    names = {_2_6_38: "page_lock_anon_vma", _3_0: "page_lock_anon_vma"}
    names |= dict.fromkeys((_3_8, _3_19), "page_lock_anon_vma_read")
    name = names.get(read, "folio_lock_anon_vma_read")
    migrate = once(S.PIN, *walk, *walk, S.UNPIN)
    return {
        "referenced": Cell((once(*referenced),), read.walks(name)),
        "unmap": Cell((once(*walk),), read.walks(name)),
        "migrate": Cell((migrate,), read.migrates("unmap_and_move, remove_migration_ptes")),
    }


def _mm(
    read: _Read,
    merging: Merging,
    move: Cell,
    walks: _Walks,
    *,
    guard_inside: bool = False,
    wipeonfork: bool = True,
) -> MmCells:
    return MmCells(
        adjust=_adjust(read),
        expand=_expand(read),
        move=move,
        **walks,
        merging=merging,
        tables=_tables(read),
        guard_inside=guard_inside,
        wipeonfork=wipeonfork,
    )


_OLD = {"middle_stays": True, "grow_merges": False}
_ANY, _TARGET, _SINGULAR = MergeRule.ANY, MergeRule.TARGET_SINGULAR, MergeRule.SINGULAR

_WALKS_2_6_38 = _walks(_2_6_38, _ALONE, _ALONE)
# CONFIG_MIGRATION: the reference is taken under the lock, and the last one dropped under it.
_MIGRATE_KSM = Cell(
    (once(S.LOCK, S.PIN, S.UNLOCK, *_ALONE, *_ALONE, S.UNPIN_LOCKING),),
    _2_6_38.migrates("unmap_and_move, drop_anon_vma"),
)
_MIGRATE_NONE = Cell((), _2_6_38.migrates("(not built without CONFIG_MIGRATION)"))

_MERGING_2_6_38 = _merging(_2_6_38, _ANY, Removal.EACH_IMPORTS, **_OLD)


def _mm_2_6_38(migrate: Cell) -> MmCells:
    walks: _Walks = {**_WALKS_2_6_38, "migrate": migrate}
    return _mm(_2_6_38, _MERGING_2_6_38, _move(_2_6_38), walks, guard_inside=True, wipeonfork=False)


MM_2_6_38 = _mm_2_6_38(_MIGRATE_NONE)
MM_KSM = _mm_2_6_38(_MIGRATE_KSM)
MM_3_0 = _mm(
    *(_3_0, _merging(_3_0, _TARGET, Removal.EACH_IMPORTS, **_OLD), _move(_3_0)),
    _walks(_3_0, _ALONE, _ALONE),
    guard_inside=True,
    wipeonfork=False,
)
MM_3_8 = _mm(
    *(_3_8, _merging(_3_8, _TARGET, Removal.EACH_IMPORTS, **_OLD), _move(_3_8, _LOCKED)),
    _walks(_3_8, _SHARED, _SHARED),
    guard_inside=True,
    wipeonfork=False,
)
MM_3_19 = _mm(
    *(_3_19, _merging(_3_19, _TARGET, Removal.EACH_IMPORTS, **_OLD), _move(_3_19, _LOCKED)),
    _walks(_3_19, _SHARED, _SHARED),
    guard_inside=True,
    wipeonfork=False,
)
MM_6_0 = _mm(
    *(_6_0, _merging(_6_0, _TARGET, Removal.EACH_LOCKS, grow_merges=False), _move(_6_0, _LOCKED)),
    _walks(_6_0, _TRIED, _SHARED),
)
MM_6_1 = _mm(*(_6_1, _merging(_6_1, _TARGET, Removal.TOGETHER), _move(_6_1, _LOCKED)), _walks(_6_1, _TRIED, _SHARED))
MM_6_12 = _mm(
    *(_6_12, _merging(_6_12, _TARGET, Removal.TOGETHER, unaccounts=True), _move(_6_12, _LOCKED)),
    _walks(_6_12, _TRIED, _SHARED),
)
MM_7_0 = _mm(
    *(_7_0, _merging(_7_0, _SINGULAR, Removal.TOGETHER, unaccounts=True, copy_imports=True), _move(_7_0, _LOCKED)),
    _walks(_7_0, _TRIED, _SHARED),
)
