"""The warnings of a kernel's build: logs of make in, the warnings of every object out. Standard library only.

An incremental build shows only the warnings of what it compiles. So the object folder keeps those of all objects: each
log replaces the warnings of the objects that it made.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

FILE = "warnings.json"  # in the object folder and beside a kernel; none: of an earlier kit
Known = dict[str, list[str]]
"""Object without its suffix, as `mm/rmap` → its warnings, as `mm/rmap.c: unused variable 'x' [-Wunused-variable]`."""

_MADE = re.compile(r"^  [A-Z][A-Z0-9_]* +(?:\[M\] +)?(\S+)\.o$")
_WARNING = re.compile(r"^(\S+?):(?:\d+:)*(?:\(\S+\):)? warning: (.+)$")
_FROM = re.compile(r"^(?:In file included from| +from) (\S+?):\d+")


def updated(known: Mapping[str, list[str]], log: str, src: Path) -> Known:
    """The warnings after a build with this log. `src`: the source folder as the compiler names it."""
    out = {stem: list(found) for stem, found in known.items()}
    source = ""  # the file that includes the header of the next warning
    for line in log.splitlines():
        if made := _MADE.match(line):
            out.pop(made[1], None)
        elif included := _FROM.match(line):
            source = included[1]
        elif warning := _WARNING.match(line):
            path = _relative(warning[1], src)
            stem = _relative(source, src) if source else path
            out.setdefault(stem.rpartition(".")[0] or stem, []).append(f"{path}: {warning[2]}")
            source = ""
    return out


def _relative(path: str, src: Path) -> str:
    return path.removeprefix(f"{src}/")


def new(before: Mapping[str, Iterable[str]], after: Mapping[str, Iterable[str]]) -> list[str]:
    """The warnings that came, each once: line numbers do not count, but how often a warning is given does."""
    old, now = (Counter(w for found in known.values() for w in found) for known in (before, after))
    return sorted(now - old)
