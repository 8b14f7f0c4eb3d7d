"""Kernel source: turns an experiment's reference (`debian:6.1`, `git:REPO@REV` …) into a `Tree`.

A tree in the cache is never changed. A user's own folder or repository is only read.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.kernel.content import Link, blob_id
from kit.kernel.debian import cached_debian, fetch_debian
from kit.kernel.git import Commit, Repository
from kit.kernel.tarball import cached_tarball, unpack_tarball
from kit.store.cache import Cache
from kit.store.files import read_json, write_json

BUILT = re.compile(
    r"(^|/)(\.git|\.tmp_[^/]*|include/(config|generated)|arch/[^/]+/include/generated)(/|$)"
    r"|^(vmlinux|vmlinux\.(o|map|symvers)|\.vmlinux\.(objs|export\.c)|System\.map)$"  # vmlinux.lds.[hS] are source
    r"|(^|/)(\.config(\.old)?|Module\.symvers|modules\.order|\.[^/]*\.cmd)$"
    r"|\.(o|a|ko|mod|mod\.c|o\.d)$"
)
"""Files that a build leaves in a tree. They are not copied: Kbuild refuses `O=` with a tree that has them."""

_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


@dataclass(frozen=True)
class Tree:
    """Kernel source.

    `key`: of its content; `workspace`: trees with one share an object folder; `root`: its folder, or its repository;
    `version`: from its Makefile; `files`: path → mode and blob id, only for a user's folder or repository, whose
    content may change between runs (a tree in the cache is known by its key); `about`: a commit's subject.
    """

    ref: str
    key: str
    workspace: str
    root: Path
    version: str
    files: dict[str, str] | None = field(default=None, compare=False)
    about: str = ""

    def read(self, path: str) -> bytes | None:
        """A file's content; None if there is no such file. Raises UserError if it cannot be read."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(self.root / path)) from error

    def entry(self, path: str) -> bytes | None:
        """As `read`, but does not follow a symbolic link: returns it as a Link."""
        place = self.root / path
        try:
            return Link(os.fsencode(os.readlink(place))) if place.is_symlink() else self.read(path)
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read: {getattr(error, 'strerror', error)}", where=str(place)) from error

    def blob(self, path: str) -> str:
        """The git blob id of a file's content; empty if there is no such file."""
        content = self.read(path)
        return blob_id(content) if content is not None else ""

    def put(self, paths: Sequence[str], target: Path) -> None:
        """Copies these files of the tree to below `target`."""
        for path in paths:
            copy_file(self.root / path, target / path)


@dataclass(frozen=True)
class GitTree(Tree):
    """A commit's tree, read from the repository's objects, never from a work tree; `root` is the repository."""

    def read(self, path: str) -> bytes | None:
        """As Tree.read; follows symbolic links inside the tree."""
        entry = (self.files or {}).get(path)
        if entry is None:
            return None
        kind, _, target = entry.partition(" ")
        if kind == "link":
            there = os.path.normpath(os.path.join(os.path.dirname(path), target))
            return None if there == path else self.read(there)
        return Repository(self.root).blob(entry[1:])

    def entry(self, path: str) -> bytes | None:
        """As Tree.entry."""
        kind, _, target = (self.files or {}).get(path, "").partition(" ")
        return Link(os.fsencode(target)) if kind == "link" else self.read(path)

    def put(self, paths: Sequence[str], target: Path) -> None:
        """As Tree.put, with one git process."""
        entries = [(target / p, (self.files or {})[p]) for p in paths]
        plain = [(place, entry) for place, entry in entries if not entry.startswith("link ")]
        for place, entry in entries:
            if entry.startswith("link "):
                _make_way(place)
                place.symlink_to(entry.removeprefix("link "))
        contents = Repository(self.root).contents([entry[1:] for _, entry in plain])
        for (place, entry), content in zip(plain, contents, strict=True):
            _make_way(place)
            place.write_bytes(content)
            place.chmod(0o755 if entry[0] == "x" else 0o644)


def copy_file(source: Path, target: Path) -> None:
    """Copies one file or symbolic link. Its time is that of the copy, so that make sees it as new."""
    _make_way(target)
    if source.is_symlink():
        target.symlink_to(os.readlink(source))
    else:
        shutil.copyfile(source, target)
        target.chmod(source.stat().st_mode & 0o777)


