"""Parses the text form of programs, as Program.text() writes it, and checks that a program makes sense.

Blank lines, indentation and lines that begin with `#` are allowed. Every error names its line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from kit.model.errors import ModelError
from kit.model.fields import read_fields
from kit.model.program import (
    MAX_OPERATIONS,
    MAX_THREADS,
    Brk,
    Crew,
    Discard,
    Exec,
    Fork,
    Grow,
    Hold,
    Job,
    Madvise,
    Map,
    MapFile,
    Mprotect,
    Mremap,
    Munmap,
    Op,
    Orphan,
    Program,
    Ramp,
    Reclaim,
    Release,
    Repeat,
    Script,
    Shell,
    Spawn,
    Stack,
    Threads,
    Users,
    Window,
    Write,
    WriteBrk,
)

MAX_NESTING = 64

# The kinds of fields (kit.model.fields) of an operation's line, and how to make the operation from their values.
_PLAIN: dict[str, tuple[tuple[str, ...], Callable[..., Op]]] = {
    "map": (("region", "pages"), Map),
    "write": (("region", "page"), Write),
    "munmap": (("region", "first", "count"), Munmap),
    "mprotect": (("region", "first", "count", "access"), Mprotect),
    "madvise": (("region", "advice"), Madvise),
    "discard": (("region", "first", "count"), Discard),
    "mremap": (("region", "first", "count", "to"), Mremap),
    "grow": (("region", "pages"), Grow),
    "mapfile": (("region", "file"), MapFile),
    "brk": (("break",), Brk),
    "writebrk": (("page",), WriteBrk),
    "stack": (("deeper",), Stack),
    "script": ((), Script),
    "shell": (("script", "how", "amount"), Shell),
    "spawn": ((), Spawn),
    "job": (("job", "amount"), Job),
    "release": ((), Release),
}
# The same for blocks, whose body comes last.
_BLOCKS: dict[str, tuple[tuple[str, ...], Callable[..., Op]]] = {
    "fork": ((), Fork),
    "orphan": ((), Orphan),
    "hold": ((), Hold),
    "exec": ((), Exec),
    "threads": (("threads",), Threads),
    "reclaim": ((), Reclaim),
    "repeat": (("times",), Repeat),
    "window": (("name",), Window),
    "users": (("name",), Users),
    "crew": (("name",), Crew),
    "ramp": (("name", "amount", "amount"), Ramp),
}
_KINDS = {word: kinds for word, (kinds, _) in {**_PLAIN, **_BLOCKS}.items()} | {"user": (), "end": ()}
_OF_USERS = ("users", "crew", "ramp")  # blocks whose content is user blocks
_OF_THREADS = {"repeat", "map", "mapfile", "write", "munmap", "mprotect", "madvise", "discard", "mremap", "grow"}
_WINDOWS = ("window", *_OF_USERS)
_WAITED_FOR = {"fork", "hold", "exec", "user"}  # blocks of a process whose parent also waits for its orphans


@dataclass
class Block:
    """An open block: its first line, and its content so far."""

    keyword: str
    values: tuple[Any, ...]
    line: int
    ops: list[Op] = field(default_factory=list)
    users: list[tuple[Op, ...]] = field(default_factory=list)


def parse_program(text: str) -> Program:
    """Parses a program; `parse_program(program.text()) == program`.

    Raises ModelError with the line for an unknown word, a missing number or one out of range, an `end` too many or too
    few, a window inside a window, or a window's name that was used before.
    """
    return _Parser().parse(text)


class _Parser:
    def __init__(self) -> None:
        self.open = [Block("program", (), 0)]
        self.names: dict[str, int] = {}
        self.line = 0
        self.operations = 0

    def parse(self, text: str) -> Program:
        for self.line, content in enumerate(text.splitlines(), start=1):
            words = content.split()
            if words and not words[0].startswith("#"):
                self.statement(words)
        if len(self.open) > 1:
            self.wrong(f"the {self.open[-1].keyword} of line {self.open[-1].line} has no end")
        return Program(tuple(self.open[0].ops))

    def wrong(self, what: str) -> NoReturn:
        raise ModelError(f"line {self.line}: {what}")

    def statement(self, words: list[str]) -> None:
        keyword, *rest = words
        if keyword not in _KINDS:
            self.wrong(f"{keyword!r} is no operation; {', '.join(_KINDS)} are")
        if len(rest) != len(_KINDS[keyword]):
            self.wrong(f"{keyword} takes {len(_KINDS[keyword])} words, not {len(rest)}")
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            self.wrong(f"more than {MAX_OPERATIONS} lines")
        if keyword == "end":
            self.end()
            return
        if keyword not in _OF_THREADS | {"user"} and any(b.keyword == "crew" for b in self.open):
            self.wrong("threads of a crew only map memory, and write to it")
        values = self.values(keyword, rest)
        if keyword in _PLAIN:
            self.add(_PLAIN[keyword][1](*values))
        else:
            self.begin(keyword, values)

    def values(self, keyword: str, rest: list[str]) -> tuple[Any, ...]:
        try:
            return tuple(read_fields(_KINDS[keyword], rest))
        except ModelError as error:
            self.wrong(str(error))

    def add(self, op: Op) -> None:
        if self.open[-1].keyword in _OF_USERS:
            self.wrong(f"only user blocks stand in {self.open[-1].keyword}")
        self.open[-1].ops.append(op)

    def begin(self, keyword: str, values: tuple[Any, ...]) -> None:
        block = self.open[-1]
        if (keyword == "user") != (block.keyword in _OF_USERS):
            self.wrong("user blocks stand in users, crew or ramp, and nothing else does")
        if len(self.open) > MAX_NESTING:
            self.wrong(f"blocks are nested more than {MAX_NESTING} deep")
        if keyword == "reclaim" and len(self.open) > 1:
            self.wrong(f"reclaim stands in no other block, as in the {block.keyword} of line {block.line}")
        if keyword in _WINDOWS:
            self.name_window(values[0])
        if keyword == "orphan" and not any(b.keyword in _WAITED_FOR for b in self.open):
            self.wrong("an orphan needs a fork around it, whose process exits before it")
        self.open.append(Block(keyword, values, self.line))
        if self.threads() > MAX_THREADS:
            self.wrong(f"more than {MAX_THREADS} threads at once")

    def threads(self) -> int:
        """The number of sleeping threads. A child's stacks are its parent's; only a new image has all of them free."""
        count = 0
        for block in self.open:
            if block.keyword == "exec":
                count = 0
            elif block.keyword == "threads":
                count += block.values[0]
        return count

    def name_window(self, name: str) -> None:
        outer = next((b for b in self.open if b.keyword in _WINDOWS), None)
        if outer is not None:
            self.wrong(f"window {name} opens inside window {outer.values[0]} of line {outer.line}")
        if name in self.names:
            self.wrong(f"window {name} was opened in line {self.names[name]} already")
        if any(b.keyword == "repeat" and b.values[0] != 1 for b in self.open):
            self.wrong(f"window {name} opens more than once: it stands in a repeat")
        self.names[name] = self.line

    def end(self) -> None:
        if len(self.open) == 1:
            self.wrong("an end without a beginning")
        block = self.open.pop()
        if block.keyword == "crew" and len(block.users) > MAX_THREADS:
            self.wrong(f"more than {MAX_THREADS} threads at once")
        if block.keyword == "user":
            self.open[-1].users.append(tuple(block.ops))
        elif block.keyword in _OF_USERS and not block.users:
            self.wrong(f"{block.keyword} without a user")
        else:
            body = block.users if block.keyword in _OF_USERS else block.ops
            self.add(_BLOCKS[block.keyword][1](*block.values, tuple(body)))
