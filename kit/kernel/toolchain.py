"""The compiler and the linker of kernels: what they call themselves, and how make is told of them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from kit import proc
from kit.errors import MachineError
from kit.progress import Progress
from kit.store import Cache

FIXED = {  # images that differ only by their source: nothing of the day, the user or the host enters them
    "KBUILD_BUILD_TIMESTAMP": "Fri Jun 17 04:05:41 UTC 2011",
    "KBUILD_BUILD_USER": "kit",
    "KBUILD_BUILD_HOST": "kit",
    "KBUILD_BUILD_VERSION": "1",
}


@dataclass(frozen=True)
class Toolchain:
    """`name` is what the compiler and the linker print of themselves; it is part of every kernel's key."""

    name: str
    compiler: str
    ccache: bool

    def make_variables(self) -> list[str]:
        cc = f"ccache {self.compiler}" if self.ccache else self.compiler
        return [f"CC={cc}", f"HOSTCC={cc}", "LOCALVERSION=", *(f"{k}={v}" for k, v in FIXED.items())]

    def environment(self, cache: Cache) -> dict[str, str]:
        """For make: ccache's folder, and the user's own build variables out of the way."""
        quiet = dict.fromkeys(("MAKEFLAGS", "KCFLAGS", "KCPPFLAGS", "CFLAGS", "CROSS_COMPILE", "KBUILD_OUTPUT"), "")
        return {
            **quiet,
            "CCACHE_DIR": str(cache.folder("ccache")),
            "CCACHE_BASEDIR": str(cache.root),
            "CCACHE_NOHASHDIR": "1",
            "CCACHE_MAXSIZE": "2G",
        }


def find_toolchain(progress: Progress) -> Toolchain:
    """The gcc and ld of this machine. Raises MachineError when there is none."""
    names = []
    for tool in ("gcc", "ld"):
        if shutil.which(tool) is None:
            raise MachineError(f"no {tool} here", hint="`python3 kit run …` installs what is missing, or names it")
        names.append(proc.check([tool, "--version"], progress=progress, limit=30).splitlines()[0].strip())
    return Toolchain("; ".join(names), "gcc", shutil.which("ccache") is not None)


def jobs() -> int:
    """How many compilers at once: the cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)))
