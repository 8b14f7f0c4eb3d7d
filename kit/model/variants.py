"""Faulty kernels, as real ones were or as one could write them: profiles that differ only in their steps.

Each says what is wrong, which commit caused or fixed it, and which good profile it is made from. `put-in-rcu`: Hugh
Dickins's "mm: fix sleeping function warning from __put_anon_vma" (31 May 2014, Message-ID
alpine.LSU.2.11.1405311321340.10272@eggly.anvils) has the report and names 88c22088bf23 in its Fixes line. It is
7f39dda9d86f, after 3.15: mm/rmap.c as of that commit was read, and there the put comes after rcu_read_unlock(); the
commit's own message was not read.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from kit.model.errors import ModelError
from kit.model.profiles import PROFILES
from kit.model.rmapcells import forward, once
from kit.model.steps import Cell, Profile, Source, Step

S = Step


@dataclasses.dataclass(frozen=True)
class Variant:
    """A faulty kernel: its profile, and what is known of the fault."""

    profile: Profile
    base: str
    about: str
    cured: str  # the commit that fixes it, or ""


def _wrong(name: str, base: str, about: str, cured: str, cell: str, *passes: Any, failure: Any = None) -> Variant:
    old = PROFILES[base].cells[cell]
    source = Source(old.source.kernel, old.source.commit, old.source.function, old.source.file, verified=False)
    undo = old.failure if failure is None else failure
    fields: dict[str, Any] = {cell: Cell(passes or old.passes, source, undo), "name": name, "about": about}
    return Variant(dataclasses.replace(PROFILES[base], **fields), base, about, cured)


_NAIVE = once(S.UNLOCK_HELD)
_ROWS = (
    _wrong(
        *("naive-unlink", "3.0-dd34739c", "unlinking in one pass: the lock is held where an anon_vma is put", ""),
        *("unlink", forward(S.LOCK_ONCE, S.REMOVE, S.PUT_EMPTY, S.FREE_ENTRY), _NAIVE),
    ),
    _wrong(
        *("naive-unlink-spinlock", "2.6.38", "the same with a spinlock: a freed root is unlocked", ""),
        *("unlink", forward(S.LOCK_ONCE, S.REMOVE, S.PUT_EMPTY_UNPINNED, S.FREE_ENTRY), _NAIVE),
    ),
    _wrong(
        *("naive-unlink-6.1", "6.1", "the same on 6.1 (tests/boot/broken/one-pass-unlink.patch)", "", "unlink"),
        forward(S.LOCK_ONCE, S.REMOVE, S.DROP_ACTIVE_IF_OWN, S.DROP_CHILD_EMPTY, S.PUT_EMPTY, S.FREE_ENTRY),
        _NAIVE,
    ),
    _wrong(
        *("root-first-6.1", "6.1", "the root is freed before the child, as until 3.15", "624483f3ea82", "put"),
        once(S.PUT_ROOT, S.FREE),
    ),
    _wrong(
        *("clone-keeps-lock", "3.0-637fbbf", "anon_vma_clone forgets to unlock on ENOMEM", "", "clone"),
        failure=(S.DETACH,),
    ),
    _wrong(
        *("degree-underflow", "3.19", "a clone that fails keeps vma->anon_vma, not counted yet", "3fe89b3e2a7b"),
        "clone",
        failure=(S.DETACH,),
    ),
    _wrong(
        *("active-underflow", "7.0", "a clone that fails keeps vma->anon_vma, not counted yet", "3a206a8649f8"),
        "clone",
        failure=(S.DROP_ASSIGNED,),
    ),
    _wrong(
        *("put-in-rcu", "3.8", "page_get_anon_vma puts inside an RCU read-side section (88c22088bf23, 3.0)"),
        *("7f39dda9d86f", "migrate"),
        once(
            *(S.RCU_LOCK, S.PIN, S.PUT_UNMAPPED, S.RCU_UNLOCK),
            *(S.LOCK_SHARED, S.VISIT, S.UNLOCK, S.LOCK_SHARED, S.VISIT, S.UNLOCK, S.UNPIN),
        ),
    ),
    _wrong(
        *("fork-leaves-attached", "3.0-rc1", "a fork that fails leaves the VMA attached", "", "fork"),
        failure=(S.PUT_NEW,),
    ),
)

VARIANTS: dict[str, Variant] = {row.profile.name: row for row in _ROWS}


def known(name: str) -> Profile:
    """The profile or variant of that name. Raises ModelError, with the known names, for an unknown one."""
    if name in VARIANTS:
        return VARIANTS[name].profile
    if name in PROFILES:
        return PROFILES[name]
    names = ", ".join((*PROFILES, *VARIANTS))
    raise ModelError(f"no profile or variant {name!r}; there are {names}")
