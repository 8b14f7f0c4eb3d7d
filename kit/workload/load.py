"""What a workload is to the rest: a program for the guest and the meaning of its windows. Data only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kit.model.program import Program
from kit.records import At

WORKER, PAYLOAD, SESSION = "worker", "payload", "session"
HOST_ROOT = "host"  # a payload's root that is no folder of the guest's: the host's files (guest/task.h)


@dataclass(frozen=True)
class WindowInfo:
    """What a window's counts are divided by and where they belong."""

    name: str  # unique in a boot
    at: At
    jobs: int
    unit: str  # what one job is: "fork", "job"


@dataclass(frozen=True)
class Load:
    """One worker of a boot: its name, what it runs, and its windows in order. `repeatable`: what stands in a window can
    be done again right after.

    `payload`: the text of a program of the host's (kit.workload.payload), which runs instead of `program`.
    """

    name: str
    program: Program
    windows: tuple[WindowInfo, ...]
    repeatable: bool = True
    payload: str = ""

    @property
    def section(self) -> str:
        """Its part of the text that a guest gets."""
        if self.payload:
            return f"{PAYLOAD} {self.name}\n{self.payload}"
        return f"{WORKER} {self.name}\n{self.program.text()}"


def boot_program(loads: Sequence[Load]) -> str:
    """The text that a guest gets: a section per load, each a fresh process image made by exec."""
    return "".join(load.section for load in loads)


def wants_host(program_text: str) -> bool:
    """Whether a boot needs the host's files."""
    return any(k != WORKER and text.startswith(f"root {HOST_ROOT}\n") for k, _, text in sections(program_text))


def own_limit(program_text: str) -> int:
    """Seconds that the payloads of a boot may take together."""
    texts = [text for kind, _, text in sections(program_text) if kind == PAYLOAD]
    return sum(int(m[1]) for text in texts for m in re.finditer(r"^limit ([0-9]+)$", text, re.MULTILINE))


@lru_cache(maxsize=32)
def sections(program_text: str) -> tuple[tuple[str, str, str], ...]:
    """(kind, name, text) of each section in order, parsed once in a process. Raises ValueError for text before the
    first."""
    head, *rest = re.split(rf"^({WORKER}|{PAYLOAD}|{SESSION}) (\S+)\n", program_text, flags=re.MULTILINE)
    if head or not rest:
        raise ValueError("a boot's program starts with a line `worker NAME` or `payload NAME`")
    return tuple(zip(rest[::3], rest[1::3], rest[2::3], strict=True))
