"""Repeats loads, for kinds of evidence that need it: makes windows longer, or runs all loads in several rounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kit.model.program import Crew, Op, Program, Ramp, Repeat, Users, Window
from kit.workload.load import Load, boot_program

ROUND = "~"  # between a name and its round's number; names in experiments cannot have it


def longer(load: Load, times: int) -> Load:
    """The load with the content of each window repeated `times` times; unchanged if it is not repeatable."""
    if not load.repeatable or times == 1:
        return load
    windows = tuple(replace(w, jobs=w.jobs * times) for w in load.windows)
    ramp = load.ramp
    if ramp is not None:
        ramp = replace(ramp, program=_all_longer(ramp.program, times), jobs=ramp.jobs * times)
    return replace(load, program=_all_longer(load.program, times), windows=windows, ramp=ramp)


def _all_longer(program: Program, times: int) -> Program:
    return Program(tuple(_longer(op, times) for op in program.ops))


def _longer(op: Op, times: int) -> Op:
    if isinstance(op, Users | Crew | Ramp):
        op = replace(op, users=tuple((Repeat(times, user),) for user in op.users))
        return replace(op, milliseconds=op.milliseconds * times) if isinstance(op, Ramp) else op
    if isinstance(op, Window):
        return Window(op.name, (Repeat(times, op.body),))
    body = getattr(op, "body", None)
    if not body:
        return op
    inner: Any = {"body": tuple(_longer(o, times) for o in body)}
    return replace(op, **inner)


def ramping(load: Load) -> Load:
    """What a load runs where time is measured: its ramp, if it has one, whose windows are not known before."""
    return load if load.ramp is None else replace(load, program=load.ramp.program, windows=())


def rounds_program(loads: Sequence[Load], rounds: int) -> str:
    """The text that a guest gets: all loads, `rounds` times in a row, with the round's number in their names."""
    text = boot_program(loads)
    name = r"^(\s*(?:worker|payload|window|users|crew|ramp) \S+)"
    return "".join(re.sub(name, rf"\1{ROUND}{n}", text, flags=re.M) for n in range(rounds))


def round_name(window: str, number: int) -> str:
    """The name of a window in round `number` (from 0)."""
    return f"{window}{ROUND}{number}"
