"""What a task may still do, read from the code that lies before it: the kinds of action that others could notice.

In: the code of every cell; out: for each place in it a set of kinds, as bits.
"""

from __future__ import annotations

from collections.abc import Mapping

from kit.model.explore.base import WALKS
from kit.model.explore.code import Code
from kit.model.explore.locks import WANTS

LOCK, UNLOCK, ASK, PUT, GET, COUNT, PAGE, LOOK = (1 << n for n in range(8))
ANYTHING = (1 << 8) - 1

_KINDS: dict[int, tuple[str, ...]] = {
    LOCK: tuple(action for action in WANTS if action != "mm_lock"),
    UNLOCK: ("unlock", "unlock_root", "unlock_held"),
    ASK: ("ask", "try_lock_shared"),
    PUT: (
        *("put", "put_new", "put_found", "put_root", "put_its_root", "unpin_early", "unpin_last", "drop_early"),
        *("drop_last", "release"),
    ),
    GET: ("pin", "pin_root"),
    COUNT: (
        *("count_root_child", "count_child", "drop_child_empty", "count_active", "count_own_active"),
        *("count_active_if_own", "drop_own_active", "drop_active_if_own", "count_own_active_unless_fork"),
        *("reuse_childless_count", "degree_first_vma", "degree_link", "degree_child", "degree_own"),
        *("degree_drop_child_empty", "degree_drop_own"),
    ),
    PAGE: ("adopt_vma", "take_pages", "move_pages", "cut_vma", "map_page", "drop_pages"),
    LOOK: ("pick_page", "unless_unmapped", "pin", "lock_shared", "try_lock_shared", "visit"),
}
JUMPS = frozenset(  # what may go on where its argument says
    {
        *("jump", "next", "next_vma", "keep_empty", "skip_unused", "skip_ownless", "done_if_reused", "unless_owned"),
        *("unless_empty", "unless_unpinned", "unless_unmapped", "unpin_early", "root_is_own", "drop_early", "ask"),
        *("alloc_nowait", "pick_vma", "pick_pair", "pick_page", "if_attached", "if_attached_src", "unless_importing"),
    }
)
CALLS: dict[str, str] = {
    **{"call_unlink": "unlink", "call_unlink_src": "unlink", "call_clone": "clone", "call_fork": "fork"},
    **{"call_prepare": "prepare", "call_expand": "expand", "call_move": "move", "call_free": "free"},
    **{"call_adjust_split": "adjust", "call_adjust_merge": "adjust", "call_referenced": "referenced"},
    **{"call_unmap": "unmap", "call_migrate": "migrate", "put_root": "free"},
    **dict.fromkeys(("put", "put_new", "put_found", "put_its_root"), "put"),
}
WALKS_LIST = ("walk", "each_vma", "each_child_vma")
ENDS = ("leave", "leave_failed")

Place = tuple[int, bool]  # where in a cell's code, and whether the walk that it is in has come to its end
_KINDS_OF: dict[str, int] = {}
for _kind, _actions in _KINDS.items():
    for _action in _actions:
        _KINDS_OF[_action] = _KINDS_OF.get(_action, 0) | _kind


class Ahead:
    """What lies before each place; `failing`: allocations may fail. Places are read when they are asked for."""

    def __init__(self, codes: Mapping[str, Code], *, failing: bool) -> None:
        self.codes = codes
        self.failing = failing
        self.known: dict[tuple[str, int, bool], int] = {}

    def of(self, cell: str, at: int, ended: bool) -> int:
        """The kinds of action there and behind it, with `ended` in a walk that has come to its end."""
        place = cell, at, ended
        if place not in self.known:
            undo = self.kinds(cell, (self.codes[cell].fail, True)) if self.failing else 0  # an inner call may yet fail
            self.known[place] = undo | self.kinds(cell, (at, ended))
        return self.known[place]

    def kinds(self, name: str, start: Place) -> int:
        """What may be done from a place on, calls and all."""
        found = 0
        todo, known = [(name, start)], {(name, start)}
        while todo:
            cell, place = todo.pop()
            action = self.codes[cell].actions[place[0]][0]
            found |= _KINDS_OF.get(action, 0) | (LOOK if action == "lock" and cell in WALKS else 0)
            begun = [(CALLS[action], (0, True))] if action in CALLS else []
            for then in (*begun, *((cell, place) for place in self.behind(cell, place))):
                if then not in known:
                    known.add(then)
                    todo.append(then)
        return found

    def behind(self, name: str, place: Place) -> list[Place]:
        """Where it may go on."""
        code = self.codes[name]
        at, ended = place
        action, arg = code.actions[at]
        if action in ENDS:
            return []
        if action in ("next", "next_vma"):
            return [(int(arg), True)] if ended else [(at + 1, False), (at + 1, True), (int(arg), True)]
        jumps = [(int(arg), ended)] if action in JUMPS else []
        if action == "jump":
            return jumps
        fails = [(code.fail, ended)] if self.failing and (action in CALLS or action.startswith("alloc")) else []
        return [(at + 1, ended and action not in WALKS_LIST), *jumps, *fails]
