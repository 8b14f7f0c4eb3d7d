"""A machine of processes: what fork, exit, mmap and page faults do to VMAs, as in the profile's kernel/fork.c and
mm/*.c.

Operations change an Mm; the recorder counts the locks that they take. One process runs at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

from kit.model.errors import ModelError, OutOfMemoryError, ProgramError
from kit.model.image import BRK, STACK, Image, image_of
from kit.model.mmap import Mmap
from kit.model.mremap import Mremap
from kit.model.program import REGION_BASE, REGION_STRIDE
from kit.model.recorder import Recorder
from kit.model.rmap import Rmap
from kit.model.state import PAGE, TABLE, AnonVma, LayoutVma, Mm, Vma, fingerprint
from kit.model.steps import Profile

FILE = "/data"


class Machine:
    """All live processes of one boot, and the kernel that serves them."""

    def __init__(self, profile: Profile, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self.rmap = Rmap(profile, self.recorder)
        self.mmap = Mmap(self.rmap)
        self.mremap = Mremap(self.rmap, self.mmap)
        self.image = Image(self.rmap)
        self.mms: list[Mm] = []

    def spawn(self, layout: Iterable[LayoutVma], name: str = "worker") -> Mm:
        """A freshly executed static program: each VMA with anonymous pages has a root anon_vma of its own.

        That is what execve and the first writes leave. What they took is not counted.
        """
        mm = Mm(name)
        for vma, written in image_of(mm, layout):
            mm.insert(vma)
            if written:
                self.rmap.prepare(vma)
        self.recorder.counts.clear()
        self.mms.append(mm)
        return mm

    # Regions

    def map(self, mm: Mm, region: int, pages: int) -> None:
        """mmap_region: locks nothing, unless the new range merges with the rest of an earlier one."""
        self._map(mm, "map", Vma(mm, *addresses(region, 0, pages), "rw-p", f"region {region}"))

    def mapfile(self, mm: Mm, region: int, pages: int) -> None:
        """As `map`, for a private mapping of a file from its first page on."""
        self._map(mm, "mapfile", Vma(mm, *addresses(region, 0, pages), "rw-p", f"region {region}", FILE, pgoff=0))

    def _map(self, mm: Mm, what: str, new: Vma) -> None:
        if any(new.start < vma.end and vma.start < new.end for vma in mm.vmas):
            raise ProgramError(f"{what} {new.name.split()[1]}: {mm.name} has something there already")
        self.mmap.place(new)

    def write(self, mm: Mm, region: int, page: int) -> None:
        """Writes one byte to a page of a region."""
        self._touch(mm, f"write {region} {page}", addresses(region, page, 1)[0])

    def _touch(self, mm: Mm, what: str, address: int) -> None:
        """do_anonymous_page, do_cow_fault or do_wp_page: they first need an anon_vma, and lock nothing else."""
        vma = mm.find(address)
        if vma is None or vma.start > address:
            raise ProgramError(f"{what}: {mm.name} has nothing mapped there")
        if vma.perms[1] != "w":
            raise ProgramError(f"{what}: {mm.name} may only read there")
        self.rmap.prepare(vma)
        mm.tables.add(address // TABLE)

    def munmap(self, mm: Mm, region: int, first: int, count: int) -> None:
        """Unmaps pages first to first + count of a region; at least one must be mapped."""
        self.mmap.munmap(mm, *addresses(region, first, count))

    def mprotect(self, mm: Mm, region: int, first: int, count: int, access: str) -> None:
        """Sets the access (ro or rw) of these pages, all of which must be mapped."""
        start, end = self._mapped(mm, "mprotect", region, first, count)
        self.mmap.change(mm, start, end, {"ro": "r--p", "rw": "rw-p"}[access], None)

    def _mapped(self, mm: Mm, what: str, region: int, first: int, count: int) -> tuple[int, int]:
        """The addresses of these pages. Raises ProgramError if one of them is not mapped."""
        start, end = addresses(region, first, count)
        mapped = sum(max(0, min(vma.end, end) - max(vma.start, start)) for vma in mm.vmas)
        if mapped != end - start:
            raise ProgramError(f"{what} {region} {first} {count}: {mm.name} has a hole there")
        return start, end

    def madvise(self, mm: Mm, region: int, advice: str) -> None:
        """Applies `advice` (dontfork or wipeonfork) to all mapped pages of a region."""
        if advice == "wipeonfork" and not self.rmap.profile.wipeonfork:
            raise ProgramError(f"madvise {region} wipeonfork: {self.rmap.profile.name} does not know it (4.14 does)")
        start, end = addresses(region, 0, REGION_STRIDE // PAGE)
        vmas = [vma for vma in mm.vmas if start <= vma.start < end]
        if not vmas:
            raise ProgramError(f"madvise {region}: {mm.name} has nothing mapped there")
        if advice == "wipeonfork" and any(vma.kind != "anonymous" for vma in vmas):
            raise ProgramError(f"madvise {region} wipeonfork: only anonymous memory can be wiped")
        self.mmap.change(mm, start, end, None, advice)

    def discard(self, mm: Mm, region: int, first: int, count: int) -> None:
        """madvise(MADV_DONTNEED): locks nothing; the VMA keeps its anon_vma."""
        start, end = self._mapped(mm, "discard", region, first, count)
        if self.rmap.profile.tables.discard_frees:
            mm.tables -= set(range(-(-start // TABLE), end // TABLE))

    def move(self, mm: Mm, region: int, first: int, count: int, to: int) -> None:
        """mremap to the start of another region."""
        start, end = addresses(region, first, count)
        self.mremap.move(mm, start, end, addresses(to, 0, 1)[0], f"region {to}")

    def grow(self, mm: Mm, region: int, pages: int) -> None:
        """mremap in place."""
        self.mremap.grow(mm, *addresses(region, 0, pages))

    # The break and the stack

    def brk(self, mm: Mm, pages: int) -> None:
        """do_brk_flags for added pages, do_munmap for those given back."""
        start, end = BRK + mm.brk * PAGE, BRK + pages * PAGE
        if end > start:
            self.mmap.place(Vma(mm, start, end, "rw-p", "break"))
        elif end < start:
            self.mmap.munmap(mm, end, start)
        mm.brk = pages

    def writebrk(self, mm: Mm, page: int) -> None:
        """Writes one byte to a page of the break."""
        self._touch(mm, f"writebrk {page}", BRK + page * PAGE)

    def stack(self, mm: Mm, pages: int) -> None:
        """Faults below the stack, one page after the other. Everything above was already written to.

        If the guard page belongs to the VMA, it is the page that is written, and the fault adds another one.
        """
        vma = next((vma for vma in mm.vmas if vma.name == STACK), None)
        if vma is None:
            raise ProgramError(f"stack {pages}: {mm.name} has no stack")
        for _ in range(pages):
            self.image.grow(vma)

    # Processes

    def fork(self, parent: Mm) -> Mm:
        """dup_mmap: copies each VMA of the parent, by rising address, and attaches the copy (anon_vma_fork).

        It leaves out VMAs with VM_DONTCOPY; those with VM_WIPEONFORK get no anon_vma. Raises OutOfMemoryError if an
        allocation fails; the half-made child is gone then.
        """
        parent.forks += 1
        child = Mm(f"{parent.name}.{parent.forks}", brk=parent.brk)
        self.mms.append(child)
        try:
            for pvma in parent.vmas:
                self._dup(child, pvma)
        except OutOfMemoryError:
            self.exit(child)
            raise
        return child

    def vfork(self, parent: Mm) -> Mm:
        """The mm that a vforked child gets by execve, still empty; until then it runs on its parent's."""
        parent.forks += 1
        child = Mm(f"{parent.name}.{parent.forks}")
        self.mms.append(child)
        return child

    def _dup(self, child: Mm, pvma: Vma) -> None:
        if "dontfork" in pvma.flags:
            return
        vma = pvma.copy(child)
        if "wipeonfork" in pvma.flags:
            vma.anon_vma = None
        else:
            self.rmap.fork(vma, pvma)
        child.vmas.append(vma)
        if vma.anon_vma is not None:  # copy_page_range copies them, since page faults would not fill them in
            child.tables |= pvma.mm.tables.intersection(range(vma.start // TABLE, (vma.end - 1) // TABLE + 1))

    def execute(self, mm: Mm, layout: Iterable[LayoutVma]) -> None:
        """execve of a static image with this layout after its start, and everything that it does to start."""
        self.image.execute(mm, tuple(layout))

    def exit(self, mm: Mm) -> None:
        """exit_mmap, free_pgtables: each VMA by rising address is detached, before the parent's wait returns."""
        self.image.release(mm)
        self.mms.remove(mm)

    # Reclaim and migration

    def walk(self, vma: Vma, how: str) -> list[Vma]:
        """The VMAs that a walk for a page of this VMA meets; the page belongs to its own anon_vma. `how` as in
        Rmap.walk."""
        if vma.anon_vma is None:
            raise ModelError(f"{how}: {vma} has no page of its own")
        return self.rmap.walk(vma.anon_vma, vma, how)

    def fingerprint(self) -> tuple[object, ...]:
        """Equal for states in which every program behaves the same."""
        return fingerprint(self.mms)

    def check(self) -> None:
        """Recounts references and counters from the chains. Raises ModelError if they differ from what the kernel
        keeps."""
        expected = Recount(self.mms, self.rmap.profile)
        if self.recorder.held:
            raise ModelError(f"a lock is still held by {next(iter(self.recorder.held.values()))}")
        if self.rmap.alive != len(expected.anon_vmas):
            raise ModelError(f"{self.rmap.alive} anon_vmas exist, but {len(expected.anon_vmas)} can be reached")
        for anon_vma in expected.anon_vmas:
            expected.check(anon_vma)


def addresses(region: int, first: int, count: int) -> tuple[int, int]:
    """The addresses of pages `first` to `first + count` of a region."""
    start = REGION_BASE + region * REGION_STRIDE + first * PAGE
    return start, start + count * PAGE


class Recount:
    """What references and counters must be, computed from the chains alone."""

    def __init__(self, mms: Iterable[Mm], profile: Profile) -> None:
        self.counters = profile.counters
        self.pinned = profile.pins_root
        self.vmas = [vma for mm in mms for vma in mm.vmas]
        self.anon_vmas: dict[AnonVma, None] = {}
        for vma in self.vmas:
            for avc in vma.chain:
                self.anon_vmas.update({avc.anon_vma: None, avc.anon_vma.root: None})

    def check(self, anon_vma: AnonVma) -> None:
        """Raises ModelError if the counts of `anon_vma` are wrong."""
        attached = [vma for vma in self.vmas for avc in vma.chain if avc.anon_vma is anon_vma]
        pins = sum(other.root is anon_vma and other is not anon_vma for other in self.anon_vmas)
        children = sum(other.parent is anon_vma for other in self.anon_vmas)
        active = sum(vma.anon_vma is anon_vma for vma in self.vmas)
        found = {"entries": (len(anon_vma.chain), len(attached))}
        if self.pinned:
            found["refcount"] = (anon_vma.refcount, 1 + pins)
        if self.counters == "degree":
            found["degree"] = (anon_vma.degree, children + active)
        if self.counters == "children":
            found["num_children"] = (anon_vma.num_children, children)
            found["num_active_vmas"] = (anon_vma.num_active_vmas, active)
        for what, (counted, actual) in found.items():
            if counted != actual:
                raise ModelError(f"{what} of {anon_vma.name} is {counted}, but it should be {actual}")
        if anon_vma.freed:
            raise ModelError(f"{anon_vma.name} was freed, but something is still attached to it")
