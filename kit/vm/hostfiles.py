"""What of this machine's files a guest sees: each folder as a 9p device of QEMU, read-only, and what the guest is told
of it. QEMU's 9p server opens nothing outside the folder of its device."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from kit.base.words import join
from kit.vm.lent import Lent

SYSTEM = (
    "/bin",
    "/etc",
    "/gnu",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix",
    "/opt",
    "/sbin",
    "/snap",
    "/usr",
    "/var",
)
HOMES = ("/home", "/root")
OF_THE_KERNEL = ("/proc", "/sys", "/dev", "/run")  # the guest has its own
MOST = 20  # folders; a machine `pc` has 32 slots, and each device costs a guest some time


@dataclass(frozen=True)
class HostFiles:
    """`folders`: paths that the guest sees, the homes of users among them if `home`; `links`: symbolic links at the
    top, path → target; `bare`: folders that it has, but sees nothing of."""

    folders: tuple[str, ...]
    links: Mapping[str, str]
    bare: tuple[str, ...] = ()
    home: bool = False

    def options(self, lent: Lent) -> tuple[str, ...]:
        """Options of QEMU. `remap`: inode numbers of several file systems do not collide."""
        out: list[str] = []
        for number, folder in enumerate(self.folders):
            path = lent.read(Path(folder)).replace(",", ",,")
            out += ["-fsdev", f"local,id=host{number},path={path},security_model=none,readonly=on,multidevs=remap"]
            out += ["-device", f"virtio-9p-pci,fsdev=host{number},mount_tag=host{number}"]
        return tuple(out)

    def conf(self) -> dict[str, str]:
        """What the guest is told (guest/root.c)."""
        out = {f"host{number}": folder for number, folder in enumerate(self.folders)}
        out |= {f"hostlink{n}": f"{path}\t{target}" for n, (path, target) in enumerate(sorted(self.links.items()))}
        return out | {f"hostdir{number}": folder for number, folder in enumerate(self.bare)}

    def only_root(self) -> str:
        """Why only root can show all of this, if root runs kit; "" if others can."""
        if self.home:
            return "it shows homes of users"
        shut = (path for path in self.folders if path not in SYSTEM and os.stat(path).st_mode & 0o5 != 0o5)
        return next((f"others may not enter {path}" for path in shut), "")

    def said(self) -> str:
        """A sentence for the user: what guests can read."""
        seen = join([*self.folders, *self.links])
        homes = "homes of users are among them" if self.home else "homes of users are not (root: home shows them)"
        return f"guests can read {seen} of this machine, and change nothing there; {homes} (kit help security)"


def host_files(named: Sequence[str], *, home: bool) -> HostFiles:
    """The folders of this machine's system, and those that are `named` (where programs lie and start). The homes of
    users are left out unless `home`: one is not seen by being named, a folder in it is."""
    own = str(Path.home())
    homes = {*HOMES, f"/{PurePath(own).parts[1]}" if own != "/" else "/root"}
    folders, links = [], {}
    for path in (*SYSTEM, *sorted(homes)) if home else SYSTEM:
        if os.path.islink(path):
            links[path] = os.readlink(path)
        elif os.path.isdir(path) and path not in folders and (home or path not in homes):
            folders.append(path)
    bare = []
    for path in dict.fromkeys(os.path.realpath(one) for one in named):
        if path == "/" or any(PurePath(path).is_relative_to(one) for one in folders):
            continue
        hidden = any(PurePath(path).is_relative_to(one) for one in OF_THE_KERNEL) or (
            not home and path in (own, *homes)
        )
        if hidden or "\n" in path or not os.path.isdir(path):
            bare.append(path)
        else:
            folders = [*(one for one in folders if not PurePath(one).is_relative_to(path)), path]
    return HostFiles(tuple(folders[-MOST:]), links, tuple(bare), home)
