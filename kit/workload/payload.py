"""The workload `payload`: a program of this machine, run in a guest as one window.

Its text has all that the guest needs, so that the text's hash identifies the boot: what to run (guest/task.h), and,
unless the guest uses the host's root, every packed file with its hash.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kit.base.errors import UserError
from kit.model.program import Program
from kit.records import LESS, MORE, At, digest
from kit.workload.kind import USERLAND, Parameters, Place, Printing, Raw
from kit.workload.load import HOST_ROOTS, Load, WindowInfo, unescaped
from kit.workload.metrics import KTAP_BETTER, Metric, read_metrics
from kit.workload.pack import File, Pack, find_program, pack

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENV = {"PATH": PATH, "HOME": "/tmp", "LC_ALL": "C", "TERM": "dumb"}
PACKS = "/pack"  # the folder of packs in the guest
MEBIBYTE = 1 << 20
MOST_WORDS = 1000
MOST_BYTES = 200_000  # of command and environment; guest/task.c has a little more room
Word = Annotated[str, Field(max_length=100_000)]


class MetricModel(BaseModel):
    """The meaning of a metric that the program prints."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    better: Literal["less", "more"] | None = Field(default=None, description="which is better; default: not said")
    unit: str = Field(default="", max_length=20, description="as printed; default: the unit in the output")
    decides: bool = Field(
        default=False, description="whether it decides the verdict: a count may, a time of a counting kernel may not"
    )

    @model_validator(mode="after")
    def _directed(self) -> MetricModel:
        if self.decides and self.better is None:
            raise ValueError("a metric that decides says which is better: `better: less` or `better: more`")
        return self


