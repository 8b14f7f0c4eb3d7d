"""Compiles the guest's programs (`guest/*.c`) and makes the initramfs of a boot.

The kernel unpacks concatenated archives. So a base archive (programs, device nodes) is built once for each content key,
and each boot appends a small one with its program and `/boot.conf`. The format is newc (the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst). Equal inputs give equal bytes.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from kit.base.errors import MachineError
from kit.base.project import PROJECT
from kit.model.program import SCRIPTS as SHELL_SCRIPTS
from kit.records import digest
from kit.records.arches import ARCHES
from kit.workload.catalog import WORKLOADS
from kit.workload.load import HOST_ROOTS, SESSION, WORKER, sections
from kit.workload.pack import content
from kit.workload.payload import is_manifest, read_manifest, root_of

SOURCES = PROJECT / "guest"
COMPILER = "musl-gcc"
FLAGS = (
    *("-std=c11", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-no-pie", "-fno-pie"),
    # Last in memory, so that the program break follows a file-backed VMA: see guest/worker.c.
    "-Wl,--section-start=.guard=0x8000000",
)

# Path in the guest, and the sources that it is linked from.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "init": ("init.c", "channel.c", "conf.c", "lines.c", "layout.c", "shell.c", "reclaim.c", "swap.c"),
    "worker": (
        "worker.c", "channel.c", "conf.c", "lines.c", "layout.c", "lockstat.c", "program.c", "fields.c", "run.c",
        "idle.c", "memory.c", "stack.c", "children.c", "threads.c", "exec.c", "scripts.c", "users.c",
        "ramp.c", "crew.c", "pressure.c", "swap.c", "touch.c",
        "aim7/job.c", "aim7/compute.c", "aim7/numbers.c", "aim7/memory.c", "aim7/files.c", "aim7/messages.c",
        "aim7/process.c", "aim7/mail.c",
    ),
    "payload": ("payload.c", "task.c", "root.c", "output.c", "channel.c", "conf.c", "lines.c", "lockstat.c"),
    "session": ("session.c", "task.c", "root.c", "channel.c", "conf.c"),
    "bin/sh": ("sh.c", "lines.c", "smaps.c"),
    "bin/ls": ("tools.c", "smaps.c", "touch.c"),
}  # fmt: skip
"""Programs of every guest; workloads name further ones in their rows."""
SCRIPTS: Mapping[str, str] = {f"bin/{name}.sh": f"{name}.sh" for name in ("job", "layout", *SHELL_SCRIPTS)}
LINKS: Mapping[str, str] = {"bin/sleep": "ls"}  # path in the guest → target: one program, as its name says
DATA_BYTES = 64 * 4096  # size of /data, a file for programs to map: DATA_PAGES of guest/program.h

# Character devices by the numbers of Documentation/admin-guide/devices.txt.
DEVICES: Mapping[str, tuple[int, int]] = {
    "dev/console": (5, 1),
    "dev/null": (1, 3),
    "dev/kmsg": (1, 11),
}
DIRECTORIES = ("bin", "dev", "proc", "sys", "tmp")

OnCommand = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class GuestImage:
    """The part of the guest that all boots share: its content key and its archive."""

    key: str
    base_cpio_path: Path


@dataclass(frozen=True)
class Entry:
    """One file of an archive. `mode` includes the type bits; `device` is (major, minor), for device nodes only."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def devices() -> dict[str, tuple[int, int]]:
    """Path in the guest → (major, minor): the devices of every kernel, and each architecture's serial lines."""
    return {**DEVICES, **{path: number for arch in ARCHES.values() for path, number in arch.lines.items()}}


def cpio(entries: Sequence[Entry]) -> bytes:
    """A newc archive of `entries` in the given order, with times 0 and owner root, padded to 512 bytes."""
    parts = [_member(number, entry) for number, entry in enumerate(entries, start=1)]
    parts.append(_member(0, Entry("TRAILER!!!", 0)))
    return _padded(b"".join(parts), 512)


def _member(number: int, entry: Entry) -> bytes:
    name = os.fsencode(entry.path) + b"\0"
    major, minor = entry.device
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, major, minor, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + name, 4) + _padded(entry.data, 4)


def _padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def programs() -> dict[str, tuple[str, ...]]:
    """Path in the guest → C sources, for every program: those of PROGRAMS and those of workloads."""
    return {**PROGRAMS, **{path: parts for kind in WORKLOADS.values() for path, parts in kind.programs.items()}}


def guest_key() -> str:
    """The content key of the guest, from its sources, the compiler's version, its flags, and the archive's layout.

    Raises MachineError if musl-gcc is not installed.
    """
    paths = [path for path in sorted(SOURCES.rglob("*")) if path.suffix in {".c", ".h", ".sh"}]
    files = {str(path.relative_to(SOURCES)): path.read_text() for path in paths}
    layout = [programs(), SCRIPTS, LINKS, devices(), DIRECTORIES, DATA_BYTES]
    return digest([files, layout, FLAGS, _compiler_version()])


