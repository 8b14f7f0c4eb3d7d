"""A user's YAML file with the line of every key, for messages; --set changes its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from kit.base.errors import UserError
from kit.store.yamltext import BadYamlError, document, value_of

Loc = Sequence[str | int]


class Source:
    """`data`: the file's mapping with all overrides applied; `overridden`: key → the option that set it. Raises
    UserError for a file that cannot be read or is not a YAML mapping."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[str | int, ...], int] = {}
        self.overridden: dict[tuple[str | int, ...], str] = {}
        try:
            found = document(_read(path))
        except BadYamlError as error:
            where = f"{path}:{error.line}" if error.line else str(path)
            raise UserError(f"not YAML that kit reads: {error.what}", where=where) from error
        self._walk(found.node, ())
        self.data: Any = found.value
        if not isinstance(self.data, dict):
            hint = "it is empty" if self.data is None else ""
            raise UserError("not an experiment: a mapping of keys is wanted", where=str(path), hint=hint)

    def _walk(self, node: yaml.Node | None, loc: tuple[str | int, ...]) -> None:
        if node is None:
            return
        line = node.start_mark.line + 1
        self.lines.setdefault(loc, line)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*loc, self._key(key))
                if here in self.lines:
                    raise UserError(f"`{key.value}` stands twice", where=f"{self.path}:{key.start_mark.line + 1}")
                self.lines[here] = key.start_mark.line + 1
                self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for i, value in enumerate(node.value):
                self._walk(value, (*loc, i))

    def _key(self, key: yaml.Node) -> str | int:
        """A key's text. Raises UserError for `on`, `6.1` and others that YAML does not read as text."""
        where = f"{self.path}:{key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise UserError("a key is a name, not a list or a mapping", where=where)
        kind = key.tag.rpartition(":")[2]
        if kind in ("bool", "float", "null", "timestamp"):
            words = {"bool": "yes or no", "float": "a number", "null": "nothing", "timestamp": "a date"}
            hint = f'put it in quotes: "{key.value}"'
            raise UserError(f"YAML reads the key `{key.value}` as {words[kind]}, not as a name", where=where, hint=hint)
        return _plain(key.value)

    def where(self, loc: Loc) -> str:
        """file:line of the deepest part of `loc` that the file has, or the option that set it."""
        parts = tuple(map(_plain, loc))
        for end in range(len(parts), 0, -1):
            if (assignment := self.overridden.get(parts[:end])) is not None:
                return assignment
        for key, assignment in self.overridden.items():
            if parts and key[: len(parts)] == parts and parts not in self.lines:
                return assignment
        for end in range(len(parts), -1, -1):
            if (line := self.lines.get(parts[:end])) is not None:
                return f"{self.path}:{line}"
        return str(self.path)

    def override(self, assignment: str, said: str = "") -> None:
        """Applies `guest.cpus=[1,2]`: a dotted key, a value in YAML. `said`: the option that the user typed, if not
        --set. Raises UserError."""
        where = said or f"--set {assignment}"
        key, eq, value = assignment.partition("=")
        key = re.sub(r"\[([0-9]+)\]", r".\1", key)  # workloads[0].x, as `kit check --keys` writes lists
        if not eq or not all(key.split(".")):
            hint = "for example --set guest.cpus=[1,2]"
            raise UserError(f"not an assignment: {assignment!r}", where="--set", hint=hint)
        try:
            parsed = value_of(value)
        except BadYamlError as error:
            raise UserError(f"not YAML: {value!r} ({error.what})", where=where) from error
        *parents, last = key.split(".")
        target: Any = self.data
        for part in parents:
            target = _below(target, part, where)
        if isinstance(target, list):
            target[_index(target, last, where)] = parsed
        elif isinstance(target, dict):
            target[_same_key(target, last)] = parsed
        else:
            raise UserError(f"there is nothing below {'.'.join(parents)} that could be set", where=where)
        self.overridden[tuple(map(_plain, key.split(".")))] = where


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError("not text in UTF-8", where=f"{path}:{line}", hint="the examples are in configs/") from error
    except (OSError, ValueError) as error:
        hint = "the examples are in configs/"
        raise UserError(f"cannot read: {getattr(error, 'strerror', error)}", where=str(path), hint=hint) from error


def _below(target: Any, part: str, where: str) -> Any:
    """The value under one part of a dotted key; a missing mapping is made."""
    if isinstance(target, list):
        return target[_index(target, part, where)]
    if not isinstance(target, dict):
        raise UserError(f"there is nothing that `{part}` could be a key of", where=where)
    key = _same_key(target, part)
    if target.get(key) is None:
        target[key] = {}
    return target[key]


def _index(target: list[Any], part: str, where: str) -> int:
    if not (part.isascii() and part.isdecimal() and len(part) < 9 and int(part) < len(target)):
        raise UserError(f"no entry {part}: the list has {len(target)}, counted from 0", where=where)
    return int(part)


def _same_key(target: dict[Any, Any], part: str) -> Any:
    """The mapping's key that is written as `part`; it may be a number."""
    return next((k for k in target if str(k) == part), part)


def _plain(key: str | int) -> str | int:
    return int(key) if isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 19 else key
