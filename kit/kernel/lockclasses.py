"""Names of lock classes as /proc/lock_stat has them: the words of lockdep's records in the guest's memory in, names
out. Pure.

struct lock_class (include/linux/lockdep.h, lockdep_types.h) differs by version and configuration, but its order does
not: `key`, then `subclass`, later `name`, with `name_version` behind it. `key` is the fifth word, or the ninth since
the lists of dependencies stand before it (5.1); since 6.4 two words stand between it and `subclass`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

KEYS = (4, 8)
CUT = 37  # characters of a name, less 2 for each suffix (seq_stats in kernel/locking/lockdep_proc.c)
SUBCLASSES = 8  # MAX_LOCKDEP_SUBCLASSES

Words = Sequence[int]


def names_of(classes: Mapping[int, Words], text: Callable[[int], str], inside: range) -> dict[int, str]:
    """Number of a class → its name, for those that have one. `text`: the string at an address, empty if there is none;
    `inside`: the addresses of all classes."""
    places = Counter(at for words in classes.values() for at, word in enumerate(words) if text(word))
    if not places:
        return {}
    at, _ = places.most_common(1)[0]
    key = KEYS[all(len(words) > KEYS[1] and words[KEYS[0]] in inside for words in classes.values())]
    return {number: _name(words, at, key, text) for number, words in classes.items() if text(words[at])}


def _name(words: Words, at: int, key: int, text: Callable[[int], str]) -> str:
    version = words[at + 1] & 0xFFFFFFFF if at + 1 < len(words) else 0
    subclass = next((n for place in (key + 1, key + 3) if 0 < (n := words[place] & 0xFFFFFFFF) < SUBCLASSES), 0)
    suffixes = [f"#{version}"] if version > 1 else []
    suffixes += [f"/{subclass}"] if subclass else []
    return text(words[at])[: CUT - 2 * len(suffixes)] + "".join(suffixes)
