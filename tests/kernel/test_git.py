"""Git repositories as trees: reading them, without touching anything of the user's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.kernel.git import Repository
from kit.kernel.tree import Tree, expand, resolve_tree, split_git
from kit.kernel.workspace import Workspace
from kit.store.cache import Cache

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
QUIET = Progress()
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\n"


def git(root: Path, *argv: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@b", *argv],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    """Three commits: v1; one that edits mm/rmap.c; one that adds, moves, links and removes files."""
    root = tmp_path / "a@b" / "linux"
    (root / "mm").mkdir(parents=True)
    (root / "Makefile").write_text(MAKEFILE)
    (root / "Kbuild").touch()
    (root / "mm/rmap.c").write_bytes(b"int one;\n")
    (root / "mm/gone.c").write_bytes(b"int gone;\n")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    git(root, "tag", "v1")
    (root / "mm/rmap.c").write_bytes(b"int two;\n")
    git(root, "commit", "-qam", "two: edit")
    (root / "mm/gone.c").unlink()
    (root / "mm/made.c").write_bytes(b"\x00\xffbinary\r\n")
    (root / "link").symlink_to("mm/rmap.c")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "three")
    return root


def tree(linux: Path, rev: str, cache: Cache) -> Tree:
    return resolve_tree(f"git:{linux}@{rev}", cache, QUIET)


def snapshot(root: Path) -> dict[str, tuple[int, int, int]]:
    """Every file below, with size, time and inode."""
    stats = {str(p): p.lstat() for p in root.rglob("*") if not p.is_dir() or p.is_symlink()}
    return {name: (s.st_size, s.st_mtime_ns, s.st_ino) for name, s in stats.items()}


def test_the_key_is_the_trees_and_names_of_one_commit_are_one_tree(linux: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    head = git(linux, "rev-parse", "HEAD^{tree}")
    keys = {tree(linux, rev, cache).key for rev in ("HEAD", "main", "@", "HEAD@{0}", "HEAD^{commit}")}
    assert keys == {f"git-{head}"} != {tree(linux, "v1", cache).key}
    git(linux, "commit", "--allow-empty", "-qm", "the same tree")
    assert tree(linux, "HEAD", cache).key in keys
    found = tree(linux, "HEAD~2", cache)
    assert found.version == "6.1.0"
    assert found.about == "two: edit"
    assert found.ref == f"git:{linux}@{git(linux, 'rev-parse', 'HEAD~2')}"


def test_files_read_as_they_were_committed(linux: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    (linux / ".gitattributes").write_text("* text eol=crlf\nmm/gone.c export-ignore\n")
    (linux / "mm/rmap.c").write_bytes(b"int dirty;\n")
    old, new = tree(linux, "v1", cache), tree(linux, "HEAD", cache)
    assert (old.read("mm/rmap.c"), new.read("mm/rmap.c")) == (b"int one;\n", b"int two;\n")
    assert (old.read("mm/gone.c"), new.read("mm/gone.c")) == (b"int gone;\n", None)
    assert new.read("link") == b"int two;\n"
    assert new.read("mm/made.c") == b"\x00\xffbinary\r\n"


def test_nothing_of_the_users_is_touched(linux: Path, tmp_path: Path) -> None:
    (linux / "mm/rmap.c").write_bytes(b"int dirty;\n")
    git(linux, "add", "mm/rmap.c")
    os.utime(linux / "run.sh")  # git would like to refresh its index now
    before = snapshot(linux)
    cache = Cache(tmp_path / "cache")
    space = Workspace(cache.folder("objects", "o"))
    for rev in ("v1", "HEAD"):
        space.fill(tree(linux, rev, cache), QUIET)
    repository = Repository.open(linux / "mm")
    assert repository.dirty() == ["mm/rmap.c"]
    assert b"+int two;" in repository.diff("v1", "HEAD", ["mm"])
    assert snapshot(linux) == before


def test_another_revision_writes_only_what_differs(linux: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    space = Workspace(cache.folder("objects", "o"))

    def bring(found: Tree) -> dict[str, int]:
        space.fill(found, QUIET)
        here = [p for p in space.src.rglob("*") if p.is_symlink() or p.is_file()]
        out = {str(p.relative_to(space.src)): p.lstat().st_mtime_ns for p in here}
        for p in here:
            os.utime(p, ns=(10**18, 10**18), follow_symlinks=False)
        return {name for name, time in out.items() if time != 10**18}  # type: ignore[return-value]

    assert bring(tree(linux, "v1", cache)) == {"Makefile", "Kbuild", "run.sh", "mm/rmap.c", "mm/gone.c"}
    assert (space.src / "run.sh").stat().st_mode & 0o777 == 0o755
    assert bring(tree(linux, "HEAD~1", cache)) == {"mm/rmap.c"}
    assert bring(tree(linux, "HEAD", cache)) == {"mm/made.c", "link"}
    assert not (space.src / "mm/gone.c").exists()
    assert os.readlink(space.src / "link") == "mm/rmap.c"
    (linux / "mm/rmap.c").write_bytes(b"int dirty;\n")
    assert bring(resolve_tree(f"dir:{linux}", cache, QUIET)) == {"mm/rmap.c"}  # the checkout has the same folder
    assert bring(tree(linux, "HEAD", cache)) == {"mm/rmap.c"}


def test_a_revision_and_a_checkout_of_one_path_share_an_object_folder(linux: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    found = {tree(linux, rev, cache).workspace for rev in ("v1", "HEAD")}
    assert found == {resolve_tree(f"dir:{linux}", cache, QUIET).workspace}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere@HEAD", "no such folder"),
        ("plain@HEAD", "not a git repository"),
        ("linux@mian", "(?s)no such revision: mian.*nearest: main"),
    ],
)
def test_what_is_no_revision(name: str, words: str, linux: Path, tmp_path: Path) -> None:
    (linux.parent / "plain").mkdir()
    with pytest.raises(UserError, match=words):
        resolve_tree(f"git:{linux.parent}/{name}", Cache(tmp_path / "cache"), QUIET)


def test_a_bare_repository_and_a_shallow_one(linux: Path, tmp_path: Path) -> None:
    bare, shallow = tmp_path / "bare.git", tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--bare", str(linux), str(bare))
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{linux}", str(shallow))
    cache = Cache(tmp_path / "cache")
    assert tree(bare, "v1", cache).read("mm/rmap.c") == b"int one;\n"
    with pytest.raises(UserError, match="unshallow"):
        tree(shallow, "0123456789", cache)


def test_ranges_part_where_the_branch_does(linux: Path) -> None:
    repository, head = split_git(f"{linux}@main")
    base = repository.commit("v1")
    assert [c.subject for c in repository.commits("v1", "main")] == ["two: edit", "three"]
    git(linux, "checkout", "-q", "-b", "other", "v1")
    git(linux, "commit", "--allow-empty", "-qm", "elsewhere")
    assert repository.merge_base("other", "main") == base.id
    assert head.parent == repository.commit("main~1").id


def test_a_blob_that_is_not_there(linux: Path) -> None:
    with pytest.raises(MachineError, match="cannot be read"):
        list(Repository.open(linux).contents(["0" * 40]))


def test_variables_in_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_X", "/src/linux")
    assert expand("git:$KIT_X@v3.0") == "git:/src/linux@v3.0"
    assert expand("dir:${KIT_X}/sub") == "dir:/src/linux/sub"
    monkeypatch.delenv("KIT_X")
    with pytest.raises(UserError, match=r"(?s)\$KIT_X is not set.*export KIT_X="):
        expand("git:$KIT_X@v3.0", "x.yaml:2")
