"""Actions that allocate, link, put and free: the steps of kit.model.linking and rmap on a world of numbers."""

from __future__ import annotations

from kit.model.explore.base import Arg
from kit.model.explore.locks import Locks
from kit.model.explore.world import NOBODY, Area, Av, Call, Entry, Task, World
from kit.model.steps import Over


class Chains(Locks):
    """Allocation, chains, and the end of an anon_vma."""

    # Allocation. `t.failed` is what the scheduler decided for the next one.

    def _fails(self, w: World, t: Task) -> bool:
        failed, t.failed = t.failed, False
        w.fails -= failed
        return failed

    def alloc_kernel(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Allocate a chain entry, GFP_KERNEL."""
        failed = self._fails(w, t)
        w.emit(t.id, "alloc", f, NOBODY, "chain entry" + (": fails" if failed else ""))
        if failed:
            self.failed(f)
        else:
            self._spare(w, t, f)

    def alloc_nowait(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Allocate a chain entry, GFP_NOWAIT; if that fails, unlock and use GFP_KERNEL."""
        failed = self._fails(w, t)
        w.emit(t.id, "nowait", f, NOBODY, "chain entry" + (": fails" if failed else ""))
        if not failed:
            self._spare(w, t, f)
            f.at = int(arg)

    def _spare(self, w: World, t: Task, f: Call) -> None:
        number = w.number(t)
        w.entries[number] = Entry(NOBODY, NOBODY)
        f.spare = (*f.spare, number)

    def alloc_anon_vma(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Allocate an anon_vma, unless one was found."""
        if f.found:
            return
        failed = self._fails(w, t)
        w.emit(t.id, "alloc", f, NOBODY, "anon_vma" + (": fails" if failed else ""))
        if failed:
            self.failed(f)
            return
        number = w.number(t)
        w.avs[number] = Av(number, f"anon_vma of {w.areas[f.vma].name}", number, number)
        f.av = f.new = number

    def free_spare(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Free the chain entries that were not linked."""
        for entry in f.spare:
            w.entries[entry].freed = True
        f.spare = ()

    def find_mergeable(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Look for a neighbour's anon_vma (find_mergeable_anon_vma)."""
        vma = w.areas[f.vma]
        areas = [w.areas[n] for n in w.spaces[vma.mm].areas]
        after = next((a for a in areas if a.low == vma.high), None)
        before = next((a for a in areas if a.high == vma.low), None)
        for near in (after, before):
            if near is not None and len(near.chain) == 1 and near.own != NOBODY:
                f.av, f.found = near.own, True
                return

    # The walk over a chain

    def walk(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Begin a walk over a chain: `arg` says whose and which way."""
        vma = f.vma if f.src == NOBODY or arg == Over.OWN_BACKWARD.name else f.src
        chain = w.areas[vma].chain
        f.todo = chain[::-1] if arg == Over.FORWARD.name else chain

    def next(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The next entry of the walk; behind the last, go on at `arg`."""
        if not f.todo:
            f.at = int(arg)
            return
        f.entry, f.todo = f.todo[0], f.todo[1:]
        f.av = w.entries[f.entry].av

    # The chain

    def own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Make the anon_vma the VMA's own."""
        w.areas[f.vma].own = f.av
        f.new = NOBODY
        self.tell(w, t, f, "own", w.avs[f.av])

    def link(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Link the entry into the VMA and into the anon_vma (anon_vma_chain_link)."""
        self.assign(w, t, f, arg)
        self.insert(w, t, f, arg)

    def assign(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Link the entry into the VMA only (anon_vma_chain_assign)."""
        number, f.spare = f.spare[0], f.spare[1:]
        f.entry = number
        entry, vma = w.entries[number], w.areas[f.vma]
        entry.vma, entry.av = f.vma, f.av
        vma.chain = (*vma.chain, number)
        w.emit(t.id, "assign", f, number, w.avs[f.av].name)

    def insert(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Insert the entry into the anon_vma."""
        av = self.subject(w, f)
        self.tell_entry(w, t, f, "link", av)
        av.tree |= {f.entry}
        av.published = True

    def remove(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Take the entry out of the anon_vma."""
        av = self.subject(w, f)
        self.tell_entry(w, t, f, "remove", av)
        av.tree -= {f.entry}
        f.empty = not av.tree
        f.unpinned = f.empty and av.ref == 1

    def tell_entry(self, w: World, t: Task, f: Call, what: str, av: Av) -> None:
        """An event about the entry at hand and its anon_vma."""
        w.emit(t.id, what, f, f.entry, av.name)

    def keep_empty(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Next entry if the anon_vma is now empty: this one stays for the second pass."""
        if f.empty:
            f.at = int(arg)

    def free_entry(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Take the entry out of the VMA and free it."""
        entry, vma = w.entries[f.entry], w.areas[f.vma]
        w.emit(t.id, "detach", f, f.entry, w.avs[entry.av].name)
        vma.chain = tuple(n for n in vma.chain if n != f.entry)
        entry.freed = True

    def drop_assigned(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Free the entries, which are in no anon_vma yet (cleanup_partial_anon_vmas)."""
        vma = w.areas[f.vma]
        for number in vma.chain:
            w.emit(t.id, "detach", f, number, w.avs[w.entries[number].av].name)
            w.entries[number].freed = True
        vma.chain = ()

    # What ends a call early

    def skip_unused(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Return if the VMA cloned from has no anon_vma."""
        if self.source(w, f).own == NOBODY:
            f.at = int(arg)

    def skip_ownless(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Return if the VMA has no anon_vma."""
        if w.areas[f.vma].own == NOBODY:
            f.at = int(arg)

    def done_if_reused(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Return if an anon_vma was reused."""
        if w.areas[f.vma].own != NOBODY:
            f.at = int(arg)

    def unless_owned(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if the VMA has no anon_vma."""
        if w.areas[f.vma].own == NOBODY:
            f.at = int(arg)

    def unless_empty(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if the anon_vma was not left empty."""
        if not f.empty:
            f.at = int(arg)

    def unless_unpinned(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` unless the anon_vma was left empty and without an external reference."""
        if not f.unpinned:
            f.at = int(arg)

    def forget(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Forget the inherited anon_vma."""
        w.areas[f.vma].own = NOBODY

    # A new anon_vma's place

    def adopt_root(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Take root and parent from the parent's VMA."""
        above = w.avs[self.source(w, f).own]
        av = self.subject(w, f)
        av.root, av.parent = above.root, above.id

    def pin_root(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Get a reference to the root."""
        root = w.root(f.av)
        root.ref += 1
        self.tell(w, t, f, "get", root)

    # Walks

    def visit(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Look at every VMA of the anon_vma (rmap_walk)."""
        self.tell(w, t, f, "visit", self.subject(w, f))

    def pin(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Get a reference to the anon_vma."""
        av = self.subject(w, f)
        if self._unmapped(w, f) and not w.holds(t.id, w.root(av.id)):
            self.leave(w, t, f, arg)
            return
        av.ref += 1
        f.pinned = True
        self.tell(w, t, f, "pin", av)

    def unless_unmapped(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if a page of the anon_vma is mapped."""
        if w.mapped(f.av):
            f.at = int(arg)

    def unpin(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Put the anon_vma."""
        self.tell(w, t, f, "unpin", self.subject(w, f))

    def unpin_early(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """atomic_dec_and_lock: only the last reference needs the lock."""
        av = self.subject(w, f)
        if av.ref > 2:
            av.ref -= 1
            self.tell(w, t, f, "unpin", av)
            f.at = int(arg)

    def unpin_last(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Drop the external reference under the lock; the last one frees."""
        self._last(w, t, f, self.subject(w, f))

    def _last(self, w: World, t: Task, f: Call, av: Av) -> None:
        av.ref -= 1
        f.empty = not av.tree and av.ref == 1
        self.tell(w, t, f, "unpin", av)

    def root_is_own(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg` if the anon_vma is its own root."""
        if self.subject(w, f).root == f.av:
            f.at = int(arg)

    def drop_early(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Drop the root's reference without its lock and go on at `arg`, if others are left."""
        root = w.root(f.av)
        if root.ref > 2:
            root.ref -= 1
            self.tell(w, t, f, "unpin", root)
            f.at = int(arg)

    def drop_last(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Drop the root's reference under the lock; the last one frees."""
        self._last(w, t, f, w.root(f.av))

    def put_its_root(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Put the root of the anon_vma."""
        self._put(w, t, f, w.root(f.av))

    # The end of an anon_vma

    def put(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Put the anon_vma."""
        self._put(w, t, f, self.subject(w, f))

    def put_new(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Put the anon_vma that was allocated, if the VMA does not own it."""
        if f.new != NOBODY:
            new, f.new = f.new, NOBODY
            self._put(w, t, f, w.avs[new])

    def put_found(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Put the anon_vma that was found or made."""
        f.new = NOBODY
        self._put(w, t, f, self.subject(w, f))

    def _put(self, w: World, t: Task, f: Call, av: Av) -> None:
        av.ref -= 1
        self.tell(w, t, f, "put", av)
        if av.ref == 0:
            self.call(w, t, "put", vma=f.vma, av=av.id)

    def put_root(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Put the root that the anon_vma pinned."""
        root = w.root(f.av)
        if root.id == f.av:
            return
        root.ref -= 1
        self.tell(w, t, f, "put", root)
        if root.ref == 0:
            self.call(w, t, "free", vma=f.vma, av=root.id)

    def release(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Give the memory back."""
        av = self.subject(w, f)
        self.tell(w, t, f, "free", av)
        av.freed = True

    # Calls

    def call_free(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `free` for the anon_vma."""
        self.call(w, t, "free", vma=f.vma, av=f.av)

    def call_unlink(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `unlink` for the VMA."""
        self.call(w, t, "unlink", vma=f.vma)

    def call_unlink_src(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `unlink` for the source VMA."""
        self.call(w, t, "unlink", vma=f.src)

    def call_clone(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `clone`: the source's chain for the VMA."""
        self.call(w, t, "clone", vma=f.vma, src=f.src, forking=f.cell == "fork")

    def call_fork(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `fork`: the source is the parent's VMA."""
        self.call(w, t, "fork", vma=f.vma, src=f.src)

    def call_prepare(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `prepare`, if the VMA has no anon_vma."""
        if w.areas[f.vma].own == NOBODY:
            self.call(w, t, "prepare", vma=f.vma)

    def call_expand(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `expand` for the VMA."""
        self.call(w, t, "expand", vma=f.vma)

    def call_move(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `move` for the source VMA."""
        self.call(w, t, "move", vma=f.src)

    def call_adjust_split(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `adjust`: the source VMA is split, one is inserted."""
        self.call(w, t, "adjust", vma=f.src, inserting=True, moving=False)

    def call_adjust_merge(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `adjust`: the VMA grows over the source."""
        self.call(w, t, "adjust", vma=f.vma, src=f.src, importing=True)

    def call_referenced(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `referenced` for a page of the anon_vma."""
        self.call(w, t, "referenced", vma=f.vma, av=f.av)

    def call_unmap(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `unmap` for a page of the anon_vma."""
        self.call(w, t, "unmap", vma=f.vma, av=f.av)

    def call_migrate(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Call the cell `migrate` for a page of the anon_vma."""
        self.call(w, t, "migrate", vma=f.vma, av=f.av)


def twin(number: int, vma: Area, mm: int, name: str) -> Area:
    """vm_area_dup: all but the chain; the pages follow later."""
    return Area(number, name, mm, vma.low, vma.high, vma.own)
