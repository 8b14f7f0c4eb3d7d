"""Shims: changes to flags, make variables and headers that let a newer toolchain build old kernels.

Shims never change the tree. The rows for an arm depend only on its tree's version and the tools' versions, not on its
series. They are part of the kernel's key and are recorded. A kernel or tool outside the ranges gets no shim.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kit.records import digest

Version = tuple[int, ...]
Tools = Mapping[str, Version]
"""`gcc`, `make`, `perl` → version."""


@dataclass(frozen=True)
class Shim:
    """One row: it applies to kernels before version `before`, if `tool` has at least version `tool_since`.

    `flags` are added to CC, `variables` to make's command line, `files` (path → content) to a folder of their own. In
    all of them `{folder}` stands for that folder and `{gcc}` for the compiler's major version.
    """

    name: str
    before: Version
    tool: str
    tool_since: Version
    why: str
    source: str
    flags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Name and content, for the key of a kernel."""
        return self.name, digest([self.flags, self.variables, self.files])


GCC_HEADER = """\
/* What kernels before 4.2 ask of a compiler's own header, for those that are newer than the kernel. */
#define __used			__attribute__((__used__))
#define __must_check		__attribute__((warn_unused_result))
#define __compiler_offsetof(type, member)	__builtin_offsetof(type, member)
#define __cold			__attribute__((__cold__))
#define unreachable()		__builtin_unreachable()
#define __noclone		__attribute__((__noclone__))
#define __compiletime_object_size(object)	__builtin_object_size(object, 0)
#define __compiletime_warning(message)	__attribute__((warning(message)))
#define __compiletime_error(message)	__attribute__((error(message)))
#define uninitialized_var(x)	x = x
#define asm_volatile_goto(x...)	do { asm goto(x); asm (""); } while (0)
"""

PERL = """\
# perl 5.22 refuses defined(@array), which means the array itself; every other script runs unchanged.
case $1 in
*/timeconst.pl)
    script=$1
    shift
    sed 's/defined(@/(@/' "$script" | exec perl - "$@" ;;
*)  exec perl "$@" ;;
esac
"""

NO_INITDATA = """\
#include <linux/init.h>
#undef __initdata
#define __initdata
"""

SHIMS = (
    Shim(
        "no-pie",
        (4, 9),
        "gcc",
        (6,),
        "distributions have gcc make position-independent code, which the kernel's code model forbids",
        "kernels since 4.9 say so themselves (c6a385539175); seen on 2.6.38 and 3.0.1 with gcc 12",
        flags=("-fno-pie",),
    ),
    Shim(
        "gcc-header",
        (4, 2),
        "gcc",
        (5,),
        "linux/compiler-gccN.h is included by the compiler's number",
        "one header for all since 4.2 (cb984d101b30); seen on 2.6.38 and 3.0.1 with gcc 12",
        flags=("-I{folder}/include",),
        files={"include/linux/compiler-gcc{gcc}.h": GCC_HEADER},
    ),
    Shim(
        "no-vectors",
        (3, 14),
        "gcc",
        (12,),
        "gcc 12 vectorises at -O2, and the decompressor runs before SSE is on: a triple fault at boot; KCFLAGS does "
        "not reach arch/x86/boot/compressed",
        "kernels since 3.14 say so themselves (5551a34e5aea); seen on 3.0.1 with gcc 12",
        flags=("-mno-sse", "-mno-mmx"),
    ),
    Shim(
        "perl-defined",
        (3, 9),
        "perl",
        (5, 22),
        "kernel/timeconst.pl says defined(@array), an error since perl 5.22",
        "bc does that script's work since 3.9 (70730bca1331); seen on 2.6.38 and 3.0.1 with perl 5.36",
        variables=("PERL=sh {folder}/perl.sh",),
        files={"perl.sh": PERL},
    ),
    Shim(
        "osl-initdata",
        (4, 12),
        "gcc",
        (5,),
        "constants and variables of one section in drivers/acpi/osl.c: a section type conflict",
        "what is in that section left the file in 4.12 (e5f660ebef68); seen on 2.6.38 and 3.0.1 with gcc 12",
        variables=("CFLAGS_osl.o=-include {folder}/no-initdata.h",),
        files={"no-initdata.h": NO_INITDATA},
    ),
    Shim(
        "make-pound",
        (4, 18),
        "make",
        (4, 3),
        "make 4.3 reads # in .cmd files otherwise: without a word everything is compiled again in each build",
        "kernels since 4.18 write them so (9564a8cf422d); seen on 3.0.1 with make 4.3",
        variables=(
            "pound=#",
            "make-cmd=$(subst $(pound),$$(pound),$(subst $$,$$$$,$(call escsq,$(cmd_$(1)))))",
        ),
    ),
)

OLDEST = "2.6.38"
"""The oldest kernel that the table is meant for."""
KNOWN = ("2.6.38", "3.0.1", "5.10.223", "6.1.192", "6.12.117", "7.3.4")
"""Kernels that were built, booted and counted with these shims, gcc 12.2, make 4.3 and perl 5.36."""


@dataclass(frozen=True)
class Shims:
    """The rows for one kernel and one toolchain. `gcc` is the compiler's major version."""

    rows: tuple[Shim, ...] = ()
    gcc: int = 0

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """(name, digest) of each row, for the kernel's key; empty if there are none."""
        return tuple(row.key for row in self.rows)

    def flags(self, folder: Path) -> list[str]:
        """The flags to add to CC."""
        return [self._fill(flag, folder) for row in self.rows for flag in row.flags]

    def variables(self, folder: Path) -> list[str]:
        """The variables for make's command line."""
        return [self._fill(variable, folder) for row in self.rows for variable in row.variables]

    def write(self, folder: Path) -> None:
        """Writes the files into `folder`. A file that is already right is left alone, so that make rebuilds nothing."""
        for row in self.rows:
            for name, content in row.files.items():
                path = folder / self._fill(name, folder)
                if not path.exists() or path.read_text(encoding="utf-8") != content:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(content, encoding="utf-8")

    def _fill(self, text: str, folder: Path) -> str:
        return text.replace("{folder}", str(folder)).replace("{gcc}", str(self.gcc))


def parse_version(text: str) -> Version:
    """The leading numbers of a version: `3.0.1` → (3, 0, 1), `3.0-rc3` → (3, 0); () if there are none."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(n) for n in match[0].split(".")) if match else ()


def shims_for(kernel: str, tools: Tools) -> Shims:
    """The rows for a kernel's version (from its Makefile) and the versions of the tools."""
    version = parse_version(kernel)
    rows = tuple(s for s in SHIMS if version < s.before and tools.get(s.tool, ()) >= s.tool_since)
    gcc = tools.get("gcc", ())
    return Shims(rows, gcc[0] if gcc else 0)


def shims_shown(shims: Shims) -> list[dict[str, str]]:
    """The rows as plain values, for records and output."""
    return [
        {"name": r.name, "before": ".".join(map(str, r.before)), "why": r.why, "source": r.source} for r in shims.rows
    ]


def known_to_work(kernel: str, known: Sequence[str] = KNOWN) -> str:
    """A hint for a failed build: which kernels are known to build; empty if this kernel's series is one of them."""
    series = parse_version(kernel)[:2]
    if any(parse_version(k)[:2] == series for k in known if series != (2, 6)) or kernel in known:
        return ""
    return f"Linux {kernel} was not tried with kit; known to build with gcc 12, make 4.3, perl 5.36: {', '.join(known)}"
