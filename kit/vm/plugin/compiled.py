"""The plugin as a shared object for one of QEMU's interfaces, compiled with the host's compiler and kept in the cache.

QEMU's packages have no header for plugins: the C declares what it uses (kit/vm/plugin/qemu.h).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from kit.base.errors import MachineError
from kit.records.digest import digest

SOURCES = Path(__file__).parent
COMPILERS = ("gcc", "clang", "cc")
FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror")
LIMIT = 60.0  # seconds
ELF = b"\x7fELF"

OnCommand = Callable[[Sequence[str]], None]


def compiler() -> str:
    """The host's compiler. Raises MachineError if there is none."""
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None:
        raise MachineError("no C compiler for QEMU's plugin", hint="install gcc")
    return found


def sources() -> list[Path]:
    """The plugin's C files."""
    return sorted(SOURCES.glob("*.c"))


def content() -> str:
    """The key of the plugin's sources."""
    return digest({p.name: p.read_text(encoding="utf-8") for p in sorted(SOURCES.glob("*.[ch]"))})


def argv_of(program: str, interface: int, out: Path) -> list[str]:
    """The command that compiles it."""
    return [program, *FLAGS, f"-DINTERFACE={interface}", "-o", str(out), *map(str, sources())]


def compiled(folder: Path, interface: int, on_command: OnCommand | None = None) -> Path:
    """The shared object in `folder` (of the cache), made if it is not there. Raises MachineError with the compiler's
    words."""
    program = compiler()
    made = folder / f"plugin-{digest([interface, program, _version(program), FLAGS, content()])}.so"
    if made.is_file() and made.read_bytes()[: len(ELF)] == ELF:
        return made
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as draft:
        out = Path(draft) / made.name
        argv = argv_of(program, interface, out)
        if on_command is not None:
            on_command(argv)
        done = _run(argv)
        if done.returncode:
            raise MachineError(f"QEMU's plugin does not compile\n{done.stderr.rstrip()}", where=program)
        out.chmod(0o755)  # QEMU may be another user, whatever the umask
        out.rename(made)
    return made


def _version(program: str) -> str:
    return _run([program, "--version"]).stdout.partition("\n")[0]


def _run(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"QEMU's plugin cannot be compiled: {error}") from error
