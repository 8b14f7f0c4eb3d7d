"""The rules that SPIN checks a scene against, numbered, as Promela text."""

from __future__ import annotations

from collections.abc import Container

from kit.model.explore.invariants import AT_REST, DEADLOCK, RULES

NUMBERS = {name: number for number, name in enumerate((*RULES, *AT_REST, DEADLOCK), start=1)}
"""Rule → the number that the variable `broken` takes."""
NAMES = {number: name for name, number in NUMBERS.items()}


class Rules:
    """Text that ends a task if a rule is broken; empty for muted rules."""

    def __init__(self, muted: Container[str] = ()) -> None:
        self.muted = muted

    def unless(self, name: str, bad: str) -> str:
        """The rule is broken if `bad` holds."""
        if name in self.muted:
            return ""
        return f"if :: ({bad}) -> broken = {NUMBERS[name]}; goto Stop :: else fi; "

    def where(self, name: str, loop: str) -> str:
        """The rule is broken if a loop has set `bad`."""
        return f"bad = 0; {loop} {self.unless(name, 'bad')}bad = 0; "

    def sleeping(self, root: str) -> str:
        """Checks when a lock is waited for, or requested."""
        return self.unless("nobody sleeps in an RCU read-side section", "SLEEPS && rcu") + self.unless(
            "no anon_vma is freed before one that reads it", f"av_freed[{root}]"
        )

    def allocates(self) -> str:
        """Checks at an allocation that may reclaim."""
        return self.unless("no allocation that may reclaim under a root's lock", "held > 0")

    def counted(self, av: str) -> str:
        """Checks when a counter changes."""
        bad = f"av_published[{av}] && av_holder[av_root[{av}]] != me"
        return self.unless("an anon_vma's counters change only under its root's lock", bad)

    def roots(self, vma: str) -> str:
        """Checks when an entry was put into same_vma, or is put into a list."""
        differ = f"av_root[en_av[ch[{vma}*CH+i]]] != av_root[en_av[ch[{vma}*CH]]]"
        return self.where("one root per walk of same_vma", loop("i", f"chn[{vma}]", set_if(differ)))

    def listed(self, av: str) -> str:
        """Checks when a list changes."""
        return self.unless("an anon_vma's list changes only under its root's lock", f"av_holder[av_root[{av}]] != me")

    def same_vma(self, entry: str) -> str:
        """Checks when same_vma changes."""
        owner = f"mm_holder[vm_mm[en_vma[{entry}]]]"
        return self.unless("same_vma changes only under the mm's own lock", f"{owner} != me")

    def detached(self, entry: str) -> str:
        """Checks when an entry is taken out of same_vma and freed."""
        return self.same_vma(entry) + self.unless(
            "no entry is freed while it is linked", f"en_freed[{entry}] || en_linked[{entry}]"
        )

    def gone(self, vma: str) -> str:
        """Checks when a VMA goes."""
        left = f"en_vma[i] == {vma} && !en_freed[i]"
        return self.where("no VMA goes while it is attached", loop("i", "EN", set_if(left)))

    def put(self, av: str) -> str:
        """Checks after a reference was dropped."""
        return self.unless("no reference is put twice", f"av_ref[{av}] < 0")

    def unused(self, av: str) -> str:
        """Checks when an unused anon_vma is about to be put."""
        bad = f"av_degree[{av}] || av_children[{av}] || av_active[{av}]"
        return self.unless("what nobody uses has no children or VMAs", bad)

    def reused(self, av: str, vma: str) -> str:
        """Checks when an anon_vma was reused."""
        other = f"!vm_gone[i] && vm_own[i] == {av} && i != {vma}"
        return self.where("only what is no VMA's own is reused", loop("i", "VM", set_if(other)))

    def visited(self, av: str) -> str:
        """Checks when a walk looks at the VMAs of an anon_vma."""
        met = f"if :: (en_linked[j] && en_av[j] == {av} && en_vma[j] == i) -> bad = 0 :: else fi"
        maps = f"(vm_pages[i] >> {av}) & 1 && !vm_gone[i] && !bad"
        look = f"if :: ({maps}) -> bad = 1; {loop('j', 'EN', met)} if :: bad -> break :: else fi :: else fi"
        return (
            self.unless("an anon_vma is walked under its root's lock", f"!HOLDS(av_root[{av}])")
            + self.unless("no anon_vma is walked after it is freed", f"av_freed[{av}]")
            + self.where("a walk meets every VMA that maps the page", loop("i", "VM", look))
        )

    def freed(self, av: str) -> str:
        """Checks when an anon_vma is freed."""
        bad = f"av_freed[{av}] || av_n[{av}] || av_ref[{av}] > 0 || MAPPED({av})"
        return self.unless("no anon_vma is freed while it can be reached", bad)

    def returns(self) -> str:
        """Checks when an outermost function returns."""
        return self.unless("every lock is released on every path", "held > 0 && depth <= 2")

    def at_rest(self) -> str:
        """Checks what must hold while no task is inside an operation."""
        return "".join(self.where(name, text) for name, text in REST.items())


