"""`kit doctor`: examine this machine; report each dependency with its version and place."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kit.base.errors import COULD_NOT_RUN, OK, MachineError
from kit.base.progress import Progress
from kit.kernel.build import cached_kernel
from kit.kernel.sandbox import find as find_sandbox
from kit.kernel.shims import KNOWN, OLDEST, shims_for, shims_shown
from kit.kernel.toolchain import jobs, tool_versions
from kit.records import Kernel
from kit.records.arches import ARCHES, DEFAULT
from kit.run import bootrequest
from kit.setup import environment, packages
from kit.setup.packages import Need, System
from kit.store.cache import Cache
from kit.store.eviction import LIMIT, entries, size_limit, temporary_files
from kit.store.files import read_json
from kit.vm.boot import BootRun
from kit.vm.console import Limits
from kit.vm.kvm import cannot_open, host_facts, probe, remembered
from kit.vm.lent import ROOT, user_for
from kit.vm.plugin.found import find_plugin
from kit.workload.guestimage import build_guest

QUESTION_SECONDS = 10
GDB = Need("command:gdb", "`kit rerun --gdb`; optional", "gdb", "gdb", "gdb")


@dataclass(frozen=True)
class Found:
    """One need. `where`: its path, empty if it is missing; `version`: as it prints it itself, else empty."""

    need: str
    why: str
    package: str
    where: str
    version: str
    optional: bool


@dataclass(frozen=True)
class Examination:
    """The findings; `advice` is the one command that installs what is missing."""

    needs: tuple[Found, ...]
    cache: dict[str, Any]
    kvm: dict[str, Any]
    python: dict[str, Any]
    machine: dict[str, Any]
    advice: str
    kernels: dict[str, Any]
    sandbox: dict[str, Any]
    plugin: dict[str, Any]
    guests: dict[str, Any]

    @property
    def missing(self) -> tuple[Found, ...]:
        """What is needed and was not found."""
        return tuple(f for f in self.needs if not f.where and not f.optional)

    @property
    def exit_code(self) -> int:
        """4 if something is missing, else 0."""
        return COULD_NOT_RUN if self.missing else OK

    def as_json(self) -> dict[str, Any]:
        """All of it as plain JSON values."""
        return {**asdict(self), "missing": [f.need for f in self.missing]}


def examine(cache: Cache, progress: Progress, root: str, *, try_kvm: bool = False) -> Examination:
    """Examines this machine. `root`: the project's folder; `try_kvm`: boot a cached kernel with KVM now."""
    system = packages.this_system()
    family = packages.family_of(system)
    wanted = [n for n in (*packages.wanted(), packages.VENV) if not family or packages.package(n, family)]
    needs = [find(n, system, family) for n in wanted]
    lacking = [n for n, found in zip(wanted, needs, strict=True) if not found.where]
    advice = packages.advice(lacking, system, family) if lacking else ""
    return Examination(
        (*needs, *(find(need, system, family, optional=True) for need in (GDB, *packages.ARCHIVE, *packages.LLVM))),
        _cache(cache),
        _kvm(cache, progress, try_kvm),
        _python(root),
        {"cores": jobs(), "cpu": host_facts().cpu, "kernel": platform.release(), "system": packages.system_name()},
        advice,
        _kernels(progress),
        _sandbox(),
        _plugin(cache, progress),
        _guests(),
    )


def _sandbox() -> dict[str, Any]:
    """Whether builds can be enclosed here, tried with an empty command."""
    found = find_sandbox()
    as_user = f"user {found.sandbox.uid}" if found.sandbox else ""
    return {"works": found.sandbox is not None, "why": found.why, "asked": found.asked, "as": as_user}


def _guests() -> dict[str, Any]:
    """Who a QEMU is that this user starts."""
    user = user_for(ARCHES[DEFAULT].qemu)
    return {"own_user": user.id is not None, "root": os.geteuid() == ROOT, "why": user.why}


def _plugin(cache: Cache, progress: Progress) -> dict[str, Any]:
    """Whether QEMU takes kit's plugin, tried without a guest."""
    try:
        found = find_plugin(ARCHES[DEFAULT], cache.folder("plugin"), progress.command)
    except MachineError as error:
        return {"works": False, "interface": None, "why": str(error).partition("\n")[0]}
    return {"works": found.file is not None, "interface": found.interface, "why": found.why}


def _kernels(progress: Progress) -> dict[str, Any]:
    """Which kernels kit was tested with, and the shims that this machine's toolchain needs for the oldest."""
    return {"known": list(KNOWN), "shims": shims_shown(shims_for(OLDEST, tool_versions(progress)))}


