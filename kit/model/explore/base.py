"""What all actions share: the code, calls and returns, and how an event is told."""

from __future__ import annotations

from collections.abc import Mapping

from kit.model.explore.code import Code
from kit.model.explore.world import NOBODY, Area, Av, Call, Task, World
from kit.model.steps import MergeRule

WALKS = ("referenced", "unmap", "migrate")
Arg = int | str


class Base:
    """Actions change a world. Each takes the world, the task, its innermost call, and the argument of the line."""

    def __init__(self, codes: Mapping[str, Code], rule: MergeRule) -> None:
        self.codes = codes
        self.rule = rule

    def call(self, w: World, t: Task, cell: str, **local: int | bool) -> None:
        """Begin a call; the caller's code goes on behind it when it returns."""
        t.calls.append(Call(cell, **local))  # type: ignore[arg-type]

    def leave(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The call returns."""
        w.emit(t.id, "return", f, f.vma, "")
        t.calls.pop()

    def leave_failed(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """The call returns -ENOMEM: the caller undoes what it did."""
        w.emit(t.id, "return", f, f.vma, "-ENOMEM")
        t.calls.pop()
        if t.calls:
            caller = t.calls[-1]
            caller.at = self.codes[caller.cell].fail

    def jump(self, w: World, t: Task, f: Call, arg: Arg) -> None:
        """Go on at `arg`."""
        f.at = int(arg)

    def failed(self, f: Call) -> None:
        """An allocation failed in this call."""
        f.at = self.codes[f.cell].fail

    @staticmethod
    def tell(w: World, t: Task, f: Call, what: str, av: Av) -> None:
        """An event about an anon_vma."""
        w.emit(t.id, what, f, av.id, av.name)

    @staticmethod
    def subject(w: World, f: Call) -> Av:
        """The anon_vma that the steps are about."""
        return w.avs[f.av]

    @staticmethod
    def its_own(w: World, f: Call) -> Av | None:
        """The VMA's own anon_vma."""
        own = w.areas[f.vma].own
        return None if own == NOBODY else w.avs[own]

    @staticmethod
    def source(w: World, f: Call) -> Area:
        """The VMA cloned from."""
        return w.areas[f.src]
