"""Reads a git repository: commits, file lists, contents and diffs.

It never writes to the user's repository: no index, work tree, ref or object. Contents are raw blobs: no filter,
line-end conversion or attribute is applied. A repository may be a stranger's: none of the programs that its own
configuration and attributes name is run (fsmonitor, hooks, filters, textconv, diff drivers, gpg, transports).
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import MachineError, UserError

LIMIT = 120.0  # seconds for one git command
READ_LIMIT = 900.0  # seconds to read the contents of a whole tree
ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",  # `git diff` and `git status` leave the index as it is
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone is not filled (git 2.45)
    "GIT_ALLOW_PROTOCOL": "",  # nor by an earlier git: no transport is allowed
    "GIT_NO_REPLACE_OBJECTS": "1",  # refs/replace must not swap an object's content
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_PREFIX")
"""Variables that git sets inside a hook: they would redirect git away from the repository that the user named."""
PASSIVE = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "diff.noprefix=false", "diff.mnemonicPrefix=false")
"""Configuration for every command: no hook and no monitor of the file system; patches with the usual a/ and b/."""
_FILTER = re.compile(r"(filter\..+)\.(clean|smudge|process|required)")
_OPENED: dict[Path, Path] = {}
"""Folder → top of its repository: a bisection opens the same one at each step."""
_SHOWN: dict[tuple[Path, str], Commit] = {}
"""Repository and full id → the commit, which never changes."""
_FULL = re.compile("[0-9a-f]{40}")
PARTIAL = "a partial clone? `git fetch --refetch` fills it"
_SHOW = ("log", "-1", "--no-show-signature", "--format=%H%n%T%n%P%n%s")
_EXECUTABLE, _LINK, _SUBMODULE = "100755", "120000", "160000"


@dataclass(frozen=True)
class Commit:
    """One commit: its id, its tree's id, its first parent's id (empty for a root), and its subject."""

    id: str
    tree: str
    parent: str
    subject: str


class Repository:
    """`root` is the top of a work tree, or the folder of a bare repository."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, place: Path, where: str = "") -> Repository:
        """The repository that contains a folder. Raises UserError if there is none or git refuses it, MachineError if
        git is not installed."""
        if shutil.which("git") is None:
            raise MachineError("git is not installed", where=where, hint="install git")
        if not place.is_dir():
            raise UserError(f"no such folder: {place}", where=where, hint="give the path of a git repository")
        here = cls(place.resolve())
        if (known := _OPENED.get(here.root)) is not None:
            return cls(known)
        done = here._run(["rev-parse", "--show-toplevel"])
        if done.returncode:  # a bare one has no work tree
            done = here._run(["rev-parse", "--absolute-git-dir"])
        if done.returncode:
            raise UserError(f"not a git repository: {_said(done)}", where=where or str(place))
        root = _OPENED[here.root] = Path(os.fsdecode(done.stdout.rstrip(b"\n")))
        return cls(root)

    def _argv(self, arguments: Iterable[str]) -> list[str]:
        settings = (word for setting in (*PASSIVE, "core.quotePath=true") for word in ("-c", setting))
        return ["git", "-C", str(self.root), *settings, *arguments]

    def _run(
        self, arguments: Iterable[str], settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        argv = self._argv(arguments := tuple(arguments))
        env = environment(settings or {})
        try:
            return subprocess.run(argv, capture_output=True, env=env, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            raise MachineError(f"git did not end within {LIMIT:.0f} s: {' '.join(arguments)}") from None

    def ask(self, *arguments: str, settings: Mapping[str, str] | None = None) -> bytes:
        """The output of a git command, under more configuration. Raises UserError with git's message if it fails."""
        done = self._run(arguments, settings)
        if done.returncode:
            raise UserError(f"git {arguments[0]}: {_said(done)}", where=str(self.root))
        return done.stdout

    def commit(self, revision: str, where: str = "") -> Commit:
        """The commit that a revision names. Raises UserError, with the nearest branches and tags, if there is none."""
        where = where or f"git:{self.root}@{revision}"
        if (known := _SHOWN.get((self.root, revision))) is not None:
            return known
        if _FULL.fullmatch(revision) and (known := self._shown(revision)) is not None:
            return _SHOWN.setdefault((self.root, revision), known)
        done = self._run(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
        if done.returncode:
            raise UserError(f"no such revision: {revision}", where=where, hint=self._hint(revision))
        return self._commit(done.stdout.decode().strip())

    def _commit(self, name: str) -> Commit:
        return _parsed(self.ask(*_SHOW, name))

    def _shown(self, name: str) -> Commit | None:
        """The commit of a full id; None where that is no commit here."""
        done = self._run([*_SHOW, name])
        return _parsed(done.stdout) if done.returncode == 0 and done.stdout else None  # nothing is said of a tree

    def _hint(self, revision: str) -> str:
        refs = self.ask("for-each-ref", "--format=%(refname:short)", "--count=5000").decode(errors="replace").split()
        near = difflib.get_close_matches(revision, refs, 3)
        if near:
            return f"nearest: {', '.join(near)}"
        shallow = self.ask("rev-parse", "--is-shallow-repository").strip() == b"true"
        return "this clone is shallow: `git fetch --unshallow` gets its history" if shallow else ""

    def merge_base(self, one: str, other: str) -> str:
        """The full id of the best common ancestor of two commits. Raises UserError if they have none."""
        done = self._run(["merge-base", "--end-of-options", one, other])
        if done.returncode:
            raise UserError(f"{one} and {other} have no common commit", where=str(self.root))
        return done.stdout.decode().split()[0]

    def commits(self, base: str, head: str) -> list[Commit]:
        """The commits of `base..head` along first parents, oldest first."""
        names = self.ask("rev-list", "--first-parent", "--reverse", "--end-of-options", f"{base}..{head}").decode()
        return [self._commit(name) for name in names.split()]

    def files(self, tree: str) -> dict[str, str]:
        """Every file of a tree: path → `x` (executable) or `-` and the blob id, or `link TARGET`. The format is that of
        a user folder's manifest (kit.kernel.tree), so that both can share an object folder. Omits submodules."""
        out: dict[str, str] = {}
        links: dict[str, str] = {}
        for entry in self.ask("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0"):
            head, _, name = entry.partition(b"\t")
            if not head:
                continue
            mode, _, blob = head.decode().split(" ")
            path = os.fsdecode(name)
            if mode == _LINK:
                links[path] = blob
            elif mode != _SUBMODULE:
                out[path] = ("x" if mode == _EXECUTABLE else "-") + blob
        for path, target in zip(links, self.contents(links.values()), strict=True):
            out[path] = "link " + os.fsdecode(target)
        return out

    def file(self, tree: str, path: str) -> bytes | None:
        """The content of one file of a tree or commit; None if there is no such file."""
        done = self._run(["cat-file", "blob", f"{tree}:{path}"])
        return None if done.returncode else done.stdout

    def blob(self, name: str) -> bytes:
        """The content of one blob. Raises MachineError for a missing one."""
        done = self._run(["cat-file", "blob", name])
        if done.returncode:
            raise self._unread(name, PARTIAL)
        return done.stdout

    def _unread(self, blob: str, hint: str) -> MachineError:
        return MachineError(f"blob {blob} cannot be read", where=str(self.root), hint=hint)

    def contents(self, blobs: Iterable[str]) -> Iterator[bytes]:
        """The contents of blobs in the given order, from one git process. Raises MachineError for a missing blob."""
        if not (blobs := list(blobs)):
            return
        with self._batch() as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for blob in blobs:
                with suppress(OSError):  # git was killed: the check below reports the missing answer
                    process.stdin.write(blob.encode() + b"\n")
                    process.stdin.flush()
                head = process.stdout.readline().split()
                if len(head) != 3:
                    raise self._unread(blob, PARTIAL if head else "git stopped or was too slow")
                content = process.stdout.read(int(head[2]) + 1)
                yield content[:-1]

    @contextmanager
    def _batch(self) -> Iterator[subprocess.Popen[bytes]]:
        argv = ["setpriv", "--pdeathsig", "TERM", *self._argv(["cat-file", "--batch"])]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        watchdog = threading.Timer(READ_LIMIT, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(OSError):  # closing flushes what git no longer reads
                        pipe.close()

    def diff(self, old: str, new: str, paths: Iterable[str] = ()) -> bytes:
        """The patch between two commits or trees, without rename detection, with full blob ids."""
        options = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--full-index")
        return self.ask("diff", *options, old, new, "--", *paths)

    def dirty(self) -> list[str]:
        """The paths where the work tree differs from HEAD, including untracked files."""
        argv = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        shown = self.ask(*argv, settings=self._unfiltered())
        return sorted(os.fsdecode(entry[3:]) for entry in shown.split(b"\0") if entry)

    def described(self) -> str:
        """HEAD's full id, with `-dirty` if tracked files of the work tree differ from it."""
        argv = ("describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
        return self.ask(*argv, settings=self._unfiltered()).decode().strip()

    def listed(self) -> list[str]:
        """The paths of tracked and untracked files, without ignored ones."""
        shown = self.ask("ls-files", "-z", "-c", "-o", "--exclude-standard")
        return sorted({os.fsdecode(name) for name in shown.split(b"\0") if name})

    def _unfiltered(self) -> dict[str, str]:
        """Configuration that switches off the filters that this repository's own configuration defines: git would run
        them to compare the work tree."""
        done = self._run(["config", "--show-scope", "-z", "--name-only", "--get-regexp", r"^filter\."])
        scopes = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        own = [n for scope, n in zip(scopes[::2], scopes[1::2], strict=False) if scope in ("local", "worktree")]
        names = dict.fromkeys(found[1] for name in own if (found := _FILTER.fullmatch(name)))
        off = {"clean": "", "smudge": "", "process": "", "required": "false"}
        return {f"{name}.{key}": value for name in names for key, value in off.items()}


def _parsed(shown: bytes) -> Commit:
    lines = shown.decode("utf-8", "replace").split("\n")
    return Commit(lines[0], lines[1], lines[2].split(" ")[0], lines[3])


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for git: this process's, without the variables in ELSEWHERE, with those in ENVIRONMENT, and with
    this configuration (git 2.31; unlike `-c`, its names may hold any sign)."""
    out = {**{k: v for k, v in os.environ.items() if k not in ELSEWHERE}, **ENVIRONMENT}
    first = int(out.get("GIT_CONFIG_COUNT") or 0)
    for number, (name, value) in enumerate((settings or {}).items(), first):
        out |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return out | ({"GIT_CONFIG_COUNT": str(first + len(settings))} if settings else {})


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = [x.strip() for x in done.stderr.decode("utf-8", "replace").splitlines() if x.strip()]
    return "; ".join(x.removeprefix("fatal: ") for x in lines[:3]) or f"it ended with status {done.returncode}"