@cache
def _compiler_version() -> str:
    if shutil.which(COMPILER) is None:
        raise MachineError(f"there is no {COMPILER}", hint="install musl-tools (Debian) or musl-gcc (Fedora)")
    done = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def archive_name(key: str) -> str:
    """The file name of the base archive with that key, in the cache."""
    return f"guest-{key}.cpio"


def build_guest(cache: Path, *, key: str = "", on_command: OnCommand | None = None) -> GuestImage:
    """Compiles the guest into `cache`, unless it is there, and returns it. `key`: its `guest_key()`, where it is known.

    The archive is renamed into place, so an interrupted build leaves nothing that looks complete. Raises MachineError
    with the compiler's own lines.
    """
    key = key or guest_key()
    archive = cache / archive_name(key)
    if not _is_whole(archive):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="guest-") as folder:
            made = Path(folder) / archive.name
            made.write_bytes(cpio(_base_entries(Path(folder), on_command)))
            made.rename(archive)
    return GuestImage(key, archive)


def _is_whole(archive: Path) -> bool:
    """Whether an archive exists and is complete: a power cut may leave an empty file under the right name."""
    try:
        data = archive.read_bytes()
    except FileNotFoundError:
        return False
    return len(data) % 512 == 0 and b"TRAILER!!!" in data[-1024:]


def _base_entries(folder: Path, on_command: OnCommand | None) -> list[Entry]:
    entries = [Entry(path, stat.S_IFDIR | 0o755) for path in DIRECTORIES]
    entries += [Entry(path, stat.S_IFCHR | 0o600, device=device) for path, device in devices().items()]
    for path, sources in programs().items():
        program = folder / Path(path).name
        _compile(sources, program, on_command)
        entries.append(Entry(path, stat.S_IFREG | 0o755, program.read_bytes()))
    for path, name in SCRIPTS.items():
        entries.append(Entry(path, stat.S_IFREG | 0o755, (SOURCES / name).read_bytes()))
    entries += [Entry(path, stat.S_IFLNK | 0o777, target.encode()) for path, target in LINKS.items()]
    entries.append(Entry("data", stat.S_IFREG | 0o644, bytes(DATA_BYTES)))
    return entries


def _compile(sources: Sequence[str], program: Path, on_command: OnCommand | None) -> None:
    # -s: without symbols, the program does not depend on the folder's name.
    argv = [COMPILER, *FLAGS, "-s", "-o", str(program), *(str(SOURCES / name) for name in sources)]
    if on_command is not None:
        on_command(argv)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"the guest's {program.name} does not compile\n{done.stderr.rstrip()}", where=COMPILER)


def boot_initramfs(base: Path, program_text: str, conf: Mapping[str, str]) -> bytes:
    """The initramfs of one boot: the base archive, the sections of `program_text` (kit.workload.load.boot_program) as
    `/program.N`, `/payload.N` or `/session.task`, their packed files, and `/boot.conf` (`conf`, as `key=value` lines:
    `nonce`, `limit` in seconds …).

    Raises MachineError if a packed file has changed since the text was made.
    """
    parts = sections(program_text)
    names = {f"worker.{n}": name for n, (_, name, _) in enumerate(parts)}
    lines = "".join(f"{key}={value}\n" for key, value in {**conf, **names}.items())
    own = [part for n, (kind, _, text) in enumerate(parts) for part in _section_entries(n, kind, text)]
    own.append(Entry("boot.conf", stat.S_IFREG | 0o644, lines.encode()))
    return base.read_bytes() + cpio(list({entry.path: entry for entry in own}.values()))


def _section_entries(number: int, kind: str, text: str) -> list[Entry]:
    if kind == WORKER:
        return [Entry(f"program.{number}", stat.S_IFREG | 0o644, text.encode())]
    task = "".join(f"{line}\n" for line in text.splitlines() if not is_manifest(line))
    name = "session.task" if kind == SESSION else f"payload.{number}"
    return [Entry(name, stat.S_IFREG | 0o644, os.fsencode(task)), *_pack_entries(text)]


def _pack_entries(text: str) -> list[Entry]:
    """The packed files of a payload, below its root; folders come before what is in them."""
    root = root_of(text)
    if root in HOST_ROOTS:
        return []
    packed = read_manifest(text)
    paths = [*(f.path for f in packed.files), *(path for path, _ in packed.links), *(f"{f}/." for f in packed.folders)]
    folders = {str(parent) for path in paths for parent in PurePosixPath(root + path).parents}
    entries = [Entry(f.lstrip("/"), stat.S_IFDIR | 0o755) for f in sorted(folders - {"/"})]
    for path, target in packed.links:
        entries.append(Entry((root + path).lstrip("/"), stat.S_IFLNK | 0o777, os.fsencode(target)))
    files = [Entry((root + f.path).lstrip("/"), stat.S_IFREG | f.mode, content(f)) for f in packed.files]
    return entries + files
