"""The guest's programs and initramfs: `guest/*.c` in, a cached base archive and a boot's own archive out.

The kernel unpacks archives that follow each other, so the base (programs, device nodes) is built once per content key,
and each boot appends a small one with its program and `/boot.conf`. Archives are newc (the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst), reproducible to the byte.
"""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kit.errors import MachineError
from kit.records import digest

SOURCES = Path(__file__).resolve().parents[2] / "guest"
COMPILER = "musl-gcc"
FLAGS = (
    *("-std=c11", "-static", "-O2", "-Wall", "-Wextra", "-Werror", "-no-pie", "-fno-pie"),
    # Behind all else, so that the program break begins after a VMA of a file: see guest/worker.c.
    "-Wl,--section-start=.guard=0x8000000",
)

# Path in the guest, and the sources that it is linked from.
PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "init": ("init.c", "channel.c", "conf.c", "lines.c", "layout.c", "shell.c", "reclaim.c"),
    "worker": (
        "worker.c", "channel.c", "conf.c", "lines.c", "layout.c", "lockstat.c", "program.c", "fields.c", "run.c",
        "idle.c", "memory.c", "stack.c", "children.c", "threads.c", "exec.c", "users.c",
    ),
    "bin/sh": ("sh.c", "lines.c"),
}  # fmt: skip
SCRIPTS: Mapping[str, str] = {"bin/job.sh": "job.sh", "bin/layout.sh": "layout.sh"}
DATA_BYTES = 64 * 4096  # of /data, which programs map: DATA_PAGES of guest/program.h

# Character devices by the numbers of Documentation/admin-guide/devices.txt.
DEVICES: Mapping[str, tuple[int, int]] = {
    "dev/console": (5, 1),
    "dev/null": (1, 3),
    "dev/kmsg": (1, 11),
    "dev/ttyS0": (4, 64),
    "dev/ttyS1": (4, 65),
}
DIRECTORIES = ("bin", "dev", "proc", "sys")

OnCommand = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class GuestImage:
    """The guest's part that is the same for every boot: its content key, and the archive of `build_guest`."""

    key: str
    base_cpio_path: Path


@dataclass(frozen=True)
class Entry:
    """One file of an archive. `mode` with its type bits; `device` is (major, minor), for device nodes only."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def cpio(entries: Sequence[Entry]) -> bytes:
    """A newc archive of `entries` in their order, times 0, owner root, padded to 512 bytes."""
    parts = [_member(number, entry) for number, entry in enumerate(entries, start=1)]
    parts.append(_member(0, Entry("TRAILER!!!", 0)))
    return _padded(b"".join(parts), 512)


def _member(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    major, minor = entry.device
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, major, minor, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + name, 4) + _padded(entry.data, 4)


def _padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def guest_key() -> str:
    """Content key of the guest: its sources, the compiler's version and the flags, and this archive's layout.

    Raises MachineError if there is no musl-gcc.
    """
    files = {path.name: path.read_text() for path in sorted(SOURCES.iterdir()) if path.suffix in {".c", ".h", ".sh"}}
    layout = [PROGRAMS, SCRIPTS, DEVICES, DIRECTORIES, DATA_BYTES]
    return digest([files, layout, FLAGS, _compiler_version()])


@cache
def _compiler_version() -> str:
    if shutil.which(COMPILER) is None:
        raise MachineError(f"there is no {COMPILER}", hint="install musl-tools (Debian) or musl-gcc (Fedora)")
    done = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def archive_name(key: str) -> str:
    """What the base archive with that key is called in the cache."""
    return f"guest-{key}.cpio"


def build_guest(cache: Path, *, on_command: OnCommand | None = None) -> GuestImage:
    """Compile the guest into `cache` unless its key is there, and return it.

    The archive appears by a rename, so that an interrupted build leaves nothing that looks complete. Raises
    MachineError with the compiler's own lines.
    """
    key = guest_key()
    archive = cache / archive_name(key)
    if not _is_whole(archive):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="guest-") as folder:
            made = Path(folder) / archive.name
            made.write_bytes(cpio(_base_entries(Path(folder), on_command)))
            made.rename(archive)
    return GuestImage(key, archive)


def _is_whole(archive: Path) -> bool:
    """Whether an archive is there to its end: a power cut may leave an empty file under the right name."""
    try:
        data = archive.read_bytes()
    except FileNotFoundError:
        return False
    return len(data) % 512 == 0 and b"TRAILER!!!" in data[-1024:]


def _base_entries(folder: Path, on_command: OnCommand | None) -> list[Entry]:
    entries = [Entry(path, stat.S_IFDIR | 0o755) for path in DIRECTORIES]
    entries += [Entry(path, stat.S_IFCHR | 0o600, device=device) for path, device in DEVICES.items()]
    for path, sources in PROGRAMS.items():
        program = folder / Path(path).name
        _compile(sources, program, on_command)
        entries.append(Entry(path, stat.S_IFREG | 0o755, program.read_bytes()))
    for path, name in SCRIPTS.items():
        entries.append(Entry(path, stat.S_IFREG | 0o755, (SOURCES / name).read_bytes()))
    entries.append(Entry("data", stat.S_IFREG | 0o644, bytes(DATA_BYTES)))
    return entries


def _compile(sources: Sequence[str], program: Path, on_command: OnCommand | None) -> None:
    # -s: what is left is the same whatever the folder was called.
    argv = [COMPILER, *FLAGS, "-s", "-o", str(program), *(str(SOURCES / name) for name in sources)]
    if on_command is not None:
        on_command(argv)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"the guest's {program.name} does not compile\n{done.stderr.rstrip()}", where=COMPILER)


def boot_initramfs(base: Path, program_text: str, conf: Mapping[str, str]) -> bytes:
    """The initramfs of one boot: the base archive, then `/program.N` and `/boot.conf` (`nonce`, `limit` in seconds).

    `program_text` has a section per worker, each after a line `worker NAME` (kit.workload.load.boot_program).
    """
    workers = sections(program_text)
    names = {f"worker.{n}": name for n, (name, _) in enumerate(workers)}
    lines = "".join(f"{key}={value}\n" for key, value in {**conf, **names}.items())
    own = [Entry(f"program.{n}", stat.S_IFREG | 0o644, text.encode()) for n, (_, text) in enumerate(workers)]
    return base.read_bytes() + cpio([*own, Entry("boot.conf", stat.S_IFREG | 0o644, lines.encode())])


def sections(program_text: str) -> list[tuple[str, str]]:
    """(worker's name, its program) in order. Raises ValueError for text before the first `worker` line."""
    head, *rest = re.split(r"^worker (\S+)\n", program_text, flags=re.MULTILINE)
    if head or not rest:
        raise ValueError("a boot's program starts with a line `worker NAME`")
    return list(zip(rest[::2], rest[1::2], strict=True))
