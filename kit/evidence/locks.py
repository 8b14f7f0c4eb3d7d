"""Lock classes: aliases in experiments, and their names in /proc/lock_stat by kernel version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.records import WindowResult

LOCKS: Mapping[str, tuple[str, ...]] = {
    "anon_vma": (
        "&anon_vma->rwsem",  # 3.8 (5a505085f043) and later
        "&anon_vma->mutex",  # 3.0 to 3.7 (2b575eb64f7a)
        "&(&anon_vma->lock)->rlock",  # 2.6.36 (012f18004da3) to 2.6.39
    ),
}
EVERY = "*"


def named(locks: Sequence[str]) -> tuple[str, ...]:
    """The locks that an experiment names, `*` left out."""
    return tuple(lock for lock in locks if lock != EVERY)


def classes(lock: str) -> tuple[str, ...]:
    """The class names of an alias; any other name is a class name itself."""
    return LOCKS.get(lock, (lock,))


def acquisitions(window: WindowResult, lock: str) -> int:
    """Acquisitions of a lock (alias or class) in a window, reads and writes together; 0 if lock_stat does not list it.
    """
    names = classes(lock)
    return sum(row.acquisitions for row in window.rows if row.name in names)


def acquired(window: WindowResult, locks: Sequence[str]) -> dict[str, int]:
    """Lock → its acquisitions in a window."""
    return {lock: acquisitions(window, lock) for lock in locks}


def by_class(window: WindowResult) -> dict[str, int]:
    """Class → its acquisitions in a window, reads and writes together."""
    out: dict[str, int] = {}
    for row in window.rows:
        out[row.name] = out.get(row.name, 0) + row.acquisitions
    return out
