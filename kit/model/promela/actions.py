"""What each action does, as Promela: the actions that a rule looks at, or that wait.

`$x` is the variable x of the innermost call, TO the label at which the code may continue, FAIL the one after a failed
allocation, CALL(cell: x=…) a call; kit.model.promela.text fills them in.
"""

from __future__ import annotations

from kit.model.explore.base import WALKS
from kit.model.promela.plain import AV_OF, PLAIN, SPARE, TAKE_OUT
from kit.model.promela.rules import Rules, loop
from kit.model.steps import MergeRule, Over

MERGEABLE = {
    MergeRule.ANY: "1",
    MergeRule.TARGET_SINGULAR: "chn[$vma] == 1",
    MergeRule.SINGULAR: "(vm_own[$vma] != 0 -> chn[$vma] : chn[$src]) == 1",
}


class Actions:
    """The text of every action of one profile: the guard that it waits for, and what it then does."""

    def __init__(self, rules: Rules, merging: MergeRule) -> None:
        self.rules = rules
        self.merging = merging

    def guard(self, cell: str, action: str) -> str:
        """What an action waits for; "" for nothing."""
        owned = "({0} == 0 || vm_own[{0}] == 0 || FREE(av_root[vm_own[{0}]]))"
        adjusted = "(vm_own[$vma] != 0 -> $vma : $src)"
        unmapped = "(!$pinned && !MAPPED($av)) || " if cell in WALKS else ""
        return {
            "lock": f"{unmapped}FREE({AV_OF})",
            "lock_shared": f"{unmapped}FREE_TO_SHARE({AV_OF})",
            "lock_root": f"FREE({AV_OF})",
            "lock_once": f"$root == {AV_OF} || FREE({AV_OF})",
            "lock_own": owned.format("$vma"),
            "lock_source": owned.format("$src"),
            "lock_adjusted": owned.format(adjusted),
            "lock_unless_end_only": f"!($importing || $moving) || {owned.format('$vma')}",
            "lock_unless_end_or_insert": f"!($inserting || $importing || $moving) || {owned.format('$vma')}",
            "mm_lock": "mm_holder[$space] == 0 || mm_holder[$space] == me",
        }.get(action, "")

    def body(self, cell: str, action: str, arg: str) -> str:
        """What an action does. `arg` is the word beside it in the code."""
        if action == "walk":
            return self._walk(arg)
        if action in PLAIN:
            return PLAIN[action]
        text: str = getattr(self, f"_{action}")(cell)
        return text

    # Locks

    def _take(self, root: str, *, shared: bool = False) -> str:
        r = self.rules
        again = r.unless("no lock is taken twice by its holder", f"HOLDS({root})")
        took = f"av_readers[{root}] = av_readers[{root}] | (1 << me)" if shared else f"av_holder[{root}] = me"
        two = r.unless("no two roots are locked at once", "held > 0")
        return f"{again}{took}; {two}{r.sleeping(root)}held++;"

    def _drop(self, root: str) -> str:
        r = self.rules
        freed = r.unless("no anon_vma is freed before one that reads it", f"av_freed[{root}]")
        holder = r.unless("only the holder releases a lock", f"!HOLDS({root})")
        gone = f"if :: av_holder[{root}] == me -> av_holder[{root}] = 0 :: else fi"
        return f"{freed}{holder}{gone}; av_readers[{root}] = av_readers[{root}] & ~(1 << me); held--;"

    def _of(self, vma: str) -> str:
        root = f"av_root[vm_own[{vma}]]"
        return f"if :: {vma} != 0 && vm_own[{vma}] != 0 -> $root = {root}; {self._take('$root')} :: else fi;"

    def _walker(self, cell: str, take: str, otherwise: str = "0") -> str:
        unmapped = "(!$pinned && !MAPPED($av))" if cell in WALKS else "0"
        return f"if :: {unmapped} || {otherwise} -> LEAVE :: else -> {take} fi;"

    def _lock(self, cell: str) -> str:
        return self._walker(cell, self._take(AV_OF))

    def _lock_shared(self, cell: str) -> str:
        return self._walker(cell, self._take(AV_OF, shared=True))

    def _try_lock_shared(self, cell: str) -> str:
        return self._walker(cell, self._take(AV_OF, shared=True), f"av_holder[{AV_OF}] != 0")

    def _lock_root(self, cell: str) -> str:
        return self._take(AV_OF)

    def _lock_once(self, cell: str) -> str:
        return f"if :: $root == {AV_OF} :: else -> $root = {AV_OF}; {self._take('$root')} fi;"

    def _lock_own(self, cell: str) -> str:
        return self._of("$vma")

    def _lock_source(self, cell: str) -> str:
        return self._of("$src")

    def _lock_adjusted(self, cell: str) -> str:
        return self._of("(vm_own[$vma] != 0 -> $vma : $src)")

    def _lock_unless_end_only(self, cell: str) -> str:
        return f"if :: $importing || $moving -> {self._of('$vma')} :: else fi;"

    def _lock_unless_end_or_insert(self, cell: str) -> str:
        return f"if :: $inserting || $importing || $moving -> {self._of('$vma')} :: else fi;"

    def _unlock(self, cell: str) -> str:
        return self._drop(AV_OF)

    _unlock_root = _unlock

    def _unlock_held(self, cell: str) -> str:
        return f"if :: $root != 0 -> {self._drop('$root')} $root = 0 :: else fi;"

    def _ask(self, cell: str) -> str:
        free = f"av_holder[{AV_OF}] == 0 && av_readers[{AV_OF}] == 0"
        return f"{self.rules.sleeping(AV_OF)}if :: {free} -> goto TO :: else fi;"

    def _mm_lock(self, cell: str) -> str:
        again = self.rules.unless("no lock is taken twice by its holder", "mm_holder[$space] == me")
        inside = self.rules.unless("the mmap lock comes before a root's", "held > 0")
        return f"{again}mm_holder[$space] = me; {inside}"

    # Allocation

    def _alloc_kernel(self, cell: str) -> str:
        return f"{self.rules.allocates()}if :: {SPARE} :: fails > 0 -> fails--; goto FAIL fi;"

    def _alloc_anon_vma(self, cell: str) -> str:
        new = "navs++; $av = navs; $new = navs; av_root[navs] = navs; av_parent[navs] = navs; av_ref[navs] = 1"
        return f"if :: $found :: else -> {self.rules.allocates()}if :: {new} :: fails > 0 -> fails--; goto FAIL fi fi;"

    # Lists

    def _walk(self, over: str) -> str:
        vma = "$vma" if over == Over.OWN_BACKWARD.name else "($src == 0 -> $vma : $src)"
        place = "s - 1 - i" if over == Over.FORWARD.name else "i"
        copy = loop("i", "s", f"$todo[i] = ch[n*CH + {place}]")
        return f"n = {vma}; s = chn[n]; {copy} $todos = s; $ti = 0; n = 0; s = 0;"

    def _assign(self, cell: str) -> str:
        linked = (
            f"en_vma[$entry] = $vma; en_av[$entry] = $av; ch[$vma*CH + chn[$vma]] = $entry; chn[$vma]++; {TAKE_OUT}"
        )
        r = self.rules
        twice = r.unless("no entry is in two lists", "en_inchain[$entry]")
        return f"$entry = $spare[0]; {linked}{r.roots('$vma')}{r.same_vma('$entry')}{twice}en_inchain[$entry] = 1;"

    def _insert(self, cell: str) -> str:
        r = self.rules
        twice = r.unless("no entry is in two lists", "en_linked[$entry]")
        return f"{r.roots('$vma')}{r.listed('$av')}{twice}en_linked[$entry] = 1; av_n[$av]++; av_published[$av] = 1;"

    def _link(self, cell: str) -> str:
        return self._assign(cell) + self._insert(cell)

    def _remove(self, cell: str) -> str:
        r = self.rules
        bad = "en_freed[$entry] || !en_linked[$entry]"
        out = "en_linked[$entry] = 0; av_n[$av]--; $empty = (av_n[$av] == 0); $unpinned = ($empty && av_ref[$av] == 1);"
        return f"{r.listed('$av')}{r.unless('only what is linked is taken out', bad)}{out}"

    def _free_entry(self, cell: str) -> str:
        kept = "if :: ch[$vma*CH + i] != $entry -> ch[$vma*CH + n] = ch[$vma*CH + i]; n++ :: else fi"
        out = f"n = 0; {loop('i', 'chn[$vma]', kept)} chn[$vma] = n; n = 0;"
        return f"{self.rules.detached('$entry')}{out} en_freed[$entry] = 1; en_inchain[$entry] = 0;"

    def _drop_assigned(self, cell: str) -> str:
        one = f"n = ch[$vma*CH + i]; {self.rules.detached('n')}en_freed[n] = 1; en_inchain[n] = 0"
        return f"{loop('i', 'chn[$vma]', one)} chn[$vma] = 0; n = 0;"

    # Counters

    def _counter(self, name: str, av: str, by: str) -> str:
        return f"av_{name}[{av}]{by}; {self.rules.counted(av)}"

    def _own(self, name: str, by: str, forget: str = "") -> str:
        own = "vm_own[$vma]"
        return f"if :: {own} != 0 -> {self._counter(name, own, by)}{forget} :: else fi;"

    def _count_root_child(self, cell: str) -> str:
        return f"if :: $found :: else -> {self._counter('children', '$av', '++')} fi;"

    def _count_child(self, cell: str) -> str:
        return self._counter("children", "av_parent[$av]", "++")

    def _drop_child_empty(self, cell: str) -> str:
        return f"if :: $empty -> {self._counter('children', 'av_parent[$av]', '--')} :: else fi;"

    def _count_active(self, cell: str) -> str:
        return self._counter("active", "$av", "++")

    def _count_own_active(self, cell: str) -> str:
        return self._own("active", "++")

    def _count_active_if_own(self, cell: str) -> str:
        return f"if :: $av == vm_own[$vma] -> {self._own('active', '++')} :: else fi;"

    def _drop_own_active(self, cell: str) -> str:
        return self._own("active", "--", "vm_own[$vma] = 0;")

    def _drop_active_if_own(self, cell: str) -> str:
        return f"if :: $av == vm_own[$vma] -> {self._drop_own_active(cell)} :: else fi;"

    def _count_own_active_unless_fork(self, cell: str) -> str:
        return f"if :: $forking :: else -> {self._count_own_active(cell)} fi;"

    def _degree_first_vma(self, cell: str) -> str:
        return f"if :: $found :: else -> {self._counter('degree', '$av', '++')} fi;"

    def _degree_link(self, cell: str) -> str:
        return self._counter("degree", "$av", "++")

    def _degree_child(self, cell: str) -> str:
        return self._counter("degree", "av_parent[$av]", "++")

    def _degree_own(self, cell: str) -> str:
        return self._own("degree", "++")

    def _degree_drop_child_empty(self, cell: str) -> str:
        return f"if :: $empty -> {self._counter('degree', 'av_parent[$av]', '--')} :: else fi;"

    def _degree_drop_own(self, cell: str) -> str:
        return self._own("degree", "--")

    def _reuse(self, condition: str, then: str = "") -> str:
        takes = f"vm_own[$vma] = $av; {self.rules.reused('$av', '$vma')}{then}"
        return f"if :: vm_own[$vma] == 0 && {condition} -> {takes} :: else fi;"

    def _reuse_childless(self, cell: str) -> str:
        return self._reuse("vm_own[$src] != 0 && av_children[$av] < 2 && av_active[$av] == 0")

    def _reuse_childless_count(self, cell: str) -> str:
        takes = f"{self._reuse_childless(cell)} {self._count_own_active(cell)}"
        return f"if :: $forking && vm_own[$vma] == 0 -> {takes} :: else fi;"

    def _reuse_by_degree(self, cell: str) -> str:
        return self._reuse("$av != vm_own[$src] && av_degree[$av] < 2")

    def _check_counters(self, cell: str) -> str:
        return self.rules.unused("$av")

    # References

    def _put_of(self, av: str) -> str:
        gone = f"if :: av_ref[{av}] == 0 -> CALL(put: vma=$vma, av={av}) :: else fi;"
        return f"av_ref[{av}]--; {self.rules.put(av)}{gone}"

    def _put(self, cell: str) -> str:
        return self._put_of("$av")

    def _put_found(self, cell: str) -> str:
        return "$new = 0; " + self._put_of("$av")

    def _put_new(self, cell: str) -> str:
        return f"if :: $new != 0 -> n = $new; $new = 0; {self._put_of('n')} :: else fi;"

    def _put_its_root(self, cell: str) -> str:
        return self._put_of(AV_OF)

    def _put_root(self, cell: str) -> str:
        gone = f"if :: av_ref[{AV_OF}] == 0 -> CALL(free: vma=$vma, av={AV_OF}) :: else fi"
        return f"if :: {AV_OF} == $av :: else -> av_ref[{AV_OF}]--; {self.rules.put(AV_OF)}{gone} fi;"

    def _early(self, av: str) -> str:
        return f"if :: av_ref[{av}] > 2 -> av_ref[{av}]--; {self.rules.put(av)}goto TO :: else fi;"

    def _last(self, av: str) -> str:
        return f"av_ref[{av}]--; $empty = (av_n[{av}] == 0 && av_ref[{av}] == 1); {self.rules.put(av)}"

    def _unpin(self, cell: str) -> str:
        return self.rules.put("$av")

    def _unpin_early(self, cell: str) -> str:
        return self._early("$av")

    def _unpin_last(self, cell: str) -> str:
        return self._last("$av")

    def _drop_early(self, cell: str) -> str:
        return self._early(AV_OF)

    def _drop_last(self, cell: str) -> str:
        return self._last(AV_OF)

    def _release(self, cell: str) -> str:
        return f"{self.rules.freed('$av')}av_freed[$av] = 1;"

    def _visit(self, cell: str) -> str:
        return self.rules.visited("$av")

    # VMAs

    def _gone(self, vma: str) -> str:
        mm = f"vm_mm[{vma}]"
        kept = f"if :: areas[{mm}*CH + i] != {vma} -> areas[{mm}*CH + n] = areas[{mm}*CH + i]; n++ :: else fi"
        out = f"n = 0; {loop('i', f'arean[{mm}]', kept)} arean[{mm}] = n; n = 0;"
        return f"vm_gone[{vma}] = 1; vm_own[{vma}] = 0; vm_pages[{vma}] = 0; {out} {self.rules.gone(vma)}"

    def _vma_gone(self, cell: str) -> str:
        return self._gone("$vma")

    _drop_vma = _vma_gone

    def _src_gone(self, cell: str) -> str:
        return self._gone("$src")

    def _pick_pair(self, cell: str) -> str:
        both = "vm_own[$src] != 0 && vm_own[$vma] != 0 -> vm_own[$src] == vm_own[$vma]"
        one = f"vm_own[$src] == vm_own[$vma] || {MERGEABLE[self.merging]}"
        may = f"vm_high[$vma] == vm_low[$src] && ({both} : ({one}))"
        there = "!vm_gone[$vma] && !vm_gone[$src]"
        return f"if :: {there} && {may} :: else -> goto TO fi;"
