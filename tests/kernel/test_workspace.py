"""The object folder's source: right after a kill at any write; unchanged files stay untouched; the tree is never
written."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kit.base.progress import Progress
from kit.kernel import tree as tree_module
from kit.kernel import workspace
from kit.kernel.tree import Tree, resolve_tree
from kit.kernel.workspace import Workspace
from kit.store.cache import Cache

QUIET = Progress()
FILES = {
    "Makefile": b"VERSION = 6\nPATCHLEVEL = 1\n",
    "Kbuild": b"obj-y += mm/\n",
    "mm/rmap.c": b"int rmap;\n",
    "mm/mmap.c": b"int mmap;\n",
    "include/deep/one.h": b"#define ONE 1\n",
}
Series = Mapping[str, bytes | None]
FIRST: Series = {"mm/rmap.c": b"int patched;\n", "mm/new.c": b"int new;\n", "include/deep/one.h": None}
SECOND: Series = {"mm/rmap.c": b"int other;\n", "mm/mmap.c": b"int mapped;\n", "lib/x/y.c": b"int y;\n"}


class Killed(BaseException):
    """A kill: nothing in kit may catch it."""


def make(root: Path, files: Mapping[str, bytes] = FILES) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def cached_tree(root: Path) -> Tree:
    return Tree("debian:6.1", "key", "key", root, "6.1")


def shown(root: Path) -> dict[str, bytes]:
    """Every file below a folder, except temporary ones."""
    return {
        str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file() and not p.name.startswith(".")
    }


def patched(series: Series, files: Mapping[str, bytes] = FILES) -> dict[str, bytes]:
    both = {**files, **series}
    return {name: content for name, content in both.items() if content is not None}


def times(root: Path) -> dict[str, int]:
    return {name: (root / name).stat().st_mtime_ns for name in shown(root)}


@contextmanager
def killed_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Kills the process at its write number `count` (from 0): of the state, of a file, of a copy or a removal."""
    seen = [0]

    def counting(real: object) -> object:
        def call(*args: object) -> object:
            seen[0] += 1
            if seen[0] > count:
                raise Killed
            return real(*args)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        for name in ("write_atomic", "write_json"):
            patch.setattr(workspace, name, counting(getattr(workspace, name)))
        for name in ("copy_file", "_make_way"):
            patch.setattr(tree_module, name, counting(getattr(tree_module, name)))
        patch.setattr(Workspace, "_remove", counting(Workspace._remove))
        yield seen


def bring(folder: Path, tree: Tree, series: Series) -> Workspace:
    space = Workspace(folder)
    space.fill(tree, QUIET)
    space.apply(tree, series)
    return space


def user_tree(root: Path, cache: Cache) -> Tree:
    return resolve_tree(f"dir:{root}", cache, QUIET)


@pytest.mark.parametrize("aim", [FIRST, SECOND, {}], ids=["same", "other", "none"])
@pytest.mark.parametrize("kind", ["debian", "dir"])
def test_a_kill_at_any_write_is_mended_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, aim: Series
) -> None:
    cache = Cache(tmp_path / "cache")
    root = make(tmp_path / "tree")
    for count in range(100):
        tree = cached_tree(root) if kind == "debian" else user_tree(root, cache)
        folder = cache.folder("objects", f"{count}")
        with killed_after(count, monkeypatch) as seen:
            try:
                bring(folder, tree, SECOND)
                bring(folder, tree, FIRST)
            except Killed:
                pass
        assert shown(bring(folder, tree, aim).src) == patched(aim), f"killed at write {count}"
        if seen[0] <= count:
            break
    assert 8 < count < 99
    assert shown(root) == FILES


def test_a_user_s_folder_that_changes_while_kills_happen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "cache")
    root = make(tmp_path / "tree")
    after = {**FILES, "mm/mmap.c": b"int edited;\n", "mm/added.c": b"int added;\n"}
    del after["include/deep/one.h"], after["mm/rmap.c"]
    for count in range(100):
        make(root)
        (root / "mm/added.c").unlink(missing_ok=True)
        folder = cache.folder("objects", f"{count}")
        bring(folder, user_tree(root, cache), {"mm/new.c": b"n\n"})
        make(root, after)
        for gone in set(FILES) - set(after):
            (root / gone).unlink()
        with killed_after(count, monkeypatch) as seen, suppress(Killed):
            bring(folder, user_tree(root, cache), {})
        assert shown(bring(folder, user_tree(root, cache), {}).src) == after, f"killed at write {count}"
        if seen[0] <= count:
            break
    assert 4 < count < 99


def test_random_series_of_series_with_random_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(7)
    root = make(tmp_path / "tree")
    tree = cached_tree(root)
    folder = Cache(tmp_path / "cache").folder("objects", "o")
    for _ in range(40):
        series = {p: draw.choice([b"1\n", b"2\n", None]) for p in draw.sample([*FILES, "mm/a.c", "lib/b.c"], 3)}
        with killed_after(draw.randrange(12), monkeypatch):
            try:
                bring(folder, tree, series)
            except Killed:
                continue
        assert shown(folder / "src") == patched(series)
    assert shown(bring(folder, tree, {}).src) == FILES
    assert shown(root) == FILES


