"""verdict.json is a contract: checks what a run with every kind of evidence writes, except times and places.

Fields may be added. None may be removed or change its value. `KIT_TEST_RECORD=1` writes golden/verdict.json anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rig import Bench

GOLDEN = Path(__file__).parent / "golden" / "verdict.json"
HOST = "host: "  # notes of this machine begin so


def settled(verdict: dict[str, Any]) -> dict[str, Any]:
    """Everything that does not depend on the machine or the moment."""
    origin = dict.fromkeys(verdict["provenance"])
    out = {**verdict, "seconds": dict.fromkeys(verdict["seconds"]), "provenance": origin}
    for said in out["evidence"].values():
        said["notes"] = [note for note in said["notes"] if not note.startswith(HOST)]
    return out


def lost(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Where the new value lacks something that the old one has, or has another value."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            yield from lost(value, new[key], f"{path}.{key}") if key in new else [f"{path}.{key} is gone"]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, pair in enumerate(zip(old, new, strict=True)):
            yield from lost(*pair, f"{path}[{number}]")
    elif old != new:
        yield f"{path}: {old!r} became {new!r}"


def test_verdict_json_is_what_it_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIT_FAKE_LOG")  # without it fake guests have no noise
    bench.edit("return 0;", "return 0; /* off by one */")
    bench.experiment |= {
        "evidence": ["model", "count", "instructions", "check", "time"],
        "locks": ["anon_vma", "*"],
        "budget": {"blocks": 2},
        "instructions": {"layouts": 2, "times": 1},
        "time": {"rounds": 1, "warmup": 0, "times": 1},
        "seed": 7,
    }
    bench.run()
    found = settled(bench.verdict())
    if "KIT_TEST_RECORD" in os.environ:
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert list(lost(json.loads(GOLDEN.read_text(encoding="utf-8")), found)) == []


def test_what_is_lost_is_seen() -> None:
    old = {"a": [{"b": 1, "c": None}], "d": 1}
    assert list(lost(old, {"a": [{"b": 1, "c": None, "new": 2}], "d": 1})) == []
    assert list(lost(old, {"a": [{"b": 2}], "d": 1})) == [".a[0].b: 1 became 2", ".a[0].c is gone"]
    assert list(lost(old, {"a": [], "d": 1})) == [".a: [{'b': 1, 'c': None}] became []"]
