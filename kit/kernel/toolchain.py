"""The compiler and the linker of kernels: what they call themselves, and how make is told of them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.base import commands
from kit.base.errors import MachineError, UserError
from kit.base.progress import Progress
from kit.kernel.shims import Version, parse_version
from kit.setup import packages
from kit.store.cache import Cache

TOOLCHAINS: Mapping[str, tuple[str, str]] = {"gcc": ("gcc", "ld"), "llvm": ("clang", "ld.lld")}
"""What an experiment calls it → the compiler and the linker of a kernel. llvm: all tools of the build are LLVM's."""

FIXED = {  # images that differ only by their source: nothing of the day, the user or the host enters them
    "KBUILD_BUILD_TIMESTAMP": "Fri Jun 17 04:05:41 UTC 2011",
    "KBUILD_BUILD_USER": "kit",
    "KBUILD_BUILD_HOST": "kit",
    "KBUILD_BUILD_VERSION": "1",
}


@dataclass(frozen=True)
class Toolchain:
    """`name` is what the compiler and the linker print of themselves; it is part of every kernel's key. `versions`:
    of the tools that shims look at (kit/kernel/shims.py)."""

    name: str
    compiler: str
    ccache: bool
    llvm: bool = False
    versions: Mapping[str, Version] = field(default_factory=dict)

    def make_variables(self, flags: Sequence[str] = ()) -> list[str]:
        """For make's command line; `flags` go into CC itself. LLVM=1 (since 5.7) chooses the linker, the assembler and
        the binary tools; CC alone would only be clang."""
        cc = f"ccache {self.compiler}" if self.ccache else self.compiler
        return [
            *(["LLVM=1"] if self.llvm else []),
            f"CC={' '.join([cc, *flags])}",
            f"HOSTCC={cc}",
            "CROSS_COMPILE=",  # vendors' copies name compilers of their own
            "LOCALVERSION=",
            *(f"{k}={v}" for k, v in FIXED.items()),
        ]

    def environment(self, cache: Cache) -> dict[str, str]:
        """For make: ccache's folder, and the user's own build variables out of the way."""
        users = ("MAKEFLAGS", "KCFLAGS", "KCPPFLAGS", "CFLAGS", "CROSS_COMPILE", "KBUILD_OUTPUT", "LLVM", "LLVM_IAS")
        quiet = dict.fromkeys(users, "")
        return {
            **quiet,
            "CCACHE_DIR": str(cache.folder("ccache")),
            "CCACHE_BASEDIR": str(cache.root),
            "CCACHE_NOHASHDIR": "1",
            "CCACHE_MAXSIZE": "2G",
        }


def find_toolchain(progress: Progress, name: str = "gcc") -> Toolchain:
    """The compiler and the linker of this machine; LLVM's are installed where that can be done without a question.

    Raises MachineError when they are not here, with the packages that have them.
    """
    if name == "llvm":
        packages.provide(packages.LLVM, packages.this_system(), install=not os.environ.get("KIT_NO_INSTALL"))
    said = []
    for tool in TOOLCHAINS[name]:
        if shutil.which(tool) is None:
            raise MachineError(f"no {tool} here", hint="`python3 kit run …` installs what is missing, or names it")
        said.append(commands.check([tool, "--version"], progress=progress, limit=30).splitlines()[0].strip())
    versions = tool_versions(progress, TOOLCHAINS[name][0])
    return Toolchain("; ".join(said), TOOLCHAINS[name][0], shutil.which("ccache") is not None, name == "llvm", versions)


def toolchain_of(environment: Mapping[str, str]) -> str:
    """What the environment asks for, in make's own way: LLVM=1, else gcc. Raises UserError for another value."""
    asked = environment.get("LLVM", "")
    if asked in ("", "0", "1"):
        return "llvm" if asked == "1" else "gcc"
    hint = "LLVM=1; where there are several versions, put the folder of the one that is meant first on PATH"
    raise UserError(f"not understood: LLVM={asked}", where="the environment", hint=hint)


def tool_versions(progress: Progress, compiler: str = "gcc") -> dict[str, Version]:
    """Versions of the tools of this machine that shims look at; a tool that is not there, or does not say, is left
    out."""
    asked = {compiler: [compiler, "--version"], "make": ["make", "--version"], "perl": ["perl", "-e", "print $^V"]}
    out = {}
    for tool, command in asked.items():
        if shutil.which(tool) is None:
            continue
        said = commands.run(command, progress=progress, limit=30).output
        if found := re.search(r"\d+(\.\d+)+", said):
            out[tool] = parse_version(found[0])
    return out


def jobs() -> int:
    """How many compilers at once: the cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)))
