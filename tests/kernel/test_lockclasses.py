"""Names of lock classes from the words of their records."""

from __future__ import annotations

import pytest

from kit.kernel.lockclasses import names_of

INSIDE = range(0x1000, 0x9000)
TEXTS = {0xA0: "&anon_vma->rwsem", 0xB0: "&mm->mmap_lock", 0xC0: "a_name_of_more_than_thirty-seven_characters"}


def record(name: int, version: int = 1, subclass: int = 0, *, shape: str = "6.1") -> tuple[int, ...]:
    """The words of struct lock_class: of 3.0, of 6.1, or with two words more, as Debian's 6.1 has them."""
    lists, key = (0x1010, 0x1010, 0x2020, 0x2020), 0xF000
    if shape == "3.0":
        return (*lists, key, subclass | 3 << 32, 0, 0, 0, name, version, 0xBAD)
    between = (0, 0) if shape == "more" else ()
    after = (0x1020, 0x1020, 0x1030, 0x1030)
    return (*lists, *after, key, *between, subclass | 3 << 32, 0, 0, version | 2 << 32, name, 0x20302)


@pytest.mark.parametrize("shape", ["3.0", "6.1", "more"])
def test_names_have_their_version_and_subclass(shape: str) -> None:
    classes = {
        3: record(0xA0, shape=shape),
        5: record(0xB0, 1, 1, shape=shape),
        6: record(0xB0, 3, shape=shape),
        7: record(0xC0, 2, 5, shape=shape),
    }
    assert names_of(classes, lambda at: TEXTS.get(at, ""), INSIDE) == {
        3: "&anon_vma->rwsem",
        5: "&mm->mmap_lock/1",
        6: "&mm->mmap_lock#3",
        7: f"{TEXTS[0xC0][:33]}#2/5",
    }


def test_a_class_without_a_name_has_none() -> None:
    assert names_of({1: record(0xA0), 2: record(0xDEAD)}, lambda at: TEXTS.get(at, ""), INSIDE) == {1: TEXTS[0xA0]}
    assert names_of({2: record(0xDEAD)}, lambda at: TEXTS.get(at, ""), INSIDE) == {}
    assert names_of({}, lambda at: "", INSIDE) == {}
