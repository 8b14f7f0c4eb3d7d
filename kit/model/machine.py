"""A machine of processes: what fork, exit, mmap and page faults do to VMAs, as kernel/fork.c and mm/*.c of the profile.

In: operations on an Mm; out: the new state, and in the recorder what it took. One process runs at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

from kit.model.errors import ModelError
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
        start = REGION_BASE + region * REGION_STRIDE
        end = start + pages * PAGE
        if any(start < vma.end and vma.start < end for vma in mm.vmas):
            raise ModelError(f"map {region}: {mm.name} has something there already")
        mm.insert(Vma(mm, start, end, "rw-p", f"region {region}"))

    def write(self, mm: Mm, region: int, page: int) -> None:
        """do_anonymous_page or do_wp_page: both want an anon_vma first, and lock nothing once there is one."""
        address = REGION_BASE + region * REGION_STRIDE + page * PAGE
        vma = next((vma for vma in mm.vmas if vma.start <= address < vma.end), None)
        if vma is None:
            raise ModelError(f"write {region} {page}: {mm.name} has nothing mapped there")
        self.rmap.prepare(vma)

    def fork(self, parent: Mm) -> Mm:
        """dup_mmap: each VMA of the parent, by rising address, is copied and attached (anon_vma_fork)."""
        parent.forks += 1
        child = Mm(f"{parent.name}.{parent.forks}")
        for pvma in parent.vmas:
            vma = Vma(child, pvma.start, pvma.end, pvma.perms, pvma.name, pvma.kind, pvma.anon_vma)
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
