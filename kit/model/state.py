"""The kernel's state, as far as the anon_vma lock depends on it: Mm, Vma, AnonVma and the chain between them.

Names are those of include/linux/rmap.h and mm_types.h. Nothing here takes a lock or decides anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Protocol

PAGE = 4096
TABLE = 512 * PAGE  # bytes that one page table maps


class LayoutVma(Protocol):
    """An entry of smaps: addresses in bytes, `anonymous` in KiB. The guest's own record has this form too."""

    @property
    def start(self) -> int:
        """The first address, in bytes."""

    @property
    def end(self) -> int:
        """The end address (exclusive), in bytes."""

    @property
    def perms(self) -> str:
        """The permissions, as in `rw-p`."""

    @property
    def anonymous(self) -> int:
        """Anonymous memory, in KiB."""

    @property
    def name(self) -> str:
        """The name in smaps: a file, `[heap]`, `[stack]`, or empty."""


@dataclasses.dataclass(eq=False, slots=True)
class AnonVma:
    """struct anon_vma. `chain` is its interval tree (a list before 3.7): the entries of every attached VMA.

    `num_children` and `num_active_vmas` exist since 6.0 (2555283eb40d), `degree` from 3.19 (7a3ef208e662) until then; a
    profile without them does not change them.
    """

    name: str
    refcount: int = 1
    num_children: int = 0
    num_active_vmas: int = 0
    degree: int = 0
    chain: dict[AnonVmaChain, None] = dataclasses.field(default_factory=dict)
    freed: bool = False
    published: bool = False  # another task may find it: from then on its counters change only under the root's lock
    root: AnonVma = dataclasses.field(init=False)
    parent: AnonVma = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.root = self
        self.parent = self


@dataclasses.dataclass(eq=False, slots=True)
class AnonVmaChain:
    """struct anon_vma_chain: one VMA attached to one anon_vma."""

    vma: Vma
    anon_vma: AnonVma


@dataclasses.dataclass(eq=False, slots=True)
class Vma:
    """struct vm_area_struct. `chain` is same_vma from the oldest entry to the newest: the kernel's list, reversed.

    `kind` (anonymous, or which part of which file) and `flags` must be equal before two VMAs may share an anon_vma;
    before they may merge, `perms` must be too.
    """

    mm: Mm
    start: int
    end: int
    perms: str
    name: str
    kind: str = "anonymous"
    flags: frozenset[str] = frozenset()
    anon_vma: AnonVma | None = None
    chain: list[AnonVmaChain] = dataclasses.field(default_factory=list)
    pgoff: int = -1  # in pages; for an anonymous VMA, its address when it was first written to

    def __post_init__(self) -> None:
        if self.pgoff < 0:
            self.pgoff = self.start // PAGE

    def copy(self, mm: Mm | None = None) -> Vma:
        """vm_area_dup: copies everything but the chain."""
        new = Vma(mm or self.mm, self.start, self.end, self.perms, self.name, self.kind, self.flags, self.anon_vma)
        new.pgoff = self.pgoff
        return new

    def offset(self, address: int) -> int:
        """The pgoff of a VMA that begins at this address and continues this one's mapping."""
        return self.pgoff + (address - self.start) // PAGE

    def resize(self, start: int, end: int) -> None:
        """vma_set_range: the pages that stay mapped keep their addresses."""
        self.pgoff, self.start, self.end = self.offset(start), start, end

    def goes_on_in(self, upper: Vma) -> bool:
        """Whether `upper` begins where this one ends, with the next pgoff."""
        return self.end == upper.start and self.offset(self.end) == upper.pgoff

    def __str__(self) -> str:
        return f"{self.name} of {self.mm.name}"


@dataclasses.dataclass(eq=False, slots=True)
class Mm:
    """struct mm_struct of one process; its VMAs by rising address."""

    name: str
    vmas: list[Vma] = dataclasses.field(default_factory=list)
    forks: int = 0
    brk: int = 0  # in pages above its start
    tables: set[int] = dataclasses.field(default_factory=set)  # existing page tables: their addresses in units of 2 MiB

    def insert(self, vma: Vma) -> None:
        """Inserts a VMA at its place by address."""
        at = next((i for i, other in enumerate(self.vmas) if other.start > vma.start), len(self.vmas))
        self.vmas.insert(at, vma)

    def find(self, address: int) -> Vma | None:
        """find_vma: the first VMA that ends above `address`; it may also begin above it."""
        return next((vma for vma in self.vmas if vma.end > address), None)

    def around(self, vma: Vma) -> tuple[Vma | None, Vma | None]:
        """The VMAs before and after this one, adjacent or not."""
        at = self.vmas.index(vma)
        return self.vmas[at - 1] if at else None, self.vmas[at + 1] if at + 1 < len(self.vmas) else None


def fingerprint(mms: Iterable[Mm]) -> tuple[object, ...]:
    """The whole state without object identities: equal for states that differ only in which object is which.

    Anon_vmas are numbered in the order in which a walk over the mms, VMAs and chains meets them; roots and parents
    outside of all chains are met through their children. The machine decides nothing by an object's identity, name or
    age. So from equal fingerprints equal operations take equal steps.
    """
    numbers: dict[AnonVma, int] = {}
    order: list[AnonVma] = []

    def number(anon_vma: AnonVma) -> int:
        known = numbers.get(anon_vma)
        if known is None:
            known = numbers[anon_vma] = len(order)
            order.append(anon_vma)
        return known

    parts: list[object] = []
    for mm in mms:
        parts.append((len(mm.vmas), mm.brk, sorted(mm.tables)))
        for vma in mm.vmas:
            own = -1 if vma.anon_vma is None else number(vma.anon_vma)
            parts.append((vma.start, vma.end, vma.perms, vma.flags, vma.pgoff, own))
            parts.append([number(avc.anon_vma) for avc in vma.chain])
    for anon_vma in order:  # it grows as roots and parents are met
        counters = (anon_vma.refcount, anon_vma.num_children, anon_vma.num_active_vmas, anon_vma.degree)
        parts.append((number(anon_vma.root), number(anon_vma.parent), *counters, len(anon_vma.chain)))
    return tuple(parts)
