"""Typed dictionaries as documentation and as a check: a type in; rows for a table, or a value's violations, out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

NAMES = {str: "text", int: "integer", float: "number", bool: "true or false", NoneType: "null", object: "any"}


@dataclass(frozen=True)
class Doc:
    """What a field means; `unit` is empty for text, names and counts."""

    meaning: str
    unit: str = ""


@dataclass(frozen=True)
class Field:
    """One field. `path`: dotted, `[]` for the items of a list, `NAME` for a key that the experiment chooses."""

    path: str
    type: str
    unit: str
    meaning: str


def fields(kind: type, prefix: str = "") -> Iterator[Field]:
    """The fields of a TypedDict in order, each followed by the fields inside it. Raises KeyError for one without a Doc.
    """
    for name, annotation in hints(kind).items():
        plain, doc = split(annotation)
        if doc is None:
            raise KeyError(f"{kind.__name__}.{name} has no Doc")
        yield Field(f"{prefix}{name}", in_words(plain), doc.unit, doc.meaning)
        for behind, inner in inside(plain, ""):
            yield from fields(inner, f"{prefix}{name}{behind}.")


def hints(kind: type) -> dict[str, Any]:
    """The annotations of a TypedDict, `Annotated` included."""
    return get_type_hints(kind, include_extras=True)


def split(annotation: Any) -> tuple[Any, Doc | None]:
    """A type without `NotRequired` and `Annotated`, and its Doc."""
    if get_origin(annotation) is NotRequired:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is not Annotated:
        return annotation, None
    plain, *extra = get_args(annotation)
    return plain, next((e for e in extra if isinstance(e, Doc)), None)


def in_words(annotation: Any) -> str:
    """A type in JSON's terms: `list of text`, `number or null`. Raises KeyError for an unknown type."""
    plain, _ = split(annotation)
    origin, args = get_origin(plain), get_args(plain)
    if is_typeddict(plain):
        return "object"
    if origin is list:
        return f"list of {_plural(in_words(args[0]))}"
    if origin is dict:
        return f"object of {_plural(in_words(args[1]))} by name"
    if origin in (Union, UnionType):
        return " or ".join(in_words(a) for a in args)
    return NAMES[plain]


def _plural(word: str) -> str:
    return f"{word}s" if word in ("integer", "number", "object") else word


def inside(annotation: Any, behind: str) -> Iterator[tuple[str, type]]:
    """The typed dictionaries inside an annotation, each with its path suffix (`[]`, `.NAME`)."""
    plain, _ = split(annotation)
    origin, args = get_origin(plain), get_args(plain)
    if is_typeddict(plain):
        yield behind, plain
    elif origin is list:
        yield from inside(args[0], f"{behind}[]")
    elif origin is dict:
        yield from inside(args[1], f"{behind}.NAME")
    elif origin in (Union, UnionType):
        for arg in args:
            yield from inside(arg, behind)


def breaches(kind: Any, value: object, where: str = "") -> list[str]:
    """How a plain JSON value violates a type, a line each: fields that are missing, unknown, or of another type."""
    plain, _ = split(kind)
    origin, args = get_origin(plain), get_args(plain)
    if plain is object:
        return []
    if origin in (Union, UnionType):
        found = [breaches(arg, value, where) for arg in args]
        return [] if [] in found else min(found, key=len)
    if is_typeddict(plain):
        return _of_fields(plain, value, where)
    if origin is list and isinstance(value, list):
        return [b for i, item in enumerate(value) for b in breaches(args[0], item, f"{where}[{i}]")]
    if origin is dict and isinstance(value, dict):
        return [b for key, item in value.items() for b in breaches(args[1], item, f"{where}.{key}")]
    return [] if _is_plain(plain, value) else [f"{where}: {type(value).__name__}, not {in_words(plain)}"]


def _of_fields(kind: Any, value: object, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {type(value).__name__}, not an object"]
    known = hints(kind)
    required = [name for name, a in known.items() if kind.__total__ and get_origin(a) is not NotRequired]
    missing = [f"{where}.{name}: missing" for name in required if name not in value]
    extra = [f"{where}.{name}: not described" for name in value if name not in known]
    here = [b for name in known.keys() & value.keys() for b in breaches(known[name], value[name], f"{where}.{name}")]
    return [*missing, *extra, *here]


def _is_plain(kind: Any, value: object) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind) if isinstance(kind, type) else False
