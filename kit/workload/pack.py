"""Packs programs of this machine for a guest: lists every file and link that they need, with the files' hashes.

Packed files keep their paths, and symbolic links on these paths stay links, so that programs find everything where it
is on the host. Nothing is copied before a boot; then each file is checked against its hash in the list.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.base.errors import MachineError, UserError
from kit.workload.libraries import is_elf, libraries_of

MOST_FILES = 20_000
MOST_LINKS = 40  # on the path of one file, like the kernel's MAXSYMLINKS


@dataclass(frozen=True)
class File:
    """A regular file: `path` on the host and below the pack's root, permission bits, hash, size in bytes."""

    path: str
    mode: int
    sha256: str
    size: int


@dataclass(frozen=True)
class Pack:
    """What a guest needs. `links`: (path, target); `folders`: including empty ones; `library_path`: folders for
    LD_LIBRARY_PATH."""

    files: tuple[File, ...]
    links: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]
    library_path: tuple[str, ...]

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(f.size for f in self.files)


def find_program(name: str, folder: str | None) -> str:
    """The path of a command: searched on PATH, or taken relative to `folder` if it has a slash. Raises UserError."""
    if "/" not in name:
        if path := shutil.which(name):
            return os.path.abspath(path)
        raise UserError(f"no such program on this machine: {name}", hint="install it, or give its path")
    path = os.path.normpath(os.path.join(folder or os.getcwd(), os.path.expanduser(name)))
    if not os.path.isfile(path):
        raise UserError(f"no such program: {path}")
    if not os.access(path, os.X_OK):
        raise UserError("not executable", where=path, hint=f"chmod +x {path}")
    return path


def _file_named(name: str) -> str:
    return name if "/" in name else find_program(name, None)


def pack(programs: Sequence[str], folder: str | None, files: Sequence[str], env: Mapping[str, str]) -> Pack:
    """Packs programs, a folder with its content, and further files, folders or programs, each with what it needs.

    Raises UserError for a missing or unreadable file, and for a missing library or interpreter.
    """
    packer = _Packer([f for f in env.get("LD_LIBRARY_PATH", "").split(":") if f])
    for merged in ("/bin", "/lib", "/lib64", "/sbin"):  # links into /usr on most systems; many scripts use them
        if os.path.islink(merged):
            packer.links[merged] = os.readlink(merged)
    for path in [*programs, *([folder] if folder else []), *map(_file_named, files)]:
        packer.add_tree(path)
    return packer.pack()


@dataclass
class _Packer:
    library_path: list[str]
    files: dict[str, File] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, None] = field(default_factory=dict)
    beside: dict[str, None] = field(default_factory=dict)

    def pack(self) -> Pack:
        """The pack of everything added, sorted by path."""
        files = tuple(self.files[p] for p in sorted(self.files))
        return Pack(files, tuple(sorted(self.links.items())), tuple(sorted(self.folders)), tuple(self.beside))

    def add_tree(self, path: str) -> None:
        """Adds a file, or a folder with everything below it."""
        real = self.walk(path)
        if not os.path.isdir(real):
            self.add_file(real)
            return
        self.folders[real] = None
        for base, folders, names in os.walk(real):
            self.folders[base] = None
            for name in [*names, *(f for f in folders if os.path.islink(os.path.join(base, f)))]:
                inner = os.path.join(base, name)
                if os.path.islink(inner) and not os.path.exists(inner):
                    self.links[inner] = os.readlink(inner)  # dangling on the host and in the guest
                elif os.path.isfile(target := self.walk(inner)):
                    self.add_file(target)

    def walk(self, path: str) -> str:
        """The path with symbolic links resolved; adds each of these links to the pack."""
        done, left = "/", [p for p in os.path.abspath(path).split("/") if p]
        followed = 0
        while left:
            here = os.path.normpath(os.path.join(done, left.pop(0)))
            if os.path.islink(here):
                target = os.readlink(here)
                self.links[here] = target
                followed += 1
                if followed > MOST_LINKS:
                    raise UserError("too many symbolic links", where=path)
                rest = os.path.join(os.path.dirname(here), target, *left)
                done, left = "/", [p for p in os.path.normpath(rest).split("/") if p]
            else:
                done = here
        if not os.path.exists(done):
            raise UserError(f"no such file or folder: {path}")
        return done

    def add_file(self, path: str) -> None:
        """Adds a regular file; for a program also its libraries or its interpreter."""
        if path in self.files:
            return
        if len(self.files) == MOST_FILES:
            raise UserError(f"more than {MOST_FILES} files to pack", where=path)
        self.files[path] = _file(path)
        if is_elf(path):
            self.add_libraries(path)
        elif os.access(path, os.X_OK):
            self.add_interpreter(path)

    def add_libraries(self, path: str) -> None:
        found = libraries_of(path, self.library_path)
        for needed in (found.interpreter, *found.libraries):
            if needed:
                if not os.path.exists(needed):
                    raise UserError(f"its dynamic linker {needed} is not on this machine", where=path)
                self.add_file(self.walk(needed))
        self.beside.update(dict.fromkeys(found.beside))

    def add_interpreter(self, path: str) -> None:
        """Adds the interpreter in a script's first line, and for `env` the program that env runs."""
        with open(path, "rb") as file:
            head = file.read(256)
        if not head.startswith(b"#!"):
            return
        words = head[2:].split(b"\n")[0].decode(errors="replace").split()
        if not words or not os.path.isfile(words[0]):
            raise UserError(f"its interpreter {' '.join(words[:1]) or '(none)'} is not on this machine", where=path)
        self.add_file(self.walk(words[0]))
        if os.path.basename(words[0]) == "env":
            name = next((w for w in words[1:] if not w.startswith("-") and "=" not in w), "")
            if name:
                self.add_file(self.walk(find_program(name, None)))


def _file(path: str) -> File:
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise UserError("neither a file nor a folder", where=path)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return File(path, stat.S_IMODE(info.st_mode), sha256, info.st_size)
    except OSError as error:
        raise UserError(f"cannot read: {error.strerror}", where=path) from error


def content(file: File) -> bytes:
    """The bytes of a packed file. Raises MachineError if the file has changed or is gone."""
    try:
        with open(file.path, "rb") as opened:
            data = opened.read()
    except OSError as error:
        raise MachineError(f"a payload's file is gone: {error.strerror}", where=file.path) from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise MachineError("a payload's file has changed since the run began", where=file.path, hint="start it again")
    return data
