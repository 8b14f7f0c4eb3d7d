"""Splits a console's lines into messages, each with its caller and whether it has a time stamp. Pure.

A line may hold more than one message: part of a line from a program or another CPU, and then the kernel's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# "[   12.345678][   T23] ", "[   12.345678] ", and without the time "[   T23] ".
STAMP = re.compile(r"\[ *\d+\.\d+\](?:\[ *([CT]\d+)\])? ?|\[ *([CT]\d+)\] ")
# Before the stamp or instead of it: a log level, syslog's date and host, dmesg -x, a note of dropped messages.
PREFIX = re.compile(
    r"(?:<\d+>|[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d (?:\S+ )?(?:kernel: ?)?|\d{4}-\d\d-\d\dT\S+ (?:\S+ )?(?:kernel: ?)?"
    r"|kernel: ?|kern  ?:\w+ *: |\*\* \d+ printk messages dropped \*\* ?)+"
)
SYSLOG = re.compile("kernel:|kern  ?:")


@dataclass(frozen=True)
class Message:
    """One message. `caller`: the task or CPU, as in "T23", if the kernel prints it (PRINTK_CALLER), else ""."""

    text: str
    caller: str
    stamped: bool


def messages(line: str) -> list[Message]:
    """The messages in one line of a console, in order; at least one."""
    line = line.rstrip("\r")
    if (stamp := STAMP.match(line)) and line.find("[", stamp.end()) < 0:  # the common case, made fast
        return [Message(line[stamp.end() :], stamp[1] or stamp[2] or "", True)]
    prefix = PREFIX.match(line)
    start = prefix.end() if prefix else 0
    stamps = list(STAMP.finditer(line, start))
    first = line[start : stamps[0].start()] if stamps else line[start:]
    found = [Message(first, "", bool(prefix and SYSLOG.search(prefix[0])))] if first or not stamps else []
    ends = [stamp.start() for stamp in stamps[1:]] + [len(line)] * bool(stamps)
    return found + [
        Message(line[stamp.end() : end], stamp[1] or stamp[2] or "", True)
        for stamp, end in zip(stamps, ends, strict=True)
    ]


def plain_lines(log: str) -> list[str]:
    """A log's lines, each as `plain` returns it."""
    return [plain(line) for line in log.split("\n")]


def plain(line: str) -> str:
    """A line without its time stamp and anything before that."""
    line = line.rstrip("\r")
    prefix = PREFIX.match(line)
    start = prefix.end() if prefix else 0
    stamp = STAMP.match(line, start)
    return line[stamp.end() if stamp else start :]


def is_stamped(log: str) -> bool:
    """Whether the kernel of this log stamps its lines with the time or the caller."""
    return re.search(r"^(?:<\d+>)?(?:\[ *\d+\.\d+\]|\[ *[CT]\d+\] )", log, re.MULTILINE) is not None


def following(lines: Sequence[str], index: int, caller: str, most: int) -> Iterator[tuple[int, str]]:
    """(index, text) of the messages in the `most` lines after line `index`, without those of other callers."""
    return _others(lines, range(index + 1, min(index + 1 + most, len(lines))), caller)


def preceding(lines: Sequence[str], index: int, caller: str, most: int) -> Iterator[tuple[int, str]]:
    """As `following`, for the `most` lines before line `index`, nearest first."""
    return _others(lines, range(index - 1, max(index - 1 - most, -1), -1), caller)


def _others(lines: Sequence[str], among: range, caller: str) -> Iterator[tuple[int, str]]:
    for index in among:
        for message in messages(lines[index]):
            if not caller or message.caller in ("", caller):
                yield index, message.text
