"""Chooses the accelerator, "kvm" or "tcg", from the user's request and a real boot.

On some hosts (nested, paravirtual) `/dev/kvm` opens and creates machines, yet every ordinary kernel hangs: only a boot
with a time limit tells. Its result is remembered for the same host, QEMU and kernel.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import MachineError, UserError
from kit.records import Outcome, digest
from kit.records.arches import ARCHES, DEFAULT
from kit.vm.boot import BootRun
from kit.vm.console import Limits

DEVICE = Path("/dev/kvm")
PROBE_LIMITS = Limits(first_line=10, init=20, total=20)
REQUESTS = ("auto", "kvm", "tcg")

# Boots the kernel once with KVM, within the limits, with any program.
ProbeBoot = Callable[[Limits], BootRun]


@dataclass(frozen=True)
class HostFacts:
    """The facts that the result of a KVM boot depends on: the CPU's model, the host's kernel, QEMU's version."""

    cpu: str
    release: str
    qemu: str


def host_facts(program: str = ARCHES[DEFAULT].qemu) -> HostFacts:
    """The facts of this host; an unknown one is empty."""
    try:
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        version = ""
    return HostFacts(_cpu_model(), platform.release(), version.partition("\n")[0])


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def probe(
    request: str,
    host: HostFacts,
    kernel_key: str,
    boot: ProbeBoot,
    cache: Path,
    *,
    device: Path = DEVICE,
    again: bool = False,
) -> tuple[str, str]:
    """(accelerator, why). `cache`: the JSON file with earlier results; `again`: ignore them.

    Raises MachineError if `request` is "kvm" and KVM does not work, UserError for an unknown request.
    """
    if request not in REQUESTS:
        raise UserError(f"unknown accelerator {request!r}", hint=f"known: {', '.join(REQUESTS)}")
    if request == "tcg":
        return "tcg", "tcg was asked for"
    works, why = _try_kvm(host, kernel_key, boot, cache, device, again)
    if works:
        return "kvm", why
    if request == "kvm":
        raise MachineError(f"KVM does not work here: {why}", hint="use accel: auto, or accel: tcg")
    return "tcg", why


def cannot_open(device: Path = DEVICE) -> str:
    """Why KVM cannot work here; empty if it may."""
    if not device.exists():
        return f"there is no {device}"
    return "" if os.access(device, os.R_OK | os.W_OK) else f"{device} may not be opened by this user"


def remembered(host: HostFacts, kernel_key: str, cache: Path) -> tuple[bool, str] | None:
    """(works, why) of an earlier boot; None if there was none."""
    return _load(cache).get(digest([host, kernel_key]))


def _try_kvm(
    host: HostFacts, kernel_key: str, boot: ProbeBoot, cache: Path, device: Path, again: bool
) -> tuple[bool, str]:
    if why := cannot_open(device):
        return False, why
    key = digest([host, kernel_key])
    known = _load(cache)
    if key in known and not again:
        works, why = known[key]
        return works, f"{why} (remembered)"
    run = boot(PROBE_LIMITS)
    works = run.outcome is Outcome.OK
    why = "a boot with KVM succeeded" if works else f"a boot with KVM failed: {run.outcome}, {run.why}"
    _store(cache, {**known, key: (works, why)})
    return works, why


def _load(cache: Path) -> dict[str, tuple[bool, str]]:
    """The remembered results; empty if the file is missing or not in our format."""
    try:
        entries = json.loads(cache.read_text())
        return {key: (bool(works), str(why)) for key, (works, why) in entries.items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}


def _store(cache: Path, answers: dict[str, tuple[bool, str]]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=cache.parent, delete=False) as file:
        json.dump(answers, file, indent=1)
    Path(file.name).replace(cache)
