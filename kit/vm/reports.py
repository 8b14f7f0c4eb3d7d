"""Finds the first line of each report in a console's lines, with its kind and words. Pure.

One report prints several lines that the table knows, and the reports of two CPUs may be interleaved. A line continues
an open report if that still lacks this part, and the callers (if printed) agree. Any other line begins a new report.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kit.vm.lines import Message, following, messages, preceding
from kit.vm.patterns import NO_SPLAT, PATTERNS, Pattern, Trust

PART_LINES = 60  # lines after a report's first within which other lines may be parts of it
MOST_OPEN = 8  # interleaved reports
MOST_WORDS = 3  # lines of words above a WARN()'s own line
CUT_LINES = 8  # lines from the "cut here" mark to the line that says what it is

CUT = "[ cut here ]"
END = "---[ end trace"
CUT_KIND = "warning"  # the kind of an unknown report below the mark
MARKS = (CUT, END)
# Since 6.15 (and stable 6.12) SLUB prints what it found above its report, and the report itself says less.
OVERWRITTEN = re.compile(r"\[(.{1,40} overwritten)\] 0x")
# The line after a WARNING line that has no words.
NO_WORDS = re.compile(r"\s*$|Modules linked in|CPU: |Pid: |Call [Tt]race|RIP: |Workqueue: |---|task: |\s*<")


@dataclass(frozen=True)
class Heading:
    """The first line of a report. `index`: of the line, from 0; `words`: those of a WARN() or of SLUB, or ""."""

    kind: str
    index: int
    text: str
    caller: str
    words: str = ""


@dataclass
class _Open:
    """A report that may continue; `lacks`: the parts that it may still print."""

    start: int
    caller: str
    lacks: list[str]

    def takes(self, part: str, index: int, caller: str) -> bool:
        others = bool(self.caller and caller and self.caller != caller)
        return part in self.lacks and index <= self.start + PART_LINES and not others


def row_of(message: Message, stamped: bool) -> Pattern | None:
    """The first row of the table that matches a message. `stamped`: whether this log's lines have time stamps."""
    text = message.text
    for row in PATTERNS:
        if row.word in text and (match := row.regex.search(text)):
            if row.trust is Trust.ANYWHERE or message.stamped or not stamped:
                return row
            if row.trust is Trust.START and match.start() == 0:
                return row
    return None


def headings(lines: Sequence[str], candidates: Sequence[int], stamped: bool) -> list[Heading]:
    """The first lines of reports, in order. `candidates`: indices of the lines to look at, ascending."""
    return _Reader(lines, stamped).read(candidates)


@dataclass
class _Reader:
    lines: Sequence[str]
    stamped: bool
    found: list[Heading] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    known: set[int] = field(default_factory=set)  # lines that a row matches
    words: set[int] = field(default_factory=set)  # lines that are the words of a report above them
    cuts: list[tuple[int, str]] = field(default_factory=list)

    def read(self, candidates: Sequence[int]) -> list[Heading]:
        for index in candidates:
            for message in messages(self.lines[index]):
                self.hear(index, message)
        unknown = [heading for index, caller in self.cuts for heading in self.below(index, caller)]
        return sorted([*self.found, *unknown], key=lambda heading: heading.index)

    def hear(self, index: int, message: Message) -> None:
        if CUT in message.text:
            self.cuts.append((index, message.caller))
        elif END in message.text:
            self.open = [report for report in self.open if report.caller != message.caller]
        row = row_of(message, self.stamped)
        if row is None or row.kind in NO_SPLAT:
            return
        self.known.add(index)
        if index not in self.words and not self.goes_on(row, index, message.caller):
            self.begin(row, index, message)

    def goes_on(self, row: Pattern, index: int, caller: str) -> bool:
        """Whether the line is part of an open report."""
        report = next((r for r in self.open if r.takes(row.part, index, caller)), None) if row.part else None
        if report is not None:
            report.lacks.remove(row.part)
        return report is not None

    def begin(self, row: Pattern, index: int, message: Message) -> None:
        if row.then:
            self.open = [*self.open[1 - MOST_OPEN :], _Open(index, message.caller, list(row.then))]
        kind, words = self.said(index, message.caller) if row.part == "warn" else ("", "")
        if row.part == "slab":
            words = self.overwritten(index, message.caller)
        self.found.append(Heading(kind or row.kind, index, message.text, message.caller, words))

    def said(self, index: int, caller: str) -> tuple[str, str]:
        """(kind, words) of a WARN() with words: they stand above its line, or below it until 4.15 and on arm."""
        above = [text for _, text in preceding(self.lines, index, caller, CUT_LINES)]
        cut = next((i for i, text in enumerate(above) if CUT in text), 0)
        if 0 < cut <= MOST_WORDS:
            return "", above[cut - 1].strip()
        for at, text in following(self.lines, index, caller, 3):
            row = row_of(Message(text, caller, True), self.stamped)
            if NO_WORDS.match(text) or (row and row.part != "words"):
                break
            if not text.startswith("Hardware name:"):
                self.words.add(at)
                return row.kind if row else "", text.strip()
        return "", ""

    def overwritten(self, index: int, caller: str) -> str:
        """SLUB's words above its report of an overwritten object, or ""."""
        above = [OVERWRITTEN.match(text) for _, text in preceding(self.lines, index, caller, 2)]
        return next((match[1] for match in above if match), "")

    def below(self, index: int, caller: str) -> list[Heading]:
        """The line below a mark, if no row matches any line there: then the kernel is newer than the table."""
        if any(i in self.known for i in range(index, index + CUT_LINES)):
            return []
        first = next(iter(following(self.lines, index, caller, CUT_LINES)), None)
        return [Heading(CUT_KIND, first[0], first[1], caller)] if first else []
