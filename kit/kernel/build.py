"""Builds a kernel from a KernelSpec, its tree and its changed files, and keeps it in the cache.

Arms with the same tree, configuration and toolchain share one object folder and are built one after the other.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from kit.base import commands
from kit.base.errors import BuildError, KitError, MachineError, UserError
from kit.base.progress import Progress
from kit.kernel import compilerwarnings
from kit.kernel.config import Config, check_kept, kconfig_names, values
from kit.kernel.enclosed import Enclosed, Stopped
from kit.kernel.fork import fork
from kit.kernel.made import copy, text_of
from kit.kernel.options import has_pvh, has_tinyconfig
from kit.kernel.ownconfig import differences
from kit.kernel.sandbox import enclosure, find, no_sandbox
from kit.kernel.shims import Shims, known_to_work
from kit.kernel.toolchain import Toolchain, jobs
from kit.kernel.tree import Tree
from kit.kernel.trust import ccache_of
from kit.kernel.workspace import Workspace
from kit.records import Kernel, KernelSpec, to_json
from kit.records.arches import ARCHES
from kit.store.cache import Cache
from kit.store.files import read_json, sha256_of, write_atomic, write_json

CONFIGURE_LIMIT = 900.0
BUILD_LIMIT = 4 * 3600.0
LONGEST = 1000  # characters of a compiler's line that are shown
READ_ONLY = "Read-only file system"
MACHINE_FAULTS = re.compile(
    r"^.*: '?(No space left on device|Disk quota exceeded|File too large|Read-only file system|Input/output error"
    r"|Too many open files|Cannot allocate memory)'?\)?$"
    r"|^.*(virtual memory exhausted|(Killed|Terminated|File size limit exceeded) signal terminated program"
    r"|internal compiler error: Segmentation fault).*$"
    r"|^clang(-\d+)?: error: unable to execute command:"
    r" (Killed|Terminated|Segmentation fault|File size limit exceeded).*$"
    r"|^make(\[\d+\])?: \*\*\* .*\] (Killed|Terminated|Hangup|File size limit exceeded).*$",
    re.MULTILINE,
)
"""Messages of strerror, of the gcc and clang drivers and of make that mean: the machine failed, not the source."""
_STEP = re.compile(r"^  [A-Z][A-Z0-9_]* +(\S+)")
_PLANNED = re.compile(r"echo '  [A-Z][A-Z0-9_]* ")


@dataclass(frozen=True)
class BuildInput:
    """Everything that a KernelSpec's key stands for."""

    spec: KernelSpec
    tree: Tree
    changed: Mapping[str, bytes | None]  # path → content after the series
    config: Config
    shims: Shims = field(default_factory=Shims)
    foreign: bool = False  # the series has patches that do not come with kit (kit/kernel/trust.py)

    @property
    def objects(self) -> str:
        """The name of its object folder. A build in the sandbox has another one than a build without, which may run as
        another user; a foreign series has another one than its tree, since its build must not write to that."""
        return self._objects("-foreign" if self.foreign else "-held")

    @property
    def trees_objects(self) -> str:
        """The name of the object folder of its tree, for builds as this one."""
        return self._objects("-held")

    def _objects(self, name: str) -> str:
        return self.spec.object_key + (name if find().sandbox else "")

    @property
    def apart(self) -> bool:
        """Whether its object folder is not that of its tree, and begins with a copy of it."""
        return self.objects != self.trees_objects

    @property
    def image(self) -> str:
        """The name of the file that QEMU boots (`vmlinux` by PVH, else the architecture's image); also its name in the
        cache.

        With KASAN never by PVH: xen_prepare_pvh() touches shadow memory before it exists (arch/x86/platform/pvh, 6.1).
        """
        asked = {o.name: o.value for o in self.config.options}
        kasan = {**values(self.config.base or ""), **asked}.get("CONFIG_KASAN") == "y"
        arch = ARCHES[self.spec.arch]
        return "vmlinux" if arch.pvh and has_pvh(self.tree.version) and not kasan else arch.image


