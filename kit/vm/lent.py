"""A QEMU that root starts runs as a user of its own, so that a guest which breaks out of it is nobody.

That user may enter neither root's home nor the cache: kit opens what QEMU reads and writes, and QEMU opens it again as
/proc/self/fd/N, for which the way to the file needs no rights.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kit.base.errors import MachineError

FREE = range(61184, 65520)
"""User ids that belong to nobody: systemd gives them to services for as long as they run (DynamicUser=). Each QEMU has
another one: two guests are not one user."""
KVM = Path("/dev/kvm")
ROOT = 0
_NEEDED = 0b11000001  # CAP_CHOWN, CAP_SETGID, CAP_SETUID (linux/capability.h)


@dataclass(frozen=True)
class User:
    """Who a QEMU is: user and group id, and the group that may use /dev/kvm, if it needs one. `id` is None for the user
    who runs kit; then `why` says why it is not another one if that is root."""

    id: int | None
    group: int | None = None
    why: str = ""

    def bounds(self) -> tuple[str, ...]:
        """The command that becomes this user, before the one that it is to run. The death signal comes last there: to
        become another user clears it."""
        me: tuple[str, ...] = ()
        if self.id is not None:
            groups = "--clear-groups" if self.group is None else f"--groups={self.group}"
            me = (f"--reuid={self.id}", f"--regid={self.id}", groups, "--no-new-privs")
        return ("setpriv", *me, "--pdeathsig", "KILL", "--")


@dataclass
class Lent:
    """What one QEMU is handed. `fds`: it inherits them; `folder`: for copies of what its user may not read."""

    user: User
    folder: Path | None = None
    stack: ExitStack = field(default_factory=ExitStack)
    fds: list[int] = field(default_factory=list)

    def read(self, path: Path) -> str:
        """The name by which QEMU opens a file or folder to read it. A file that others may not read is copied. Raises
        MachineError for such a folder."""
        if self.user.id is None:
            return str(path)
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode) and mode & 0o5 != 0o5:
            said = "QEMU runs as a user of its own, who may not enter this folder"
            raise MachineError(said, where=str(path), hint="let others enter it (chmod o+rx)")
        if stat.S_ISREG(mode) and not mode & 0o4:
            path = self._copy(path)
        return self._opened(path, os.O_RDONLY)

    def write(self, path: Path) -> str:
        """The name by which QEMU opens an existing file to write it. The file is its user's for as long."""
        if self.user.id is None:
            return str(path)
        before = path.stat()
        try:
            os.chown(path, self.user.id, self.user.id)
        except OSError:  # a file system without owners
            return self._opened(self._place(path), os.O_RDWR)
        self.stack.callback(_restore, path, before)
        return self._opened(path, os.O_RDWR)

    def give(self, folder: Path) -> None:
        """Lets QEMU make files in a folder."""
        if self.user.id is not None:
            os.chown(folder, self.user.id, self.user.id)

    def _opened(self, path: Path, flags: int) -> str:
        fd = os.open(path, flags | os.O_CLOEXEC)
        self.stack.callback(os.close, fd)
        self.fds.append(fd)
        return f"/proc/self/fd/{fd}"

    def _copy(self, path: Path) -> Path:
        place = self._place(path)
        shutil.copyfile(path, place)
        return place

    def _place(self, path: Path) -> Path:
        assert self.folder is not None
        assert self.user.id is not None
        place = self.folder / f"{len(self.fds)}-{path.name}"
        place.touch()
        os.chown(place, self.user.id, self.user.id)
        return place


Options = Callable[[Lent], Sequence[str]]
"""Makes options of QEMU that name files: from what it is handed."""
OWN = Lent(User(None))
"""For a command that is only shown, and for tests."""


def nothing(_lent: Lent) -> Sequence[str]:
    """No options."""
    return ()


def both(one: Options, other: Options) -> Options:
    """The options of both."""
    return lambda lent: (*one(lent), *other(lent))


@contextmanager
def lending(user: User, folder: Path) -> Iterator[Lent]:
    """What the QEMU of a user is handed, until it has ended. `folder`: a folder of this boot's."""
    with ExitStack() as stack:
        yield Lent(user, folder, stack)


def user_for(program: str, *, kvm: bool = False) -> User:
    """Who runs a QEMU that kit starts."""
    if os.geteuid() != ROOT:
        return User(None)
    if why := _cannot():
        return User(None, why=why)
    found = shutil.which(program)
    if why := _closed(found) if found else "":
        return User(None, why=why)
    group = None
    if kvm and _mode(KVM) & 0o6 != 0o6:
        if KVM.stat().st_gid == ROOT or _mode(KVM) & 0o60 != 0o60:
            return User(None, why=f"only root may open {KVM}")
        group = KVM.stat().st_gid
    return User(secrets.choice(_unused()), group)


@cache
def _unused() -> Sequence[int]:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return [n for n in FREE if n not in taken]


@cache
def _cannot() -> str:
    """Why this root may not become another user: a container may have taken that from it."""
    with suppress(OSError, ValueError, IndexError):
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        if int(status["CapEff"], 16) & _NEEDED != _NEEDED:
            return "this root may not become another user"
        for name in ("uid_map", "gid_map"):
            rows = [line.split() for line in Path(f"/proc/self/{name}").read_text().splitlines()]
            if not any(int(first) <= FREE[0] and FREE[-1] < int(first) + int(count) for first, _, count in rows):
                return "this root is one of a container with few users"
    return ""


def _closed(program: str) -> str:
    """Why others may not run a program; "" if they may."""
    path = Path(os.path.realpath(program))
    for folder in path.parents:
        if not _mode(folder) & 0o1:
            return f"others may not enter {folder}, where {path.name} is"
    return "" if _mode(path) & 0o5 == 0o5 else f"others may not run {path}"


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _restore(path: Path, before: os.stat_result) -> None:
    with suppress(OSError):
        os.chown(path, before.st_uid, before.st_gid)
