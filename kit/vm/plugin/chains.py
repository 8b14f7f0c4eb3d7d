"""Reads what the plugin's jobs record by call chain: checks the bytes of their file; out come the chains, and what was
counted in each window. The file is QEMU's, which a hostile guest may hold: any content ends in records or one error, in
bounds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.base.frames import FrameError, damaged, frames
from kit.vm.plugin.records import MOST, PROTOCOL

KEPT = 1_000_000  # cells and nodes of a file, each
TRIPLE = re.compile("([0-9a-f]{1,8}),([0-9a-f]{1,8}),([0-9a-f]{1,16})")
HEX = re.compile("[0-9a-f]{1,16}")

Cells = Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class Chains:
    """`nodes`: number of a chain → (that of the chain above, number of the function that called last); 0 is nobody, and
    a chain's number is greater than that of those above. `windows`: in the order of their ends, (chain, what was
    counted) → how often; `untold`: in each, how much could not be told; `classes`: number of a lock class → the words
    of its record in the guest's memory."""

    nodes: Mapping[int, tuple[int, int]]
    windows: Sequence[Cells]
    untold: Sequence[int]
    classes: Mapping[int, tuple[int, ...]]


@dataclass
class _Read:
    nodes: dict[int, tuple[int, int]] = field(default_factory=dict)
    windows: list[Cells] = field(default_factory=list)
    untold: list[int] = field(default_factory=list)
    classes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    cells: dict[tuple[int, int], int] = field(default_factory=dict)
    kept: int = 0

    def take(self, kind: str, rest: Sequence[str], number: int) -> None:
        """One frame behind the greeting."""
        if kind == "cells":
            for node, what, times in _triples(rest, number):
                self.cells[node, what] = self.cells.get((node, what), 0) + times
            self.kept += len(rest)
        elif kind == "stage" and len(rest) == 2 and rest[0] == "window":
            self.windows.append(self.cells)
            self.untold.append(_hex(rest[1], number))
            self.cells = {}
        elif kind == "nodes":
            for node, above, function in _triples(rest, number):
                if not above < node or node in self.nodes:
                    raise damaged(number, "a chain that comes before those above it, or twice")
                self.nodes[node] = (above, function)
        elif kind == "class" and len(rest) > 1:
            self.classes[_hex(rest[0], number)] = tuple(_hex(word, number) for word in rest[1:])
        elif kind == "full":
            raise FrameError("the guest had more call chains than the plugin can count")
        elif kind != "end":
            raise damaged(number, f"out of place: {kind[:40]!r}")
        if self.kept > KEPT or len(self.nodes) > KEPT:
            raise FrameError(f"more than {KEPT} call chains")


def read_chains_file(path: Path, nonce: str, job: str) -> Chains:
    """As `read_chains`, of a boot's file. Raises FrameError for one that is too large, too."""
    with path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise FrameError(f"more than {MOST} bytes")
    return read_chains(data, nonce, job)


def read_chains(data: bytes, nonce: str, job: str) -> Chains:
    """The records of the job of a boot that was given `nonce`. Raises FrameError if they are damaged, cut, or not
    complete."""
    read, greeted = _Read(), False
    for number, (kind, *rest) in enumerate(frames(data, nonce)):
        if greeted:
            read.take(kind, rest, number)
        elif [kind, *rest[:2]] != ["hello", PROTOCOL, job]:
            raise damaged(number, f"no greeting of {job}: {kind[:40]!r}")
        greeted = True
    asked = {node for cells in read.windows for node, _ in cells} | {above for above, _ in read.nodes.values()}
    if not asked <= {0, *read.nodes}:
        raise FrameError("a call chain is missing")
    if read.cells:
        raise FrameError("counts after the last window")
    return Chains(read.nodes, read.windows, read.untold, read.classes)


def _triples(texts: Sequence[str], number: int) -> list[tuple[int, int, int]]:
    found = [TRIPLE.fullmatch(text) for text in texts]
    if not all(found):
        raise damaged(number, "not three numbers")
    return [(int(f[1], 16), int(f[2], 16), int(f[3], 16)) for f in found if f]


def _hex(text: str, number: int) -> int:
    if not HEX.fullmatch(text):
        raise damaged(number, f"not a number: {text[:40]!r}")
    return int(text, 16)
