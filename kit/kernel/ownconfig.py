"""The user's own configuration (an experiment's `config` key): adds what guests need, and lists what that changed.

It is a .config or a make target (`defconfig`), with fragments on top. The options that guests need come last and win;
each option that they change is listed.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.base.errors import UserError
from kit.kernel.config import Config, read_fragments, values
from kit.records.arches import ARCHES, DEFAULT, Arch

GZIP = b"\x1f\x8b"
MOST_BYTES = 4 << 20  # Debian's has 0.3 MB
HEADER = re.compile(r"^# Linux/(\S+) \S+ Kernel Configuration$", re.MULTILINE)  # scripts/kconfig/confdata.c
# The option that each architecture's own Kconfig sets (arch/*/Kconfig of 7.3.4, ia64's of 6.1).
ARCHITECTURES = {
    **{name: f"CONFIG_{name.upper()}" for name in ("alpha", "arc", "arm", "arm64", "csky", "hexagon", "ia64", "m68k")},
    **{name: f"CONFIG_{name.upper()}" for name in ("loongarch", "microblaze", "mips", "nios2", "openrisc", "parisc")},
    **{name: f"CONFIG_{name.upper()}" for name in ("riscv", "s390", "sparc", "superh", "xtensa")},
    **{"powerpc": "CONFIG_PPC", "user-mode Linux": "CONFIG_UML", "32-bit x86": "CONFIG_X86_32"},
}
TARGET = re.compile(r"[a-z0-9_]+config")
WHOLE = 200  # lines: a file with more options is a .config, not a fragment (defconfig's own file has 270)


@dataclass(frozen=True)
class Own:
    """`target`: the make target to start with; `text`: the .config that it starts from, if any; and the fragments."""

    target: str
    text: str | None
    fragments: tuple[Path, ...]


def read_own(parts: Sequence[str], arch: Arch = ARCHES[DEFAULT]) -> Own:
    """Reads the parts in order: a .config or make target, then fragments; or only fragments, on top of tinyconfig.

    Raises UserError for a file that cannot be read, is not a configuration, or is another architecture's.
    """
    first, rest = parts[0], parts[1:]
    path = Path(first)
    if not path.is_file():
        if not TARGET.fullmatch(first):
            raise UserError("neither a file nor a make target", where=f"config: {first}", hint="as in defconfig")
        return Own(first, None, tuple(map(Path, rest)))
    text = _text(path)
    _refuse_another(text, first, arch)
    if len(values(text)) < WHOLE:
        return Own("tinyconfig", None, tuple(map(Path, parts)))
    return Own("olddefconfig", text, tuple(map(Path, rest)))


def _text(path: Path) -> str:
    """The text of a configuration, decompressed if it is gzip (/proc/config.gz)."""
    try:
        raw = path.read_bytes()
        if raw.startswith(GZIP):
            with gzip.open(path) as packed:
                raw = packed.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise UserError("larger than any kernel's configuration", where=str(path))
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        hint = "a .config, or a fragment of one; of a running kernel it is /proc/config.gz or /boot/config-*"
        raise UserError("not a kernel configuration: not a text file", where=str(path), hint=hint) from None
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read: {getattr(error, 'strerror', None) or error}", where=str(path)) from error


def _refuse_another(text: str, where: str, arch: Arch) -> None:
    """Raises UserError for another architecture's configuration: olddefconfig would silently drop most of it."""
    have = values(text)
    others = {name: option for name, option in ARCHITECTURES.items() if name not in arch.configs}
    own = next((name for name, option in others.items() if have.get(option) == "y"), None)
    head = HEADER.search(text)
    if own is None and head and head[1] not in arch.configs:
        own = head[1]
    if own:
        hint = f"guests are {arch.said}: take such a machine's .config, or a fragment with the options that matter"
        raise UserError(f"a configuration of {own}", where=where, hint=hint)


def with_own(
    parts: Sequence[str], needed: Sequence[Path], own_needs: Path, arch: Arch = ARCHES[DEFAULT]
) -> Config:
    """The user's configuration with the fragment `own_needs` (what guests need only of a user's configuration) and then
    the `needed` fragments merged in."""
    own = read_own(parts, arch)
    config = read_fragments([*own.fragments, own_needs, *needed])
    return replace(config, target=own.target, base=own.text)


def differences(before: str, after: str, config: Config) -> dict[str, Any]:
    """What changed between two .config texts: `changed` (name → [old, new]) of the options that `config` asks for;
    `follow`: how many other options changed with them; `modules`: how many are =m, which kit does not build."""
    old, new = values(before), values(after)
    asked = {o.name for o in config.options}
    names = [n for n in {**old, **new} if old.get(n, "n") != new.get(n, "n")]
    changed = {n: [old.get(n, "n"), new.get(n, "n")] for n in sorted(names) if n in asked}
    modules = sorted(n for n, value in new.items() if value == "m")
    return {"changed": changed, "follow": len(names) - len(changed), "modules": len(modules)}


def said(found: dict[str, Any]) -> list[str]:
    """The result of `differences` as lines for the user."""
    changed = [f"{name}: {old} → {new}" for name, (old, new) in found["changed"].items()]
    need = f"{len(changed)} options of the configuration are changed for guests, or by fragments"
    lines = [f"{need}: {', '.join(changed)}"]
    if found["follow"]:
        lines.append(f"{found['follow']} more options followed from these")
    if found["modules"]:
        lines.append(f"{found['modules']} options are modules (=m): modules are neither built nor loaded")
    return lines if changed else lines[1:]
