"""Reads the guest's results channel: checks its bytes and returns `records.Results`, or says what is wrong.

A result (kit.base.frames) with a single wrong byte or without its end marker is refused as a whole.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kit.base.frames import FrameError, damaged, frames
from kit.model.errors import ModelError
from kit.model.lockstat import parse_row, parse_site
from kit.records import CallSite, GuestVma, LockRow, Outcome, PayloadRun, Printed, Results, UserTime, WindowResult

PROTOCOL = "1"
SILENT = "the guest did not say why"
LAST_LINES, LAST_CHARACTERS = 4, 400  # of a failed payload's output, for the message

DECIMAL, HEXADECIMAL = re.compile(r"-?[0-9]{1,20}"), re.compile(r"[0-9a-f]{1,16}")
LOCK_STAT = re.compile(r"lock_stat version (\d+\.\d+)")


class ResultsError(ValueError):
    """Why the results cannot be used. `kind` is `Outcome.DAMAGED`, `NO_END` or `FAILED`."""

    def __init__(self, kind: Outcome, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def read_results(data: bytes, nonce: str) -> tuple[Outcome, str, Results | None]:
    """As `parse_results`, but returns (outcome, why, results) and never raises. Only with OK, `why` is empty and there
    are results."""
    try:
        return Outcome.OK, "", parse_results(data, nonce)
    except ResultsError as error:
        return error.kind, str(error), None


def parse_results(data: bytes, nonce: str) -> Results:
    """The results of the boot that was given `nonce`.

    Raises ResultsError: DAMAGED if a frame is wrong (checksum, length, number or nonce), out of place, or follows the
    end marker; NO_END if there is no end marker; FAILED if the guest reports a failure.
    """
    collected = _Collected()
    for fields in _payloads(data, nonce):
        collected.take(fields)
    return collected.results()


def read_session(data: bytes, nonce: str) -> tuple[int, int]:
    """(exit status, signal) of a boot's session. Raises ResultsError if the guest did not report them."""
    for fields in _payloads(data, nonce):
        if fields[0] == "fail":
            raise ResultsError(Outcome.FAILED, fields[-1] or SILENT)
        if fields[0] == "ran" and len(fields) == 1 + FRAMES["ran"]:
            return _number(fields[3], 0), _number(fields[4], 0)
    raise ResultsError(Outcome.NO_END, "the guest did not say how the session ended")


def _payloads(data: bytes, nonce: str) -> Iterator[list[str]]:
    try:
        yield from frames(data, nonce)
    except FrameError as error:
        raise ResultsError(Outcome.NO_END if error.cut else Outcome.DAMAGED, str(error)) from error


def _damaged(seq: int, what: str) -> ResultsError:
    return ResultsError(Outcome.DAMAGED, str(damaged(seq, what)))


def _number(text: str, seq: int, base: int = 10) -> int:
    if not (DECIMAL if base == 10 else HEXADECIMAL).fullmatch(text):
        raise _damaged(seq, f"not a number: {text[:40]!r}")
    return int(text, base)


def _named(line: str, side: str) -> tuple[str, str, int, str]:
    name, count, place = parse_site(line)
    return name, side, count, place


@dataclass
class _Window:
    name: str
    elapsed: int
    version: str = ""
    rows: list[LockRow] = field(default_factory=list)
    users: list[UserTime] = field(default_factory=list)
    idle: int | None = None
    sites: list[CallSite] = field(default_factory=list)


@dataclass
class _Stream:
    """What a payload wrote to one stream. `total`: bytes in all, -1 until the guest has said so; `head` and `tail`: how
    many of them are sent; `kept`: those that have come in."""

    total: int = -1
    head: int = 0
    tail: int = 0
    kept: bytes = b""

    def expect(self, total: int, head: int, tail: int) -> None:
        self.total, self.head, self.tail = total, head, tail

    def printed(self) -> Printed:
        head, tail = self.kept[: self.head], self.kept[self.head :]
        return Printed(max(self.total, 0), head.decode(errors="replace"), tail.decode(errors="replace"))


