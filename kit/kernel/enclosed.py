"""Where one build runs: its sandbox, what it sees and may write there, and what ends it if it takes too much."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from kit.base.commands import Done, Within
from kit.base.errors import BuildError, MachineError
from kit.base.resident import resident
from kit.base.visible import visible
from kit.kernel.sandbox import GIB, LEFT, Sandbox, bounds, own
from kit.store.cache import Cache
from kit.store.eviction import size_of
from kit.store.files import machine_errors

TOOLS = ("make", "ccache", "ld", "as", "flex", "bison", "bc", "perl", "python3", "ld.lld", "llvm-ar")
LEFT_MOST = 10  # lines of a command's end in which such processes are looked for
READ = 0o005  # what every user may do
STEP = 8  # the disk is searched for what was written each time an eighth of the bound is gone


class Stopped(BuildError):
    """A build was stopped, because it took more than a build may."""


class Enclosed:
    """One build's place. `folder`: its object folder; `seen`: where it stands inside; `ccache`: ccache's folder, which
    is only read if `reads`."""

    def __init__(
        self, sandbox: Sandbox | None, cache: Cache, folder: Path, seen: Path, ccache: Sequence[str], *, reads: bool
    ) -> None:
        self.sandbox, self.cache, self.folder, self.reads = sandbox, cache, folder, reads
        self.seen = seen if sandbox else folder
        self.ccache = cache.folder(*ccache)

    def begin(self) -> None:
        """Gives the folders that the build writes to whom it runs as."""
        with machine_errors(self.folder):
            self.seen.mkdir(exist_ok=True)  # where it cannot be made inside: the cache may lie below /opt
            for path in (self.folder / "obj", *([] if self.reads else [self.ccache])):
                path.mkdir(parents=True, exist_ok=True)
                own(path, self.sandbox.uid if self.sandbox else os.geteuid())
            if self.sandbox and self.sandbox.drops and _mask() & READ:
                for path in (self.folder, *(p for n in ("src", "shims") if (p := self.folder / n).exists())):
                    _let_read(path, recursive=path != self.folder)

    def give(self, path: Path) -> None:
        """Gives a new file in the object folder to whom the build runs as."""
        if self.sandbox and self.sandbox.uid != os.geteuid():
            os.chown(path, self.sandbox.uid, self.sandbox.uid, follow_symlinks=False)

    def signal(self, done: Done) -> int:
        """The number of the signal that ended a command, 0 for none. Raises MachineError if the sandbox failed."""
        if not self.sandbox:
            return max(-done.status, 0)
        if done.status and done.output.startswith("bwrap: "):
            raise MachineError(f"the sandbox failed: {done.output.splitlines()[0]}", where=str(self.folder))
        return max(-done.status, done.status - 128, 0)

    def left(self, done: Done) -> list[str]:
        """The names of the processes that a command left running, as it says itself."""
        if not self.sandbox or LEFT not in done.output:
            return []
        said = done.output.splitlines()[-LEFT_MOST:]
        return [visible(line.removeprefix(LEFT)) for line in said if line.startswith(LEFT)]

    def env(self, wanted: dict[str, str]) -> dict[str, str]:
        """The environment with ccache's settings for one that must not write."""
        return {**wanted, "CCACHE_READONLY": "1", "CCACHE_TEMPDIR": "/tmp/ccache"} if self.reads else wanted

    def within(self, title: str, env: dict[str, str], compiler: str) -> Within:
        """What to hold a command of the build in."""
        prefix: list[str] = []
        if self.sandbox:
            read, write = {self.seen: self.folder}, {self.seen / "obj": self.folder / "obj"}
            (read if self.reads else write)[self.ccache] = self.ccache
            prefix = self.sandbox.prefix(env, read, write, (compiler, *TOOLS))
        return Within(prefix, bounds().output, lambda: _too_much(title), self._watch(title))

    def _watch(self, title: str) -> Callable[[int], None]:
        """Looks at the build's memory, and at the disk; each time that much of it is gone, at the folder's size, since
        others may use it, too."""
        most = bounds()
        obj = self.folder / "obj"
        looked = shutil.disk_usage(self.folder).free

        def watch(pid: int) -> None:
            nonlocal looked
            if resident(pid) > most.whole:
                said = f"the build has taken more than {_words(most.whole)} of memory: stopped"
                raise Stopped(said, where=title, hint="what it made is removed")
            free = shutil.disk_usage(self.folder).free
            if looked - free < most.disk / STEP and free >= most.reserve:
                return
            looked = free
            if size_of(obj) > most.disk:
                said = f"the build has filled its folder with more than {_words(most.disk)}: stopped"
                raise Stopped(said, where=title, hint="what it wrote is removed")
            if free < most.reserve:
                raise MachineError(f"less than {_words(most.reserve)} is free: stopped", where=str(self.folder))

        return watch


def _mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _let_read(path: Path, *, recursive: bool) -> None:
    """Lets every user read what root's umask keeps from them: the build is not root."""
    for base, folders, files in os.walk(path) if recursive else [(str(path), [], [])]:
        for name in (".", *folders, *files):
            place = os.path.join(base, name)
            mode = os.lstat(place).st_mode
            if not stat.S_ISLNK(mode):
                os.chmod(place, stat.S_IMODE(mode) | (READ if mode & 0o100 else 0o004))


def _too_much(title: str) -> None:
    said = f"make has printed more than {_words(bounds().output)}: stopped"
    raise Stopped(said, where=title, hint="what it made is removed")


def _words(size: int) -> str:
    return f"{size / GIB:.3g} GiB" if size >= GIB else f"{size >> 20} MiB"
