"""A git history as a line of commits: two revisions in, the commits along first parents out. Only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.base.errors import UserError
from kit.bisection.line import Commit, Line, Source
from kit.kernel.git import Repository
from kit.kernel.tree import Tree

SHORT = 12  # hex digits, as in the kernel's Fixes: lines
FIELDS = ("%H", "%P", "%s", "%an <%ae>", "%ad", "%(trailers:key=Link,valueonly,separator=%x0a)")
GetTree = Callable[[str], Tree]  # a commit's full id → its tree


@dataclass(frozen=True)
class History:
    """The commits from `base` (excluded) to `tip` along first parents; `base` is the first parent of the oldest."""

    repository: Repository
    get_tree: GetTree = field(repr=False)
    base: str
    tip: str
    commits: Sequence[Commit]

    @property
    def good(self) -> str:
        """The short id of the good end."""
        return self.base[:SHORT]

    @property
    def bad(self) -> str:
        """The short id of the bad end."""
        return self.tip[:SHORT]

    def place(self, index: int) -> str:
        """A commit's full id."""
        return self.commits[index - 1].sha if index else self.base

    def source(self, index: int) -> Source:
        """The source at a place of the line; 0 is the good end."""
        return Source(self.get_tree(self.place(index)), {})

    def paths(self, index: int) -> tuple[str, ...]:
        """The paths that differ between a place and the one before it."""
        argv = ("diff-tree", "-r", "-z", "--name-only", "--no-renames")
        names = self.repository.ask(*argv, self.place(index - 1), self.place(index))
        return tuple(names.decode("utf-8", "surrogateescape").split("\0")[:-1])

    def changing(self, file: str) -> tuple[int, ...]:
        """The commits that change a file, by one git process for all."""
        argv = ("rev-list", "--first-parent", self.tip, f"^{self.base}", "--", f":(top,literal){file}")
        found = set(self.repository.ask(*argv).decode().split())
        return tuple(index for index, commit in enumerate(self.commits, start=1) if commit.sha in found)

    def renames(self, index: int, later: str) -> dict[str, str]:
        """Old path → new path of the files renamed between a commit of the line and a later one."""
        argv = ("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status")
        shown = self.repository.ask(*argv, self.place(index), later)
        parts = shown.decode("utf-8", "surrogateescape").split("\0")
        return dict(zip(parts[1::3], parts[2::3], strict=False))

    def inside(self, index: int) -> tuple[Line, ...]:
        """A line for each merged side that has commits of its own; none for a side with a root commit of its own, which
        has no good end."""
        first, *others = self.commits[index - 1].parents
        sides = [t for t in others if self.repository.ask("rev-list", "-n", "1", t, f"^{first}").strip()]
        lines = (_line(self.repository, self.get_tree, first, tip) for tip in sides)
        return tuple(line for line in lines if line is not None)


def read_history(path: Path, good: str, bad: str, get_tree: GetTree) -> tuple[History, tuple[str, ...]]:
    """The line between two revisions, and remarks on it.

    If the good revision is not on the line of first parents, the line starts where that line meets its history. Raises
    UserError if there is no line between them.
    """
    repository = Repository.open(path)
    start, tip = repository.commit(good).id, repository.commit(bad).id
    if start == tip:
        raise UserError(f"good and bad are the same commit, {tip[:SHORT]}", where=str(path))
    base = repository.merge_base(start, tip)
    if base == tip:
        hint = "to find the commit that made it better, swap them and set `direction: more is better`"
        raise UserError(f"the bad revision {bad} is an ancestor of the good one, {good}", where=str(path), hint=hint)
    line = _line(repository, get_tree, base, tip)
    if line is None:
        raise UserError(f"{tip[:SHORT]} has a root of its own", where=str(repository.root))
    notes = []
    if base != start:
        notes.append(f"{good} is no ancestor of {bad}: the line starts at their merge base, {base[:SHORT]}")
    if line.base != base:
        notes.append(f"{base[:SHORT]} came in by a merge: the line of first parents starts at {line.base[:SHORT]}")
    return line, tuple(notes)


def _line(repository: Repository, get_tree: GetTree, known: str, tip: str) -> History | None:
    """The commits on the line of first parents of `tip` that `known` does not contain; None if the first of them has no
    parent."""
    commits = tuple(_log(repository, tip, f"^{known}"))
    parents = commits[0].parents
    return History(repository, get_tree, parents[0], tip, commits) if parents else None


def _log(repository: Repository, *revisions: str) -> Iterator[Commit]:
    """The commits along first parents, oldest first."""
    form = "--format=" + "%x00".join(FIELDS)
    argv = ("log", "--first-parent", "--reverse", "-z", "--no-show-signature", "--date=iso-strict", form, *revisions)
    flat = repository.ask(*argv).decode("utf-8", "replace").split("\0")
    for at in range(0, len(flat) - len(FIELDS) + 1, len(FIELDS)):
        sha, parents, subject, author, date, links = (text.strip("\n") for text in flat[at : at + len(FIELDS)])
        above = tuple(parents.split())
        links_ = tuple(x for x in links.splitlines() if x)
        yield Commit(sha[:SHORT], subject, author, date, sha, links_, len(above) > 1, above)
