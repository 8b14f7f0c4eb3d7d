"""The keys of an experiment file, taken from the models that check it: as rows for people, and as a JSON schema for
editors."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kit.base.errors import UserError
from kit.evidence import EVIDENCE
from kit.evidence.bisected import METRICS
from kit.evidence.locks import EVERY, LOCKS
from kit.experiment.schema import ExperimentModel
from kit.model.profiles import PROFILES
from kit.workload.catalog import WORKLOADS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ARMS = ("baseline", "arms")
TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}

# Other forms that a key takes, which the models convert. By model and key; `[]`: an item of it.
ALSO: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "GuestModel.cpus": ({"type": "integer", "minimum": 1, "maximum": 8},),
    "ArmModel.series[]": (TEXT,),
    **{f"{w.params.__name__}.{key}": also for w in WORKLOADS.values() for key, also in w.also.items()},
}
NAMES: Mapping[str, tuple[str, ...]] = {
    "ExperimentModel.evidence[]": tuple(EVIDENCE),
    "BisectModel.evidence": tuple(METRICS),
    "ArmModel.profile": tuple(PROFILES),
}
"""The values that a key may have, where a validator checks them and pydantic's schema does not know them."""
HINTS: Mapping[str, tuple[str, ...]] = {"ExperimentModel.locks[]": (*LOCKS, EVERY)}
"""Values that an editor may offer; others are allowed too."""


@dataclass(frozen=True)
class Key:
    """One key. `path`: dotted, `[]` for the items of a list, `NAME` for a name that the user chooses; `type` in words,
    with its bounds."""

    path: str
    type: str
    meaning: str
    default: str
    required: bool
    choices: tuple[str, ...]


def every_key() -> list[Key]:
    """All keys: a mapping is followed by its keys; those of the workloads come last."""
    out = list(_keys(ExperimentModel, ""))
    for name, kind in WORKLOADS.items():
        out.append(Key(f"workloads[].{name}", "mapping", _first(kind.params.__doc__), "", False, ()))
        out += _keys(kind.params, f"workloads[].{name}.")
        out.append(Key(f"workloads[].{name}.name", "text", "what it is called in reports", name, False, ()))
    return out


def _first(doc: str | None) -> str:
    return (doc or "").partition("\n")[0].rstrip(".").lower()


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        named = NAMES.get(f"{model.__name__}.{name}") or NAMES.get(f"{model.__name__}.{name}[]")
        choices = named or tuple(_choices(info.annotation))
        inner = list(_models(info.annotation, ""))
        default = "" if inner else _default(info)
        kind = _kind(f"{model.__name__}.{name}", info)
        yield Key(path, kind, info.description or "", default, info.is_required(), choices)
        for behind, other in inner:
            yield from _keys(other, f"{path}{behind}.")


