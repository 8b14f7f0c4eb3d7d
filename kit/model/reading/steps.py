"""Translates statements of mm/rmap.c into steps of cells: which call is which step, in which function.

A call that locks, allocates, links or frees and is not a known step is reported, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from kit.model.reading.blocks import GAP, Node, flat, function, statements
from kit.model.steps import Cell, Over, Pass, Source, Step

S = Step
FUNCTIONS = {
    "prepare": ("__anon_vma_prepare", "anon_vma_prepare"),
    "clone": ("anon_vma_clone",),
    "fork": ("anon_vma_fork",),
    "unlink": ("unlink_anon_vmas",),
    "put": ("__put_anon_vma",),
    "free": ("anon_vma_free",),
}
"""Cell → its function's names, newest first."""

LOCKS = re.compile(r"\b(anon_vma_lock(_write)?|(spin_lock|mutex_lock|down_write)\(&\w*anon_vma->(root->)?\w+)\b")
UNLOCKS = re.compile(r"\b(anon_vma_unlock(_write)?|(spin_unlock|mutex_unlock|up_write)\(&\w*anon_vma->(root->)?\w+)\b")
TAKES = (S.LOCK, S.LOCK_ONCE, S.LOCK_OWN, S.LOCK_SOURCE)
DROPS = (S.UNLOCK, S.UNLOCK_HELD)
LEAVES = re.compile(r"(return|goto)\b")
EMPTY = re.compile(r"RB_EMPTY_ROOT|list_empty\(&anon_vma->head\)")
# Calls that change a lock, memory or a list: if no rule knows one, the function is not fully understood.
TELLING = re.compile(
    r"\b(\w*_lock\w*|\w*_unlock\w*|down_\w+|up_\w+|\w*alloc\w*|\w*_free\w*|put_anon_vma|list_(add|del)\w*"
    r"|\w*_(insert|remove|link|unlink)\w*|get_anon_vma)\("
)
HARMLESS = re.compile(
    r"page_table_lock|might_sleep|VM_BUG_ON|VM_WARN_ON|anon_vma_chain_free\(avc\)|_assert_locked|lockdep_assert"
)


@dataclass
class Read:
    """One function: its cell, and the statements that no rule knows."""

    name: str
    cell: Cell
    unknown: list[str] = field(default_factory=list)


Emit = tuple[Step, ...]
Rule = tuple[re.Pattern[str], Callable[["Reader", str], Emit]]


class Reader:
    """One source text. `kernel`: where it is from, for the cells' sources."""

    def __init__(self, source: str, kernel: str) -> None:
        self.source = source
        self.kernel = kernel
        link = self.loose("anon_vma_chain_link")
        self.link_locks = bool(link and LOCKS.search(link))
        alloc = self.loose("anon_vma_alloc") or ""
        self.degree_first = bool(re.search(r"degree = 1", alloc))

    def loose(self, name: str) -> str | None:
        """A helper's body, even if a patch shows only parts of it."""
        return function(self.source, name)

    def read(self, cell: str) -> Read | None:
        """The cell as the source has it; None if its function is missing or incomplete."""
        for name in FUNCTIONS[cell]:
            body = function(self.source, name)
            if body is not None and GAP not in body:
                reading = _Reading(self, cell)
                reading.nodes(statements(body))
                return reading.done(name, self.kernel)
        return None


