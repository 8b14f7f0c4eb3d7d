"""What the kernel keeps, as far as the anon_vma lock depends on it: Mm, Vma, AnonVma and the chain between them.

Names are those of include/linux/rmap.h and mm_types.h. Nothing here takes a lock or decides anything.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Protocol

PAGE = 4096
TABLE = 512 * PAGE  # what one page table maps


class LayoutVma(Protocol):
    """A line of smaps: addresses in bytes, `anonymous` in KiB. The guest's own record has this form."""

    @property
    def start(self) -> int:
        """The first address, in bytes."""

    @property
    def end(self) -> int:
        """The address behind the last, in bytes."""

    @property
    def perms(self) -> str:
        """The permissions, as `rw-p`."""

    @property
    def anonymous(self) -> int:
        """Anonymous memory, in KiB."""

    @property
    def name(self) -> str:
        """What smaps calls it: a file, `[heap]`, `[stack]`, or nothing."""


@dataclasses.dataclass(eq=False, slots=True)
class AnonVma:
    """struct anon_vma. `chain` is its interval tree (a list before 3.7): the entries of every VMA attached to it.

    `num_children` and `num_active_vmas` exist since 6.0 (2555283eb40d), `degree` from 3.19 (7a3ef208e662) until then;
    a profile without them leaves them alone.
    """

    name: str
    refcount: int = 1
    num_children: int = 0
    num_active_vmas: int = 0
    degree: int = 0
    chain: dict[AnonVmaChain, None] = dataclasses.field(default_factory=dict)
    freed: bool = False
    published: bool = False  # another task may find it: its counters change only under the root's lock
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
    `perms` too before they may merge.
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
    pgoff: int = -1  # in pages; of an anonymous VMA where it stood when it was first written to

    def __post_init__(self) -> None:
        if self.pgoff < 0:
            self.pgoff = self.start // PAGE

    def copy(self, mm: Mm | None = None) -> Vma:
        """vm_area_dup: all but the chain."""
        new = Vma(mm or self.mm, self.start, self.end, self.perms, self.name, self.kind, self.flags, self.anon_vma)
        new.pgoff = self.pgoff
        return new

    def offset(self, address: int) -> int:
        """pgoff that a VMA has which begins at this address and goes on with what this one maps."""
        return self.pgoff + (address - self.start) // PAGE

    def resize(self, start: int, end: int) -> None:
        """vma_set_range: what stays mapped, stays where it is."""
        self.pgoff, self.start, self.end = self.offset(start), start, end

    def goes_on_in(self, upper: Vma) -> bool:
        """Whether `upper` begins where this one ends, and pgoff goes on too."""
        return self.end == upper.start and self.offset(self.end) == upper.pgoff

    def __str__(self) -> str:
        return f"{self.name} of {self.mm.name}"


@dataclasses.dataclass(eq=False, slots=True)
class Mm:
    """struct mm_struct of one process: its VMAs by rising address."""

    name: str
    vmas: list[Vma] = dataclasses.field(default_factory=list)
    forks: int = 0
    brk: int = 0  # in pages above its start
    tables: set[int] = dataclasses.field(default_factory=set)  # page tables that exist: their addresses, in 2 MiB

    def insert(self, vma: Vma) -> None:
        """Put a VMA in its place by address."""
        at = next((i for i, other in enumerate(self.vmas) if other.start > vma.start), len(self.vmas))
        self.vmas.insert(at, vma)

    def find(self, address: int) -> Vma | None:
        """find_vma: the first VMA that ends above `address`; it may begin above it too."""
        return next((vma for vma in self.vmas if vma.end > address), None)

    def around(self, vma: Vma) -> tuple[Vma | None, Vma | None]:
        """The VMAs before and after this one, touching or not."""
        at = self.vmas.index(vma)
        return self.vmas[at - 1] if at else None, self.vmas[at + 1] if at + 1 < len(self.vmas) else None


def fingerprint(mms: Iterable[Mm]) -> tuple[object, ...]:
    """The whole state without identities: equal for two states that differ only in which object is which.

    Anon_vmas are numbered as a walk over the mms, VMAs and chains meets them; roots and parents that no chain reaches
    are met through those that one does. The machine decides nothing by identity, name or age of an object, so from
    equal fingerprints equal operations take equal steps.
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
    for anon_vma in order:  # grows while roots and parents are met
        counters = (anon_vma.refcount, anon_vma.num_children, anon_vma.num_active_vmas, anon_vma.degree)
        parts.append((number(anon_vma.root), number(anon_vma.parent), *counters, len(anon_vma.chain)))
    return tuple(parts)
