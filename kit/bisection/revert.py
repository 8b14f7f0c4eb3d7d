"""Reverting the culprit on the bad end by a three-way merge of each file, as `git revert` does. The user's repository
is only read."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from kit.base import commands
from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.bisection.history import History
from kit.bisection.line import Line, Source

LIMIT = 60.0  # seconds for one file
CONFLICTS_MOST = 127  # up to here git merge-file's status is the number of conflicts; beyond, it is an error


def reverted(line: Line, culprit: int, whole: Line, progress: Progress) -> Source:
    """The bad end of the `whole` line without commit `culprit` of `line`, which may be a side of one of its merges.

    Raises UserError if later commits changed the same lines.
    """
    last = len(whole.commits)
    before, after, bad = line.source(culprit - 1), line.source(culprit), whole.source(last)
    moved: Mapping[str, str] = line.renames(culprit, whole.place(last)) if isinstance(line, History) else {}
    changed = dict(bad.changed)
    for path in line.paths(culprit):
        now = moved.get(path, path)
        changed[now] = _without(now, before.read(path), after.read(path), bad.read(now), progress)
    return Source(bad.tree, changed)


def _without(
    path: str, before: bytes | None, after: bytes | None, now: bytes | None, progress: Progress
) -> bytes | None:
    """`now` with the change from `before` to `after` undone. Raises UserError if that conflicts."""
    if now == after:
        return before
    if now == before:
        return now
    if before is None or after is None or now is None:
        raise UserError("made, removed or renamed since", where=path)
    with tempfile.TemporaryDirectory(prefix="kit-revert-") as folder:
        files = [Path(folder, name) for name in ("now", "culprit", "before")]
        for file, content in zip(files, (now, after, before), strict=True):
            file.write_bytes(content)
        argv = ["git", "merge-file", "--quiet", *map(str, files)]
        done = commands.run(argv, progress=progress, limit=LIMIT, cwd=Path(folder))
        if done.status == 0:
            return files[0].read_bytes()
    if 0 < done.status <= CONFLICTS_MOST:
        raise UserError("later commits changed the same lines", where=path)
    raise UserError(f"git merge-file: {done.output.strip() or done.status}", where=path)