def _models(annotation: Any, behind: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models inside an annotation, each with its path suffix (`[]`, `.NAME`)."""
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield behind, annotation
    elif origin is dict:
        yield from _models(args[1], f"{behind}.NAME")
    elif origin in (tuple, list):
        yield from _models(args[0], f"{behind}[]")
    elif origin in (Union, UnionType):
        for arg in args:
            yield from _models(arg, behind)


PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", Any: "mapping"}


def _kind(path: str, info: FieldInfo) -> str:
    """The type of a key in words, with the other forms that it takes."""
    plain = _in_words(info.annotation, info.metadata)
    words = {"string": "text", **{name: name for name in ("integer", "number")}}
    also = [words[other["type"]] for other in ALSO.get(path, ())]
    return " or ".join([*also, plain])


def _in_words(annotation: Any, metadata: list[Any]) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _in_words(args[0], list(annotation.__metadata__))
    if origin in (Union, UnionType):
        return " or ".join(_in_words(arg, metadata) for arg in args if arg is not NoneType)
    if origin in (tuple, list):
        item = _in_words(args[0], [])
        return f"list of {item}" + "s" * (item in ("integer", "mapping"))
    if origin is Literal:
        return "word"
    if any(isinstance(m, BeforeValidator) for m in metadata):
        return "share, as 1% or 0.01"
    word = PLAIN.get(annotation, "mapping")
    return f"{word}{_bounds(metadata)}" if word in ("integer", "number") else word


def _bounds(metadata: list[Any]) -> str:
    """The bounds that pydantic checks, as `, 1 to 8`."""
    signs = {Ge: "≥", Gt: ">", Le: "≤", Lt: "<"}
    found = {type(m): getattr(m, type(m).__name__.lower()) for m in metadata if type(m) in signs}
    if {Ge, Le} <= found.keys():
        return f", {found[Ge]} to {found[Le]}"
    return "".join(f", {signs[kind]} {bound}" for kind, bound in found.items() if bound < 2**63)


def _choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    elif get_origin(annotation) in (Union, UnionType):
        for arg in get_args(annotation):
            yield from _choices(arg)
    elif get_origin(annotation) is dict:
        yield from _choices(get_args(annotation)[1])


def _default(info: FieldInfo) -> str:
    value = info.default
    if value in (PydanticUndefined, None, (), {}) or value is False:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def find(wanted: str) -> list[Key]:
    """The keys with that path or name, and those inside them; all keys for "". Raises UserError with the nearest."""
    everything = every_key()
    if not wanted:
        return everything
    plain = {k.path: k.path.replace("[]", "").replace(".NAME", "") for k in everything}
    ends = [k.path for k in everything if plain[k.path] == wanted or plain[k.path].endswith(f".{wanted}")]
    found = [k for k in everything if any(k.path == e or k.path.startswith((f"{e}.", f"{e}[]", f"{e}[")) for e in ends)]
    if not found:
        near = difflib.get_close_matches(wanted, {*plain.values(), *(p.rpartition(".")[2] for p in plain.values())}, 1)
        raise UserError(f"no such key: {wanted}", hint=f"nearest: {near[0]}" if near else "kit check --keys lists all")
    return found


def as_text(found: list[Key]) -> str:
    """The keys for a terminal: a line each, indented by depth."""
    lines = []
    top = min((k.path.count(".") for k in found), default=0)
    for key in found:
        facts = ["required"] * key.required
        facts += [f"{'one of' if len(key.choices) > 1 else 'only'} {', '.join(key.choices)}"] if key.choices else []
        facts += [f"default {key.default}"] if key.default else []
        indent = "  " * (key.path.count(".") - top)
        lines.append(f"{indent}{key.path}: {key.meaning}" + (f" ({'; '.join(facts)})" if facts else ""))
    return "\n".join(lines)


def as_json(found: list[Key]) -> list[dict[str, Any]]:
    """The keys as plain JSON values."""
    return [{**asdict(k), "choices": list(k.choices)} for k in found]


def schema() -> dict[str, Any]:
    """A JSON schema (2020-12) of experiment files."""
    top = _loosened(ExperimentModel)
    defs = top.pop("$defs", {})
    kinds: dict[str, Any] = {}
    for name, kind in WORKLOADS.items():
        one = _loosened(kind.params)
        defs |= one.pop("$defs", {})
        one["properties"] |= {"name": {**TEXT, "description": "what it is called in reports"}, **kind.more}
        kinds[name] = one if "required" in one else {**one, "type": ["object", "null"]}
        if kind.either:
            kinds[name]["anyOf"] = [{"required": [key]} for key in kind.either]
            kinds[name].pop("required", None)
    top["properties"]["workloads"]["items"] = {
        "type": "object",
        "properties": kinds,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    if "bisect" in top["properties"]:  # a bisection makes its own arms
        top["required"] = [key for key in top["required"] if key not in ARMS]
        top["anyOf"] = [{"required": list(ARMS)}, {"required": ["bisect"]}]
    return {"$schema": DIALECT, "title": "An experiment of kit", **top, "$defs": defs}


def schema_text() -> str:
    """The content of configs/experiment.schema.json."""
    return json.dumps(schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _loosened(model: type[BaseModel]) -> dict[str, Any]:
    """pydantic's schema of a model and of those in it, with the other forms that their keys take."""
    found: dict[str, Any] = _plain(model.model_json_schema())
    for name, part in [(model.__name__, found), *found.get("$defs", {}).items()]:
        for key, value in part.get("properties", {}).items():
            part["properties"][key] = _widened(f"{name}.{key}", value)
    return found


def _plain(value: Any) -> Any:
    """Removes the titles that pydantic derives from names."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _widened(path: str, value: dict[str, Any]) -> dict[str, Any]:
    for behind in ("items", "additionalProperties"):
        if isinstance(value.get(behind), dict):
            value = {**value, behind: _widened(f"{path}[]", value[behind])}
    if path in NAMES:
        return _named(value, list(NAMES[path]))
    if path in HINTS:
        return {"anyOf": [{"enum": list(HINTS[path])}, value]}
    if path not in ALSO:
        return value
    outside: dict[str, Any] = {k: value[k] for k in ("description", "default") if k in value}
    inside = {k: v for k, v in value.items() if k not in outside}
    return {**outside, "anyOf": [inside, *ALSO[path]]}


def _named(value: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if "anyOf" in value:  # or null
        return {**value, "anyOf": [{**v, "enum": names} if v == TEXT else v for v in value["anyOf"]]}
    return {**value, "enum": names}
