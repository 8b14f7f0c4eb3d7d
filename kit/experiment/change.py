"""A change from the command line: `--tree`, `--range`, `--dirty`, `--patch` in; an experiment's tree and arms out.

The arms become `without` and `with` the change, or, with `--each`, one for each of its steps. Workloads, guests and
evidence of the experiment stay; `expect` and the `model` evidence are dropped, since they were for the experiment's own
arms.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from kit.base.errors import UserError
from kit.experiment import steps
from kit.kernel.git import Commit, Repository
from kit.kernel.gitpatch import split_maildir
from kit.kernel.tree import expand, split_git
from kit.kernel.wrapping import MOST_BYTES

BASELINE, CHANGED = "without", "with"
FROM = b"From maildir Mon Sep 17 00:00:00 2001\n"  # the line that starts a mail in an mbox


@dataclass(frozen=True)
class Change:
    """The options' values. `tree` as in an experiment; `range` is `BASE..HEAD`; `patches` are paths, or `-`; `each`:
    an arm for every step."""

    tree: str | None = None
    range: str | None = None
    dirty: bool = False
    patches: tuple[str, ...] = ()
    each: bool = False

    @property
    def is_one(self) -> bool:
        """Whether there is a change; else at most the tree is replaced."""
        return bool(self.range or self.dirty or self.patches)

    def options(self) -> dict[str, str]:
        """Experiment key → the options that replace it, as the user typed them."""
        tree = {} if self.tree is None else {"tree": f"--tree {self.tree}"}
        said = [f"--range {self.range}"] * bool(self.range) + ["--dirty"] * self.dirty
        said += [f"--patch {name}" for name in self.patches] + ["--each"] * self.each
        return tree | ({"arms": " ".join(said)} if said else {})


def changed(data: dict[str, Any], change: Change, inbox: Path) -> dict[str, Any]:
    """An experiment's mapping with the change's arms. `inbox`: a folder for patches from standard input.

    Raises UserError for a range, a work tree or a patch that does not exist or changes nothing.
    """
    if change.range and change.dirty:
        raise UserError("--range and --dirty exclude each other", hint="give one of them")
    if change.each and (change.dirty or bool(change.range) == bool(change.patches)):
        hint = "as in --each --range v6.1..HEAD, or --each --patch series.mbox"
        raise UserError("--each takes a range or patches", where="--each", hint=hint)
    if change.patches.count("-") > 1:
        raise UserError("standard input can be read only once", where="--patch -")
    out = dict(data)
    if change.tree is not None:
        out["tree"] = _from_here(change.tree)
    if not change.is_one:
        return out
    base, head = _trees(change)
    series = [_patch(name, inbox) for name in change.patches]
    others = _each(change, series, inbox) if change.each else {CHANGED: _arm(head, series)}
    out["arms"] = {BASELINE: _arm(base, []), **others}
    out["baseline"] = BASELINE
    if change.each:
        out["steps"] = True
    out.pop("expect", None)
    if isinstance(out.get("evidence"), list):
        out["evidence"] = [kind for kind in out["evidence"] if kind != "model"]
    return out


def _each(change: Change, series: list[str], inbox: Path) -> steps.Arms:
    if not change.range:
        return steps.of_patches(series, inbox)
    repository, where = _repository(change.tree), f"--range {change.range}"
    start, tip = _ends(change.range, repository)
    return steps.of_commits(repository, start.id, tip.id, where)


def _arm(tree: str | None, series: list[str]) -> dict[str, Any]:
    return {"series": series} if tree is None else {"tree": tree, "series": series}


def _trees(change: Change) -> tuple[str | None, str | None]:
    """The trees of the baseline and of the other arm; None: the experiment's tree."""
    if change.range:
        return _range(change.range, _repository(change.tree))
    if change.dirty:
        return _dirty(_repository(change.tree))
    return None, None


