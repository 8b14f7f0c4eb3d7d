"""Kernel configuration: merges fragments into options, and checks that a .config has kept them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.base.errors import UserError
from kit.records import digest

_SET = re.compile(r"^(CONFIG_[A-Za-z0-9_]+)=(.+)$")
_UNSET = re.compile(r"^# (CONFIG_[A-Za-z0-9_]+) is not set$")


@dataclass(frozen=True)
class Option:
    """One requested option: its value (`y`, `64`, `"text"`; `n` for not set) and the fragment line that asks for it."""

    name: str
    value: str
    where: str


@dataclass(frozen=True)
class Config:
    """Options from merged fragments, where a later fragment wins. They are added to the .config that make's `target`
    writes; `base` is the text of the .config that the target starts from, if any."""

    options: tuple[Option, ...]
    target: str = "tinyconfig"
    base: str | None = None

    @property
    def key(self) -> str:
        """The content key: fragments that ask for the same options share one."""
        asked = [[o.name, o.value] for o in self.options]
        return digest(asked if self.is_tiny else [asked, self.target, self.base or ""])

    @property
    def is_tiny(self) -> bool:
        """Whether it starts from tinyconfig, with no configuration of the user's."""
        return self.target == "tinyconfig" and self.base is None

    def text(self) -> str:
        """As a .config fragment."""
        return "".join(f"# {o.name} is not set\n" if o.value == "n" else f"{o.name}={o.value}\n" for o in self.options)


def values(dotconfig: str) -> dict[str, str]:
    """The options that a .config sets: name → value."""
    return {m[1]: m[2] for m in map(_SET.match, dotconfig.splitlines()) if m}


def read_fragments(paths: Sequence[Path]) -> Config:
    """Merges fragments. Raises UserError with file and line for anything that is not an option or a comment."""
    merged: dict[str, Option] = {}
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise UserError(f"cannot read: {error.strerror}", where=str(path)) from error
        for number, line in enumerate(lines, 1):
            if option := _parse(line, f"{path}:{number}"):
                merged.pop(option.name, None)
                merged[option.name] = option
    return Config(tuple(merged.values()))


def _parse(line: str, where: str) -> Option | None:
    line = line.strip()
    if match := _SET.match(line):
        return Option(match.group(1), match.group(2), where)
    if match := _UNSET.match(line):
        return Option(match.group(1), "n", where)
    if line and not line.startswith("#"):
        raise UserError(f"not a kernel option: {line!r}", where=where, hint="as in CONFIG_SMP=y")
    return None


def dropped(config: Config, dotconfig: str) -> list[tuple[Option, str]]:
    """The requested options that a .config does not have as asked, each with the value it has (`n` if not set)."""
    have = values(dotconfig)
    lost = [(o, have.get(o.name, "n")) for o in config.options if have.get(o.name, "n") != o.value]
    return [(o, has) for o, has in lost if not _will_do(o.value, has, config)]


def _will_do(asked: str, has: str, config: Config) -> bool:
    """Whether another value will do, in a user's own configuration: an unset option for an empty string, and a larger
    number than the one asked for."""
    if config.is_tiny:
        return False
    return (asked == '""' and has == "n") or (asked.isdecimal() and has.isdecimal() and int(has) >= int(asked))


def check_kept(config: Config, dotconfig: str, known: Iterable[str] = ()) -> None:
    """Raises UserError with each option that olddefconfig dropped, and the nearest name in `known` for unknown ones."""
    lost = dropped(config, dotconfig)
    if not lost:
        return
    names = set(known)
    shown = []
    for option, has in lost:
        text = f"    {option.name}={option.value} (asked for in {option.where}), the kernel's configuration has {has}"
        if names and option.name not in names:
            near = difflib.get_close_matches(option.name, names, 1)
            text += "; this kernel has no such option" + (f", nearest: {near[0]}" if near else "")
        shown.append(text)
    raise UserError(
        "olddefconfig dropped:\n" + "\n".join(shown),
        hint="an option is dropped when what it depends on is not set: add that, or take the option out",
    )


def kconfig_names(root: Path) -> set[str]:
    """Every CONFIG_ name that the tree's Kconfig files define."""
    names: set[str] = set()
    for path in root.rglob("Kconfig*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            names.update("CONFIG_" + n for n in re.findall(r"^\s*(?:menu)?config\s+(\w+)", text, re.MULTILINE))
    return names
