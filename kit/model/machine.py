"""A machine of processes: what fork, exit, mmap and page faults do to VMAs, as kernel/fork.c and mm/*.c of the profile.

In: operations on an Mm; out: the new state, and in the recorder what it took. One process runs at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

from kit.model.errors import ModelError
from kit.model.mmap import Mmap
from kit.model.program import REGION_BASE, REGION_STRIDE
from kit.model.recorder import Recorder
from kit.model.rmap import Rmap
from kit.model.state import AnonVma, LayoutVma, Mm, Vma, fingerprint
from kit.model.steps import Profile

PAGE = 4096


class Machine:
    """All live processes of one boot, and the one kernel that serves them."""

    def __init__(self, profile: Profile, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self.rmap = Rmap(profile, self.recorder)
        self.mmap = Mmap(self.rmap)
        self.mms: list[Mm] = []

    def spawn(self, layout: Iterable[LayoutVma], name: str = "worker") -> Mm:
        """A freshly executed static program: where it has anonymous pages, a VMA has a root anon_vma of its own.

        That is what execve and the first writes leave, whatever they took: nothing of it is counted.
        """
        mm = Mm(name)
        for line in layout:
            label = line.name or f"{line.start:x}"
            vma = Vma(mm, line.start, line.end, line.perms, label, kind=f"{label} at {line.start:x}")
            mm.insert(vma)
            if line.anonymous > 0:
                self.rmap.prepare(vma)
        self.recorder.counts.clear()
        self.mms.append(mm)
        return mm

    def map(self, mm: Mm, region: int, pages: int) -> None:
        """mmap_region: nothing is locked, since no region touches another and so none is merged."""
        start, end = addresses(region, 0, pages)
        if any(start < vma.end and vma.start < end for vma in mm.vmas):
            raise ModelError(f"map {region}: {mm.name} has something there already")
        mm.insert(Vma(mm, start, end, "rw-p", f"region {region}"))

    def write(self, mm: Mm, region: int, page: int) -> None:
        """do_anonymous_page or do_wp_page: both want an anon_vma first, and lock nothing once there is one."""
        address, _ = addresses(region, page, 1)
        vma = mm.find(address)
        if vma is None or vma.start > address:
            raise ModelError(f"write {region} {page}: {mm.name} has nothing mapped there")
        if vma.perms[1] != "w":
            raise ModelError(f"write {region} {page}: {mm.name} may only read there")
        self.rmap.prepare(vma)

    def munmap(self, mm: Mm, region: int, first: int, count: int) -> None:
        """Pages first to first + count of a region go; at least one must be mapped."""
        self.mmap.munmap(mm, *addresses(region, first, count))

    def mprotect(self, mm: Mm, region: int, first: int, count: int, access: str) -> None:
        """`access` is ro or rw. All the pages must be mapped."""
        start, end = addresses(region, first, count)
        mapped = sum(max(0, min(vma.end, end) - max(vma.start, start)) for vma in mm.vmas)
        if mapped != end - start:
            raise ModelError(f"mprotect {region} {first} {count}: {mm.name} has a hole there")
        self.mmap.change(mm, start, end, {"ro": "r--p", "rw": "rw-p"}[access], None)

    def madvise(self, mm: Mm, region: int, advice: str) -> None:
        """`advice`, dontfork or wipeonfork, for all that is mapped of a region."""
        if advice == "wipeonfork" and not self.rmap.profile.wipeonfork:
            raise ModelError(f"madvise {region} wipeonfork: {self.rmap.profile.name} does not know it (4.14 does)")
        start, end = addresses(region, 0, REGION_STRIDE // PAGE)
        if not any(start <= vma.start < end for vma in mm.vmas):
            raise ModelError(f"madvise {region}: {mm.name} has nothing mapped there")
        self.mmap.change(mm, start, end, None, advice)

    def fork(self, parent: Mm) -> Mm:
        """dup_mmap: each VMA of the parent, by rising address, is copied and attached (anon_vma_fork).

        One with VM_DONTCOPY is left out; one with VM_WIPEONFORK gets no anon_vma.
        """
        parent.forks += 1
        child = Mm(f"{parent.name}.{parent.forks}")
        for pvma in parent.vmas:
            if "dontfork" in pvma.flags:
                continue
            vma = pvma.copy(child)
            if "wipeonfork" in pvma.flags:
                vma.anon_vma = None
            else:
                self.rmap.fork(vma, pvma)
            child.vmas.append(vma)
        self.mms.append(child)
        return child

    def exit(self, mm: Mm) -> None:
        """exit_mmap, free_pgtables: each VMA by rising address is detached, before the parent's wait returns."""
        for vma in mm.vmas:
            self.rmap.unlink(vma)
            if vma.chain:
                raise ModelError(f"{vma} is gone, but still attached to {vma.chain[0].anon_vma.name}")
        mm.vmas.clear()
        self.mms.remove(mm)

    def fingerprint(self) -> tuple[object, ...]:
        """Equal for states from which every program does the same."""
        return fingerprint(self.mms)

    def check(self) -> None:
        """Recount everything from the chains and compare it with what the kernel counts; ModelError if they differ."""
        expected = Recount(self.mms, self.rmap.profile)
        if self.recorder.held:
            raise ModelError(f"a lock is still held by {next(iter(self.recorder.held.values()))}")
        if self.rmap.alive != len(expected.anon_vmas):
            raise ModelError(f"{self.rmap.alive} anon_vmas exist, but {len(expected.anon_vmas)} can be reached")
        for anon_vma in expected.anon_vmas:
            expected.check(anon_vma)


def addresses(region: int, first: int, count: int) -> tuple[int, int]:
    """Where pages `first` to `first + count` of a region stand."""
    start = REGION_BASE + region * REGION_STRIDE + first * PAGE
    return start, start + count * PAGE


class Recount:
    """What references and counters must be, from the chains alone."""

    def __init__(self, mms: Iterable[Mm], profile: Profile) -> None:
        self.counters = profile.counters
        self.pinned = profile.pins_root
        self.vmas = [vma for mm in mms for vma in mm.vmas]
        self.anon_vmas: dict[AnonVma, None] = {}
        for vma in self.vmas:
            for avc in vma.chain:
                self.anon_vmas.update({avc.anon_vma: None, avc.anon_vma.root: None})

    def check(self, anon_vma: AnonVma) -> None:
        """ModelError if what `anon_vma` keeps is not so."""
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
