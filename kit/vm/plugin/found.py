"""Whether this machine's QEMU takes the plugin, and by which interface: tried with a QEMU that runs no guest."""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kit.base.errors import MachineError
from kit.base.frames import FrameError, frames
from kit.records.arches import Arch
from kit.vm.lent import Lent, Options, lending, user_for
from kit.vm.plugin.compiled import OnCommand, compiled
from kit.vm.plugin.records import JOB as COVERAGE
from kit.vm.process import running
from kit.vm.qemu import plugin_argv, trial_argv

INTERFACES = (((11, 1), 7), ((9, 1), 3), ((9, 0), 2), ((0, 0), 1))
"""QEMU's version (major, minor) → the interface that it has since, newest first. It refuses newer ones; 9.0 and later
refuse 1, 11.1 and later all before 7."""
TRY_SECONDS = 20.0
MINIMUM = re.compile(r"supports only a minimum version of (\d{1,9})")
NO_PLUGINS = "this QEMU takes no plugins"


@dataclass(frozen=True)
class Plugin:
    """The plugin that this QEMU takes: its file and interface. None of both, and `why`, if it takes none."""

    file: Path | None
    interface: int | None
    why: str = ""


_FOUND: dict[tuple[str, int, Path], Plugin] = {}
"""QEMU's file, when it was changed, and the folder → what was found."""


def find_plugin(arch: Arch, folder: Path, on_command: OnCommand | None = None) -> Plugin:
    """The plugin for an architecture's QEMU, compiled into `folder` and tried once. Never raises."""
    qemu = shutil.which(arch.qemu)
    if qemu is None:
        return Plugin(None, None, f"there is no {arch.qemu}")
    key = (qemu, Path(qemu).stat().st_mtime_ns, folder)
    if key not in _FOUND:
        try:
            _FOUND[key] = _try(arch, folder, on_command)
        except (MachineError, OSError) as error:
            _FOUND[key] = Plugin(None, None, str(error).partition("\n")[0])
    return _FOUND[key]


def _try(arch: Arch, folder: Path, on_command: OnCommand | None) -> Plugin:
    interface = interface_of(_version(arch))
    file = compiled(folder, interface, on_command)
    works, said = _loads(arch, file)
    newer = MINIMUM.search(said)
    if newer and int(newer[1]) in dict(INTERFACES).values():
        interface = int(newer[1])
        file = compiled(folder, interface, on_command)
        works, said = _loads(arch, file)
        newer = MINIMUM.search(said)
    if newer:
        return Plugin(None, None, f"this QEMU takes plugins of interface {newer[1]} and later, kit's has {interface}")
    last = said.strip().splitlines()[-1:] or ["it says nothing"]
    return Plugin(file, interface) if works else Plugin(None, None, f"{NO_PLUGINS}: {last[0][:200]}")


def interface_of(version: str) -> int:
    """The interface of a QEMU, by what it prints for --version."""
    found = re.search(r"version (\d+)\.(\d+)", version)
    own = (int(found[1]), int(found[2])) if found else (0, 0)
    return next(interface for since, interface in INTERFACES if own >= since)


def _version(arch: Arch) -> str:
    argv = [arch.qemu, "--version"]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TRY_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineError(f"{arch.qemu} does not start: {error}") from error
    return done.stdout


def _loads(arch: Arch, file: Path) -> tuple[bool, str]:
    """Whether QEMU loads a plugin that then writes its records; and what QEMU printed."""
    nonce = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="kit-boot-plugin-") as name:
        records, stderr = Path(name) / "records", Path(name) / "stderr"
        records.touch()
        ours, theirs = socket.socketpair()
        with ours, theirs, lending(user_for(arch.qemu), Path(name)) as lent:
            more = partial(_options, arch, file, COVERAGE, nonce, records, None)
            argv = trial_argv(arch, theirs.fileno(), more, lent)
            with running(argv, [theirs], stderr, lent.fds) as process:
                _quit(ours)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(TRY_SECONDS)
        said = stderr.read_text(errors="replace")
        return _whole(records.read_bytes(), nonce), said


def _quit(monitor: socket.socket) -> None:
    """Tells QEMU to end, as soon as it listens."""
    monitor.settimeout(TRY_SECONDS)
    with contextlib.suppress(OSError):
        monitor.sendall(b"quit\n")


def _whole(data: bytes, nonce: str) -> bool:
    try:
        return len(list(frames(data, nonce))) > 1
    except FrameError:
        return False


def options(plugin: Plugin, arch: Arch, job: str, folder: Path, nonce: str, code: str) -> Options:
    """QEMU's options for a boot with a job of the plugin. Makes the files that it reads and writes in `folder`: `code`
    (the text that the job wants of the kernel's code) and `records`."""
    assert plugin.file is not None
    told, records = folder / "code", folder / "records"
    told.write_text(code)
    records.touch()
    return partial(_options, arch, plugin.file, job, nonce, records, told)


def _options(
    arch: Arch, plugin: Path, job: str, nonce: str, records: Path, code: Path | None, lent: Lent
) -> Sequence[str]:
    return plugin_argv(arch, plugin, job, records, nonce, code, lent)
