"""Faults that nobody made yet, one step wrong each: the rules alone find them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from kit.model.explore.findings import MOST
from kit.model.explore.hunt import QUICK, Hunt, findings
from kit.model.profiles import PROFILES
from kit.model.rmapcells import forward, once
from kit.model.steps import Pass, Profile, Step

S = Step


def steps(base: str, cell: str, *passes: Pass, failure: tuple[Step, ...] | None = None) -> Profile:
    """A profile with other passes, or another end after a failed allocation."""
    old = PROFILES[base].cells[cell]
    undo = old.failure if failure is None else failure
    fields: dict[str, Any] = {cell: dataclasses.replace(old, passes=passes or old.passes, failure=undo)}
    return dataclasses.replace(PROFILES[base], **fields)


def without(base: str, cell: str, step: Step) -> Profile:
    """A profile that forgets a step."""
    return swapped(base, cell, {step: ()})


def swapped(base: str, cell: str, other: dict[Step, tuple[Step, ...]]) -> Profile:
    """A profile with other steps in the place of some."""
    old = PROFILES[base].cells[cell].passes
    return steps(base, cell, *(Pass(p.over, tuple(s for one in p.steps for s in other.get(one, (one,)))) for p in old))


UNLINK = (S.LOCK_ONCE, S.REMOVE, S.DROP_CHILD_EMPTY, S.KEEP_EMPTY, S.FREE_ENTRY)
ROOTS = "one root per walk of same_vma"
REACHED = "no anon_vma is freed while it can be reached"
AGAIN = "no lock is taken twice by its holder"
RECLAIM = "no allocation that may reclaim under a root's lock"
LEAK = "nothing is leaked"

FAULTS: dict[str, tuple[Profile, str]] = {
    "a fork's anon_vma keeps itself for its root": (without("6.1", "fork", S.ADOPT_ROOT), ROOTS),
    "a fork gets no reference to the root": (without("3.8", "fork", S.PIN_ROOT), REACHED),
    "the lock is kept while the empty ones are put": (
        steps(
            *("6.1", "unlink", forward(*UNLINK), once(S.DROP_OWN_ACTIVE)),
            *(forward(S.PUT_ENTRY, S.FREE_ENTRY), once(S.UNLOCK_HELD)),
        ),
        AGAIN,
    ),
    "the child is counted after the lock": (
        swapped("6.1", "fork", {S.COUNT_CHILD: (S.UNLOCK,), S.UNLOCK: (S.COUNT_CHILD,)}),
        "an anon_vma's counters change only under its root's lock",
    ),
    "the entry is allocated when the lock is held": (
        swapped("6.1", "fork", {S.ALLOC_KERNEL: (), S.LOCK: (S.LOCK, S.ALLOC_KERNEL)}),
        RECLAIM,
    ),
    "a fork locks the parent's root around the clone": (
        swapped("6.1", "fork", {S.CLONE_PARENT: (S.LOCK_SOURCE, S.CLONE_PARENT, S.UNLOCK_HELD)}),
        AGAIN,
    ),
    "the root's reference is never put": (without("6.1", "put", S.PUT_ROOT), LEAK),
    "what a fork allocated is not put when it fails": (steps("6.1", "fork", failure=(S.DETACH,)), LEAK),
    "a clone's entries stay when it fails": (
        steps("7.0", "clone", failure=(S.FORGET,)),
        "no VMA goes while it is attached",
    ),
    "entries go under a lock that others share": (
        swapped("3.8", "unlink", {S.LOCK_ONCE: (S.LOCK_SHARED,)}),
        "an anon_vma's list changes only under its root's lock",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    row, rule = FAULTS[fault]
    first = next(findings(row, QUICK, Hunt()))
    assert first.rule == rule
    assert first.counted <= MOST
