"""Which lines of C source differ between two kernels to build: two BuildInputs in; path → line numbers out.

git tells them (`git diff`), as in the patches that people read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kit.base.errors import MachineError
from kit.kernel.build import BuildInput
from kit.kernel.content import Link, content_id
from kit.kernel.gitpatch import call, folder
from kit.kernel.hunks import scan

SUFFIXES = (".c", ".h")
MOST_FILES = 200  # that differ; more is another kernel, not a change of this one


@dataclass(frozen=True)
class ChangedSource:
    """`added`: path → lines (from 1) that the new source adds or changes; `removed`: how many lines it takes away, old
    versions of changed ones among them; `why`: why nothing can be told, else empty."""

    added: dict[str, frozenset[int]]
    removed: int = 0
    why: str = ""


def changed_lines(old: BuildInput, new: BuildInput) -> ChangedSource:
    """The lines of C that differ. Raises MachineError if git fails."""
    paths = _paths(old, new)
    if paths is None:
        return ChangedSource({}, 0, "the arms have trees of their own, which are not compared line by line")
    paths = [path for path in paths if path.endswith(SUFFIXES)]
    if len(paths) > MOST_FILES:
        return ChangedSource({}, 0, f"{len(paths)} files of C differ, more than {MOST_FILES}")
    added: dict[str, frozenset[int]] = {}
    removed = 0
    for path in paths:
        lines, gone = diff(_content(old, path), _content(new, path))
        removed += gone
        if lines:
            added[path] = lines
    return ChangedSource(added, removed)


def diff(before: bytes, after: bytes) -> tuple[frozenset[int], int]:
    """The lines (from 1) of `after` that are not in `before`, and how many of `before` are not in `after`. Raises
    MachineError if git fails."""
    with folder() as place:
        (place / "old").write_bytes(before)
        (place / "new").write_bytes(after)
        said = call(["diff", "--no-index", "--no-color", "--no-ext-diff", "--text", "-U0", "old", "new"], place)
    if said.status not in (0, 1):
        raise MachineError(f"git diff failed: {said.err.strip()}")
    hunks = [hunk for section in scan(said.out).sections for hunk in section.hunks]
    lines = frozenset(n for h in hunks for n in range(h.new_start, h.new_start + len(h.new)))
    return lines, sum(len(h.old) for h in hunks)


def _paths(old: BuildInput, new: BuildInput) -> list[str] | None:
    """The paths whose content differs; None if the trees have no lists of files to compare."""
    candidates = {*old.changed, *new.changed}
    if old.tree.key != new.tree.key:
        if old.tree.files is None or new.tree.files is None:
            return None
        candidates |= set(_unlike(old.tree.files, new.tree.files))
    return sorted(p for p in candidates if content_id(_entry(old, p)) != content_id(_entry(new, p)))


def _unlike(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    return (path for path in {*old, *new} if old.get(path) != new.get(path))


def _entry(job: BuildInput, path: str) -> bytes | None:
    return job.changed[path] if path in job.changed else job.tree.entry(path)


def _content(job: BuildInput, path: str) -> bytes:
    content = _entry(job, path)
    return b"" if content is None or isinstance(content, Link) else content
