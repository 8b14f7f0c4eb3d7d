"""The rules, each read from the state and the event that has just happened, and from nothing else.

An event is shown after it is noted and before it takes effect where it takes something away (unlock, remove, detach,
free), after it where it adds something (lock, assign, put). What a rule says is the finding.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence

from kit.model.explore.world import NOBODY, Area, Event, Watch, World

Rule = Callable[[World, Event], str | None]
Attached = Sequence[tuple[Area, set[int]]]  # the VMAs, and the anon_vmas that each is attached to
RestRule = Callable[[World, Attached], Iterator[str]]
RECLAIMING = "alloc"
REST = "rest"  # no task is inside an operation
QUIET = Event(NOBODY, REST, "", NOBODY, NOBODY, "")


class Violation(Exception):
    """A rule is broken: which, and how."""

    def __init__(self, rule: str, said: str) -> None:
        super().__init__(f"{rule}: {said}")
        self.rule = rule
        self.said = said


def watching(muted: Container[str] = ()) -> dict[str, Watch]:
    """Who looks at which kind of event: its rules in turn, but for the muted ones. Raises Violation."""
    rules: dict[str, list[tuple[str, Rule]]] = {}
    for name, (kinds, rule) in RULES.items():
        if name not in muted:
            for kind in kinds:
                rules.setdefault(kind, []).append((name, rule))
    at_rest = [(name, rule) for name, rule in AT_REST.items() if name not in muted]
    return {REST: _looks_at_rest(at_rest), **{kind: _looks(held) for kind, held in rules.items()}}


def _looks_at_rest(rules: Sequence[tuple[str, RestRule]]) -> Watch:
    def look(w: World, _event: Event) -> None:
        attached = [(area, {w.entries[n].av for n in area.chain}) for area in w.attached()]
        for name, rule in rules:
            for said in rule(w, attached):
                raise Violation(name, said)

    return look


def _looks(rules: Sequence[tuple[str, Rule]]) -> Watch:
    def look(w: World, event: Event) -> None:
        for name, rule in rules:
            said = rule(w, event)
            if said is not None:
                raise Violation(name, said)

    return look


def at_rest(w: World) -> None:
    """What must be so when no task is inside an operation, but for what is muted. Raises Violation."""
    w.watch[REST](w, QUIET)


# Locks


def _again(w: World, e: Event) -> str | None:
    return f"{e.where} waits for the lock of {e.text}, which its own task holds"


def _two_roots(w: World, e: Event) -> str | None:
    others = [root for root in w.held(e.task) if root.id != e.subject]
    return f"{e.where} takes the lock of {e.text} and holds that of {others[0].name}" if others else None


def _mm_inside(w: World, e: Event) -> str | None:
    held = w.held(e.task)
    return f"{e.where} takes the mmap lock of {e.text} inside the lock of {held[0].name}" if held else None


def _sleeps(w: World, e: Event) -> str | None:
    rcu = w.sleeps and w.tasks[e.task].rcu
    return f"{e.where} may sleep for the lock of {e.text} in an RCU read-side section" if rcu else None


def _freed_lock(w: World, e: Event) -> str | None:
    verb = {"unlock": "releases", "ask": "reads"}.get(e.what, "takes")
    return f"{e.where} {verb} the lock of {e.text}, which was freed" if w.avs[e.subject].freed else None


def _not_held(w: World, e: Event) -> str | None:
    held = w.holds(e.task, w.avs[e.subject])
    return None if held else f"{e.where} releases the lock of {e.text}, which it does not hold"


def _kept(w: World, e: Event) -> str | None:
    """An outermost function of mm/rmap.c returns with nothing held; so does an operation."""
    if len(w.tasks[e.task].calls) > 2:
        return None
    held = w.held(e.task)
    return f"{e.where} returns and still holds the lock of {held[0].name}" if held else None


def _reclaim(w: World, e: Event) -> str | None:
    held = w.held(e.task)
    if not held:
        return None
    return f"{e.where} allocates and may reclaim, which may want any root's lock, inside that of {held[0].name}"


# Lists


def _list_unlocked(w: World, e: Event) -> str | None:
    entry = w.entries[e.subject]
    root = w.root(entry.av)
    if root.holder == e.task:
        return None
    return f"{e.where} changes the list of {w.avs[entry.av].name} without the lock of its root"


def _counter_unlocked(w: World, e: Event) -> str | None:
    av = w.avs[e.subject]
    held = not av.published or w.root(av.id).holder == e.task
    return None if held else f"{e.where} changes a counter of {av.name} without the lock of its root"


def _same_vma_unlocked(w: World, e: Event) -> str | None:
    area = w.areas[w.entries[e.subject].vma]
    held = w.spaces[area.mm].holder == e.task
    return None if held else f"{e.where} changes same_vma of {area.name} without its mm's lock"


def _roots_differ(w: World, e: Event) -> str | None:
    area = w.areas[e.vma]
    roots = {w.avs[w.entries[n].av].root for n in area.chain}
    return f"{area.name} is attached to anon_vmas of two roots" if len(roots) > 1 else None


def _two_lists(w: World, e: Event) -> str | None:
    if e.what == "link":
        where = [av.name for av in w.avs.values() if e.subject in av.tree]
    else:
        where = [a.name for a in w.areas.values() if e.subject in a.chain and a.id != e.vma]
    return f"{e.where} links an entry that is in the list of {where[0]} already" if where else None


def _not_linked(w: World, e: Event) -> str | None:
    entry = w.entries[e.subject]
    if not entry.freed and e.subject in w.avs[entry.av].tree:
        return None
    return f"{e.where} takes an entry out of {e.text} that is not in it"


def _frees_linked(w: World, e: Event) -> str | None:
    entry = w.entries[e.subject]
    if entry.freed:
        return f"{e.where} frees a chain entry twice"
    return f"{e.where} frees a chain entry that {e.text} still has" if e.subject in w.avs[entry.av].tree else None


def _vma_attached(w: World, e: Event) -> str | None:
    left = [entry for entry in w.entries.values() if entry.vma == e.subject and not entry.freed]
    if not left:
        return None
    return f"{e.where} frees {e.text}, to which {w.avs[left[0].av].name} is still attached"


# The end of an anon_vma


def _freed_in_use(w: World, e: Event) -> str | None:
    av = w.avs[e.subject]
    if av.freed:
        return f"{e.where} frees {av.name} twice"
    if av.tree:
        return f"{e.where} frees {av.name}, which has entries"
    if av.ref > 0:
        return f"{e.where} frees {av.name}, to which there are references"
    if w.mapped(av.id):
        area = next(a for a in w.attached() if av.id in a.pages)
        return f"{e.where} frees {av.name}, to which pages of {area.name} point"
    return None


def _negative(w: World, e: Event) -> str | None:
    return f"{e.where} puts {e.text} more often than it was got" if w.avs[e.subject].ref < 0 else None


def _put_used(w: World, e: Event) -> str | None:
    av = w.avs[e.subject]
    counts = {"degree": av.degree, "num_children": av.children, "num_active_vmas": av.active}
    wrong = [f"{what} {n}" for what, n in counts.items() if n]
    return f"{e.where} puts {av.name}, which nobody uses, with {', '.join(wrong)}" if wrong else None


def _reused_in_use(w: World, e: Event) -> str | None:
    """What 3.19 says of its test: it has no VMA of its own any more."""
    other = next((area for area in w.attached() if area.own == e.subject and area.id != e.vma), None)
    return f"{e.where} reuses {e.text}, which is still {other.name}'s own" if other else None


# Walks


def _walk_unlocked(w: World, e: Event) -> str | None:
    root = w.root(e.subject)
    return None if w.holds(e.task, root) else f"{e.where} walks {e.text} without the lock of its root"


def _walks_freed(w: World, e: Event) -> str | None:
    return f"{e.where} walks {e.text}, which was freed" if w.avs[e.subject].freed else None


def _missed(w: World, e: Event) -> str | None:
    for area in w.attached():
        if e.subject in area.pages and not any(w.entries[n].vma == area.id for n in w.avs[e.subject].tree):
            return f"{e.where} of a page of {e.text} misses {area.name}, which maps it"
    return None


# At rest


def _lost_pages(w: World, attached: Attached) -> Iterator[str]:
    for area, avs in attached:
        for page in sorted(area.pages - avs):
            yield f"pages of {area.name} point to {w.avs[page].name}, to which it is not attached"


def _own_alike(w: World, attached: Attached) -> Iterator[str]:
    seen: dict[int, tuple[str, set[int]]] = {}
    for area, avs in attached:
        if area.own == NOBODY:
            continue
        name, others = seen.setdefault(area.own, (area.name, avs))
        if others != avs:
            yield f"{name} and {area.name} own {w.avs[area.own].name}, but are not attached to the same anon_vmas"


def _own_attached(w: World, attached: Attached) -> Iterator[str]:
    for area, avs in attached:
        if area.own != NOBODY and area.own not in avs:
            yield f"{area.name} owns {w.avs[area.own].name}, to which it is not attached"


def _attached_freed(w: World, attached: Attached) -> Iterator[str]:
    for area, _ in attached:
        for n in area.chain:
            if w.avs[w.entries[n].av].freed:
                yield f"{area.name} is attached to {w.avs[w.entries[n].av].name}, which was freed"


def _leaks(w: World, attached: Attached) -> Iterator[str]:
    for number, entry in w.entries.items():
        if not entry.freed and entry.vma == NOBODY:
            yield "a chain entry was allocated, and is in no list"
        elif not entry.freed and (number not in w.areas[entry.vma].chain or number not in w.avs[entry.av].tree):
            yield f"an entry of {w.areas[entry.vma].name} is in one of its two lists only"
    used = set[int]().union(*(avs for _, avs in attached))
    used |= {w.avs[n].root for n in used}
    for av in w.avs.values():
        if not av.freed and av.id not in used:
            yield f"{av.name} is used by nobody, and was not freed"


def _counters(w: World, attached: Attached) -> Iterator[str]:
    """Kept at all if any is not 0: then each says what it is there to say."""
    alive = [av for av in w.avs.values() if not av.freed]
    children = _counted(av.parent for av in alive if av.tree)
    active = _counted(area.own for area, _ in attached)
    for kept, things in (("degree", (children, active)), ("children", (children,)), ("active", (active,))):
        if any(getattr(av, kept) for av in alive):
            for av in alive:
                said, is_so = getattr(av, kept), sum(one.get(av.id, 0) for one in things)
                if said != is_so:
                    yield f"{kept} of {av.name} is {said}, but it is {is_so}"


def _counted(numbers: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for number in numbers:
        found[number] = found.get(number, 0) + 1
    return found


_LOCKS = ("lock", "share")
_COUNTS = ("child+", "child-", "active+", "active-", "degree+", "degree-")

RULES: dict[str, tuple[tuple[str, ...], Rule]] = {
    "no lock is taken twice by its holder": (("again",), _again),
    "one root per walk of same_vma": (("assign", "link"), _roots_differ),
    "no two roots are locked at once": (_LOCKS, _two_roots),
    "the mmap lock comes before a root's": (("mmlock",), _mm_inside),
    "nobody sleeps in an RCU read-side section": ((*_LOCKS, "ask"), _sleeps),
    "no anon_vma is freed before one that reads it": ((*_LOCKS, "unlock", "ask"), _freed_lock),
    "only the holder releases a lock": (("unlock",), _not_held),
    "every lock is released on every path": (("return",), _kept),
    "no allocation that may reclaim under a root's lock": ((RECLAIMING,), _reclaim),
    "an anon_vma's list changes only under its root's lock": (("link", "remove"), _list_unlocked),
    "an anon_vma's counters change only under its root's lock": (_COUNTS, _counter_unlocked),
    "same_vma changes only under the mm's own lock": (("assign", "detach"), _same_vma_unlocked),
    "no entry is in two lists": (("assign", "link"), _two_lists),
    "only what is linked is taken out": (("remove",), _not_linked),
    "no entry is freed while it is linked": (("detach",), _frees_linked),
    "no VMA goes while it is attached": (("vma-gone",), _vma_attached),
    "no anon_vma is freed while it can be reached": (("free",), _freed_in_use),
    "no reference is put twice": (("put", "unpin"), _negative),
    "what nobody uses has no children or VMAs": (("unused",), _put_used),
    "only what is no VMA's own is reused": (("reuse",), _reused_in_use),
    "an anon_vma is walked under its root's lock": (("visit",), _walk_unlocked),
    "no anon_vma is walked after it is freed": (("visit",), _walks_freed),
    "a walk meets every VMA that maps the page": (("visit",), _missed),
}
"""Rule → the kinds of event that it looks at, and how."""

AT_REST: dict[str, RestRule] = {
    "a VMA is attached to what it owns": _own_attached,
    "pages point to what their VMA is attached to": _lost_pages,
    "VMAs that own one anon_vma are attached alike": _own_alike,
    "nothing is attached to what was freed": _attached_freed,
    "nothing is leaked": _leaks,
    "counters say what is so": _counters,
}

# What they forbid may go well: once one is known to be broken, the search goes on behind it.
WARNINGS = (
    "no allocation that may reclaim under a root's lock",
    "nobody sleeps in an RCU read-side section",
    "only what is no VMA's own is reused",
)
SENSE = "each step has something to work on"
DEADLOCK = "somebody can always go on"
