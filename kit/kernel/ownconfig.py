"""A configuration of the user's: the `config` key of an experiment in; where a build starts with what guests need on
top of it, and what that changed, out.

A configuration is a .config of the user's or a target of make (`defconfig`), and fragments on top of it. What guests
need comes last: it wins, and each option that it changes is listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.errors import UserError
from kit.kernel.config import Config, read_fragments, values

TARGET = re.compile(r"[a-z0-9_]+config")
WHOLE = 200  # lines: a file with more options is a .config, not a fragment (defconfig's own file has 270)


@dataclass(frozen=True)
class Own:
    """`target` for make, or `text` of a .config; and the fragments' paths."""

    target: str
    text: str | None
    fragments: tuple[Path, ...]


def read_own(parts: Sequence[str]) -> Own:
    """The parts in their order: a .config or a target first, or only fragments on tinyconfig. Raises UserError."""
    first, rest = parts[0], parts[1:]
    path = Path(first)
    if not path.is_file():
        if not TARGET.fullmatch(first):
            raise UserError("no such file, nor a target of make", where=f"config: {first}", hint="as in defconfig")
        return Own(first, None, tuple(map(Path, rest)))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read: {getattr(error, 'strerror', error)}", where=first) from error
    if len(values(text)) < WHOLE:
        return Own("tinyconfig", None, tuple(map(Path, parts)))
    return Own("olddefconfig", text, tuple(map(Path, rest)))


def with_own(parts: Sequence[str], needed: Sequence[Path], own_needs: Path) -> Config:
    """The user's configuration with `needed` fragments merged in, and `own_needs`: what only such a one needs."""
    own = read_own(parts)
    config = read_fragments([*own.fragments, own_needs, *needed])
    return replace(config, target=own.target, base=own.text)


def differences(before: str, after: str, config: Config) -> dict[str, Any]:
    """What was made of a configuration: `changed` (name → [old, new]) of the options that were asked for, `follow`: how
    many more changed with them, `modules`: how many are not built."""
    old, new = values(before), values(after)
    asked = {o.name for o in config.options}
    names = [n for n in {**old, **new} if old.get(n, "n") != new.get(n, "n")]
    changed = {n: [old.get(n, "n"), new.get(n, "n")] for n in sorted(names) if n in asked}
    modules = sorted(n for n, value in new.items() if value == "m")
    return {"changed": changed, "follow": len(names) - len(changed), "modules": len(modules)}


def said(found: dict[str, Any]) -> list[str]:
    """The same in lines for a user."""
    changed = [f"{name}: {old} → {new}" for name, (old, new) in found["changed"].items()]
    need = f"{len(changed)} options of the configuration are changed for guests, or by fragments"
    lines = [f"{need}: {', '.join(changed)}"]
    if found["follow"]:
        lines.append(f"{found['follow']} more options followed from these")
    if found["modules"]:
        lines.append(f"{found['modules']} options are modules (=m): modules are neither built nor loaded")
    return lines if changed else lines[1:]
