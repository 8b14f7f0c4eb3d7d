"""Trees: valid references, what makes their key, what is read of a user's folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.kernel.debian import cached_debian, fetch_debian
from kit.kernel.tree import BUILT, Tree, kernel_version, resolve_tree
from kit.store.cache import Cache

QUIET = Progress()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "linux"
    (place / "mm").mkdir(parents=True)
    (place / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 0\nEXTRAVERSION = -rc1\nNAME = x\n")
    (place / "Kbuild").touch()
    (place / "mm/rmap.c").write_text("int x;\n")
    return place


def get(ref: str, tmp_path: Path) -> Tree:
    return resolve_tree(ref, Cache(tmp_path / "cache"), QUIET)


@pytest.mark.parametrize(
    "ref",
    ["", "dir", "dir:", "zip:x", "dir:/no/such", "dir:~nobody-of-that-name/x", "dir:" + "x" * 5000, "dir:a\0b"],
)
def test_what_is_no_tree(ref: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not a tree|no such folder"):
        get(ref, tmp_path)


def test_version_and_what_is_not_a_kernel(root: Path, tmp_path: Path) -> None:
    assert get(f"dir:{root}", tmp_path).version == "6.1.0-rc1"
    (root / "Kbuild").unlink()
    with pytest.raises(UserError, match="not a kernel source tree"):
        kernel_version(root, "here")
    with pytest.raises(UserError, match="not a kernel source tree"):
        kernel_version(tmp_path / "none", "here")


def test_the_key_follows_content_mode_and_names_only(root: Path, tmp_path: Path) -> None:
    def key() -> str:
        return get(f"dir:{root}", tmp_path).key

    keys = [key()]
    os.utime(root / "mm/rmap.c")
    (root / "mm/rmap.o").touch()
    assert key() == keys[0]
    (root / "mm/rmap.c").write_text("int y;\n")
    keys.append(key())
    (root / "mm/rmap.c").chmod(0o755)
    keys.append(key())
    (root / "mm/rmap.c").rename(root / "mm/other.c")
    keys.append(key())
    (root / "mm/link").symlink_to("other.c")
    keys.append(key())
    assert len(set(keys)) == 5


def test_a_checkout_is_what_git_does_not_ignore(root: Path, tmp_path: Path) -> None:
    (root / ".gitignore").write_text("*.tmp\n")
    (root / "a.tmp").touch()
    (root / "gone.c").touch()
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for argv in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *argv], check=True)
    (root / "new.c").touch()
    (root / "gone.c").unlink()
    files = get(f"dir:{root}", tmp_path).files
    assert files is not None
    assert set(files) == {".gitignore", "Makefile", "Kbuild", "mm/rmap.c", "new.c"}


def test_reading_files_of_a_tree(root: Path, tmp_path: Path) -> None:
    tree = get(f"dir:{root}", tmp_path)
    assert tree.read("mm/rmap.c") == b"int x;\n"
    assert [tree.read(p) for p in ("mm", "mm/none.c", "mm/rmap.c/x")] == [None, None, None]
    assert tree.blob("mm/none.c") == ""
    assert tree.blob("Kbuild") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_damaged_memo_is_not_believed(root: Path, tmp_path: Path) -> None:
    key = get(f"dir:{root}", tmp_path).key
    (memo,) = (tmp_path / "cache/trees").iterdir()
    memo.write_text("[1]")
    assert get(f"dir:{root}", tmp_path).key == key


@pytest.mark.parametrize(
    ("path", "built"),
    [
        ("mm/rmap.o", True),
        ("mm/.rmap.o.cmd", True),
        ("include/generated/x.h", True),
        ("arch/x86/include/generated/asm/x.h", True),
        (".config", True),
        ("vmlinux", True),
        (".git/HEAD", True),
        ("mm/rmap.c", False),
        ("arch/x86/kernel/vmlinux.lds.S", False),
        ("include/asm-generic/vmlinux.lds.h", False),
        ("vmlinux.o", True),
        ("vmlinux.a", True),
        ("include/config.h", False),
        ("scripts/generated.pl", False),
        ("tools/a.so.c", False),
    ],
)
def test_what_a_build_leaves(path: str, built: bool) -> None:
    assert bool(BUILT.search(path)) is built


def test_what_the_cache_holds_of_debian(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    pointer = cache.folder("trees") / "debian-6.1.json"
    for text in ("", "[1]", '{"key": "debian-x"}'):
        pointer.write_text(text)
        assert cached_debian("6.1", cache) is None
    (cache.folder("trees", "debian-x") / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\n")
    assert cached_debian("6.1", cache) == ("debian-x", tmp_path / "trees/debian-x")
    assert fetch_debian("6.1", cache, QUIET) == ("debian-x", tmp_path / "trees/debian-x")