def find(need: Need, system: System, family: str, *, optional: bool = False) -> Found:
    """Looks for a need on this machine."""
    kind, _, names = need.look.partition(":")
    name, where, version = packages.thing(need), "", ""
    if kind == "command":
        where = next(filter(None, (packages.which(one, system.path) for one in names.split("|"))), "")
        version = version_of(where) if where else ""
    elif kind == "file":
        where = next(filter(os.path.exists, names.split("|")), "")
    elif kind == "header":
        found = (os.path.join(f, name) for f in system.includes if os.path.exists(os.path.join(f, name)))
        where = next(found, "the compiler's own" if packages.compiles(name, system) else "")
    elif packages.is_there(need.look, system):
        where, version = "python's own", platform.python_version()
    package = packages.package(need, family) if family else need.apt
    return Found(name, need.why, package, where, version, optional)


def version_of(command: str) -> str:
    """The first line with a digit of the output of `--version`; empty if there is none."""
    try:
        done = subprocess.run(
            [command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=QUESTION_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    return next((line.strip() for line in lines if re.search(r"\d", line)), "")


def _cache(cache: Cache) -> dict[str, Any]:
    there = cache.root
    while not there.exists():
        there = there.parent
    stat = os.statvfs(there)
    return {
        "where": str(cache.root),
        "bytes": sum(e.size for e in entries(cache)),
        "limit": size_limit(),
        "limit_from": LIMIT if os.environ.get(LIMIT) else "default",
        "free": stat.f_bavail * stat.f_frsize,
        "writable": os.access(there, os.W_OK) and not stat.f_flag & os.ST_RDONLY,
    }


def _kvm(cache: Cache, progress: Progress, try_it: bool) -> dict[str, Any]:
    """`works` is None if KVM was not tried yet."""
    if why := cannot_open():
        return {"works": False, "why": why, "tried": False}
    newest = newest_kernel(cache)
    if newest is None:
        why = "no kernel in the cache to try it with; the first run tries it and keeps the answer"
        return {"works": None, "why": why, "tried": False}
    kernel, generation = newest
    answers = cache.root / "kvm" / "answers.json"
    if try_it:
        with temporary_files() as folder:
            attempt = _Attempt(kernel, cache, progress, folder)
            used, why = probe("auto", host_facts(), generation, attempt, answers, again=True)
        return {"works": used == "kvm", "why": why, "tried": True}
    known = remembered(host_facts(), generation, answers)
    if known is None:
        return {"works": None, "why": "not tried yet with the newest kernel; --kvm tries it now", "tried": False}
    return {"works": known[0], "why": f"{known[1]} (remembered)", "tried": False}


@dataclass(frozen=True)
class _Attempt:
    """A trial boot with KVM."""

    kernel: Kernel
    cache: Cache
    progress: Progress
    folder: Path

    def __call__(self, limits: Limits) -> BootRun:
        guest = build_guest(self.cache.folder("guest"), on_command=self.progress.command)
        console = Path(tempfile.mkdtemp(dir=self.folder)) / "console.log"
        asked = bootrequest.probe(self.kernel, guest.base_cpio_path, DEFAULT, console, limits)
        with self.progress.task("does KVM really run a kernel here? A boot under a watchdog"):
            return bootrequest.boot(asked, self.progress)


def newest_kernel(cache: Cache) -> tuple[Kernel, str] | None:
    """The most recently used kernel of the cache, and its generation as the key for remembered answers about KVM; None
    if there is none."""
    for entry in reversed([e for e in entries(cache) if e.kind == "kernels"]):
        kernel = cached_kernel(entry.name, cache)
        if kernel is not None:
            record = read_json(cache.root / "kernels" / entry.name / "kernel.json")
            return kernel, f"{_release(Path(kernel.vmlinux))} {record['spec']['instrument']}"
    return None


def _release(image: Path) -> str:
    """The version in a kernel's banner (init/version.c); empty if it has none."""
    match = re.search(rb"Linux version (\S+) \(", image.read_bytes())
    return match[1].decode(errors="replace") if match else ""


def _python(root: str) -> dict[str, Any]:
    place = None if environment.is_users_own(root) else environment.find(root)  # installed by pip: no venv of kit's own
    return {
        "version": platform.python_version(),
        "where": sys.executable,
        "prefix": sys.prefix,
        "venv": place.folder if place else "",
        "venv_ready": place is None or environment.is_ready(place),
        "lacking": [n for n in environment.RUNTIME if not environment.is_importable(n)],
    }
