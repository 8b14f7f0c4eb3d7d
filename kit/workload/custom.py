"""The workload `program`: the user's own program, as text (kit.model.program) or YAML. Each of its windows is measured.

In YAML an operation is a string, and a block is a mapping from its head to a list of operations:

    - map 0 4
    - write 0 0
    - window d0:
      - repeat 200:
        - fork: []
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from kit.base.errors import UserError
from kit.model.errors import ModelError
from kit.model.parse import MAX_NESTING, parse_program
from kit.model.program import Crew, Op, Program, Ramp, Users, Window
from kit.records import At
from kit.store.yamltext import BadYamlError, value_of
from kit.workload.kind import Parameters, Place, Raw
from kit.workload.load import Load, WindowInfo


class CustomProgram(Parameters):
    """Parameters of `program`."""

    text: str = Field(description="the program, an operation a line; or `file: PATH`, text or YAML")

    @field_validator("text")
    @classmethod
    def _parses(cls, value: str) -> str:
        program = parse_program(value)
        if any(isinstance(op, Ramp) for op in everything(program.ops)):
            raise ValueError("a ramp is a matter of the workload aim7: `users: ramp`")
        if not list(windows(program.ops)):
            raise ValueError("it has no window, so nothing would be measured")
        return value

    def load(self, name: str, seed: int) -> Load:
        """The program with `name/` before the names of its windows, since a boot may run several programs."""
        program = Program(tuple(_prefix(op, name) for op in parse_program(self.text).ops))
        infos = tuple(WindowInfo(w, At(w), 1, "window") for w in windows(program.ops))
        return Load(name, program, infos, repeatable=False)  # a mapped region cannot be mapped again


def prepare(raw: Raw, place: Place) -> Raw:
    """Replaces `file` by its content as `text`. Raises UserError if it cannot be read."""
    name = raw.get("file")
    if not isinstance(name, str):
        return raw
    path = place.find(name)
    if path is None or not path.is_file():
        raise UserError(f"no such program: {name}", hint=place.looked)
    try:
        text = read_program(path).text()
    except (ValueError, OSError) as error:
        raise UserError(f"cannot read the program {name}: {error}") from None
    return {**{key: value for key, value in raw.items() if key != "file"}, "text": text}


def read_program(path: Path) -> Program:
    """Reads a program file: YAML if its name ends in .yaml or .yml, else text. Raises ValueError with file and line,
    OSError."""
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix in (".yaml", ".yml"):
            text = "".join(f"{line}\n" for line in _from_yaml(value_of(text, deepest=3 * MAX_NESTING)))
        return parse_program(text)
    except (ModelError, BadYamlError) as error:
        raise ValueError(f"{path}: {error}") from error


def _from_yaml(value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        raise ModelError(f"a program is a list of operations, not {value!r}")
    for item in value:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and len(item) == 1:
            head, body = next(iter(item.items()))
            yield str(head)
            yield from _from_yaml(body or [])
            yield "end"
        else:
            raise ModelError(f"not an operation: {item!r}; a string, or one block with its list")


def windows(ops: tuple[Op, ...]) -> Iterator[str]:
    """The names of all windows, in order."""
    return (op.name for op in everything(ops) if isinstance(op, Window | Users | Crew))


def everything(ops: tuple[Op, ...]) -> Iterator[Op]:
    """All operations, each before those inside it."""
    for op in ops:
        yield op
        for body in _bodies(op):
            yield from everything(body)


def _bodies(op: Op) -> tuple[tuple[Op, ...], ...]:
    if isinstance(op, Users | Crew | Ramp):
        return op.users
    body = getattr(op, "body", None)
    return (body,) if body is not None else ()


def _prefix(op: Op, name: str) -> Op:
    """The operation with `name/` before the names of its windows."""
    if isinstance(op, Users | Crew):
        users = tuple(tuple(_prefix(o, name) for o in user) for user in op.users)
        return replace(op, name=f"{name}/{op.name}", users=users)
    if isinstance(op, Window):
        return Window(f"{name}/{op.name}", tuple(_prefix(o, name) for o in op.body))
    body = getattr(op, "body", None)
    if body is None:
        return op
    prefixed: Any = {"body": tuple(_prefix(o, name) for o in body)}
    return replace(op, **prefixed)