class _Reading:
    """Turns one function's statements into passes and failure steps."""

    def __init__(self, reader: Reader, cell: str) -> None:
        self.reader = reader
        self.cell = cell
        self.passes: list[Pass] = []
        self.once: list[Step] = []
        self.failure: list[Step] = []
        self.failing = False
        self.loop: list[Step] | None = None
        self.unknown: list[str] = []

    def done(self, name: str, kernel: str) -> Read:
        self._flush()
        source = Source(kernel, "read from source", name, verified=False)
        passes = tuple(Pass(one.over, _linked(one.steps)) for one in self.passes)
        return Read(name, Cell(passes, source, tuple(self.failure)), self.unknown)

    def _flush(self) -> None:
        if self.once:
            self.passes.append(Pass(Over.ONCE, tuple(self.once)))
            self.once = []

    def emit(self, *steps: Step) -> None:
        """Adds steps to the current place: in a loop, before or after one, or where failures are undone."""
        target = self.failure if self.failing else self.once if self.loop is None else self.loop
        target.extend(step for step in steps if not (self.failing and step in target))

    def nodes(self, nodes: list[Node], empty: bool = False) -> None:
        for number, node in enumerate(nodes):
            if node.kind == "label":
                self.failing = bool(re.search(r"enomem|error|fail", node.text)) or self.failing
            elif node.kind == "loop" and "list_for_each_entry" in node.text:
                self._loop(node)
            elif node.kind in ("if", "else"):
                self._if(node, nodes[number - 1] if number else None, empty)
            elif node.kind == "stmt":
                self._statement(node.text, empty)
            else:
                self.nodes(node.body, empty)

    def _loop(self, node: Node) -> None:
        if self.loop is not None:
            self.unknown.append(f"a loop inside a loop: {node.text}")
            return
        self._flush()
        self.loop = []
        self.nodes(node.body)
        over = Over.BACKWARD if "_reverse" in node.text else Over.FORWARD
        if over is Over.BACKWARD and "&dst->anon_vma_chain" in node.text:
            over = Over.OWN_BACKWARD
        if not self.failing:
            self.passes.append(Pass(over, tuple(self.loop)))
        self.loop = None

    def _if(self, node: Node, before: Node | None, empty: bool) -> None:
        inside = " ; ".join(flat(node.body))
        for pattern, step in CONDITIONS:
            if pattern.search(f"{node.text} => {inside}") and step[0] in CELL_CONDITIONS[self.cell]:
                self.emit(*step)
                if step[0] is S.DONE_IF_REUSED_PUT:
                    self._undone(node)
                return
        if re.search(r"!\s*avc|!\s*anon_vma\b|^error$|IS_ERR|unlikely\(avc\)|unlikely\(allocated\)", node.text):
            nowait = before is not None and "GFP_NOWAIT" in before.text
            if "GFP_KERNEL" in inside and nowait:
                self._nowait(inside)
            elif self.cell == "prepare" and re.search(r"anon_vma_alloc\(", inside):
                self.nodes(node.body, empty)
            elif self.cell == "fork" and "goto" not in inside:
                self._undone(node)
            return
        if self.cell == "fork" and "anon_vma_clone(" in node.text:
            self.emit(S.CLONE_PARENT)
            return
        if self._holds():  # a way out that no rule knows, and whose end is not seen
            self.unknown += [f"if ({node.text}) {way}" for way in flat(node.body) if LEAVES.match(way)]
        self.nodes(node.body, empty or bool(EMPTY.search(node.text)) or node.text == "empty")

    def _holds(self) -> bool:
        """Whether the steps so far leave a lock held."""
        steps = [step for one in self.passes for step in one.steps] + self.once + (self.loop or [])
        locking = [step for step in steps if step in (*TAKES, *DROPS)]
        return not self.failing and bool(locking) and locking[-1] in TAKES

    def _undone(self, node: Node) -> None:
        """What a failure guards is how the function undoes its work."""
        self.failing = True
        self.nodes([one for one in node.body if not one.text.startswith("return")])
        self.failing = False

    def _nowait(self, inside: str) -> None:
        """The second try of an allocation: it either unlocks first, or may reclaim under the lock."""
        target = self.once if self.loop is None else self.loop
        if target[-1:] == [S.ALLOC_NOWAIT] and "unlock_anon_vma_root" not in inside:
            target[-1] = S.ALLOC_KERNEL

    def _statement(self, text: str, empty: bool) -> None:
        if self.cell == "unlink" and text.startswith("anon_vma_unlink("):  # a function of its own until 2.6.39
            self.nodes(statements(self.reader.loose("anon_vma_unlink") or ""), empty)
            return
        for pattern, made in STATEMENTS[self.cell]:
            if pattern.search(text):
                self.emit(*made(self.reader, "empty" if empty else ""))
                return
        if TELLING.search(text) and not HARMLESS.search(text) and not text.startswith("struct"):
            self.unknown.append(text)


def _linked(steps: list[Step] | tuple[Step, ...]) -> tuple[Step, ...]:
    """Assigning an entry and at once inserting it equals linking it."""
    made: list[Step] = []
    for step in steps:
        if step is S.INSERT and made[-1:] == [S.ASSIGN]:
            made[-1] = S.LINK
        else:
            made.append(step)
    return tuple(made)


def _cleanup(reader: Reader, where: str) -> Emit:
    forgets = re.search(r"anon_vma = NULL", reader.loose("cleanup_partial_anon_vmas") or "")
    return (S.DROP_ASSIGNED, S.FORGET) if forgets else (S.DROP_ASSIGNED,)


def _old_put(reader: Reader, where: str) -> Emit:
    return (S.PUT_EMPTY_UNPINNED,) if where == "empty" else ()


