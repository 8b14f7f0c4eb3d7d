"""Boots, and what of a change ran, read back from their JSON form in boots.jsonl and the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kit.records import (
    Boot,
    CallSite,
    CallTree,
    ChainCount,
    ChangedLines,
    Exercised,
    GuestVma,
    HostRecord,
    HostState,
    LockRow,
    Outcome,
    PayloadRun,
    Pinned,
    Printed,
    Results,
    Splat,
    UserTime,
    WindowResult,
)


def boot_from_json(value: Mapping[str, Any]) -> Boot:
    """The Boot that `to_json` wrote. Raises KeyError or TypeError for anything else."""
    results = value["results"]
    return Boot(
        **{
            **value,
            "outcome": Outcome(value["outcome"]),
            "results": _results(results) if results is not None else None,
            "splats": tuple(Splat(**s) for s in value["splats"]),
            "host": _host(value.get("host")),
        }
    )


def exercised_from_json(value: object) -> Exercised | None:
    """The Exercised that `to_json` wrote, also into verdict.json; None for anything else."""
    try:
        lines = value.get("lines") if isinstance(value, Mapping) else None  # older runs have none
        return Exercised(**{**_known(Exercised, value), "lines": lines and ChangedLines(**_known(ChangedLines, lines))})
    except TypeError:
        return None


def _known(kind: type, value: object) -> dict[str, Any]:
    """The fields of a dataclass that an object has, lists made tuples. Raises TypeError for what is no object."""
    if not isinstance(value, Mapping):
        raise TypeError("no object")
    names = {f.name for f in fields(kind)} & value.keys()
    return {n: tuple(value[n]) if isinstance(value[n], list) else value[n] for n in names}


def _host(value: Mapping[str, Any] | None) -> HostRecord | None:
    if value is None:
        return None
    pinned = value["pinned"]
    where = Pinned(tuple(pinned["cores"]), pinned["why_not"]) if pinned is not None else None
    return HostRecord(HostState(**value["before"]), HostState(**value["after"]), where)


def _results(value: Mapping[str, Any]) -> Results:
    layouts = {name: tuple(GuestVma(**v) for v in vmas) for name, vmas in value["layouts"].items()}
    windows = tuple(_window(w) for w in value["windows"])
    payloads = tuple(_payload(p) for p in value.get("payloads", ()))  # older runs have none
    calls = value.get("calls", {})
    tree = CallTree(**{name: tuple(column) for name, column in calls.items()})
    return Results(value["release"], value["cpus"], layouts, windows, payloads, tree)


def _payload(value: Mapping[str, Any]) -> PayloadRun:
    return PayloadRun(**{**value, "stdout": Printed(**value["stdout"]), "stderr": Printed(**value["stderr"])})


def _window(value: Mapping[str, Any]) -> WindowResult:
    return WindowResult(
        value["name"],
        value["elapsed"],
        tuple(LockRow(**{**r, "times": tuple(r.get("times", ()))}) for r in value["rows"]),
        tuple(UserTime(**u) for u in value["users"]),
        value.get("idle"),
        tuple(CallSite(**s) for s in value.get("sites", ())),
        tuple(ChainCount(*c) for c in value.get("chains", ())),
    )
