"""YAML of others: text in, its nodes and values or one error out. No text loops, multiplies without end, or is nested
so deeply that a stack overflows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

MOST_BYTES = 1 << 20
MOST_VALUES = 100_000  # a value counts once for each alias that names it
DEEPEST = 50
MAY_BE_DEEP = 2000  # levels for which libyaml's recursion has room on any stack
# PyYAML raises these, besides its own errors, for malformed dates, numbers and tags.
ERRORS = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
WORDS = {"found unhashable key": "a key is a name, not a list or a mapping"}
_BRACKET = re.compile(r"[\[\]{}]")
_MARKS = re.compile(r"[-?:] ")


class BadYamlError(ValueError):
    """`what` is wrong in `line`, from 1; 0 if that is not known."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {what}" if line else what)
        self.what, self.line = what, line


@dataclass(frozen=True)
class Document:
    """`node` as PyYAML composes it, with the place of each value; None for an empty text."""

    node: yaml.Node | None
    value: Any


def value_of(text: str, *, deepest: int = DEEPEST) -> Any:
    """The one value of a text, None if it is empty. Raises BadYamlError."""
    return document(text, deepest=deepest).value


def document(text: str, *, deepest: int = DEEPEST) -> Document:
    """The one document of a text. Raises BadYamlError, also if there are several."""
    found = documents(text, deepest=deepest)
    if len(found) > 1:
        assert found[1].node is not None
        raise BadYamlError("a second document begins", found[1].node.start_mark.line + 1)
    return found[0] if found else Document(None, None)


def documents(
    text: str, *, size: int = MOST_BYTES, values: int = MOST_VALUES, deepest: int = DEEPEST
) -> list[Document]:
    """The documents of a text of at most `size` characters, with at most so many values together, nested at most so
    deeply. Raises BadYamlError."""
    if len(text) > size:
        raise BadYamlError(f"more than {size >> 20} MiB")
    if _bound(text) > MAY_BE_DEEP:
        raise BadYamlError("nested too deeply")
    found = []
    try:
        loader = (yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            values -= _weight(node, values, deepest)
            found.append(Document(node, loader.construct_document(node)))
    except BadYamlError:
        raise
    except RecursionError:
        raise BadYamlError("nested too deeply") from None
    except ERRORS as error:
        mark = getattr(error, "problem_mark", None)
        what = str(getattr(error, "problem", None) or error).strip().split("\n")[0]
        raise BadYamlError(WORDS.get(what, what), mark.line + 1 if mark else 0) from error
    return found


def _bound(text: str) -> int:
    """A depth that the text's values do not exceed: its open brackets, its indentation, and the marks of a line."""
    depth = most = 0
    for bracket in _BRACKET.findall(text):
        depth = max(0, depth + (1 if bracket in "[{" else -1))
        most = max(most, depth)
    lines = [(len(line) - len(line.lstrip(" ")), len(_MARKS.findall(line))) for line in text.split("\n")]
    return most + 2 * max(indent for indent, _ in lines) + 2 * max(marks for _, marks in lines)


def _weight(root: yaml.Node, most: int, deepest: int) -> int:
    """The number of values, aliases followed. Raises BadYamlError beyond `most`, for one that is nested too deeply, and
    for one that contains itself."""
    weights: dict[int, tuple[int, int]] = {}  # a node's id → its values, its depth
    open_: dict[int, Iterator[yaml.Node]] = {}
    path = [root]
    while path:
        node = path[-1]
        key = id(node)
        if key not in open_:
            open_[key] = iter(_inside(node))
        child = next((one for one in open_[key] if id(one) not in weights), None)
        if child is not None:
            if id(child) in open_:
                raise BadYamlError("a value that contains itself", child.start_mark.line + 1)
            path.append(child)
            if len(path) <= deepest + 1:
                continue
            raise BadYamlError("nested too deeply", child.start_mark.line + 1)
        inner = [weights[id(one)] for one in _inside(node)]
        weights[key] = 1 + sum(weight for weight, _ in inner), 1 + max((depth for _, depth in inner), default=0)
        del open_[key]
        path.pop()
        if weights[key][0] > most:
            raise BadYamlError(f"more than {most:,} values, aliases followed", node.start_mark.line + 1)
        if weights[key][1] > deepest + 1:
            raise BadYamlError("nested too deeply", node.start_mark.line + 1)
    return weights[id(root)][0]


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
