"""The memory that a process and all its descendants have, by /proc (proc(5): task/TID/children, since Linux 3.5)."""

from __future__ import annotations

import os
from collections.abc import Iterator

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pid: int) -> int:
    """Bytes in memory. Pages that several of them share count for each. 0 for a process that is gone."""
    return sum(_own(one) for one in family(pid))


def family(pid: int) -> Iterator[int]:
    """A process and its descendants; only itself where the kernel has no CONFIG_PROC_CHILDREN."""
    todo = [pid]
    while todo:
        one = todo.pop()
        yield one
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                todo += map(int, _read(f"/proc/{one}/task/{task}/children").split())
        except OSError:  # it has ended meanwhile
            continue


def _own(pid: int) -> int:
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
