"""`--each`: the patches of a series, or the commits of a range, as arms, each with those before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.base.errors import UserError
from kit.kernel.git import Repository
from kit.kernel.patch import read_file, read_patches
from kit.kernel.quilt import Entry, is_series, read_series

MOST = 200  # steps
NAME = 40  # characters of an arm's name, at most
Arms = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class _Step:
    """A patch: its item in the series of an arm, and its subject."""

    item: dict[str, Any]
    subject: str


def of_patches(paths: Sequence[str], inbox: Path) -> Arms:
    """An arm for each patch of these files (patches, mboxes, quilt series), with all patches before it. A patch of an
    mbox becomes a file of its own in `inbox`. Raises UserError with file and line."""
    steps = [step for path in paths for step in _steps(Path(path), inbox)]
    _refuse_few(len(steps), "patch", f"--patch {paths[0]}")
    items = [step.item for step in steps]
    return {_name(n, step.subject): {"series": items[:n]} for n, step in enumerate(steps, 1)}


def _steps(path: Path, inbox: Path) -> Iterator[_Step]:
    for entry in read_series(path) if is_series(path) else [Entry(path)]:
        found = list(read_patches(str(entry.path), read_file(str(entry.path))))
        for number, (mail, patch) in enumerate(reversed(found) if entry.reverse else found, 1):
            file = entry.path.resolve()
            if len(found) > 1:
                file = inbox / f"{len(list(inbox.iterdir())):04d}-{entry.path.stem}-{number}.patch"
                file.write_bytes(mail.whole or mail.data)
            subject = patch.subject or entry.path.stem
            item = {"patch": str(file), "reverse": entry.reverse, "strip": entry.strip}
            yield _Step(item, f"revert-{subject}" if entry.reverse else subject)


def of_commits(repository: Repository, base: str, head: str, where: str) -> Arms:
    """An arm for each commit of `base..head` along first parents. Raises UserError."""
    commits = repository.commits(base, head)
    _refuse_few(len(commits), "commit", where)
    return {
        _name(n, commit.subject): {"tree": f"git:{repository.root}@{commit.id}", "series": []}
        for n, commit in enumerate(commits, 1)
    }


def _refuse_few(count: int, what: str, where: str) -> None:
    if count < 2:
        raise UserError(f"--each wants a series, and here is one {what}", where=where, hint="leave --each out")
    if count > MOST:
        hint = "name a part of them, or use `kit bisect`"
        raise UserError(f"--each takes {MOST} at most, not {count}", where=where, hint=hint)


def _name(number: int, subject: str) -> str:
    """`03-mm-rmap-batch`, as git format-patch names files."""
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", subject).strip("-")
    return f"{number:02d}-{slug}"[:NAME].rstrip("-")
