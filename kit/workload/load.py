"""A load: a program for the guest and the meaning of its windows. Data only."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kit.model.program import Op, Program, Users
from kit.records import At

WORKER, PAYLOAD, SESSION = "worker", "payload", "session"
HOST, HOME = "host", "home"  # roots of a payload on the host's files, without and with the homes (guest/task.h)
HOST_ROOTS = (HOST, HOME)


@dataclass(frozen=True)
class WindowInfo:
    """The meaning of a window: its counts are divided by `jobs` and reported at `at`."""

    name: str  # unique in a boot
    at: At
    jobs: int
    unit: str  # what one job is: "fork", "job"


@dataclass(frozen=True)
class Ramping:
    """What a load runs instead where time is measured: users that grow until the crossover, where each does `level`
    jobs a minute. `program`: has the ramp, whose windows are called `window` with the number of users behind it;
    `jobs`: of each user."""

    program: Program
    window: str
    jobs: int
    level: float


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
    ramp: Ramping | None = None

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


@dataclass(frozen=True)
class WantedHost:
    """What of the host's files a boot needs: the folders where its programs lie and start, and the homes or not."""

    folders: tuple[str, ...]
    home: bool


def wanted_host(program_text: str) -> WantedHost | None:
    """What a boot with this text needs of the host's files; None if it needs none."""
    texts = [text for kind, _, text in sections(program_text) if kind != WORKER]
    tasks = [dict(reversed([line.split(" ", 1) for line in text.splitlines() if " " in line])) for text in texts]
    seen = [task for task in tasks if task.get("root") in HOST_ROOTS]
    if not seen:
        return None
    folders = [unescaped(path) for task in seen for path in (task["dir"], os.path.dirname(task["arg"]))]
    return WantedHost(tuple(dict.fromkeys(folders)), any(task["root"] == HOME for task in seen))


def unescaped(text: str) -> str:
    """A value of a task's line: %xx stands for a byte that cannot be in a line."""
    return os.fsdecode(re.sub(rb"%([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), os.fsencode(text)))


def own_limit(program_text: str) -> int:
    """The seconds that the payloads and ramps of a boot may take together."""
    texts = [text for kind, _, text in sections(program_text) if kind == PAYLOAD]
    limits = sum(int(m[1]) for text in texts for m in re.finditer(r"^limit ([0-9]+)$", text, re.MULTILINE))
    return limits + ramp_limit(program_text)


def ramp_limit(program_text: str) -> int:
    """The seconds within which the ramps of a boot end, together."""
    return sum(int(m[1]) for m in re.finditer(r"^ramp \S+ [0-9]+ ([0-9]+)$", program_text, re.MULTILINE))


@lru_cache(maxsize=32)
def sections(program_text: str) -> tuple[tuple[str, str, str], ...]:
    """(kind, name, text) of each section in order. Cached. Raises ValueError if text precedes the first section."""
    head, *rest = re.split(rf"^({WORKER}|{PAYLOAD}|{SESSION}) (\S+)\n", program_text, flags=re.MULTILINE)
    if head or not rest:
        raise ValueError("a boot's program starts with a line `worker NAME` or `payload NAME`")
    return tuple(zip(rest[::3], rest[1::3], rest[2::3], strict=True))
