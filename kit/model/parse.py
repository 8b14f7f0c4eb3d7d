"""Reads the text form of programs. In: text, as Program.text() writes it; out: a Program that makes sense.

Blank lines, indentation and lines that begin with `#` are allowed. Every error names its line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kit.model.errors import ModelError
from kit.model.program import (
    MAX_OPERATIONS,
    MAX_REGIONS,
    REGION_STRIDE,
    Fork,
    Madvise,
    Map,
    Mprotect,
    Munmap,
    Op,
    Orphan,
    Program,
    Repeat,
    Script,
    Users,
    Window,
    Write,
)

MAX_PAGES = REGION_STRIDE // 4096 - 1  # a page is left, so that two regions never touch
MAX_NESTING = 64
MAX_TIMES = 10**9


@dataclass
class Block:
    """A block that is still open: what its first line said, and what it holds so far."""

    keyword: str
    words: list[str]
    line: int
    ops: list[Op] = field(default_factory=list)
    users: list[tuple[Op, ...]] = field(default_factory=list)


def parse_program(text: str) -> Program:
    """The program that `text` says; `parse_program(program.text()) == program`.

    ModelError with the line for a word that is not known, a number that is missing or out of range, an `end` too many
    or too few, a window inside a window or with a name that was used before.
    """
    return _Parser().parse(text)


class _Parser:
    def __init__(self) -> None:
        self.open = [Block("program", [], 0)]
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

    def wrong(self, what: str) -> ModelError:
        raise ModelError(f"line {self.line}: {what}")

    def statement(self, words: list[str]) -> None:
        keyword, *rest = words
        if keyword not in _WORDS:
            self.wrong(f"{keyword!r} is no operation; {', '.join(_WORDS)} are")
        if len(rest) != _WORDS[keyword]:
            self.wrong(f"{keyword} takes {_WORDS[keyword]} words, not {len(rest)}")
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            self.wrong(f"more than {MAX_OPERATIONS} lines")
        if keyword == "end":
            self.end()
        elif keyword in _BLOCKS:
            self.begin(keyword, rest)
        else:
            self.add(self.simple(keyword, rest))

    def simple(self, keyword: str, rest: list[str]) -> Op:
        if keyword == "script":
            return Script()
        region = self.number("region", rest[0], 0, MAX_REGIONS - 1)
        if keyword == "map":
            return Map(region, self.number("pages", rest[1], 1, MAX_PAGES))
        if keyword == "madvise":
            return Madvise(region, self.choice("advice", rest[1], "dontfork", "wipeonfork"))
        page = self.number("page", rest[1], 0, MAX_PAGES - 1)
        if keyword == "write":
            return Write(region, page)
        count = self.number("count", rest[2], 1, MAX_PAGES - page)
        if keyword == "munmap":
            return Munmap(region, page, count)
        return Mprotect(region, page, count, self.choice("access", rest[3], "ro", "rw"))

    def choice(self, what: str, word: str, *choices: str) -> str:
        if word not in choices:
            self.wrong(f"{what} must be {' or '.join(choices)}, not {word!r}")
        return word

    def number(self, what: str, word: str, low: int, high: int) -> int:
        if not (word.isascii() and word.isdigit() and len(word) <= 10 and low <= int(word) <= high):
            self.wrong(f"{what} must be a number from {low} to {high}, not {word!r}")
        return int(word)

    def add(self, op: Op) -> None:
        if self.open[-1].keyword == "users":
            self.wrong("only user blocks stand in users")
        self.open[-1].ops.append(op)

    def begin(self, keyword: str, rest: list[str]) -> None:
        block = self.open[-1]
        if (keyword == "user") != (block.keyword == "users"):
            self.wrong("user blocks stand in users, and nothing else does")
        if len(self.open) > MAX_NESTING:
            self.wrong(f"blocks are nested more than {MAX_NESTING} deep")
        if keyword in ("window", "users"):
            self.name_window(rest[0])
        if keyword == "orphan" and not any(b.keyword == "fork" for b in self.open):
            self.wrong("an orphan needs a fork around it, whose process exits before it")
        if keyword == "repeat":
            self.number("repeat", rest[0], 1, MAX_TIMES)
        self.open.append(Block(keyword, rest, self.line))

    def name_window(self, name: str) -> None:
        outer = next((b for b in self.open if b.keyword in ("window", "users")), None)
        if outer is not None:
            self.wrong(f"window {name} opens inside window {outer.words[0]} of line {outer.line}")
        if name in self.names:
            self.wrong(f"window {name} was opened in line {self.names[name]} already")
        if any(b.keyword == "repeat" and b.words[0] != "1" for b in self.open):
            self.wrong(f"window {name} opens more than once: it stands in a repeat")
        self.names[name] = self.line

    def end(self) -> None:
        if len(self.open) == 1:
            self.wrong("an end without a beginning")
        block = self.open.pop()
        if block.keyword == "user":
            self.open[-1].users.append(tuple(block.ops))
        elif block.keyword == "users" and not block.users:
            self.wrong("users without a user")
        else:
            self.add(_BLOCKS[block.keyword](block))


def _no_op(block: Block) -> Op:
    raise AssertionError(block.keyword)


_BLOCKS: dict[str, Callable[[Block], Op]] = {
    "fork": lambda b: Fork(tuple(b.ops)),
    "orphan": lambda b: Orphan(tuple(b.ops)),
    "repeat": lambda b: Repeat(int(b.words[0]), tuple(b.ops)),
    "window": lambda b: Window(b.words[0], tuple(b.ops)),
    "users": lambda b: Users(b.words[0], tuple(b.users)),
    "user": _no_op,
}

_WORDS = {
    **{"map": 2, "write": 2, "munmap": 3, "mprotect": 4, "madvise": 2, "script": 0},
    **{"fork": 0, "orphan": 0, "repeat": 1, "window": 1, "users": 1, "user": 0, "end": 0},
}
