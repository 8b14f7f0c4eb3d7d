"""The object folder of a tree: brings its `src` to tree + series by writing only the files that differ, so that make
rebuilds only what depends on them. After a kill at any point, the next start repairs the folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from kit.base import commands
from kit.base.progress import Progress
from kit.kernel.content import Link, content_id
from kit.kernel.tree import Tree
from kit.store.files import machine_errors, read_json, write_atomic, write_json

UNKNOWN = "?"


class Workspace:
    """`folder/src` (source) and `folder/obj` (make's O=). Use it with the folder's lock held."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.src = folder / "src"
        self.obj = folder / "obj"
        self._state_path = folder / "state.json"
        state: Any = read_json(self._state_path)
        if not isinstance(state, dict):  # none yet, or damaged: then the content of `src` is unknown
            if self._state_path.exists():
                shutil.rmtree(self.src, ignore_errors=True)
            state = {}
        # base: path → id of the tree's file as copied (user's trees only); changed: path → id of a series' content;
        # unbuilt: paths written since the last whole build, which `obj` may still have as they were before.
        self._base: dict[str, str] = state.get("base", {})
        self._changed: dict[str, str] = state.get("changed", {})
        self._unbuilt: list[str] | None = state.get("unbuilt")  # None: of an earlier kit, which did not note them

    def fill(self, tree: Tree, progress: Progress) -> None:
        """Brings `src` to the tree, apart from the files of the last series, which `apply` handles."""
        if not self.src.exists():  # the objects may be of a series, and the tree's files are older than they
            shutil.rmtree(self.obj, ignore_errors=True)
            self._base, self._changed, self._unbuilt = {}, {}, []
        if tree.files is not None:
            self._sync(tree)
        elif not self.src.exists():
            draft = self.folder / ".src-new"
            shutil.rmtree(draft, ignore_errors=True)
            # Hard links are safe: every later write replaces the file, so the tree in the cache does not change.
            commands.check(["cp", "-al", str(tree.root), str(draft)], progress=progress, limit=600)
            draft.rename(self.src)
        with machine_errors(self.obj):
            self.obj.mkdir(parents=True, exist_ok=True)

    def _sync(self, tree: Tree) -> None:
        assert tree.files is not None
        stale = {p for p, blob in tree.files.items() if self._base.get(p) != blob}
        gone = set(self._base) - set(tree.files)
        if not stale and not gone:
            return
        for path in stale | gone:
            self._base[path] = UNKNOWN  # after a kill, it counts as stale or gone again
            self._changed.pop(path, None)
        self._wrote(stale | gone)
        self._save()
        with machine_errors(self.src):
            for path in sorted(gone):
                self._remove(path)
            tree.put(sorted(stale), self.src)
        self._base = dict(tree.files)
        self._save()

    def apply(self, tree: Tree, series: Mapping[str, bytes | None]) -> list[str]:
        """Writes the files of `series` (path → content, None: deleted) and restores those of the last series.

        Returns the paths that were written. All other files keep their times, so make does not rebuild their objects.
        """
        written: list[str] = []
        todo: dict[str, bytes | None] = {}
        for path in sorted({*self._changed, *series}):
            want = series[path] if path in series else tree.entry(path)
            have = self._changed.get(path) or _id(tree.entry(path))
            if have != _id(want):
                todo[path] = want
        if not todo:
            return written
        for path in todo:
            self._changed[path] = UNKNOWN
        self._wrote(set(todo))
        self._save()
        for path, want in todo.items():
            self._write(path, want)
            if path in series:
                self._changed[path] = _id(want)
            else:
                del self._changed[path]
            written.append(path)
        self._save()
        return written

    @property
    def tells_old(self) -> bool:
        """Whether it knows which objects may be older than their source."""
        return self._unbuilt is not None

    def distrust(self, other: Workspace) -> None:
        """Forgets what it knows of files that may differ from another folder of the same tree, whose objects come here:
        `fill` and `apply` then write them anew, and make rebuilds what depends on them."""
        self._changed.update(dict.fromkeys([*self._changed, *other._changed, *(other._unbuilt or ())], UNKNOWN))
        either = {*self._base, *other._base}
        self._base.update({p: UNKNOWN for p in either if self._base.get(p) != other._base.get(p)})
        self._save()

    def _remove(self, path: str) -> None:
        """Deletes a file and the folders that become empty: a file may take a folder's name."""
        target = self.src / path
        target.unlink(missing_ok=True)
        for folder in target.relative_to(self.src).parents[:-1]:
            try:
                (self.src / folder).rmdir()
            except OSError:  # not empty, or gone
                break

    def _write(self, path: str, content: bytes | None) -> None:
        target = self.src / path
        with machine_errors(target):
            if content is None:
                self._remove(path)
                return
            if isinstance(content, Link):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                target.symlink_to(os.fsdecode(bytes(content)))
                return
            new = 0o755 if content.startswith(b"#!") else 0o644  # Kbuild executes some scripts directly
            mode = target.stat().st_mode & 0o777 if target.exists() else new
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, content)
            target.chmod(mode)

    def _wrote(self, paths: AbstractSet[str]) -> None:
        if self._unbuilt is not None:
            self._unbuilt = sorted({*paths, *self._unbuilt})

    def _save(self) -> None:
        state = {"base": self._base, "changed": self._changed, "unbuilt": self._unbuilt}
        write_json(self._state_path, state)

    def start_build(self) -> None:
        """Marks a build as running; first removes the files that a killed build may have left half-written."""
        marker = self.folder / "building"
        if marker.exists():
            since = marker.stat().st_mtime_ns
            for base, _, names in os.walk(self.obj):
                for name in names:
                    path = Path(base, name)
                    if name != ".config" and path.lstat().st_mtime_ns >= since:
                        path.unlink()
        write_atomic(marker, "")

    def end_build(self, *, whole: bool) -> None:
        """Removes the mark of a running build. After a `whole` one the objects are those of `src`."""
        (self.folder / "building").unlink(missing_ok=True)
        if whole:
            self._unbuilt = []
            self._save()


def _id(content: bytes | None) -> str:
    return content_id(content) or "deleted"