def test_what_does_not_differ_keeps_its_time_and_what_does_is_new(tmp_path: Path) -> None:
    tree = cached_tree(make(tmp_path / "tree"))
    folder = Cache(tmp_path / "cache").folder("objects", "o")
    src = bring(folder, tree, FIRST).src
    for path in src.rglob("*.[ch]"):
        os.utime(path, ns=(10**18, 10**18))
    before = times(src)
    space = Workspace(folder)
    space.fill(tree, QUIET)
    assert space.apply(tree, FIRST) == []
    assert times(src) == before
    assert space.apply(tree, {**FIRST, "mm/rmap.c": b"int other;\n"}) == ["mm/rmap.c"]
    after = times(src)
    assert [p for p in after if after[p] != before[p]] == ["mm/rmap.c"]
    assert after["mm/rmap.c"] > before["mm/rmap.c"]


def test_the_cached_tree_is_linked_and_never_written_to(tmp_path: Path) -> None:
    root = make(tmp_path / "tree")
    (root / "mm/rmap.c").chmod(0o755)
    before = times(root)
    src = bring(Cache(tmp_path / "cache").folder("objects", "o"), cached_tree(root), FIRST).src
    assert (src / "mm/mmap.c").stat().st_ino == (root / "mm/mmap.c").stat().st_ino
    assert (src / "mm/rmap.c").stat().st_ino != (root / "mm/rmap.c").stat().st_ino
    assert (src / "mm/rmap.c").stat().st_mode & 0o777 == 0o755
    assert (shown(root), times(root)) == (FILES, before)


def test_a_user_s_folder_is_only_read_and_what_a_build_left_is_not_copied(tmp_path: Path) -> None:
    root = make(tmp_path / "tree")
    make(root, {"vmlinux": b"v", "mm/rmap.o": b"o", "include/generated/x.h": b"g", ".config": b"c"})
    (root / "link").symlink_to("mm/rmap.c")
    os.mkfifo(root / "pipe")
    before = times(root)
    cache = Cache(tmp_path / "cache")
    src = bring(cache.folder("objects", "o"), user_tree(root, cache), {}).src
    assert shown(src) == {**FILES, "link": FILES["mm/rmap.c"]}
    assert (src / "link").is_symlink()
    assert times(root) == before
    assert not (src / "mm/mmap.c").samefile(root / "mm/mmap.c")


def test_an_edit_of_the_user_s_is_all_that_is_copied_again(tmp_path: Path) -> None:
    root, cache = make(tmp_path / "tree"), Cache(tmp_path / "cache")
    folder = cache.folder("objects", "o")
    first = user_tree(root, cache)
    src = bring(folder, first, {}).src
    before = times(src)
    (root / "mm/mmap.c").write_bytes(b"int edited;\n")
    second = user_tree(root, cache)
    assert second.key != first.key
    assert second.workspace == first.workspace
    bring(folder, second, {})
    assert [p for p, t in times(src).items() if t != before[p]] == ["mm/mmap.c"]


def test_a_file_may_take_the_name_of_a_folder(tmp_path: Path) -> None:
    root, cache = make(tmp_path / "tree"), Cache(tmp_path / "cache")
    folder = cache.folder("objects", "o")
    bring(folder, user_tree(root, cache), {})
    (root / "include/deep/one.h").unlink()
    (root / "include/deep").rmdir()
    (root / "include/deep").write_bytes(b"a file\n")
    assert shown(bring(folder, user_tree(root, cache), {}).src)["include/deep"] == b"a file\n"


@pytest.mark.parametrize("damage", ["state", "source"])
def test_a_state_that_is_damaged_or_of_another_source_is_not_believed(tmp_path: Path, damage: str) -> None:
    tree = cached_tree(make(tmp_path / "tree"))
    folder = Cache(tmp_path / "cache").folder("objects", "o")
    bring(folder, tree, FIRST)
    if damage == "state":
        (folder / "state.json").write_text('{"base": {}, "chan')
        assert shown(bring(folder, tree, {}).src) == FILES
    else:
        (folder / "src").rename(folder / "elsewhere")
        assert shown(bring(folder, tree, FIRST).src) == patched(FIRST)


def test_an_interrupted_build_loses_only_what_it_wrote(tmp_path: Path) -> None:
    space = Workspace(Cache(tmp_path).folder("objects", "o"))
    make(space.obj, {"old.o": b"1", "mm/old.o": b"1", ".config": b"c"})
    for path in space.obj.rglob("*"):
        os.utime(path, ns=(10**18, 10**18))
    space.start_build()
    make(space.obj, {"mm/half.o": b"2", ".config": b"new"})
    again = Workspace(space.folder)
    again.start_build()
    left = {str(p.relative_to(space.obj)) for p in space.obj.rglob("*") if p.is_file()}
    assert left == {"old.o", "mm/old.o", ".config"}
    make(space.obj, {"mm/done.o": b"3"})
    again.end_build(whole=True)
    Workspace(space.folder).start_build()
    assert (space.obj / "mm/done.o").exists()
