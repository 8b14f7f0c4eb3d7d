"""Folded stacks, as flamegraph.pl, inferno and speedscope read them: the boots of `callgraph` in; a line for each call
chain out: `arm;window;caller;…;function instructions`. Of each arm the boot in the first layout of memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kit.base.errors import UserError
from kit.base.visible import visible
from kit.report.style import Style
from kit.store.runfiles import Files, RunFiles

KIND = "callgraph"
Row = Mapping[str, Any]
Stacks = dict[tuple[str, ...], int]
"""The functions of a chain, the outermost first → instructions of the last."""


def render(files: Sequence[Files], style: Style) -> str:
    """The lines of all runs. Raises UserError if none of them measured `callgraph`."""
    text = "".join(
        f"{';'.join((arm, window, *path))} {count}\n"
        for one in files
        if isinstance(one, RunFiles)
        for (arm, window), stacks in stacks_of(one.boots).items()
        for path, count in sorted(stacks.items())
    )
    if not text:
        hint = f"--set 'evidence=[{KIND}]' measures it (kit help evidence)"
        raise UserError("no call chains of instructions in it", where=str(files[0].folder), hint=hint)
    return text


def stacks_of(boots: Sequence[Row]) -> dict[tuple[str, str], Stacks]:
    """(arm, window) → its stacks."""
    out: dict[tuple[str, str], Stacks] = {}
    for boot in boots:
        if boot["evidence"] == KIND and boot["results"] and not boot["block"] and not boot["repeat"]:
            for window in boot["results"]["windows"]:
                out[boot["arm"], window["name"]] = dict(_folded(window["chains"], boot["results"]["calls"]))
    return out


def _folded(chains: Sequence[Sequence[int]], tree: Row) -> Iterator[tuple[tuple[str, ...], int]]:
    names = [_frame(name) for name in tree["names"]]
    for chain, what, times in chains:
        path = [names[what]]
        while chain:
            path.append(names[tree["callers"][chain]])
            chain = tree["above"][chain]
        yield tuple(reversed(path)), times


def _frame(name: str) -> str:
    """A function's name that ends neither its frame nor its line: a kernel's symbols are its author's."""
    return visible(name).replace(";", ":").replace("\n", " ")
