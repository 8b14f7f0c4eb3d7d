"""A line of commits from a good end to a bad one, from git or a series. All searches and proofs work on it.

Index 0 is the good end, the last index the bad end; commit i (from 1) turns the source at i - 1 into the one at i.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kit.kernel.tree import Tree


@dataclass(frozen=True)
class Commit:
    """One commit or patch, for reports. `sha`: the full id, "" for a patch; `merge`: it has several `parents` (only git
    commits have parents)."""

    name: str
    subject: str
    author: str = ""
    date: str = ""
    sha: str = ""
    links: tuple[str, ...] = ()
    merge: bool = False
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """The source at a place of the line: a tree, and the files that differ from it (path → content, None: deleted)."""

    tree: Tree
    changed: Mapping[str, bytes | None]

    def read(self, path: str) -> bytes | None:
        """A file's content, None if there is no such file."""
        return self.changed[path] if path in self.changed else self.tree.read(path)


class Line(Protocol):
    """What a git history and a series of patches have in common. `good` and `bad` are the ends' names for people."""

    @property
    def good(self) -> str:
        """The good end's name, as reports print it."""

    @property
    def bad(self) -> str:
        """The bad end's name."""

    @property
    def commits(self) -> Sequence[Commit]:
        """The commits in order; commits[i - 1] is commit i."""
        ...

    def place(self, index: int) -> str:
        """The unique name of the source at an index, the same on every line: a commit's id, or a number in a series."""
        ...

    def source(self, index: int) -> Source:
        """The source after the first `index` commits. Raises UserError."""
        ...

    def paths(self, index: int) -> tuple[str, ...]:
        """The files that commit `index` changes."""
        ...

    def changing(self, file: str) -> tuple[int, ...]:
        """The commits that change a file, as `paths` has it."""
        ...

    def inside(self, index: int) -> tuple[Line, ...]:
        """For a merge, a line from where each merged side forked off to its tip; empty for any other commit."""
        ...


def places(line: Line) -> dict[str, int]:
    """Place → index, for all places of a line, the good end included."""
    return {line.place(i): i for i in range(len(line.commits) + 1)}