def _is(*steps: Step) -> Callable[[Reader, str], Emit]:
    return lambda reader, where: steps


def _link(reader: Reader, where: str) -> Emit:
    return (S.LOCK, S.LINK, S.UNLOCK) if reader.link_locks else (S.LINK,)


def _new(reader: Reader, where: str) -> Emit:
    return (S.ALLOC_ANON_VMA, S.DEGREE_FIRST_VMA) if reader.degree_first else (S.ALLOC_ANON_VMA,)


def _put(reader: Reader, where: str) -> Emit:
    return (S.PUT_EMPTY,) if where == "empty" else (S.PUT_ENTRY,)


def _rules(*rows: tuple[str, Callable[[Reader, str], Emit]]) -> list[Rule]:
    return [(re.compile(pattern), made) for pattern, made in rows]


_LOCKING = [
    (r"\block_anon_vma_root\(", _is(S.LOCK_ONCE)),
    (r"\bunlock_anon_vma_root\(", _is(S.UNLOCK_HELD)),
    (UNLOCKS.pattern, _is(S.UNLOCK)),
    (LOCKS.pattern, _is(S.LOCK)),
]
_ALLOCATING = [
    (r"anon_vma_chain_alloc\(GFP_NOWAIT", _is(S.ALLOC_NOWAIT)),
    (r"anon_vma_chain_alloc\(", _is(S.ALLOC_KERNEL)),
    (r"\banon_vma_alloc\(", _new),
    (r"anon_vma_chain_link\(", _link),
    (r"anon_vma_chain_assign\(|list_add\(&avc->same_vma", _is(S.ASSIGN)),
    (r"anon_vma_interval_tree_insert\(|anon_rmap_tree_insert\(|list_add_tail\(&avc->same_anon_vma", _is(S.INSERT)),
]

STATEMENTS: dict[str, list[Rule]] = {
    "clone": _rules(
        (r"\b(anon_vma_lock\w*)\(active_anon_vma\)", _is(S.LOCK_SOURCE)),
        (r"\b(anon_vma_unlock\w*)\(active_anon_vma\)", _is(S.UNLOCK_HELD)),
        (r"maybe_reuse_anon_vma\(", _is(S.REUSE_CHILDLESS_COUNT)),
        (r"cleanup_partial_anon_vmas\(", _cleanup),
        *_ALLOCATING,
        *_LOCKING,
        (r"unlink_anon_vmas\(dst", _is(S.DETACH)),
        (r"dst->anon_vma = NULL", _is(S.FORGET)),
    ),
    "fork": _rules(
        *_ALLOCATING,
        *_LOCKING,
        (r"anon_vma_clone\(", _is(S.CLONE_PARENT)),
        (r"\bvma->anon_vma = NULL", _is(S.FORGET)),
        (r"anon_vma->num_active_vmas(\+\+| = 1)", _is(S.COUNT_ACTIVE)),
        (r"anon_vma_chain_free\(avc\)", _is(S.FREE_ALLOCATED)),
        (r"anon_vma->root = ", _is(S.ADOPT_ROOT)),
        (r"get_anon_vma\(anon_vma->root\)", _is(S.PIN_ROOT)),
        (r"\bvma->anon_vma = anon_vma", _is(S.OWN)),
        (r"parent->num_children\+\+", _is(S.COUNT_CHILD)),
        (r"parent->degree\+\+", _is(S.DEGREE_CHILD)),
        (r"put_anon_vma\(|anon_vma_free\(", _is(S.PUT_NEW)),
        (r"unlink_anon_vmas\(vma", _is(S.DETACH)),
    ),
    "unlink": _rules(
        (r"\b(anon_vma_lock\w*)\(active_anon_vma\)", _is(S.LOCK_OWN)),
        (r"\b(anon_vma_unlock\w*)\(active_anon_vma\)", _is(S.UNLOCK_HELD)),
        (r"active_anon_vma->num_active_vmas--", _is(S.DROP_OWN_ACTIVE)),
        (r"^anon_vma_free\(anon_vma\)", _old_put),
        (r"^drop_anon_vma\(", _is()),
        *_LOCKING,
        (r"anon_vma_interval_tree_remove\(|anon_rmap_tree_remove\(|list_del\(&\w+->same_anon_vma", _is(S.REMOVE)),
        (r"parent->num_children--", _is(S.DROP_CHILD_EMPTY)),
        (r"parent->degree--", _is(S.DEGREE_DROP_CHILD_EMPTY)),
        (r"^continue$", _is(S.KEEP_EMPTY)),
        (r"put_anon_vma\(", _put),
        (r"list_del\(&avc->same_vma", _is(S.FREE_ENTRY)),
    ),
    "prepare": _rules(
        *_ALLOCATING,
        *_LOCKING,
        (r"find_mergeable_anon_vma\(", _is(S.FIND_MERGEABLE)),
        (r"num_children\+\+", _is(S.COUNT_ROOT_CHILD)),
        (r"num_active_vmas\+\+", _is(S.COUNT_ACTIVE)),
        (r"degree\+\+", _is(S.DEGREE_LINK)),
        (r"\bvma->anon_vma = anon_vma|smp_store_release\(&vma->anon_vma", _is(S.OWN)),
        (r"anon_vma_chain_free\(", _is(S.FREE_ALLOCATED)),
    ),
    "put": _rules((r"anon_vma_free\(root\)", _is()), (r"anon_vma_free\(anon_vma\)", _is(S.FREE))),
    "free": _rules((r"kmem_cache_free\(", _is(S.RELEASE))),
}
"""Cell → patterns of statements; the first rule that fits is used."""

