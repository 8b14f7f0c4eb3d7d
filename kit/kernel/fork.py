"""The object folder of a foreign series: it begins with a copy of the objects of its tree, which its build cannot
change. The source is shared by hard links, as with the cache's tree: no build can write to it."""

from __future__ import annotations

import shutil
from pathlib import Path

from kit.base import commands
from kit.base.progress import Progress
from kit.kernel import compilerwarnings
from kit.kernel.workspace import Workspace
from kit.store.files import machine_errors, read_json, write_json

LIMIT = 600.0  # seconds for one copy
MARK = "forked.json"  # the key of the kernel whose objects are here
COPIED = ("shims", "asked.config", "changes.json", compilerwarnings.FILE)


def fork(folder: Path, base: Path, key: str, progress: Progress) -> None:
    """Makes `folder` ready for the kernel with that key: leaves what is there of this kernel alone; else replaces the
    objects by those of `base`, if there are some of a build that ended. Use it with both locks held."""
    mark = folder / MARK
    if read_json(mark) == key:
        return
    with machine_errors(folder):
        for name in (MARK, "building", *COPIED, "obj"):
            _remove(folder / name)
        own, trees = Workspace(folder), Workspace(base)  # a source whose state is damaged goes
        if (trees.obj / "vmlinux").is_file() and trees.tells_old and not (base / "building").exists():
            if own.src.exists():
                own.distrust(trees)
            else:
                _copy(base / "src", folder / "src", progress, "-al")
                shutil.copyfile(base / "state.json", folder / "state.json")
            for name in COPIED:
                if (base / name).exists():
                    _copy(base / name, folder / name, progress, "-a")
            _copy(base / "obj", folder / "obj", progress, "-a")
    write_json(mark, key)


def _copy(source: Path, target: Path, progress: Progress, how: str) -> None:
    draft = target.with_name(f".{target.name}-new")
    _remove(draft)
    commands.check(["cp", how, "--reflink=auto", str(source), str(draft)], progress=progress, limit=LIMIT)
    draft.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
