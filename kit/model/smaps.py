"""Reads /proc/PID/smaps. In: its text; out: a VMA each, as the model takes a layout. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.model.errors import ModelError

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ([-rwxsp]{4}) \S+ \S+ \d+ *(.*)")


@dataclass(frozen=True)
class SmapsVma:
    """One VMA: addresses in bytes, `anonymous` in KiB."""

    start: int
    end: int
    perms: str
    anonymous: int
    name: str


def parse_smaps(text: str) -> tuple[SmapsVma, ...]:
    """Every VMA in the kernel's order. ModelError with the line for text that is not smaps, or has no Anonymous."""
    out: list[SmapsVma] = []
    head: re.Match[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEAD.fullmatch(line):
            if head is not None:
                raise ModelError(f"line {number}: the VMA before this one has no line Anonymous (2.6.37 and later do)")
            head = match
        elif found := re.fullmatch(r"Anonymous: +(\d+) kB", line):
            if head is None:
                raise ModelError(f"line {number}: Anonymous without a VMA")
            start, end = int(head[1], 16), int(head[2], 16)
            out.append(SmapsVma(start, end, head[3], int(found[1]), head[4]))
            head = None
    if head is not None or not out:
        raise ModelError("this is not a whole /proc/PID/smaps")
    return tuple(out)