def loop(index: str, count: str, body: str) -> str:
    """Runs `body` for each index below `count`."""
    return f"{index} = 0; do :: {index} < {count} -> {body}; {index}++ :: else -> break od; {index} = 0;"


def set_if(condition: str) -> str:
    """Sets `bad` if a condition holds."""
    return f"if :: ({condition}) -> bad = 1 :: else fi"


def _each(index: str, count: str, condition: str, body: str) -> str:
    return loop(index, count, f"if :: ({condition}) -> {body} :: else fi")


_HAS = "en_vma[k] == i && !en_freed[k] && en_inchain[k]"  # entry k is in the chain of VMA i
_FOUND = "found = 0; "


def _unmatched(of: str) -> str:
    """Sets `bad` unless VMA i has an entry for anon_vma `of`."""
    return f"{_FOUND}{_each('k', 'EN', f'{_HAS} && en_av[k] == {of}', 'found = 1')} {set_if('!found')}"


_ALIVE = "!vm_gone[i] && i > 0"
_COUNT = {
    "degree": "children + mapping",
    "children": "children",
    "active": "mapping",
}
_TALLY = (
    "children = 0; mapping = 0; "
    + _each("k", "AV", "k > 0 && av_parent[k] == i && !av_freed[k] && av_n[k] > 0", "children++")
    + " "
    + _each("k", "VM", "k > 0 && !vm_gone[k] && vm_own[k] == i", "mapping++")
)


def _counter(name: str, expected: str) -> str:
    kept = f"found = 0; {_each('k', 'AV', f'k > 0 && k <= navs && !av_freed[k] && av_{name}[k] != 0', 'found = 1')}"
    wrong = set_if(f"av_{name}[i] != ({expected})")
    return f"{kept} if :: found -> {_each('i', 'navs + 1', 'i > 0 && !av_freed[i]', f'{_TALLY} {wrong}')} :: else fi;"


REST = {
    "a VMA is attached to what it owns": _each("i", "VM", f"{_ALIVE} && vm_own[i]", _unmatched("vm_own[i]")),
    "pages point to what their VMA is attached to": _each(
        "i", "VM", _ALIVE, _each("j", "AV", "(vm_pages[i] >> j) & 1", _unmatched("j"))
    ),
    "VMAs that own one anon_vma are attached alike": _each(
        *("i", "VM", f"{_ALIVE} && vm_own[i]"),
        _each(
            *("j", "VM", "j > 0 && !vm_gone[j] && vm_own[j] == vm_own[i]"),
            _each("m", "EN", "en_vma[m] == j && !en_freed[m] && en_inchain[m]", _unmatched("en_av[m]")),
        ),
    ),
    "nothing is attached to what was freed": _each("k", "EN", "en_inchain[k] && av_freed[en_av[k]]", "bad = 1"),
    "nothing is leaked": (
        _each("k", "nens + 1", "k > 0 && !en_freed[k] && !(en_inchain[k] && en_linked[k])", "bad = 1")
        + _each(
            *("i", "navs + 1", "i > 0 && !av_freed[i]"),
            _FOUND
            + _each("k", "EN", "en_inchain[k] && (en_av[k] == i || av_root[en_av[k]] == i)", "found = 1")
            + set_if("!found"),
        )
    ),
    "counters say what is so": "".join(_counter(name, expected) for name, expected in _COUNT.items()),
}