CONDITIONS: list[tuple[re.Pattern[str], Emit]] = [
    (re.compile(r"num_children < 2.*=>.*dst->anon_vma = anon_vma"), (S.REUSE_CHILDLESS,)),
    (re.compile(r"degree < 2.*=>.*dst->anon_vma = anon_vma"), (S.REUSE_BY_DEGREE,)),
    (re.compile(r"^dst->anon_vma => .*num_active_vmas\+\+"), (S.COUNT_OWN_ACTIVE,)),
    (re.compile(r"^dst->anon_vma => .*degree\+\+"), (S.DEGREE_OWN,)),
    (re.compile(r"^vma->anon_vma => .*num_active_vmas--"), (S.DROP_OWN_ACTIVE,)),
    (re.compile(r"^vma->anon_vma => .*degree--"), (S.DEGREE_DROP_OWN,)),
    (re.compile(r"^vma->anon_vma == anon_vma => .*num_active_vmas--"), (S.DROP_ACTIVE_IF_OWN,)),
    (re.compile(r"^!(pvma->anon_vma|active_anon_vma) => return 0"), (S.SKIP_UNUSED,)),
    (re.compile(r"^!active_anon_vma => .*return$"), (S.SKIP_OWNLESS,)),
    (re.compile(r"^operation != VMA_OP_FORK => .*num_active_vmas\+\+"), (S.COUNT_OWN_ACTIVE_UNLESS_FORK,)),
    (re.compile(r"^operation == VMA_OP_FORK => .*maybe_reuse"), (S.REUSE_CHILDLESS_COUNT,)),
    (re.compile(r"^rc \|\| vma->anon_vma => "), (S.DONE_IF_REUSED_PUT,)),
    (re.compile(r"^vma->anon_vma => return 0"), (S.DONE_IF_REUSED,)),
    (re.compile(r"atomic_dec_and_test\(&root->refcount\)|anon_vma->root != anon_vma => put_anon_vma"), (S.PUT_ROOT,)),
    (re.compile(r"(rwsem|mutex)_is_locked\("), (S.SYNC_IF_LOCKED,)),
]
"""Patterns of conditions, and what they and the guarded statements mean."""

CELL_CONDITIONS: dict[str, tuple[Step, ...]] = {
    "clone": (
        *(S.REUSE_CHILDLESS, S.REUSE_BY_DEGREE, S.COUNT_OWN_ACTIVE, S.DEGREE_OWN),
        *(S.SKIP_UNUSED, S.REUSE_CHILDLESS_COUNT, S.COUNT_OWN_ACTIVE_UNLESS_FORK),
    ),
    "fork": (S.SKIP_UNUSED, S.DONE_IF_REUSED, S.DONE_IF_REUSED_PUT),
    "unlink": (S.SKIP_OWNLESS, S.DROP_OWN_ACTIVE, S.DEGREE_DROP_OWN, S.DROP_ACTIVE_IF_OWN),
    "prepare": (),
    "put": (S.PUT_ROOT,),
    "free": (S.SYNC_IF_LOCKED,),
}


def cells(source: str, kernel: str) -> Iterator[tuple[str, Read]]:
    """Each cell whose function is complete in the source."""
    reader = Reader(source, kernel)
    for cell in FUNCTIONS:
        read = reader.read(cell)
        if read is not None:
            yield cell, read
