"""Finds the dynamic linker and the libraries that an ELF program needs, so that it can run in a guest.

The search order is that of ld.so(8): DT_RPATH of the object and of the objects that need it (unless the object has
DT_RUNPATH), LD_LIBRARY_PATH, the object's DT_RUNPATH, the folders of /etc/ld.so.conf, the default folders. Libraries
that a program opens later with dlopen() (plug-ins, name services, character sets) are not found.
"""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.enums import ENUM_E_MACHINE
from elftools.elf.segments import InterpSegment

from kit.base.errors import UserError
from kit.records.arches import ARCHES, DEFAULT

MAGIC = b"\x7fELF"
HOST = ARCHES[DEFAULT]
BUILT_IN = (f"/lib/{HOST.triplet}", f"/usr/lib/{HOST.triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
MUSL = f"/usr/lib/{HOST.musl}"
CONF = "/etc/ld.so.conf"
CONF_DEPTH = 8


@dataclass(frozen=True)
class Object:
    """The dynamic section of an ELF file; folders as written, with `$ORIGIN` unexpanded."""

    path: str
    interpreter: str  # empty for a library and a static program
    needed: tuple[str, ...]
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What a program needs. `interpreter`: its dynamic linker; `libraries`: paths in the order they were found in;
    `beside`: folders that a dynamic linker without ld.so.cache would not search, for LD_LIBRARY_PATH."""

    interpreter: str
    libraries: tuple[str, ...]
    beside: tuple[str, ...]


def is_elf(path: str | Path) -> bool:
    """Whether a file begins with the ELF magic number. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(4) == MAGIC


def read_object(path: str) -> Object:
    """Reads an ELF file. Raises UserError if it is damaged or for another architecture."""
    try:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            if (elf.elfclass, ENUM_E_MACHINE.get(elf["e_machine"])) != (64, HOST.elf):
                raise UserError(f"a program for {elf.get_machine_arch()}, not for 64-bit {HOST.said}", where=path)
            return _object(path, elf)
    except (ELFError, UnicodeDecodeError, ValueError, KeyError) as error:
        raise UserError(f"a damaged ELF file ({error or type(error).__name__})", where=path) from error


def _object(path: str, elf: ELFFile) -> Object:
    interpreter = ""
    tags: dict[str, list[str]] = {"DT_NEEDED": [], "DT_RPATH": [], "DT_RUNPATH": []}
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            interpreter = segment.get_interp_name()
        if isinstance(segment, DynamicSegment):
            for tag in segment.iter_tags():
                if tag.entry.d_tag in tags:
                    tags[tag.entry.d_tag].append(getattr(tag, tag.entry.d_tag.removeprefix("DT_").lower()))
    folders = {k: tuple(f for text in tags[k] for f in text.split(":") if f) for k in ("DT_RPATH", "DT_RUNPATH")}
    return Object(path, interpreter, tuple(tags["DT_NEEDED"]), folders["DT_RPATH"], folders["DT_RUNPATH"])


def libraries_of(path: str, library_path: Sequence[str] = ()) -> Found:
    """Everything that the program or library at `path` loads when it starts. `library_path`: folders of
    LD_LIBRARY_PATH.

    Raises UserError with the first library that is not on this machine, and the object that needs it.
    """
    top = read_object(path)
    musl = os.path.basename(top.interpreter).startswith("ld-musl")
    have: dict[str, str] = {"libc.so": ""} if musl else {}  # musl's interpreter is its libc.so
    waiting = deque([(top, top.rpath)])
    while waiting:
        wanted_by, rpath = waiting.popleft()
        for name in wanted_by.needed:
            if name in have:
                continue
            have[name] = found = _find(name, wanted_by, rpath, library_path, musl)
            if not found:
                raise _missing(name, wanted_by, top)
            library = read_object(found)
            waiting.append((library, (*library.rpath, *rpath) if not library.runpath else ()))
    paths = tuple(p for p in have.values() if p)
    built_in = {os.path.realpath(f) for f in (BUILT_IN if not musl else BUILT_IN[4:])}
    said = {*top.rpath, *top.runpath, *library_path}
    conf = [os.path.dirname(p) for p in paths if os.path.realpath(os.path.dirname(p)) not in built_in]
    searched = {os.path.dirname(p) for p in paths} & {*_conf_folders(), MUSL}
    return Found(top.interpreter, paths, tuple(dict.fromkeys(f for f in conf if f in searched and f not in said)))


def _missing(name: str, wanted_by: Object, top: Object) -> UserError:
    which = os.path.basename(wanted_by.path)
    which += f" (of {os.path.basename(top.path)})" if wanted_by is not top else ""
    hint = "install the package that has it, or name its folder: env: {LD_LIBRARY_PATH: /its/folder}"
    return UserError(f"{which} needs the library {name}, which is not on this machine", where=top.path, hint=hint)


def _find(name: str, by: Object, rpath: Sequence[str], library_path: Sequence[str], musl: bool) -> str:
    if "/" in name:
        return name if _fits(name) else ""
    folders = [
        *(_expanded(f, by) for f in (() if by.runpath else rpath)),
        *library_path,
        *(_expanded(f, by) for f in by.runpath),
        *((MUSL, "/usr/local/lib", "/lib", "/usr/lib") if musl else (*_conf_folders(), *BUILT_IN)),
    ]
    return next((path for f in folders if f and _fits(path := os.path.join(f, name))), "")


def _expanded(folder: str, by: Object) -> str:
    """A folder of an object with its `$` tokens expanded; empty if one is unknown."""
    origin = os.path.dirname(os.path.realpath(by.path))
    for token, value in (("ORIGIN", origin), ("LIB", f"lib/{HOST.triplet}"), ("PLATFORM", HOST.name)):
        folder = folder.replace(f"${{{token}}}", value).replace(f"${token}", value)
    return "" if "$" in folder else os.path.normpath(folder)


def _fits(path: str) -> bool:
    """Whether the file is a library of the guest's architecture: ld.so skips those of others."""
    try:
        with open(path, "rb") as file:
            head = file.read(20)
    except OSError:
        return False
    return head[:5] == MAGIC + b"\x02" and int.from_bytes(head[18:20], "little") == HOST.elf


@cache
def _conf_folders() -> tuple[str, ...]:
    return tuple(dict.fromkeys(_conf(CONF, CONF_DEPTH)))


def _conf(path: str, depth: int) -> Iterator[str]:
    """The folders in a file of ld.so.conf's format, including those of included files."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        words = line.partition("#")[0].split()
        if words[:1] == ["include"] and depth:
            for pattern in words[1:]:
                for other in sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))):
                    yield from _conf(other, depth - 1)
        elif words and words[0].startswith("/"):
            yield words[0]
