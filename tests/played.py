"""A boot of a fake kernel without a process: what the fake QEMU would play, and how kit reads it, in some milliseconds.

The console, the results and their reading are the same; only QEMU, its sockets and the waiting are not there. A kernel
that has a fault other than a warning, and a test marked `process`, go the long way through the fake QEMU.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.records import HostRecord, Machine, Pinned
from kit.vm.boot import BootRun, Ending, ReadResults, _require, how_it_ended, run_boot
from kit.vm.console import Ended, Limits, Phase, Watched
from kit.vm.hostload import host_state
from kit.vm.lent import nothing
from kit.vm.qemu import Files, arch, qemu_argv

FAKES = Path(__file__).resolve().parent / "fakes"
GOOD = (FAKES.parent / "golden" / "console-6.1-good.log").read_bytes()
sys.path.insert(0, str(FAKES))
import model_guest  # noqa: E402


def played_boot(
    image: Path,
    initramfs: bytes,
    machine: Machine,
    *,
    console: Path,
    read: ReadResults,
    append: str = "",
    cores: Sequence[int] | None = None,
    **options: Any,
) -> BootRun:
    """As `kit.vm.boot.run_boot`."""
    kernel = image.read_text()
    more_asked = options.get("extra", nothing) is not nothing
    faults = re.findall(r"/\* boots: (.+) \*/", kernel)
    if os.environ.get("KIT_FAKE_QEMU") != "model" or {*faults} - {"warning"} or more_asked:
        more = {"console": console, "read": read, "append": append, "cores": cores, **options}
        return run_boot(image, initramfs, machine, **more)
    _require(arch(machine.arch))
    limits = options.get("limits") or Limits()
    console.parent.mkdir(parents=True, exist_ok=True)
    console.write_bytes(b"")
    argv = qemu_argv(machine, Files(image, Path("initramfs"), console, 3, Path("results"), 4), append)
    if on_command := options.get("on_command"):
        on_command(argv)
    log = Path(os.environ.get("KIT_FAKE_LOG", os.devnull))
    with log.open("a") as file:
        file.write("boot\n")
    before = host_state() if cores is not None else None
    speed = model_guest.speed(machine.accel == "icount", argv[argv.index("-append") + 1], log)
    results = model_guest.results(kernel, initramfs, machine.cpus, speed)
    said = model_guest.printed(GOOD, faults[0] if faults else "")
    console.write_bytes(said)
    ended = Ending(Watched(Phase.RUNNING, Ended.CLOSED, 0.01, 0.005, said), 0, "", b"")
    pinned = Pinned(tuple(cores[: machine.cpus])) if cores else None
    host = HostRecord(before, host_state(), pinned) if before else None
    return replace(how_it_ended(ended, console, results, read, limits), host=host)
