"""Unpacks kernel source from a user's tar file into the cache.

The file is not trusted: it must have one top folder, nothing outside of it, no devices, and a bounded size.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.store.cache import Cache
from kit.store.files import sha256_of

PACKERS = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
MOST_BYTES = 16 << 30  # Linux 6.1 has 1.3 GB in 78,635 files
MOST_FILES = 1_000_000
LIMIT = 1800.0  # seconds


def cached_tarball(path: Path, cache: Cache) -> tuple[str, Path]:
    """The key and the cache folder of a tar file, unpacked or not. Raises UserError if the file cannot be read."""
    try:
        sha256 = sha256_of(path)
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror}", where=f"tarball:{path}") from error
    key = f"tar-{sha256[:24]}"
    return key, cache.root / "trees" / key


def unpack_tarball(path: Path, cache: Cache, progress: Progress) -> tuple[str, Path]:
    """Unpacks a tar file into the cache if it is not there; returns its key (of its content) and folder.

    Raises UserError for a damaged, unsafe or too large file, MachineError if its decompressor is not installed.
    """
    where = f"tarball:{path}"
    key, root = cached_tarball(path, cache)
    cache.use("trees", key)
    if not (root / "Makefile").exists():
        with cache.lock(f"unpack-{key}"):
            if not (root / "Makefile").exists():
                with progress.task(f"unpacking {path.name}"), cache.new_folder("trees", key) as draft:
                    _unpack(path, draft, where)
    return key, root


def _unpack(path: Path, target: Path, where: str) -> None:
    members = size = 0
    try:
        with _plain(path) as stream, tarfile.open(fileobj=stream, mode="r|", errorlevel=1) as tar:
            top = ""
            for member in tar:
                members, size = members + 1, size + max(member.size, 0)
                if members > MOST_FILES or size > MOST_BYTES:
                    raise UserError("unpacks to more than any kernel source", where=where)
                name = _inside(member, where)
                first, _, rest = name.partition("/")
                top = top or first
                if first != top:
                    what = f"holds more than one folder: {top} and {first}"
                    raise UserError(what, where=where, hint="a kernel's tar file has one, as linux-6.1/")
                if rest:
                    _member(tar, member, top, rest, target, where)
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"not a complete tar file: {error}", where=where) from error
    if not members:
        raise UserError("not a tar file, or an empty one", where=where, hint="known: .tar, .tar.gz, .tar.xz, .tar.zst")


def _inside(member: tarfile.TarInfo, where: str) -> str:
    """A member's path, normalized. Raises UserError if it leads outside."""
    name = posixpath.normpath(member.name)
    if name.startswith("/") or ".." in name.split("/"):
        raise UserError(f"holds a path that leads out of it: {member.name}", where=where)
    return name


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo, top: str, name: str, target: Path, where: str) -> None:
    place = target / name
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.parent.resolve() != target.resolve() / posixpath.dirname(name):  # links to links may lead anywhere
        raise UserError(f"holds a file behind a symbolic link: {member.name}", where=where)
    place.unlink(missing_ok=True)
    if member.isfile():
        source = tar.extractfile(member)
        assert source is not None
        with place.open("wb") as file:
            shutil.copyfileobj(source, file)
        place.chmod(0o755 if member.mode & 0o111 else 0o644)
    elif member.issym():
        _require_inside(posixpath.join(posixpath.dirname(name), member.linkname), member, where)
        place.symlink_to(member.linkname)
    elif member.islnk():
        linked = posixpath.normpath(member.linkname)
        _require_inside(linked.removeprefix(top + "/") if linked.startswith(top + "/") else "..", member, where)
        os.link(target / linked.removeprefix(top + "/"), place, follow_symlinks=False)
    else:
        raise UserError(f"holds a device or a pipe: {member.name}", where=where)


def _require_inside(name: str, member: tarfile.TarInfo, where: str) -> None:
    if posixpath.normpath(name).startswith(("/", "..")):
        raise UserError(f"holds a link that leads out of it: {member.name} → {member.linkname}", where=where)


@contextmanager
def _plain(path: Path) -> Iterator[IO[bytes]]:
    """The tar file as an uncompressed stream. Its first bytes decide the compression, not its name."""
    with path.open("rb", buffering=0) as file:  # the decompressor reads from this file's position
        head = file.read(6)
        packer = next((p for magic, p in PACKERS.items() if head.startswith(magic)), None)
        file.seek(0)
        if packer is None:
            yield file
            file.seek(-min(512, path.stat().st_size), os.SEEK_END)
            if any(file.read(512)):  # tarfile takes a file that is cut inside a header for complete
                raise tarfile.ReadError("it is cut off")
            return
        if shutil.which(packer) is None:
            raise MachineError(f"{packer} is not installed", where=f"tarball:{path}", hint=f"install {packer}")
        with _unpacker(packer, file) as stream:
            yield stream


@contextmanager
def _unpacker(packer: str, file: IO[bytes]) -> Iterator[IO[bytes]]:
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", packer, "-dc"],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield process.stdout
        if process.stdout.read(1 << 20) and process.stdout.read():  # drain what follows the end marker
            pass
        if process.wait(60):
            raise tarfile.ReadError(f"{packer} says that it is damaged")
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
