"""A value's digest and its JSON form. No I/O, standard library only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

PLAIN = (str, int, float, bool, type(None))


def digest(value: object) -> str:
    """A short stable key (24 hex digits of SHA-256) of any value that `to_json` takes."""
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def to_json(value: object) -> Any:
    """Dataclasses, enums, tuples and mappings as plain JSON values."""
    if type(value) in PLAIN:  # most values are
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    return value