def cached_kernel(key: str, cache: Cache) -> Kernel | None:
    """The built kernel with that key; None if there is none or its image is damaged (then it is built again)."""
    folder = cache.root / "kernels" / key
    record = read_json(folder / "kernel.json")
    if not isinstance(record, dict):
        return None
    image = folder / PurePath(str(record.get("image", "vmlinux"))).name
    if not os.path.isfile(image) or sha256_of(image) != record.get("image_sha256"):
        return None
    return _kernel(image, key, float(record.get("seconds", 0)), str(record["image_sha256"]), cached=True)


def refuse_unheld(jobs: Sequence[BuildInput], cache: Cache) -> None:
    """Raises MachineError if one of these kernels will not be built, for want of a sandbox."""
    found = find()
    for job in jobs:
        if job.foreign and not found.sandbox and not found.asked and cached_kernel(job.spec.key, cache) is None:
            raise no_sandbox(found, job.spec.arm)


def source_folders(key: str, cache: Cache) -> tuple[Path, ...]:
    """The folder of the source that a cached kernel was built from. A later build may have changed what it holds."""
    record = read_json(cache.root / "kernels" / key / "kernel.json")
    try:
        name = record.get("objects") or KernelSpec(**record["spec"]).object_key
        return (cache.root / "objects" / name / "src",)
    except (AttributeError, TypeError, KeyError, ValueError):  # none, of another kit, or damaged
        return ()


def build(job: BuildInput, tools: Toolchain, cache: Cache, progress: Progress) -> Kernel:
    """Builds a kernel, or takes it from the cache.

    Raises BuildError with the compiler's own lines, UserError for options that olddefconfig dropped, MachineError if
    the machine fails (a full disk, a time limit, a signal) or has no sandbox for a foreign series.
    """
    key = job.spec.key
    cache.use("kernels", key)
    if kernel := cached_kernel(key, cache):
        return kernel
    title = f"kernel {job.spec.arm} ({job.spec.instrument})"

    def waits() -> None:
        progress.note(f"{title}: another kit builds in the same object folder; waiting for it")

    with cache.lock(f"objects-{job.objects}", waits):
        if kernel := cached_kernel(key, cache):  # another kit built it while this one waited
            return kernel
        _fork(job, cache, progress, waits)
        return _Build(job, tools, cache, progress).run()


@contextmanager
def object_folder(
    job: BuildInput, cache: Cache, progress: Progress, waits: Callable[[], None] | None = None
) -> Iterator[None]:
    """Holds the object folder of a kernel, with the objects of its last build, or of its tree's if it has its own.
    `waits` is called once if another kit holds it."""
    with cache.lock(f"objects-{job.objects}", waits):
        _fork(job, cache, progress, waits)
        yield


def _fork(job: BuildInput, cache: Cache, progress: Progress, waits: Callable[[], None] | None) -> None:
    if job.apart:
        with cache.lock(f"objects-{job.trees_objects}", waits):
            base = cache.root / "objects" / job.trees_objects
            fork(cache.folder("objects", job.objects), base, job.spec.key, progress)