def _make_way(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)


def expand(ref: str, where: str = "") -> str:
    """A reference with environment variables (`$NAME`, `${NAME}`) replaced. Raises UserError for an unset one."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if not os.environ.get(name):
            hint = f"as in: export {name}=/path/to/linux"
            raise UserError(f"${name} is not set, which {ref} needs", where=where, hint=hint)
        return os.environ[name]

    return _VARIABLE.sub(value, ref)


def version_before_fetch(ref: str) -> str:
    """The kernel version of the tree that `ref` names, if it is known before the tree is fetched; empty if not."""
    scheme, _, rest = ref.partition(":")
    try:
        if scheme == "dir":
            return kernel_version(Path(rest), ref)
        if scheme == "git":
            repository, commit = split_git(rest)
            return version_of(repository.file(commit.tree, "Makefile") or b"", True, ref)
    except UserError:
        return ""
    return rest if scheme == "debian" else ""


def resolve_tree(ref: str, cache: Cache, progress: Progress) -> Tree:
    """The tree that `ref` (`debian:6.1`, `dir:PATH`, `git:REPO@REV`, `tarball:FILE`) names, downloaded or unpacked into
    the cache if needed.

    Raises UserError for a bad reference, MachineError if the tree cannot be fetched.
    """
    ref = expand(ref)
    scheme, _, rest = ref.partition(":")
    if scheme not in SOURCES or not rest:
        raise UserError(f"not a tree: {ref!r}", hint="a tree is " + " or ".join(f"{s}:…" for s in SOURCES))
    return SOURCES[scheme](rest, cache, progress)


def tree_before_fetch(ref: str, cache: Cache) -> Tree | None:
    """A tree from which single files can be read; None if that needs a download or unpacking.

    Raises UserError for a bad reference.
    """
    scheme, _, rest = expand(ref).partition(":")
    if scheme == "git":
        return _git(rest, cache, Progress())
    root = Path(rest).expanduser()
    if scheme == "debian":
        found = cached_debian(rest, cache)
        return Tree(ref, found[0], found[0], found[1], "") if found else None
    if scheme == "tarball":
        key, root = cached_tarball(root, cache)
        return Tree(ref, key, key, root, "") if (root / "Makefile").exists() else None
    return Tree(ref, "", "", root, kernel_version(root, ref))


def _debian(version: str, cache: Cache, progress: Progress) -> Tree:
    key, root = fetch_debian(version, cache, progress)
    cache.use("trees", key)
    if not (root / "Makefile").exists():  # another kit has just evicted it
        key, root = fetch_debian(version, cache, progress)
    return Tree(f"debian:{version}", key, key, root, kernel_version(root, f"debian:{version}"))


def _dir(name: str, cache: Cache, progress: Progress) -> Tree:
    try:
        root = Path(name).expanduser().resolve()
        found = root.is_dir()
    except (OSError, RuntimeError, ValueError):  # a name too long, an unknown ~user, a NUL
        found = False
    if not found:
        raise UserError("no such folder", where=f"dir:{name}", hint="give the path of a kernel source tree")
    version = kernel_version(root, f"dir:{name}")
    with progress.task(f"reading {root}"):
        files = _manifest(root, cache)
    text = "\n".join(f"{p} {b}" for p, b in sorted(files.items()))
    key = "dir-" + hashlib.sha256(text.encode()).hexdigest()[:24]
    return Tree(f"dir:{root}", key, f"dir-{root}", root, version, files)


def split_git(name: str, where: str = "") -> tuple[Repository, Commit]:
    """The repository and commit of `REPO@REV` (HEAD without `@`). A path may have an `@` too: the repository is the
    shortest path that is a folder. Raises UserError."""
    parts = name.split("@")
    paths = [("@".join(parts[:n]), "@".join(parts[n:]) or "HEAD") for n in range(1, len(parts) + 1)]
    found = next(((p, rev) for p, rev in paths if _is_folder(p)), None)
    where = where or f"git:{name}"
    if found is None:
        hint = "as in git:/path/to/linux@v6.1"
        raise UserError(f"no such folder: {paths[0][0]}", where=where, hint=hint)
    repository = Repository.open(Path(found[0]).expanduser(), where)
    return repository, repository.commit(found[1], where)


def _is_folder(name: str) -> bool:
    try:
        return Path(name).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):
        return False


def _git(name: str, cache: Cache, progress: Progress) -> Tree:
    repository, commit = split_git(name)
    with progress.task(f"reading {repository.root} at {commit.id[:12]}"):
        files = repository.files(commit.tree)
    makefile = _makefile(repository.root, files["Makefile"]) if "Makefile" in files else b""
    version = version_of(makefile, "Kbuild" in files, f"git:{name}")
    # The checkout as a `dir:` and all its revisions share one object folder: only files that differ are written.
    ref, key = f"git:{repository.root}@{commit.id}", f"git-{commit.tree}"
    return GitTree(ref, key, f"dir-{repository.root}", repository.root, version, files, commit.subject)


@functools.lru_cache(maxsize=64)  # few commits of a range change it
def _makefile(root: Path, entry: str) -> bytes:
    """The content of a Makefile, whose entry among a tree's files is given."""
    return b"" if entry.startswith("link ") else Repository(root).blob(entry[1:])