class RegexModel(BaseModel):
    """A pattern that finds metrics."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regex: str = Field(description="with a group `value`, and, if you like, `name` and `unit`: (?P<value>[0-9.]+)")

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            groups = re.compile(value, re.MULTILINE).groupindex
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression: {error}") from error
        if "value" not in groups:
            raise ValueError("the pattern has no group (?P<value>…)")
        return value


class Payload(Parameters):
    """Parameters of `payload`."""

    command: tuple[Word, ...] = Field(
        min_length=1, max_length=MOST_WORDS, description="the program and its arguments: a list, or text as for a shell"
    )
    folder: str | None = Field(default=None, description="a folder: packed whole, and the program's current folder")
    files: tuple[str, ...] = Field(default=(), description="further programs, files and folders that it uses")
    env: dict[str, str] = Field(default={}, description=f"environment variables, in addition to {', '.join(ENV)}")
    limit: int = Field(default=60, ge=1, le=86400, description="its time limit in seconds")
    status: int = Field(default=0, ge=0, le=255, description="the exit status that means success")
    user: int = Field(default=0, ge=0, le=65534, description="the number of the user (and group) that it runs as")
    left_behind: Literal["fail", "kill"] = Field(
        default="fail", description="what to do about processes that outlive it: fail, or kill them"
    )
    root: Literal["guest", "host", "home"] = Field(
        default="guest", description="guest: packed; host, home: as in `guest: {root: host}`"
    )
    format: Literal["json", "ktap", "key-value"] | RegexModel | None = Field(
        default=None, description="how it prints metrics: json, ktap, key-value or {regex: PATTERN}"
    )
    metrics: dict[str, MetricModel] = Field(
        default={}, description="metrics by name, `*` for all others: {better: less or more, unit, decides}"
    )

    @field_validator("command", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        words = shlex.split(value) if isinstance(value, str) else value
        return (
            [str(w) if isinstance(w, (int, float)) and not isinstance(w, bool) else w for w in words]
            if isinstance(words, list)
            else words
        )

    @field_validator("format", mode="before")
    @classmethod
    def _pattern(cls, value: object) -> object:
        """Reports only the pattern's own error, not those of the other types that `format` takes."""
        try:
            return RegexModel.model_validate(value) if isinstance(value, dict) else value
        except ValidationError as error:
            raise ValueError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None

    @field_validator("env", mode="before")
    @classmethod
    def _texts(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {k: str(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _whole(self) -> Payload:
        if sum(len(w.encode()) for w in (*self.command, *self.env, *self.env.values())) > MOST_BYTES:
            raise ValueError(f"command and environment are longer than {MOST_BYTES} bytes")
        if any("\0" in w for w in (*self.command, *self.env, *self.env.values())):
            raise ValueError("a NUL in the command or the environment")
        if self.metrics and self.format is None:
            raise ValueError("metrics are named, but no `format` says how they are printed")
        return self

    def load(self, name: str, seed: int) -> Load:
        """A load with one window, the whole program. Raises UserError if something is not on this machine."""
        info = WindowInfo(name, At(name), 1, "run")
        text = "".join(f"{line}\n" for line in self.lines())
        return Load(name, Program(()), (info,), repeatable=False, payload=text)

    def lines(self) -> Iterator[str]:
        """The lines of the payload's text. Raises UserError if something is not on this machine."""
        found, packed = _found(self.model_dump_json(include={"command", "folder", "files", "env", "root"}))
        env = {**ENV, **self.env}
        if packed and packed.library_path:
            env["LD_LIBRARY_PATH"] = ":".join([*packed.library_path, *filter(None, [env.get("LD_LIBRARY_PATH")])])
        packing = list(_manifest(packed)) if packed else []
        yield f"root {f'{PACKS}/{digest(packing)}' if packed else self.root}"
        yield f"dir {_escaped(self.folder or '/tmp')}"
        yield from (f"limit {self.limit}", f"status {self.status}", f"left {self.left_behind}")
        yield from (f"user {self.user}" for _ in range(self.user > 0))
        yield from (f"arg {_escaped(word)}" for word in (found, *self.command[1:]))
        yield from (f"env {_escaped(f'{key}={value}')}" for key, value in env.items())
        yield from packing

    def packed(self) -> Pack | None:
        """The pack; None if the guest uses the host's files."""
        return _found(self.model_dump_json(include={"command", "folder", "files", "env", "root"}))[1]

    def fragments(self) -> tuple[str, ...]:
        """What programs of the host expect of a kernel."""
        return (USERLAND,)

    def require_room(self, memory: int) -> None:
        """Raises UserError if the pack is larger than a quarter of the guest's memory (MiB)."""
        require_room(self.packed(), memory)

    def printing(self) -> Printing | None:
        """This object if a `format` is given, else None."""
        return self if self.format is not None else None

    def read(self, stdout: str, stderr: str) -> tuple[Metric, ...]:
        """The metrics of one run: json and ktap are read from stdout only, the other formats from both streams."""
        if self.format is None:
            return ()
        form = {"regex": self.format.regex} if isinstance(self.format, RegexModel) else self.format
        return read_metrics(stdout if form in ("json", "ktap") else f"{stdout}\n{stderr}", form)

    def asked(self) -> tuple[str, ...]:
        """The metrics that the experiment names."""
        return tuple(name for name in self.metrics if name != "*")

    def needed(self) -> frozenset[str]:
        """The named metrics that decide; for KTAP also `passed`."""
        named = {name for name in self.asked() if self.metrics[name].decides}
        return frozenset(named | ({"passed"} if self.format == "ktap" else set()))

    def lacking(self, metric: str) -> str:
        """The metric's name; for KTAP, a test result."""
        return "test result (KTAP)" if self.format == "ktap" else metric

    def form(self) -> str:
        """The format's name, or its pattern."""
        return f"the pattern {self.format.regex}" if isinstance(self.format, RegexModel) else str(self.format)

    def meaning(self, metric: str, unit: str) -> tuple[str, str, bool]:
        """As Printing.meaning. KTAP's own metrics have a direction and decide, unless `better` is given for them."""
        said = self.metrics.get(metric) or self.metrics.get("*") or MetricModel()
        direction = {"less": LESS, "more": MORE}.get(said.better or "", "")
        if self.format == "ktap" and not direction:
            return said.unit or unit, KTAP_BETTER.get(metric, ""), metric in KTAP_BETTER
        return said.unit or unit, direction, said.decides


def prepare(raw: Raw, place: Place) -> Raw:
    """Resolves paths as the experiment's place says; a path that is not found stays as written."""

    def found(name: Any) -> Any:
        return str(place.find(name) or name) if isinstance(name, str) else name

    out = {"root": place.root, **raw}
    if "folder" in raw:
        out["folder"] = found(raw["folder"])
    if isinstance(raw.get("files"), list):
        out["files"] = [found(f) for f in raw["files"]]
    command = raw.get("command")
    with contextlib.suppress(ValueError):  # no closing quotation mark: the parameters' check reports it
        command = shlex.split(command) if isinstance(command, str) else command
    if isinstance(command, list) and command and "/" in str(command[0]) and "folder" not in raw:
        out["command"] = [found(command[0]), *command[1:]]
    return out


@lru_cache(maxsize=64)
def _found(params: str) -> tuple[str, Pack | None]:
    """The program's path and its pack. Cached: a run uses the files as they were when it began."""
    payload = Payload.model_validate_json(params)
    program = find_program(payload.command[0], payload.folder)
    if payload.root in HOST_ROOTS:
        return program, None
    return program, pack([program], payload.folder, payload.files, payload.env)


def require_room(packed: Pack | None, memory: int) -> None:
    """Raises UserError if a pack is larger than a quarter of a guest's memory (MiB), where it stays for the boot."""
    if packed and packed.size > memory * MEBIBYTE // 4:
        most = max(packed.files, key=lambda f: f.size)
        raise UserError(
            f"{packed.size / MEBIBYTE:.0f} MiB to pack, more than a quarter of the guest's memory of {memory}M"
            f" (the largest is {most.path})",
            hint=f"guest: {{memory: {-(-packed.size * 4 // MEBIBYTE // 256) * 256 + 256}M}}, or guest: {{root: host}}",
        )


def _manifest(packed: Pack) -> Iterator[str]:
    for folder in packed.folders:
        yield f"folder {_escaped(folder)}"
    for path, target in packed.links:
        yield f"link {_escaped(path)} {_escaped(target)}"
    for file in packed.files:
        yield f"file {file.mode:o} {file.sha256} {file.size} {_escaped(file.path)}"


def _escaped(text: str) -> str:
    """Escapes as guest/task.h wants it: bytes that would end a word or a line become %xx."""
    return os.fsdecode(re.sub(rb"[\x00-\x20%\x7f]", lambda m: b"%%%02x" % m[0][0], os.fsencode(text)))


def is_manifest(line: str) -> bool:
    """Whether a line of a payload's text lists a packed file, link or folder (not for the guest)."""
    return line.startswith(("file ", "link ", "folder "))


def read_manifest(text: str) -> Pack:
    """The pack that a payload's text lists."""
    files, links, folders = [], [], []
    for line in text.splitlines():
        key, *words = line.split(" ")
        if key == "file":
            files.append(File(unescaped(words[3]), int(words[0], 8), words[1], int(words[2])))
        elif key == "link":
            links.append((unescaped(words[0]), unescaped(words[1])))
        elif key == "folder":
            folders.append(unescaped(words[0]))
    return Pack(tuple(files), tuple(links), tuple(folders), ())


def root_of(text: str) -> str:
    """The root in a payload's text: a folder of the guest, or `host` for the host's files."""
    return next(line.removeprefix("root ") for line in text.splitlines() if line.startswith("root "))
