"""AIM7-style load: `users` processes run the same mix of jobs, each in its own random order (rules of AIM suite VII).

The mix says how often each test is in a user's list: its weight scaled to `jobs` and rounded, but at least once. So the
real number of jobs may differ a little from `jobs`. The tests are kit's own; no code of the suite is used. AIM is a
trademark.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from kit.base.errors import UserError
from kit.base.project import PROJECT
from kit.model.fields import MAX_TIMES
from kit.model.jobs import FILES
from kit.model.program import Job, Op, Program, Ramp, Users
from kit.records import At
from kit.workload.aim7jobs import PREPARED, SCALED, TESTS, Size
from kit.workload.kind import Parameters, Place, Raw, listed
from kit.workload.load import Load, Ramping, WindowInfo

FEW = 6  # tests of a mix that reports show one by one
MIXES = PROJECT / "configs" / "mixes"
SIZE = re.compile(r"(FILESIZE|POOLSIZE)\s*:?\s*(?:([0-9]{1,18})\s*([KMG]?)B?)?", re.IGNORECASE)
RAMP = "ramp"
COUNTED = (1, 2, 4, 8)  # users of a ramp where windows must be known before: `count` and its like
KIB = {"K": 1, "M": 1024, "G": 1024 * 1024}


class Aim7(Parameters):
    """Parameters of `aim7`."""

    mix: dict[str, float] = Field(description="a mix by name (configs/mixes/), by file, or as {test: weight}")
    users: tuple[Annotated[int, Field(strict=True)], ...] | Literal["ramp"] = Field(
        default=(1,), description="how many users at once, one window for each number; `ramp`: more and more of them"
    )
    jobs: int = Field(default=100, ge=1, le=10_000, strict=True, description="jobs in each user's list, approximately")
    compute: float = Field(
        default=0.01,
        gt=0,
        le=1,
        description="the share of the suite's loops in tests that only compute, copy memory or sleep; 1: all",
    )
    filesize: int = Field(default=10, ge=1, le=65536, strict=True, description="KiB of each file of the disk tests")
    poolsize: int = Field(
        default=0, ge=0, le=65536, strict=True, description="KiB that the users' files have together, in addition"
    )
    most: int = Field(default=32, ge=2, le=64, strict=True, description="the most users of a ramp")
    crossover: float = Field(
        default=1.0, ge=0.001, le=1e6, description="a ramp ends when each user does so few jobs per minute; 1: as AIM7"
    )
    seconds: int = Field(
        default=300, ge=1, le=86_400, strict=True, description="of a ramp: no window begins that would end later"
    )
    left_out: dict[str, float] | None = Field(
        default=None, description="tests of the mix that kit lacks, with their weights: reported, not run"
    )

    @field_validator("mix")
    @classmethod
    def _mix(cls, value: dict[str, float]) -> dict[str, float]:
        for test, weight in value.items():
            if test not in TESTS:
                raise ValueError(f"no such test: {test}; there are {', '.join(TESTS)}")
            if not 0 < weight <= 1e9:
                raise ValueError(f"{test}: a weight is above 0, and no more than 1e9")
        if not value:
            raise ValueError("a mix has at least one test")
        return value

    @field_validator("users", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str) and value != RAMP:
            raise ValueError(f"users are whole numbers from 1 to 64, or the word {RAMP}")
        return value if value == RAMP else listed(value)

    @field_validator("users")
    @classmethod
    def _range(cls, value: tuple[int, ...] | str) -> tuple[int, ...] | str:
        if isinstance(value, str):
            return value
        if not value or any(not 1 <= u <= 64 for u in value):
            raise ValueError("users are whole numbers from 1 to 64")
        return tuple(dict.fromkeys(value))

    @model_validator(mode="after")
    def _of_ramps(self) -> Aim7:
        for key in ("most", "crossover", "seconds"):
            if self.users != RAMP and getattr(self, key) != Aim7.model_fields[key].default:
                raise ValueError(f"{key} is for `users: {RAMP}`")
        if self.users == RAMP and self.poolsize:
            raise ValueError("poolsize: the size of files would change with the number of users of a ramp")
        return self

    @property
    def counted(self) -> tuple[int, ...]:
        """The numbers of users of windows: of a ramp those that kinds of evidence have which do not measure time."""
        return tuple(n for n in COUNTED if n <= self.most) if isinstance(self.users, str) else self.users

    def load(self, name: str, seed: int) -> Load:
        """A program with one window for each number of users. `seed` decides the order of jobs."""
        ops: list[Op] = []
        windows: list[WindowInfo] = []
        for users in self.counted:
            window = f"{name}/u{users}"
            size = Size(self.compute, self.filesize + self.poolsize // users)
            lists = self._lists(seed, users, size)
            ops += [*self._prepare(size), Users(window, lists)]
            windows.append(WindowInfo(window, At(name, users=users), users * len(self._jobs(seed, 0)), "job"))
        ramp = self._ramp(name, seed) if self.users == RAMP else None
        return Load(name, Program(tuple(ops)), tuple(windows), ramp=ramp)

    def _ramp(self, name: str, seed: int) -> Ramping:
        size, jobs = Size(self.compute, self.filesize), len(self._jobs(seed, 0))
        milliseconds = max(1, min(MAX_TIMES, ceil(jobs * 60_000 / self.crossover)))
        ramp = Ramp(f"{name}/u", milliseconds, self.seconds, self._lists(seed, self.most, size))
        return Ramping(Program((*self._prepare(size), ramp)), ramp.name, jobs, self.crossover)

    def _prepare(self, size: Size) -> tuple[Op, ...]:
        return (Job("prepare", size.kib),) if self.mix.keys() & PREPARED else ()

    def _lists(self, seed: int, users: int, size: Size) -> tuple[tuple[Op, ...], ...]:
        """The operations of each user."""
        return tuple(tuple(op for t in self._jobs(seed, n) for op in TESTS[t].ops(size)) for n in range(users))

    def fragments(self) -> tuple[str, ...]:
        """The fragments that the mix's tests need."""
        return tuple(sorted({TESTS[test].needs for test in self.mix} - {""}))

    def require_room(self, memory: int) -> None:
        """Raises UserError if the files of the disk tests may take more than half of the guest's memory (MiB)."""
        if not self.mix.keys() & set(FILES):
            return
        for users in (self.most,) if isinstance(self.users, str) else self.users:
            needed = (users + 1) * (self.filesize + self.poolsize // users) // 1024
            if needed > memory // 2:
                raise UserError(
                    f"{users} users may have {needed} MiB of files at once: more than half of the guest's memory of"
                    f" {memory}M, where files are kept",
                    hint=f"guest: {{memory: {-(-needed * 2 // 256) * 256 + 256}M}}, or a smaller filesize or poolsize",
                )

    def _jobs(self, seed: int, user: int) -> list[str]:
        total = sum(self.mix.values())
        jobs = [t for t, w in self.mix.items() for _ in range(max(1, round(w / total * self.jobs)))]
        random.Random(f"{seed}/{user}").shuffle(jobs)
        return jobs


@dataclass(frozen=True)
class WorkFile:
    """A mix from a file, as {test: weight}: the tests that kit has (`mix`), and the others (`left_out`); and the sizes
    of files in KiB that it gives, as keys of the workload."""

    mix: dict[str, float]
    left_out: dict[str, float]
    sizes: dict[str, int] = field(default_factory=dict)


def read_mix(path: Path) -> WorkFile:
    """Reads a work file of reaim or AIM suite VII: `#` comments and lines `<weight> <test>`. The weights of a test that
    is there twice are added. FILESIZE and POOLSIZE are in bytes without a letter, and count in KiB from 1 on.

    Raises ValueError with file and line for a bad line, or if kit has none of the tests; OSError.
    """
    found: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        line = text.split("#")[0].strip()
        size = SIZE.fullmatch(line)
        if size:
            sizes.update(_size(*size.groups()))
        if not line or size:
            continue
        match = re.fullmatch(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)\s+(\w+)", line)
        if not match:
            raise ValueError(f"{path}:{number}: not a line of a mix: {line[:60]!r}; as in `10 fork_test`")
        if not float(match[1]):
            raise ValueError(f"{path}:{number}: {match[2]} has the weight 0; take the line out")
        found[match[2]] = found.get(match[2], 0.0) + float(match[1])
    if not found:
        raise ValueError(f"{path}: no line of a mix in it; as in `10 fork_test`")
    if not found.keys() & TESTS.keys():
        raise ValueError(f"{path}: none of its tests is here ({', '.join(found)}); there are {', '.join(TESTS)}")
    mix, left_out = ({t: w for t, w in found.items() if (t in TESTS) is known} for known in (True, False))
    return WorkFile(mix, left_out, sizes)


def _size(what: str, count: str | None, letter: str | None) -> dict[str, int]:
    """The key and its value in KiB; nothing for a word without a number, as some work files have it."""
    if count is None:
        return {}
    unit = (letter or "").upper()
    return {what.lower(): max(1, int(count) // 1024) if not unit else int(count) * KIB[unit]}


def prepare(raw: Raw, place: Place) -> Raw:
    """Replaces the name or file of a mix by its content; the experiment's own sizes hold before the file's. Raises
    UserError if there is none, or it cannot be read."""
    name = raw.get("mix")
    if not isinstance(name, str):
        return raw
    return {**mix_params(_find(name, place)), **{key: value for key, value in raw.items() if key != "mix"}}


def _find(name: str, place: Place) -> WorkFile:
    own = place.find(f"configs/mixes/{name}") if "/" not in name else None
    path = own if own is not None and own.is_file() else place.find(name)
    if path is None or not path.is_file():
        there = sorted(p.name for p in MIXES.iterdir())
        raise UserError(f"no such mix: {name}", hint=f"there is {', '.join(there)}, or a file's path")
    try:
        return read_mix(path)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the mix {name}: {error}") from None


def suffix(raw: Raw) -> str:
    """The mix's name, for the workload's default name; empty for a mix written out in the experiment."""
    mix = raw.get("mix")
    return Path(mix).name if isinstance(mix, str) else ""


def mix_params(work: WorkFile) -> dict[str, Any]:
    """A work file as parameters of `aim7`."""
    return {"mix": work.mix, **work.sizes, **({"left_out": work.left_out} if work.left_out else {})}


def left_out_said(params: Mapping[str, Any]) -> str:
    """A sentence about the tests that a mix leaves out; empty if there are none."""
    left = params.get("left_out")
    if not left:
        return ""
    have = sum(params["mix"].values())
    whole = have + sum(left.values())
    return (
        f"{len(params['mix'])} of the {len(params['mix']) + len(left)} tests of its work file, {have / whole:.0%} of"
        f" the weight ({have:g} of {whole:g}); not here: {', '.join(left)}"
    )


def said(params: Mapping[str, Any]) -> str:
    """Remarks: the bounds of a ramp, and what a mix leaves out."""
    return "; ".join(filter(None, (_ramp_said(params), left_out_said(params))))


def _ramp_said(params: Mapping[str, Any]) -> str:
    if params["users"] != RAMP:
        return ""
    most, level, seconds = (params[key] for key in ("most", "crossover", "seconds"))
    counted = ", ".join(str(n) for n in COUNTED if n <= most)
    return (
        f"where time is measured, users grow from 1 until each does {level:g} jobs per minute, to {most} users or for"
        f" {seconds} s of guest time at most; other evidence has {counted} users"
    )


def shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters without what no test of the mix uses; a large mix as its number of tests and their weight."""
    mix = params["mix"]
    used = {"mix", "users", "jobs"}
    used |= {"compute"} if mix.keys() & SCALED else set()
    used |= {"most", "crossover", "seconds"} if params["users"] == RAMP else set()
    used |= {"filesize", "poolsize"} if mix.keys() & set(FILES) else set()
    out = {key: value for key, value in params.items() if key in used}
    return out if len(mix) <= FEW else {**out, "mix": f"of {len(mix)} tests, weight {sum(mix.values()):g}"}