def _repository(tree: str | None) -> Repository:
    """The repository that --tree names, else that of the current folder."""
    if tree is None:
        return Repository.open(Path.cwd(), "here")
    scheme, _, rest = expand(tree, "--tree").partition(":")
    if scheme == "git":
        return split_git(rest, f"--tree {tree}")[0]
    if scheme == "dir":
        return Repository.open(Path(rest).expanduser(), f"--tree {tree}")
    raise UserError("not a git repository", where=f"--tree {tree}", hint="as in --tree git:/path/to/linux")


def _range(text: str, repository: Repository) -> tuple[str, str]:
    start, tip = _ends(text, repository)
    return f"git:{repository.root}@{start.id}", f"git:{repository.root}@{tip.id}"


def _ends(text: str, repository: Repository) -> tuple[Commit, Commit]:
    where = f"--range {text}"
    base, dots, head = text.partition("...") if "..." in text else text.partition("..")
    if not dots or not (base or head):
        raise UserError("not a range", where=where, hint="as in --range v6.1..HEAD")
    tip = repository.commit(head or "HEAD", where)
    began = repository.merge_base(repository.commit(base or "HEAD", where).id, tip.id)  # where the branch begins
    start = repository.commit(began)
    if start.tree == tip.tree:
        raise UserError("nothing differs between the two ends", where=where)
    return start, tip


def _dirty(repository: Repository) -> tuple[str, str]:
    where = f"--dirty, {repository.root}"
    if not (repository.root / ".git").exists():
        raise UserError("a bare repository has no work tree", where=where, hint="use --range")
    if not repository.dirty():
        raise UserError("the work tree has no changes", where=where, hint="--range BASE..HEAD compares commits")
    return f"git:{repository.root}@{repository.commit('HEAD').id}", f"dir:{repository.root}"


def _from_here(tree: str) -> str:
    """A tree with its path made absolute from the current folder, not from the experiment's."""
    scheme, colon, rest = expand(tree, "--tree").partition(":")
    if not colon:
        return tree  # no tree at all: the reader says so
    here = Path(rest).expanduser() if scheme != "debian" else Path("/")
    first = Path.cwd() / here
    there = first.exists() or (scheme == "git" and "@" in rest)
    return f"{scheme}{colon}{first}" if there and not here.is_absolute() else f"{scheme}{colon}{rest}"


def _patch(name: str, inbox: Path) -> str:
    if name != "-":
        path = Path(name).expanduser()
        if path.is_file():
            return str(path.resolve())
        if path.is_dir():
            if any((path / name).is_dir() for name in ("cur", "new")):
                return _from_maildir(path, inbox)
            hint = "name its patches, or its quilt `series` file"
            raise UserError("this is a folder", where=f"--patch {name}", hint=hint)
        if not path.is_fifo():
            raise UserError("no such patch", where=f"--patch {name}")
        with path.open("rb") as pipe:  # <(git diff)
            return _from_pipe(pipe, f"--patch {name}", inbox / f"pipe-{path.name}.mbox")
    return _from_pipe(sys.stdin.buffer, "--patch -", inbox / "stdin.mbox")


def _from_maildir(path: Path, inbox: Path) -> str:
    """The mails of a maildir, as an mbox."""
    mails = [mail.replace(b"\nFrom ", b"\n>From ") for mail in split_maildir(path)]
    if not mails:
        raise UserError("a maildir without mails", where=f"--patch {path}")
    out = inbox / f"{path.resolve().name}.mbox"
    out.write_bytes(b"".join(FROM * (not mail.startswith(b"From ")) + mail + b"\n" for mail in mails))
    return str(out)


def _from_pipe(pipe: BinaryIO, where: str, path: Path) -> str:
    """Writes what comes through a pipe to `path`; the path. Raises UserError if it is empty or too much."""
    data = pipe.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise UserError(f"the input is larger than {MOST_BYTES >> 20} MiB", where=where)
    if not data.strip():
        raise UserError("the input is empty", where=where, hint="for example: b4 am -o - ID | kit run … --patch -")
    path.write_bytes(data)
    return str(path)
