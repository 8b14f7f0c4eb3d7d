"""The compiler and linker for kernels: finds them, and passes them to make."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from kit.base import commands
from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.kernel.shims import Version, parse_version
from kit.setup import packages
from kit.store.cache import Cache

TOOLCHAINS: Mapping[str, tuple[str, str]] = {"gcc": ("gcc", "ld"), "llvm": ("clang", "ld.lld")}
"""Name in an experiment → compiler and linker. With llvm, all tools of the build are LLVM's."""

DEPEND = ("ccache", "depend")
"""ccache's folder for Debian's trees (kit/kernel/trust.py). Objects of ccache's other modes differ: they must not be in
it."""

FIXED = {  # keeps date, user and host out of images, so that they differ only by their source
    "KBUILD_BUILD_TIMESTAMP": "Fri Jun 17 04:05:41 UTC 2011",
    "KBUILD_BUILD_USER": "kit",
    "KBUILD_BUILD_HOST": "kit",
    "KBUILD_BUILD_VERSION": "1",
}


@dataclass(frozen=True)
class Toolchain:
    """`name`: what compiler and linker print for --version, part of every kernel's key. `ccache`: whether to use it.
    `versions`: of the tools that shims depend on (kit/kernel/shims.py)."""

    name: str
    compiler: str
    ccache: bool
    llvm: bool = False
    versions: Mapping[str, Version] = field(default_factory=dict)

    def make_variables(self, flags: Sequence[str] = ()) -> list[str]:
        """The variables for make's command line; `flags` are added to CC. LLVM=1 (since 5.7) also chooses LLVM's
        linker, assembler and binary tools, which CC=clang alone does not."""
        cc = f"ccache {self.compiler}" if self.ccache else self.compiler
        return [
            *(["LLVM=1"] if self.llvm else []),
            f"CC={' '.join([cc, *flags])}",
            f"HOSTCC={cc}",
            "CROSS_COMPILE=",  # vendors' trees set compilers of their own
            "LOCALVERSION=",
            *(f"{k}={v}" for k, v in FIXED.items()),
        ]

    def environment(self, cache: Cache, ccache: Sequence[str] = DEPEND) -> dict[str, str]:
        """The environment for make: ccache's settings, and the user's own build variables emptied. `ccache`: its folder
        in the cache."""
        users = ("MAKEFLAGS", "KCFLAGS", "KCPPFLAGS", "CFLAGS", "CROSS_COMPILE", "KBUILD_OUTPUT", "LLVM", "LLVM_IAS")
        quiet = dict.fromkeys(users, "")
        return {
            **quiet,
            "CCACHE_DIR": str(cache.folder(*ccache)),
            "CCACHE_BASEDIR": str(cache.root),
            "CCACHE_NOHASHDIR": "1",
            "CCACHE_DEPEND": "1",  # the compiler's own list of headers: no second preprocessor for a file that is new
            "CCACHE_MAXSIZE": "2G",
        }


def find_toolchain(progress: Progress, name: str = "gcc") -> Toolchain:
    """This machine's compiler and linker; installs LLVM's if that needs no question and KIT_NO_INSTALL is not set.

    Raises MachineError if they are missing.
    """
    if name == "llvm":
        packages.provide(packages.LLVM, packages.this_system(), install=not os.environ.get("KIT_NO_INSTALL"))
    said = []
    for tool in TOOLCHAINS[name]:
        if shutil.which(tool) is None:
            raise MachineError(f"no {tool} here", hint="`python3 kit run …` installs what is missing, or names it")
        said.append(_said([tool, "--version"], progress).splitlines()[0].strip())
    versions = tool_versions(progress, TOOLCHAINS[name][0])
    return Toolchain("; ".join(said), TOOLCHAINS[name][0], shutil.which("ccache") is not None, name == "llvm", versions)


def toolchain_of(environment: Mapping[str, str]) -> str:
    """The toolchain that the environment asks for, as make does: llvm for LLVM=1, else gcc. Raises UserError for any
    other value of LLVM."""
    asked = environment.get("LLVM", "")
    if asked in ("", "0", "1"):
        return "llvm" if asked == "1" else "gcc"
    hint = "LLVM=1; where there are several versions, put the folder of the one that is meant first on PATH"
    raise UserError(f"unknown value: LLVM={asked}", where="the environment", hint=hint)


def tool_versions(progress: Progress, compiler: str = "gcc") -> dict[str, Version]:
    """The versions of this machine's tools that shims depend on, without tools that are missing or print none."""
    asked = {compiler: [compiler, "--version"], "make": ["make", "--version"], "perl": ["perl", "-e", "print $^V"]}
    out = {}
    for tool, command in asked.items():
        if shutil.which(tool) is None:
            continue
        with suppress(MachineError):
            if found := re.search(r"\d+(\.\d+)+", _said(command, progress)):
                out[tool] = parse_version(found[0])
    return out


_SAID: dict[tuple[object, ...], str] = {}
"""A program's file, when it was changed, and the arguments → what it printed."""


def _said(command: Sequence[str], progress: Progress) -> str:
    """What a tool prints, asked once as long as its file stays the same. Raises MachineError if it fails."""
    file = shutil.which(command[0]) or command[0]
    state = os.stat(file)
    key = (file, state.st_mtime_ns, state.st_size, state.st_ino, *command[1:])
    if key not in _SAID:
        _SAID[key] = commands.check(command, progress=progress, limit=30)
    return _SAID[key]


def jobs() -> int:
    """The number of parallel make jobs: the cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)))
