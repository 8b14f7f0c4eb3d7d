"""Reads /proc/PID/smaps: one VMA for each entry. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kit.model.errors import ModelError

_FIELD = re.compile(r"\w+:|\s*$")
_HEAD = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([-rwxsp]{4}) \S+ \S+ \d+ *(.*)")


@dataclass(frozen=True)
class SmapsVma:
    """One VMA. Addresses are in bytes, `anonymous` is in KiB."""

    start: int
    end: int
    perms: str
    anonymous: int
    name: str


def parse_smaps(text: str) -> tuple[SmapsVma, ...]:
    """Every VMA in the kernel's order (fs/proc/task_mmu.c, show_smap).

    Raises ModelError with the line if the text is not smaps, lacks Anonymous, or is of several processes.
    """
    out: list[SmapsVma] = []
    head: re.Match[str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEAD.fullmatch(line):
            _check_head(match, head, out, number)
            head = match
        elif found := re.fullmatch(r"Anonymous: +([0-9]{1,18}) kB", line):
            if head is None:
                raise ModelError(f"line {number}: Anonymous without a VMA")
            start, end = int(head[1], 16), int(head[2], 16)
            out.append(SmapsVma(start, end, head[3], int(found[1]), head[4]))
            head = None
        elif not _FIELD.match(line):
            raise ModelError(f"line {number}: not a line of /proc/PID/smaps: {line[:40]!r}")
    if head is not None or not out:
        raise ModelError("this is not a whole /proc/PID/smaps")
    return tuple(out)


def _check_head(match: re.Match[str], open_: re.Match[str] | None, before: list[SmapsVma], number: int) -> None:
    if match[4] == "[rollup]":
        raise ModelError(f"line {number}: this is smaps_rollup, the sum of all VMAs: give /proc/PID/smaps")
    if open_ is not None and not before and number == 2:
        raise ModelError("line 2: this is /proc/PID/maps, which does not say what is anonymous: give /proc/PID/smaps")
    if open_ is not None:
        raise ModelError(f"line {number}: the VMA before this one has no line Anonymous (2.6.37 and later do)")
    if before and int(match[1], 16) < before[-1].end:
        raise ModelError(f"line {number}: this VMA begins before the last one ends: more than one process's smaps?")