class _Build:
    """One build; `run` calls its steps in order."""

    def __init__(self, job: BuildInput, tools: Toolchain, cache: Cache, progress: Progress) -> None:
        self.job, self.tools, self.cache, self.progress = job, tools, cache, progress
        if re.search(r"[\s:]", str(cache.root)):  # Makefile: "source directory cannot contain spaces or colons"
            raise MachineError(
                "kernels cannot be built below a path with a space or a colon",
                where=str(cache.root),
                hint="set KIT_CACHE to another folder",
            )
        cache.use(".", "ccache")
        self.space = Workspace(cache.folder("objects", job.objects))
        self.sandbox = enclosure(job.foreign, progress, job.spec.arm)
        seen = cache.root / "objects" / job.trees_objects
        self.ccache = ccache_of(job.tree, held=self.sandbox is not None)
        self.place = Enclosed(self.sandbox, cache, self.space.folder, seen, self.ccache, reads=job.apart)
        self.log = self.space.folder / "build.log"
        self.shims = self.space.folder / "shims"
        self.warnings = self.space.folder / compilerwarnings.FILE
        self.title = f"kernel {job.spec.arm} ({job.spec.instrument})"

    def run(self) -> Kernel:
        start = time.monotonic()
        if not self.space.obj.exists():
            write_json(self.warnings, {})
        self.log.write_text(f"# {self.title}, key {self.job.spec.key}\n", encoding="utf-8")
        with self.progress.task(f"{self.title}: source"):
            self.space.fill(self.job.tree, self.progress)
            self.space.apply(self.job.tree, self.job.changed)
        self.job.shims.write(self.shims)
        self.space.start_build()
        self.place.begin()
        first = not (self.space.obj / "vmlinux").exists()
        try:
            self._configure()
            self._compile(first)
        except Stopped:
            shutil.rmtree(self.space.obj, ignore_errors=True)
            self.space.end_build(whole=False)
            raise
        except (BuildError, UserError):
            self.space.end_build(whole=False)  # make has ended by itself: what it has built is whole
            self._absorb()
            raise
        self.space.end_build(whole=True)
        self._absorb()
        self.cache.touch("objects", self.job.objects)
        return self._keep(time.monotonic() - start)

    def _absorb(self) -> None:
        """Adds what this build said to the known warnings. Those of objects that an earlier kit made are not known."""
        known = read_json(self.warnings)
        if isinstance(known, dict):
            log = self.log.read_text(encoding="utf-8", errors="replace")
            write_json(self.warnings, compilerwarnings.updated(known, log, self.place.seen / "src"))

    def _configure(self) -> None:
        dotconfig = self.space.obj / ".config"
        asked = self.space.folder / "asked.config"
        if dotconfig.exists() and asked.exists() and asked.read_text(encoding="utf-8") == self.job.config.text():
            return
        with self.progress.task(f"{self.title}: configuration"):
            before = self._first_config()
            text = text_of(self.space.obj, ".config")
            try:
                check_kept(self.job.config, text)
            except KitError:
                dotconfig.unlink()
                check_kept(self.job.config, text, kconfig_names(self.space.src))  # again, with the nearest names
            write_json(self.space.folder / "changes.json", differences(before, text, self.job.config))
            write_atomic(asked, self.job.config.text())

    def _first_config(self) -> str:
        """Writes .config with the requested options. Returns the .config before they were added, "" for tinyconfig."""
        if self.job.config.is_tiny:
            self._smallest()
            return ""
        if self.job.config.base is not None:
            self._write_config(self.job.config.base)
        self._make([self.job.config.target], CONFIGURE_LIMIT)
        before = text_of(self.space.obj, ".config")
        self._add_options()
        return before

    def _smallest(self) -> None:
        """Writes the smallest .config that Kconfig allows, with the requested options."""
        if not has_tinyconfig(self.job.tree.version):
            write_atomic(self.space.folder / "wanted.config", self.job.config.text())
            self._make(["allnoconfig", f"KCONFIG_ALLCONFIG={self.place.seen / 'wanted.config'}"], CONFIGURE_LIMIT)
            return
        self._make(["tinyconfig"], CONFIGURE_LIMIT)
        self._add_options()

    def _add_options(self) -> None:
        text = text_of(self.space.obj, ".config") + self.job.config.text()
        self._write_config(text)
        self._make(["olddefconfig"], CONFIGURE_LIMIT)

    def _write_config(self, text: str) -> None:
        """Replaces .config, which make changes again."""
        write_atomic(self.space.obj / ".config", text)
        self.place.give(self.space.obj / ".config")

    def _compile(self, first: bool) -> None:
        self._make(["prepare"], CONFIGURE_LIMIT)
        total = self._planned() if first else 0
        with self.progress.task(f"{self.title}: make", total) as task:
            done = 0

            def line(text: str) -> None:
                nonlocal done
                if match := _STEP.match(text):
                    done += 1
                    task.update(done, max(total, done) if total else None)
                    task.say(match.group(1))

            self._make([self.job.image], BUILD_LIMIT, line)

    def _planned(self) -> int:
        """The number of build steps, from a dry run, which stops at the final link because its input is missing."""
        with self.progress.task(f"{self.title}: counting build steps"):
            done = commands.run(
                [*self._command(), "-n", "vmlinux"],
                progress=self.progress,
                limit=CONFIGURE_LIMIT,
                env=self._env(),
                within=self._within(),
            )
        return len(_PLANNED.findall(done.output))

    def _command(self) -> list[str]:
        return [
            "make",
            f"-j{jobs()}",
            "-C",
            str(self.place.seen / "src"),
            f"O={self.place.seen / 'obj'}",
            f"ARCH={self.job.spec.arch}",
            *self.tools.make_variables(self.job.shims.flags(self.place.seen / "shims")),
            *self.job.shims.variables(self.place.seen / "shims"),
        ]

    def _env(self) -> dict[str, str]:
        return self.place.env(self.tools.environment(self.cache, self.ccache))

    def _within(self) -> commands.Within:
        return self.place.within(self.title, self._env(), self.tools.compiler)

    def _make(self, targets: list[str], limit: float, on_line: Callable[[str], None] | None = None) -> None:
        done = commands.run(
            [*self._command(), *targets],
            progress=self.progress,
            limit=limit,
            env=self._env(),
            log=self.log,
            on_line=on_line,
            within=self._within(),
        )
        for name in self.place.left(done):
            self.progress.note(f"{self.title}: make left a process running, which was ended: {name}")
        if number := self.place.signal(done):
            name = signal.Signals(number).name
            raise MachineError(f"make was killed by {name}", where=self.title, hint="start again: it continues there")
        if done.status:
            self._refuse_machine_faults(done.output)
            raise BuildError(
                f"make {' '.join(targets)} failed:\n{_compiler_lines(done.output)}",
                where=self.title,
                hint="; ".join(filter(None, [f"whole log: {self.log}", known_to_work(self.job.tree.version)])),
                log=str(self.log),
            )

    def _refuse_machine_faults(self, output: str) -> None:
        """Raises MachineError if the machine made the build fail: a full disk is not a regression. A read-only one in
        the sandbox is none of its faults: there the build wrote where it may not."""
        faults = (f for f in MACHINE_FAULTS.finditer(output) if not (self.sandbox and f[1] == READ_ONLY))
        if fault := next(faults, None):
            hint = f"free some and start again; whole log: {self.log}"
            raise MachineError(f"make failed: {fault[0].strip()}", where=self.title, hint=hint)

    def _keep(self, seconds: float) -> Kernel:
        key, image = self.job.spec.key, self.job.image
        with self.cache.new_folder("kernels", key) as draft:
            if image != "vmlinux":
                copy(self.space.obj, ARCHES[self.job.spec.arch].image_path, draft / image)
            copy(self.space.obj, "vmlinux", draft / "vmlinux")
            copy(self.space.obj, ".config", draft / "config")
            shutil.copyfile(self.log, draft / "build.log")
            if self.warnings.exists():
                shutil.copyfile(self.warnings, draft / self.warnings.name)
            if not self.job.config.is_tiny:
                shutil.copyfile(self.space.folder / "changes.json", draft / "changes.json")
            sha256 = sha256_of(draft / image)
            record = {
                "seconds": round(seconds, 1), "image": image, "image_sha256": sha256, "spec": to_json(self.job.spec),
                "objects": self.job.objects, "sandbox": self.sandbox is not None,
            }  # fmt: skip
            write_json(draft / "kernel.json", record)
        return _kernel(self.cache.root / "kernels" / key / image, key, seconds, sha256, cached=False)


def _kernel(image: Path, key: str, seconds: float, sha256: str, *, cached: bool) -> Kernel:
    folder = image.parent
    return Kernel(key, str(image), str(folder / "config"), str(folder / "build.log"), seconds, cached, sha256)


def _compiler_lines(output: str, most: int = 20) -> str:
    """The errors of the compiler, the linker or Kconfig, without make's own lines and the finished steps."""
    said = [x for x in output.splitlines() if x.strip() and not _STEP.match(x) and not re.match(r"make(\[\d+\])?: ", x)]
    starts = [i for i, x in enumerate(said) if re.search(r"\berror\b|undefined reference|not found|No such", x, re.I)]
    first = max(starts[0] - 2, 0) if starts else max(len(said) - most, 0)
    shown = said[first : first + most] or output.splitlines()[-5:]
    return "\n".join("    " + line[:LONGEST] for line in shown)
