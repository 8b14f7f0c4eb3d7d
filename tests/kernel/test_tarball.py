"""Kernel source from tar files: which are unpacked, and which are refused."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from kit.base.errors import UserError
from kit.base.progress import Progress
from kit.kernel.tree import Tree, resolve_tree
from kit.store.cache import Cache

FILES = {
    "linux-6.1/Makefile": b"VERSION = 6\nPATCHLEVEL = 1\n",
    "linux-6.1/Kbuild": b"",
    "linux-6.1/mm/rmap.c": b"x;\n",
}


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, mode: int = 0o644
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, size, mode
    return info


def make(path: Path, *more: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in FILES.items():
            tar.addfile(member(name, size=len(content)), io.BytesIO(content))
        for info in more:
            tar.addfile(info, io.BytesIO(b"y" * info.size))
    return path


def get(path: Path, tmp_path: Path) -> Tree:
    return resolve_tree(f"tarball:{path}", Cache(tmp_path / "cache"), Progress())


@pytest.mark.parametrize(("packer", "suffix"), [("", ""), ("gzip", ".gz"), ("xz", ".xz"), ("zstd", ".zst")])
def test_packed_in_any_way_and_named_as_one_likes(packer: str, suffix: str, tmp_path: Path) -> None:
    link = member("linux-6.1/link", tarfile.SYMTYPE, "mm/rmap.c")
    path = make(tmp_path / "linux.tar", link, member("linux-6.1/run.sh", size=3, mode=0o755))
    if packer:
        if shutil.which(packer) is None:
            pytest.skip(f"needs {packer}")
        path.write_bytes(subprocess.run([packer, "-c", str(path)], check=True, capture_output=True).stdout)
    tree = get(path, tmp_path)
    assert tree.version == "6.1"
    assert tree.read("mm/rmap.c") == tree.read("link") == b"x;\n"
    assert (tree.root / "run.sh").stat().st_mode & 0o111
    again = get(path.rename(tmp_path / "other"), tmp_path)
    assert again.key == tree.key
    assert [p.name for p in (tmp_path / "cache/trees").iterdir()] == [tree.key]


@pytest.mark.parametrize(
    ("evil", "words"),
    [
        ([member("linux-6.1/../../x", size=1)], "leads out of it"),
        ([member("/etc/x", size=1)], "leads out of it"),
        ([member("linux-6.1/l", tarfile.SYMTYPE, "/etc")], "a link that leads out"),
        ([member("linux-6.1/mm/l", tarfile.SYMTYPE, "../../x")], "a link that leads out"),
        ([member("linux-6.1/h", tarfile.LNKTYPE, "../x")], "a link that leads out"),
        ([member("linux-6.1/h", tarfile.LNKTYPE, "/etc/passwd")], "a link that leads out"),
        ([member("linux-6.1/l", tarfile.SYMTYPE, "mm"), member("linux-6.1/l/x", size=1)], "behind a symbolic link"),
        ([member("linux-6.1/null", tarfile.CHRTYPE)], "a device or a pipe"),
        ([member("linux-6.2/Makefile", size=1)], "more than one folder: linux-6.1 and linux-6.2"),
    ],
)
def test_what_would_lie_elsewhere_is_refused(evil: list[tarfile.TarInfo], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        get(make(tmp_path / "x.tar", *evil), tmp_path)
    assert not list((tmp_path / "cache/trees").glob("tar-*"))


def test_what_is_no_whole_tar_file(tmp_path: Path) -> None:
    path = make(tmp_path / "x.tar")
    packed = subprocess.run(["gzip", "-c", str(path)], check=True, capture_output=True).stdout
    for content in (b"", b"nothing of the kind" * 99, packed[:-20], packed[:200], path.read_bytes()[:1200]):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(UserError, match=r"not a complete tar file|not a tar file"):
            get(tmp_path / "bad", tmp_path)
    with pytest.raises(UserError, match="cannot read"):
        get(tmp_path / "none", tmp_path)
