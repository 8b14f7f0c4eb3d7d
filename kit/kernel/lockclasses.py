"""Names of lock classes as /proc/lock_stat has them: the words of lockdep's records in the guest's memory in, names
out. Pure.

struct lock_class (include/linux/lockdep.h, lockdep_types.h) differs by version and configuration: `key`, then
`subclass`, later `name`, with `name_version` behind it. Where the lists of dependencies come first (not in 3.0, but in
6.1), `key` is not the fifth word but the ninth, and `name_version` stands before `name`; some kernels have two words
between `key` and `subclass`.
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
    lists_first = all(words[KEYS[0]] in inside for words in classes.values())
    version = at - 1 if lists_first else at + 1
    return {
        number: _name(text(words[at]), words[version] & 0xFFFFFFFF, words, KEYS[lists_first])
        for number, words in classes.items()
        if text(words[at])
    }


def _name(name: str, version: int, words: Words, key: int) -> str:
    subclass = next((n for place in (key + 1, key + 3) if 0 < (n := words[place] & 0xFFFFFFFF) < SUBCLASSES), 0)
    suffixes = [f"#{version}"] if version > 1 else []
    suffixes += [f"/{subclass}"] if subclass else []
    return name[: CUT - 2 * len(suffixes)] + "".join(suffixes)
