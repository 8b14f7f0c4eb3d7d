"""What a task executes: a profile's cells and the operations around them, as flat code with jumps.

In: a Profile; out: for each cell a list of (action, argument). A step is one action, or several where another task may
come in between. An action is a method of kit.model.explore.around.Actions by that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kit.model.explore.operations import MERGE, MERGE_LATE, OPERATIONS
from kit.model.steps import Over, Profile, Step

Line = str | tuple[str, ...]  # a label, or an action and its argument
S = Step

# Steps between whose parts others may run. END: leave the call; NEXT: the next entry of the walk, or END outside one.
PARTS: dict[Step, tuple[Line, ...]] = {
    S.SYNC_IF_LOCKED: (("ask", "{n}"), ("lock",), ("unlock",), "{n}"),
    S.ALLOC_NOWAIT: (("alloc_nowait", "{n}"), ("unlock_held",), ("alloc_kernel",), "{n}"),
    S.PUT_ENTRY: (("check_counters",), ("put",)),
    S.PUT_EMPTY: (("unless_empty", "{n}"), ("check_counters",), ("put",), "{n}"),
    S.PUT_EMPTY_UNPINNED: (("unless_unpinned", "{n}"), ("check_counters",), ("put",), "{n}"),
    S.DROP_ROOT_LOCKING: (
        *(("root_is_own", "{n}"), ("drop_early", "{n}"), ("lock_root",), ("drop_last",), ("unlock_root",)),
        *(("unless_empty", "{n}"), ("put_its_root",), "{n}"),
    ),
    S.UNPIN_LOCKING: (
        *(("unpin_early", "{n}"), ("lock",), ("unpin_last",), ("unlock",), ("unless_empty", "{n}"), ("put",), "{n}"),
    ),
    S.PUT_UNMAPPED: (("unless_unmapped", "{n}"), ("unpin",), ("put",), ("leave",), "{n}"),
    S.UNPIN: (("unpin",), ("put",)),
    S.DONE_IF_REUSED_PUT: (("unless_owned", "{n}"), ("free_spare",), ("put_found",), ("leave",), "{n}"),
    S.FREE: (("call_free",),),
    S.CLONE_PARENT: (("call_clone",),),
    S.PREPARE_OWN: (("call_prepare",),),
    S.DETACH: (("call_unlink",),),
    S.FREE_ALLOCATED: (("free_spare",),),
}


@dataclass(frozen=True)
class Code:
    """One cell: its actions, and where they go on when an allocation has failed."""

    actions: tuple[tuple[str, int | str], ...]
    fail: int


def compiled(profile: Profile) -> dict[str, Code]:
    """Every cell of a profile, and every operation, by name."""
    codes = {name: assembled(_cell_lines(profile, name)) for name in profile.cells}
    codes |= {name: assembled(lines) for name, lines in OPERATIONS.items()}
    codes["do-merge"] = assembled(MERGE if profile.counters else MERGE_LATE)
    return codes


def _cell_lines(profile: Profile, name: str) -> list[Line]:
    cell = profile.cells[name]
    lines: list[Line] = []
    for number, one in enumerate(cell.passes):
        if one.over is Over.ONCE:
            lines += _steps(one.steps, f"p{number}", "end")
            continue
        head, after = f"next{number}", f"after{number}"
        lines += [("walk", one.over.name), head, ("next", after)]
        lines += _steps(one.steps, f"p{number}", head)
        lines += [("jump", head), after]
    lines += ["end", ("leave",), "fail", *_steps(cell.failure, "f", "failed"), "failed", ("leave_failed",)]
    return lines


def _steps(steps: Iterable[Step], prefix: str, out: str) -> list[Line]:
    lines: list[Line] = []
    for number, step in enumerate(steps):
        label = f"{prefix}.{number}"
        parts = PARTS.get(step, ((step.name.lower(), out),))
        lines += [_named(part, label) for part in parts]
    return lines


def _named(line: Line, label: str) -> Line:
    if isinstance(line, str):
        return line.format(n=label)
    return (line[0], *(word.format(n=label) for word in line[1:]))


def assembled(lines: Iterable[Line]) -> Code:
    """Labels become places. A word that is no label stays a word."""
    places: dict[str, int] = {}
    actions: list[tuple[str, ...]] = []
    for line in lines:
        if isinstance(line, str):
            places[line] = len(actions)
        else:
            actions.append(line)
    return Code(tuple((a[0], _argument(a[1:], places)) for a in actions), places["fail"])


def _argument(words: tuple[str, ...], places: Mapping[str, int]) -> int | str:
    if not words:
        return 0
    return places.get(words[0], words[0])