def _tarball(name: str, cache: Cache, progress: Progress) -> Tree:
    key, root = unpack_tarball(Path(name).expanduser(), cache, progress)
    return Tree(f"tarball:{name}", key, key, root, kernel_version(root, f"tarball:{name}"))


SOURCES: dict[str, Callable[[str, Cache, Progress], Tree]] = {
    "debian": _debian,
    "dir": _dir,
    "git": _git,
    "tarball": _tarball,
}


def kernel_version(root: Path, where: str) -> str:
    """The version in the tree's Makefile: VERSION.PATCHLEVEL.SUBLEVEL and EXTRAVERSION. Raises UserError if `root` is
    not a kernel tree; `where` is for that message."""
    try:
        makefile = (root / "Makefile").read_bytes()
    except OSError:
        makefile = b""
    return version_of(makefile, (root / "Kbuild").exists(), where)


def version_of(makefile: bytes, has_kbuild: bool, where: str) -> str:
    """As kernel_version, from the content of the Makefile."""
    head = makefile[:2000].decode("utf-8", "replace")
    pattern = r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)"
    values: dict[str, str] = dict(re.findall(pattern, head, re.MULTILINE))
    if "VERSION" not in values or not has_kbuild:
        raise UserError("not a kernel source tree: no Makefile with VERSION, or no Kbuild", where=where)
    dots = ".".join(values[k] for k in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if values.get(k))
    return dots + values.get("EXTRAVERSION", "")


def _manifest(root: Path, cache: Cache) -> dict[str, str]:
    """Path → mode and blob id of each source file. Files with unchanged size, time, inode and mode are not re-read."""
    memo_path = cache.folder("trees") / f"dir-{hashlib.sha256(str(root).encode()).hexdigest()[:16]}.json"
    kept = read_json(memo_path)
    memo: dict[str, list[object]] = kept if isinstance(kept, dict) else {}
    seen: dict[str, list[object]] = {}
    for path in _source_files(root):
        stat = os.lstat(root / path)
        stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino, stat.st_mode]
        old = memo.get(path)
        if old and old[:4] == stamp:
            seen[path] = old
        else:
            seen[path] = [*stamp, _blob_of(root / path)]
    if seen != memo:
        write_json(memo_path, seen)
    return {path: str(entry[4]) for path, entry in seen.items()}


def _blob_of(path: Path) -> str:
    if path.is_symlink():
        return "link " + os.readlink(path)
    mode = "x" if os.access(path, os.X_OK) else "-"
    try:
        return f"{mode}{blob_id(path.read_bytes())}"
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror}", where=str(path)) from error


def _source_files(root: Path) -> Iterator[str]:
    """In a checkout: tracked and untracked files, but not ignored ones. Elsewhere: all files that no build made."""
    if (root / ".git").exists() and shutil.which("git"):
        with suppress(UserError):  # git refuses the checkout
            names = Repository(root).listed()
            yield from (n for n in names if os.path.lexists(root / n) and not (root / n).is_dir())
            return
    yield from _walk(root, "")


def _walk(root: Path, below: str) -> Iterator[str]:
    with os.scandir(root / below) as entries:
        ordered = sorted(entries, key=lambda e: e.name)
    for entry in ordered:
        path = f"{below}/{entry.name}" if below else entry.name
        if BUILT.search(path):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, path)
        elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
            yield path