@dataclass
class _Payload:
    name: str
    elapsed: int
    status: int
    signal: int
    left: int
    streams: dict[str, _Stream] = field(default_factory=lambda: {"stdout": _Stream(), "stderr": _Stream()})

    def run(self, seq: int) -> PayloadRun:
        """The record. Raises ResultsError if part of the output is missing."""
        out, err = self.streams.values()
        if any(s.total < 0 or len(s.kept) != s.head + s.tail for s in (out, err)):
            raise _damaged(seq, f"the output of {self.name} is not whole")
        return PayloadRun(
            self.name, self.elapsed, self.status, self.signal, self.left, out.printed(), err.printed()
        )

    def last_words(self) -> str:
        """The end of its stderr, or else of its stdout, for a message."""
        for stream in ("stderr", "stdout"):
            printed = self.streams[stream].printed()
            lines = [line.strip() for line in printed.text.splitlines() if line.strip()][-LAST_LINES:]
            if lines:
                return f"; its last words ({stream}): {' | '.join(lines)[-LAST_CHARACTERS:]}"
        return ""


@dataclass
class _Collected:
    """What the frames have said so far. One method for each frame type; each raises ResultsError for a frame out of
    place."""

    seq: int = -1
    hello: tuple[str, int] | None = None
    worker: str = ""  # the worker whose layout is coming in; empty once it is complete
    layout: list[GuestVma] = field(default_factory=list)
    layouts: dict[str, tuple[GuestVma, ...]] = field(default_factory=dict)
    windows: list[WindowResult] = field(default_factory=list)
    window: _Window | None = None
    payloads: list[_Payload] = field(default_factory=list)

    def take(self, fields: Sequence[str]) -> None:
        """Adds one frame."""
        self.seq += 1
        kind, *rest = fields
        method = getattr(self, f"_{kind}", None) if kind in FRAMES else None
        if method is None or len(rest) != FRAMES[kind]:
            raise _damaged(self.seq, f"no such frame: {' '.join(fields)[:80]!r}")
        if self.hello is None and kind not in {"hello", "fail", "end"}:
            raise _damaged(self.seq, f"a {kind} frame before hello")
        method(*rest)

    def results(self) -> Results:
        """The results, after the end marker. Raises ResultsError if something is missing."""
        if self.hello is None or not self.layouts or self.worker or self.window is not None:
            raise _damaged(self.seq, "the end marker came before hello, layout or the end of a window")
        payloads = tuple(p.run(self.seq) for p in self.payloads)
        return Results(*self.hello, layouts=self.layouts, windows=tuple(self.windows), payloads=payloads)

    def _number(self, text: str, base: int = 10) -> int:
        return _number(text, self.seq, base)

    def _hello(self, version: str, release: str, cpus: str) -> None:
        if version != PROTOCOL:
            raise _damaged(self.seq, f"the guest speaks protocol {version}, not {PROTOCOL}")
        self.hello = (release, self._number(cpus))

    def _worker(self, name: str) -> None:
        if self.worker or self.window is not None or name in self.layouts:
            raise _damaged(self.seq, f"worker {name} out of place")
        self.worker, self.layout = name, []

    def _vma(self, start: str, end: str, perms: str, anonymous: str, name: str) -> None:
        if not self.worker:
            raise _damaged(self.seq, "a vma of no worker")
        self.layout.append(
            GuestVma(self._number(start, 16), self._number(end, 16), perms, self._number(anonymous), name)
        )

    def _layout(self, count: str) -> None:
        if not self.worker:
            raise _damaged(self.seq, "a layout of no worker")
        if self._number(count) != len(self.layout):
            raise _damaged(self.seq, f"{len(self.layout)} vma frames instead of {count}")
        self.layouts[self.worker] = tuple(self.layout)
        self.worker = ""

    def _window(self, name: str, elapsed: str) -> None:
        if self.window is not None:
            raise _damaged(self.seq, f"window {name} inside window {self.window.name}")
        self.window = _Window(name, self._number(elapsed))

    def _open(self, name: str) -> _Window:
        if self.window is None or self.window.name != name:
            raise _damaged(self.seq, f"window {name} is not open")
        return self.window

    def _stat(self, name: str, text: str) -> None:
        match = LOCK_STAT.fullmatch(text)
        if match is None:
            raise _damaged(self.seq, f"no version of lock_stat: {text!r}")
        self._open(name).version = match[1]

    def _row(self, name: str, line: str) -> None:
        window = self._open(name)
        try:
            row = parse_row(line, window.version)
        except ModelError as error:
            raise _damaged(self.seq, str(error)) from error
        times = (row.wait_total, row.wait_max, row.hold_total, row.hold_max)
        window.rows.append(LockRow(row.name, row.mode, row.contentions, row.acquisitions, times))

    def _site(self, name: str, side: str, line: str) -> None:
        window = self._open(name)
        if side not in ("waits", "holds"):
            raise _damaged(self.seq, f"a call site that {side!r}")
        try:
            window.sites.append(CallSite(*_named(line, side)))
        except ModelError as error:
            raise _damaged(self.seq, str(error)) from error

    def _idle(self, name: str, idle: str) -> None:
        self._open(name).idle = self._number(idle)

    def _user(self, name: str, index: str, elapsed: str) -> None:
        self._open(name).users.append(UserTime(self._number(index), self._number(elapsed)))

    def _closed(self, name: str) -> None:
        window = self._open(name)
        rows, users = tuple(window.rows), tuple(window.users)
        self.windows.append(WindowResult(name, window.elapsed, rows, users, window.idle, tuple(window.sites)))
        self.window = None

    def _ran(self, name: str, elapsed: str, status: str, signal: str, left: str) -> None:
        if any(p.name == name for p in self.payloads):
            raise _damaged(self.seq, f"payload {name} ran twice")
        took, ended, by, behind = (self._number(text) for text in (elapsed, status, signal, left))
        self.payloads.append(_Payload(name, took, ended, by, behind))

    def _printed(self, name: str, stream: str, total: str, head: str, tail: str) -> None:
        self._stream(name, stream, new=True).expect(*(self._number(text) for text in (total, head, tail)))

    def _out(self, name: str, stream: str, data: str) -> None:
        try:
            self._stream(name, stream).kept += base64.b64decode(data, validate=True)
        except ValueError as error:
            raise _damaged(self.seq, "not base64") from error

    def _stream(self, name: str, stream: str, *, new: bool = False) -> _Stream:
        """A stream of the last payload. `new`: the frame announces it (once); else it carries a piece of it."""
        streams = self.payloads[-1].streams if self.payloads and self.payloads[-1].name == name else {}
        if stream not in streams or (streams[stream].total < 0) is not new:
            raise _damaged(self.seq, f"{stream} of {name} out of place")
        return streams[stream]

    def _fail(self, text: str) -> None:
        last_words = self.payloads[-1].last_words() if self.payloads else ""
        raise ResultsError(Outcome.FAILED, (text or SILENT) + last_words)

    def _end(self, frames: str) -> None:
        if self._number(frames) != self.seq:
            raise _damaged(self.seq, f"the end marker says {frames} frames")


# Frame type → number of fields after it.
FRAMES = {
    "hello": 3,
    "worker": 1,
    "vma": 5,
    "layout": 1,
    "window": 2,
    "stat": 2,
    "row": 2,
    "site": 3,
    "idle": 2,
    "user": 3,
    "closed": 1,
    "ran": 5,
    "printed": 5,
    "out": 3,
    "fail": 1,
    "end": 1,
}
