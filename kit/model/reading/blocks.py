"""Parses C functions into nested statements: just enough of C for the functions of mm/rmap.c.

GAP stands for text that a patch does not show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kit.model.errors import ModelError

GAP = "/*gap*/"
_COMMENT = re.compile(r"/\*(?!gap\*/).*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
_LABEL = re.compile(r"([A-Za-z_]\w*)\s*:(?!:)")
_HEAD = re.compile(r"(else\s+if|if|else|do|[a-z_]*for_each\w*|for|while)\b\s*")
_TYPE = 200  # characters before a function's name, at most
_LOOP = re.compile(r"(list_for_each_entry\w*|for|while|hlist_for_each\w*|anon_vma_interval_tree_foreach)\s*$")


@dataclass
class Node:
    """A statement. `kind`: stmt, if, else, loop, block or label; `text`: its words or its head; `body`: its content."""

    kind: str
    text: str
    body: list[Node] = field(default_factory=list)


def function(source: str, name: str) -> str | None:
    """The body of a function's definition, without comments and braces; None if it is missing or incomplete."""
    text = _COMMENT.sub(" ", source)
    for found in re.finditer(rf"^[A-Za-z_][\w\s\*]{{0,{_TYPE}}}\b{re.escape(name)}\(", text, re.MULTILINE):
        close = _closing(text, found.end() - 1)
        opening = re.match(r"[\w\s]*\{", text[close + 1 :]) if close >= 0 else None
        if opening is None:
            continue
        start = close + 1 + opening.end()
        end = _closing(text, start - 1)
        if end >= 0:
            return text[start:end]
    return None


def _closing(text: str, at: int) -> int:
    """The index of the bracket that closes the one at `at`; -1 if there is none."""
    pairs = {"(": ")", "{": "}"}
    opens, closes, depth = text[at], pairs[text[at]], 0
    for place in range(at, len(text)):
        depth += (text[place] == opens) - (text[place] == closes)
        if depth == 0:
            return place
    return -1


def statements(body: str) -> list[Node]:
    """The statements of a body, in order. Raises ModelError if its blocks are nested too deeply to be read."""
    try:
        return _statements(body)
    except RecursionError:
        raise ModelError("blocks are nested too deeply to be read") from None


def _statements(body: str) -> list[Node]:
    nodes, at = [], 0
    while at < len(body):
        node, at = _statement(body, at)
        if node is not None:
            nodes.append(node)
    return nodes


def _statement(body: str, at: int) -> tuple[Node | None, int]:
    while at < len(body) and body[at] in " \t\n;":
        at += 1
    if at >= len(body):
        return None, at
    label = _LABEL.match(body, at)
    if label and label[1] not in ("default",):
        return Node("label", label[1]), label.end()
    if body[at] == "{":
        end = _end(body, at)
        return Node("block", "", _statements(body[at + 1 : end])), end + 1
    head = _HEAD.match(body, at)
    if head:
        return _compound(body, head)
    end = body.find(";", at)
    end = len(body) if end < 0 else end
    return Node("stmt", " ".join(body[at:end].split())), end + 1


def _end(body: str, at: int) -> int:
    """The index of the bracket that closes the one at `at`; where there is none, the body's end."""
    found = _closing(body, at)
    return len(body) if found < 0 else found


def _compound(body: str, head: re.Match[str]) -> tuple[Node, int]:
    word = " ".join(head[1].split())
    at = head.end()
    condition = ""
    if at < len(body) and body[at] == "(" and word not in ("else", "do"):
        end = _end(body, at)
        condition, at = " ".join(body[at + 1 : end].split()), end + 1
    inner, at = _statement(body, at)
    kind = "else" if word.startswith("else") else "if" if word == "if" else "loop"
    text = f"{word}({condition})" if kind == "loop" else condition
    inside = [] if inner is None else inner.body if inner.kind == "block" else [inner]
    return Node(kind, text, inside), at


def flat(nodes: list[Node]) -> Iterator[str]:
    """The text of every statement and condition, in order."""
    for node in nodes:
        yield node.text
        yield from flat(node.body)
