"""A load: a program for the guest and the meaning of its windows. Data only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kit.model.program import Op, Program, Users
from kit.records import At

WORKER, PAYLOAD, SESSION = "worker", "payload", "session"
HOST_ROOT = "host"  # a payload's root if it runs on the host's files (guest/task.h)


@dataclass(frozen=True)
class WindowInfo:
    """The meaning of a window: its counts are divided by `jobs` and reported at `at`."""

    name: str  # unique in a boot
    at: At
    jobs: int
    unit: str  # what one job is: "fork", "job"


@dataclass(frozen=True)
class Load:
    """One worker of a boot: its name, its program, and its windows in order. `repeatable`: the content of a window can
    be run several times in a row.

    `payload`: the text of a host program to run (kit.workload.payload), instead of `program`.
    """

    name: str
    program: Program
    windows: tuple[WindowInfo, ...]
    repeatable: bool = True
    payload: str = ""

    @property
    def section(self) -> str:
        """Its section of the text that a guest gets."""
        if self.payload:
            return f"{PAYLOAD} {self.name}\n{self.payload}"
        return f"{WORKER} {self.name}\n{self.program.text()}"


def alike(
    name: str,
    before: Sequence[Op],
    counts: Sequence[int],
    body: tuple[Op, ...],
    jobs: int,
    unit: str,
    *,
    beside: tuple[Op, ...] | None = None,
) -> Load:
    """A load of users who all do the same: `before` runs first, then one window for each of the `counts` of users, of
    whom each runs `body`, `jobs` jobs of that unit. `beside`: what as many more processes do, which are no users."""
    windows = [WindowInfo(f"{name}/u{n}", At(name, users=n), n * jobs, unit) for n in dict.fromkeys(counts)]
    others = () if beside is None else (beside,)
    users = (Users(f"{name}/u{n}", (body,) * n + others * n) for n in dict.fromkeys(counts))
    return Load(name, Program((*before, *users)), tuple(windows))


def boot_program(loads: Sequence[Load]) -> str:
    """The text that a guest gets: one section for each load. The guest runs each in a fresh process image (exec)."""
    return "".join(load.section for load in loads)


def wants_host(program_text: str) -> bool:
    """Whether a boot with this text needs the host's files."""
    return any(k != WORKER and text.startswith(f"root {HOST_ROOT}\n") for k, _, text in sections(program_text))


def own_limit(program_text: str) -> int:
    """The seconds that the payloads of a boot may take together."""
    texts = [text for kind, _, text in sections(program_text) if kind == PAYLOAD]
    return sum(int(m[1]) for text in texts for m in re.finditer(r"^limit ([0-9]+)$", text, re.MULTILINE))


@lru_cache(maxsize=32)
def sections(program_text: str) -> tuple[tuple[str, str, str], ...]:
    """(kind, name, text) of each section in order. Cached. Raises ValueError if text precedes the first section."""
    head, *rest = re.split(rf"^({WORKER}|{PAYLOAD}|{SESSION}) (\S+)\n", program_text, flags=re.MULTILINE)
    if head or not rest:
        raise ValueError("a boot's program starts with a line `worker NAME` or `payload NAME`")
    return tuple(zip(rest[::3], rest[1::3], rest[2::3], strict=True))
