"""Repeats loads, for kinds of evidence that need it: makes windows longer, or runs all loads in several rounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kit.model.program import Op, Program, Repeat, Users, Window
from kit.workload.load import Load, boot_program

ROUND = "~"  # between a name and its round's number; names in experiments cannot have it


def longer(load: Load, times: int) -> Load:
    """The load with the content of each window repeated `times` times; unchanged if it is not repeatable."""
    if not load.repeatable or times == 1:
        return load
    ops = tuple(_longer(op, times) for op in load.program.ops)
    windows = tuple(replace(w, jobs=w.jobs * times) for w in load.windows)
    return replace(load, program=Program(ops), windows=windows)


def _longer(op: Op, times: int) -> Op:
    if isinstance(op, Users):
        return Users(op.name, tuple((Repeat(times, user),) for user in op.users))
    if isinstance(op, Window):
        return Window(op.name, (Repeat(times, op.body),))
    body = getattr(op, "body", None)
    if not body:
        return op
    inner: Any = {"body": tuple(_longer(o, times) for o in body)}
    return replace(op, **inner)


def rounds_program(loads: Sequence[Load], rounds: int) -> str:
    """The text that a guest gets: all loads, `rounds` times in a row, with the round's number in their names."""
    text = boot_program(loads)
    name = r"^(\s*(?:worker|payload|window|users) \S+)"
    return "".join(re.sub(name, rf"\1{ROUND}{n}", text, flags=re.M) for n in range(rounds))


def round_name(window: str, number: int) -> str:
    """The name of a window in round `number` (from 0)."""
    return f"{window}{ROUND}{number}"
