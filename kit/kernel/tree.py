"""Kernel source: a reference as an experiment names it in, a `Tree` (content key and folder) out.

A tree in the cache is never changed. A user's own folder is only read.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kit.errors import UserError
from kit.kernel.debian import fetch_debian
from kit.kernel.patch import blob_id
from kit.progress import Progress
from kit.store import Cache, read_json, write_json

BUILT = re.compile(
    r"(^|/)(\.git|\.tmp_[^/]*|include/(config|generated)|arch/[^/]+/include/generated)(/|$)"
    r"|^(vmlinux|vmlinux\.(o|map|symvers)|\.vmlinux\.(objs|export\.c)|System\.map)$"  # vmlinux.lds.[hS] are source
    r"|(^|/)(\.config(\.old)?|Module\.symvers|modules\.order|\.[^/]*\.cmd)$"
    r"|\.(o|a|ko|mod|mod\.c|o\.d)$"
)
"""What a build leaves in a tree. Kbuild refuses `O=` on such a tree, so it is not copied."""


@dataclass(frozen=True)
class Tree:
    """Kernel source that can be read. `files` (path → blob id) only for a folder of the user's, whose content may
    change between runs; a tree of the cache is known by its key alone."""

    ref: str
    key: str
    workspace: str
    root: Path
    version: str
    files: dict[str, str] | None = field(default=None, compare=False)

    def read(self, path: str) -> bytes | None:
        """A file's content, None if there is no such file. Raises UserError where it cannot be read."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(self.root / path)) from error

    def blob(self, path: str) -> str:
        content = self.read(path)
        return blob_id(content) if content is not None else ""


def resolve_tree(ref: str, cache: Cache, progress: Progress) -> Tree:
    """Gets the tree that `ref` (`debian:6.1`, `dir:PATH`) names, downloading it into the cache if need be.

    Raises UserError for a reference that cannot be, MachineError when it cannot be fetched.
    """
    scheme, _, rest = ref.partition(":")
    if scheme not in SOURCES or not rest:
        raise UserError(f"not a tree: {ref!r}", hint="a tree is " + " or ".join(f"{s}:…" for s in SOURCES))
    return SOURCES[scheme](rest, cache, progress)


def _debian(version: str, cache: Cache, progress: Progress) -> Tree:
    key, root = fetch_debian(version, cache, progress)
    cache.use("trees", key)
    if not (root / "Makefile").exists():  # another kit has cleaned it away just now
        key, root = fetch_debian(version, cache, progress)
    return Tree(f"debian:{version}", key, key, root, kernel_version(root, f"debian:{version}"))


def _dir(name: str, cache: Cache, progress: Progress) -> Tree:
    try:
        root = Path(name).expanduser().resolve()
        found = root.is_dir()
    except (OSError, RuntimeError, ValueError):  # too long, ~somebody who is not, a NUL
        found = False
    if not found:
        raise UserError("no such folder", where=f"dir:{name}", hint="give the path of a kernel source tree")
    version = kernel_version(root, f"dir:{name}")
    with progress.task(f"reading {root}"):
        files = _manifest(root, cache)
    text = "\n".join(f"{p} {b}" for p, b in sorted(files.items()))
    key = "dir-" + hashlib.sha256(text.encode()).hexdigest()[:24]
    return Tree(f"dir:{root}", key, f"dir-{root}", root, version, files)


SOURCES: dict[str, Callable[[str, Cache, Progress], Tree]] = {"debian": _debian, "dir": _dir}


def kernel_version(root: Path, where: str) -> str:
    """VERSION.PATCHLEVEL.SUBLEVEL+EXTRAVERSION of the tree's Makefile. Raises UserError if it is no kernel tree."""
    try:
        head = (root / "Makefile").read_text(encoding="utf-8", errors="replace")[:2000]
    except OSError:
        head = ""
    pattern = r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)"
    values: dict[str, str] = dict(re.findall(pattern, head, re.MULTILINE))
    if "VERSION" not in values or not (root / "Kbuild").exists():
        raise UserError("not a kernel source tree: no Makefile with VERSION, or no Kbuild", where=where)
    dots = ".".join(values[k] for k in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if values.get(k))
    return dots + values.get("EXTRAVERSION", "")


def _manifest(root: Path, cache: Cache) -> dict[str, str]:
    """Path → blob id of each source file. What was read before and has its size and time since is not read again."""
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
    """What git knows or would add, in a checkout; else every file that no build has made."""
    if (root / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "-c", "-o", "--exclude-standard"],
            capture_output=True,
            timeout=120,
            check=False,
        )
        if listed.returncode == 0:
            names = {os.fsdecode(n) for n in listed.stdout.split(b"\0") if n}
            yield from (n for n in sorted(names) if os.path.lexists(root / n) and not (root / n).is_dir())
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
